# %% [markdown]
# # Attention
#
# - Article section: §3.1.1
# - Needs: one_training_step, gradient_descent, recurrent_networks
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 10
# - Memory: 1.5 GB
# - Shows: query, key and value with a pencil, one attention head in Keras, and what happens without its mask
# - Headline: tree_right_with_attention, tree_right_without_attention, test_loss_without_mask, floor
#
# A story begins with "a green oak", and a dozen words later somebody "lives near the …". How can a model know that the
# next word is *oak*, when the word before it only says *the*? **Attention** lets every word reach back to any earlier
# word and fetch what it needs, and it is the part that today's language models are built around.
#
# Afterwards you can
#
# - compute attention for three words with a pencil, and for any text with two short NumPy functions;
# - explain why the scores are divided by $\sqrt d$, and what the causal mask is for;
# - write an attention head in Keras, train it, and notice when its mask is missing.
#
# You need the step from words to a loss ([one training step](../02_concepts/one_training_step.py)) and a rough idea of
# [gradient descent](../03_mathematics/gradient_descent.py). It helps to know how a [recurrent
# network](../01_background/recurrent_networks.py) hands its memory on from word to word.
#
# A **seed** is the number that all random choices start from: a second run with the same seed makes the same choices.
# In the code, `reproducible` sets it, and `Lesson` keeps the figures of this page. They come from the *full profile*,
# `lmbook run attention --full`; the *quick* one, without `--full`, trains less.

# %%
from __future__ import annotations

import textwrap

from lmbook import CharacterTokenizer, Lesson, MultiHeadAttention, WordTokenizer, reproducible
from lmbook.book import diagrams, plots
from lmbook.corpora.greentree import Grammar, floor, tell_stories

import keras
import numpy as np
from keras import ops

lesson = Lesson("attention")
reproducible(lesson.seed)

# %% [markdown]
# ## The idea in one picture
#
# A dictionary in Python looks up the one key that equals what we ask for, and returns its value. Attention is a *soft*
# dictionary. Each word has three short lists of numbers, called **vectors**:
#
# - its **query** says what it is looking for,
# - its **key** says what it can be found by,
# - its **value** is what it hands over when it is found.
#
# A query is compared with every key, which gives a number, the **score**. The better the two fit, the higher the score,
# and the larger is the share, called the **weight**, that the asking word takes of that word's value. In the picture
# the word "tree" asks. Read it from the top: query, keys, scores, weights, values, and at the bottom what "tree" takes.
# The next section computes every number in it.

# %% tags=["hide-input"]
words = ["a", "green", "tree"]
diagrams.attention(words, query=[3, 0], keys=[[0, 0], [1, 0], [0, 1]], values=[[0, 0], [1, 0], [0, 1]])

# %% [markdown]
# ## With a pencil
#
# We choose the numbers ourselves, so that each has a meaning. In a key, the first number means "I am an adjective" and
# the second "I am a noun". In a value, the first number means *greenness* and the second *treeness*.
#
# "tree" looks for an adjective, strongly, so its query is (3, 0). Now we compute, and you can check each step:
#
# 1. **Scores.** Multiply the query with each key, number by number, and add up: for "a" it is 3 · 0 + 0 · 0 = 0, for
#    "green" 3 · 1 + 0 · 0 = 3, for "tree" itself 3 · 0 + 0 · 1 = 0. (This is called the *dot product*.)
# 2. **Divide** by $\sqrt 2 = 1.41$, because our queries have 2 numbers; we shall see why. The scores are 0, 2.12, 0.
# 3. **Softmax** turns scores into shares that add up to 1: take $e$ to the power of each, which is 1, about 8.34 and 1,
#    and divide by their sum, 10.34. The weights are 0.10, 0.81, 0.10. (Rounded like this, they seem to add up to 1.01.)
# 4. **Mix** the values with these weights: 0.10 · (0, 0) + 0.81 · (1, 0) + 0.10 · (0, 1) = (0.81, 0.10).
#
# So "tree" takes (0.81, 0.10): much greenness, and a little of its own treeness. Finally this is *added* to what it had
# itself, greenness 0 and treeness 1, which gives greenness 0.81 and treeness 1.10: a tree has turned into a green tree.
#
# Queries, keys and values come from the word's own vector $x$, by three matrices. A model's vector for a word is called
# its **embedding**: a row of a table, for example 64 numbers, that training has found. Ours has five numbers that we
# write by hand. The matrix $W_Q$ turns "I am a noun" into "I look for an adjective"; articles and adjectives in their
# turn look for a noun. A fourth matrix, $W_O$, is for the way back: what "tree" takes has two numbers, its own vector
# has five, so $W_O$ puts greenness at place 4 and treeness at place 5. In NumPy, `@` multiplies matrices.

# %%
#              article, adjective, noun, green, tree
X = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]])

# what a word seeks, what finds it, what it hands over, and the way back:
W_Q = np.array([[0, 3], [0, 3], [3, 0], [0, 0], [0, 0]])
W_K = np.array([[0, 0], [1, 0], [0, 1], [0, 0], [0, 0]])
W_V = np.array([[0, 0], [0, 0], [0, 0], [1, 0], [0, 1]])
W_O = np.array([[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])

Q, K, V = X @ W_Q, X @ W_K, X @ W_V
print("Q\n", Q)

# %% [markdown]
# Row 3 of `X @ W_Q` adds up the rows of `W_Q`, each times a number of the word "tree" (0, 0, 1, 0, 1): it is the third
# row plus the fifth, (3, 0) + (0, 0), the query from above. K and V hold the keys and values of the picture.
#
# ## The formula
#
# All words can ask at once, because no word has to wait for another. With one row for each word,
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\Big(\frac{Q K^\top}{\sqrt{d}}\Big)\,V$$
#
# - $X$ holds the words' vectors, one row for each of the $T$ words;
# - $Q = X W_Q$, $K = X W_K$ and $V = X W_V$ are the queries, keys and values, again one row for each word; training
#   finds the three matrices; $d$ is how many numbers a query has;
# - $Q K^\top$ (in NumPy `Q @ K.T`) is a table of $T$ rows and $T$ columns: row 3, column 2 is the score of the query of
#   word 3 with the key of word 2. For this, $K^\top$ is $K$ with rows and columns exchanged;
# - softmax is taken of each row, so each row of weights adds up to 1.
#
# The result is multiplied by $W_O$ and added to $X$. Here is the formula as code. `axis=-1` makes NumPy take the
# largest number, or the sum, of each row, and `keepdims=True` keeps these as a column, one number for each row. The
# largest score of a row is subtracted first: this changes no share, and keeps the powers of $e$ from growing too large
# for a computer. `allowed` will be needed soon; as long as it is `True`, `np.where` keeps all scores as they are.


# %%
def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(Q, K, V, allowed=True):
    scores = Q @ K.T / np.sqrt(Q.shape[-1])  # [T, T]
    weights = softmax(np.where(allowed, scores, -1e9))
    return weights @ V, weights


taken, weights = attention(Q, K, V)
print("weights\n", weights.round(2), "\ntaken\n", taken.round(2))
print("tree before", X[2], "and after", (X + taken @ W_O)[2].round(2))

# %% [markdown]
# The last row of each table, and the tree afterwards, are as by hand. "a" and "green" both found their noun, "tree".
#
# ## Why divide by √d?
#
# The more numbers a query has, the more products are added up, and the larger the scores become. Suppose that the
# numbers in queries and keys are random, with mean 0 and spread (standard deviation) 1, so that about two thirds of
# them lie between −1 and 1. Each product then has mean 0 and spread 1 too. When independent numbers are added, the
# squares of their spreads add up: the sum of $d$ products has spread $\sqrt d$. With $d = 64$ a score of 8 is common.
#
# Let one word have the score 8 and a second one 0, and let training raise the 8 to 8.8. Without the division, the
# weight of the first moves from $e^8 / (e^8 + 1)$ = 0.9997 to 0.9998. Divided by $\sqrt{64} = 8$, the score is 1 and
# then 1.1, and the weight moves from $e^1 / (e^1 + 1)$ = 0.73 to 0.75. How much a result changes, for a small change of
# a number, is called the **slope**. Where slopes are nearly 0, gradient descent moves slowly. Division by $\sqrt d$
# brings random scores back to a spread of 1, where slopes are larger. So much for the argument; once we have a model,
# we shall try whether the division helps.
#
# ## The causal mask: no peeking
#
# A **language model** predicts the next word from the words so far. In training we show it a whole sentence and let
# every position predict its successor at once; this is what makes **Transformers**, the models that are built of
# attention, fast to train. But then no position may see the word that it has to predict. A **mask** is a table of yes
# and no that says who may attend to whom. The *causal* mask says yes to a word itself and to everything before it:

# %% tags=["hide-input"]
diagrams.mask("causal", words)

# %% [markdown]
# Where the mask says no, the score is replaced by −1,000,000,000, written `-1e9`. Softmax makes 0 of it, and the other
# weights still add up to 1. By hand for "green": its scores are 0, 0 and 2.12. Masked they are 0, 0, −1e9; $e$ to the
# power of them is 1, 1, 0; the weights are 0.5, 0.5, 0. It cannot see "tree" any more.
#
# In code, `t[None, :]` is a row with the places of the three keys, and `t[:, None]` a column with the places of the
# queries. `<=` compares each with each: the table says True where the key is not later than the query.

# %%
t = np.arange(3)  # 0, 1, 2
print("keys", t[None, :], "\nqueries\n", t[:, None])
causal = t[None, :] <= t[:, None]
print("may attend\n", causal)
print("weights\n", attention(Q, K, V, causal)[1].round(2))

# %% [markdown]
# "tree" comes last, so nothing changes for it. "a" can attend only to itself.
#
# > The article that this book follows (in Chinese) says in §3.1.1 that "every word of the input sequence can influence
# > every word of the output sequence". A model that writes needs the mask, which the article never mentions.
#
# ## One attention head, in Keras
#
# A **layer** is a part of a Keras model: it takes arrays of numbers, returns arrays, and keeps the matrices that
# training changes. An attention with matrices of its own is called a **head**, so our head becomes a layer. Another
# layer, `Dense(width)`, multiplies a vector by a matrix with `width` columns and adds a vector, the *bias*, which is
# trained too; with `use_bias=False` only the multiplication is left.
#
# Keras handles a **batch** of texts at once, for example 32 stories, so arrays have one axis more: [B texts, T words,
# `width` numbers]. `ops` holds the functions of NumPy for Keras. `ops.swapaxes(k, 1, 2)` exchanges the words and the
# numbers of each text, as `K.T` did for one. `ops.softmax` works along the last axis, the keys. `__init__` makes the
# matrices, `attend` computes the weights, and `call` runs when the layer is used. With the switches `causal` and
# `divide` we can leave out the mask or the division.


# %%
class Head(keras.layers.Layer):
    def __init__(self, width, causal=True, divide=True):
        super().__init__()
        self.causal = causal
        self.divisor = width**0.5 if divide else 1.0
        self.query = keras.layers.Dense(width, use_bias=False)  # W_Q
        self.key = keras.layers.Dense(width, use_bias=False)  # W_K
        self.value = keras.layers.Dense(width, use_bias=False)  # W_V
        self.back = keras.layers.Dense(width, use_bias=False)  # W_O

    def attend(self, x):  # [B, T, width] -> the weights [B, T, T]
        q, k = self.query(x), self.key(x)
        scores = q @ ops.swapaxes(k, 1, 2) / self.divisor
        if self.causal:
            t = ops.arange(ops.shape(x)[1])
            scores = ops.where(t[None, :] <= t[:, None], scores, -1e9)
        return ops.softmax(scores)

    def call(self, x):  # [B, T, width] -> [B, T, width]
        return self.back(self.attend(x) @ self.value(x))


# %% [markdown]
# Is it right? We give it ten words with random numbers, and compare the result with our NumPy function and with this
# book's own layer `MultiHeadAttention`, which can have several heads and here has one. `get_weights` reads the matrices
# of a layer, `set_weights` gives them to another, and `np.tri` makes the causal mask for ten words.

# %%
x = np.random.default_rng(0).normal(size=(1, 10, 8)).astype("float32")
mask = np.tri(10, dtype=bool)
head = Head(8)
y = head(x)

query, key, value, back = head.get_weights()  # W_Q, W_K, W_V and W_O
ten, _ = attention(x[0] @ query, x[0] @ key, x[0] @ value, mask)
to_numpy = float(np.abs(y[0] - ten @ back).max())

book = MultiHeadAttention(num_heads=1, use_bias=False)
book.build(x.shape)
book.set_weights(head.get_weights())
to_book = float(np.abs(y - book(x, attention_mask=mask)).max())
print(f"largest difference to NumPy: {to_numpy:.7f}, to the book: {to_book:.7f}")

# %% [markdown]
# What is left is rounding. This is how the book's layer computes it (*einsum* is a product of matrices that names its
# axes; the additional axis is for several heads, a subject of the [next lesson](attention_heads.py)):
#
# [[source lmbook.attend]]
#
# ## Does it work? A story that needs a memory
#
# A collection of texts is called a **corpus**. **greentree** is the one that is built into this book: short stories
# about people and animals, written by a program. We train on 3,000 of them and test on 200 others. (`max_sentences=4`
# keeps them short, `split="seen"` leaves out what the book keeps for other tests, and 10 and 12 are seeds.) The
# **tokenizer** cuts a text into **tokens**, here words and marks without their capitals, and gives each a number. All
# different tokens together are the **vocabulary**. Here is a story that begins as this page did. Near *which tree* does
# its hero live? Only the beginning says it, with 13 words between the two.

# %%
grammar = Grammar(split="seen", max_sentences=4)
train_stories = [s.english for s in tell_stories(3000, 10, grammar=grammar)]
test_stories = [s.english for s in tell_stories(200, 12, grammar=grammar)]
story = next(s for s in train_stories if "green oak" in s and "lives near the" in s)
print(textwrap.fill(story, 72))

tokenizer = WordTokenizer.train(train_stories)
VOCABULARY = tokenizer.vocabulary_size
print(VOCABULARY, "different tokens; a green oak:", tokenizer.encode("a green oak"))

# %% [markdown]
# Every story becomes a row of 56 numbers, which begins and ends with the token `<end>`. `pad_sequences` fills up short
# rows with 0, and these places never count. The model reads all tokens of a row but the last, and must predict all but
# the first.


# %%
def as_rows(stories):
    end = tokenizer.end_id
    rows = [[end, *tokenizer.encode(story), end] for story in stories]
    return keras.utils.pad_sequences(rows, 56, padding="post")


train, test = as_rows(train_stories), as_rows(test_stories)

# %% [markdown]
# The model is small. `B` stories are read side by side, and each has `T` tokens:

# %% tags=["hide-input"]
diagrams.one_head_model(width=64, vocabulary=VOCABULARY)

# %% [markdown]
# `Embedding` is a table that gives each token a vector of 64 numbers. A second table gives each *place* in the text a
# vector, which is added, because attention by itself does not know the order of the words ([a later
# lesson](positions.py) shows it). Then comes our head, whose result is added too. At the end a `Dense` layer gives each
# token of the vocabulary a score for being the next, called a **logit**; softmax makes a probability of it.


# %%
class Places(keras.layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = keras.layers.Embedding(64, width)  # for up to 64 places

    def call(self, x):
        return x + self.table(ops.arange(ops.shape(x)[1]))


def make_model(vocabulary, attend=True, causal=True, divide=True):
    ids = keras.Input((None,), dtype="int32")
    x = Places(64)(keras.layers.Embedding(vocabulary, 64)(ids))
    if attend:
        x = x + Head(64, causal, divide)(x)
    return keras.Model(ids, keras.layers.Dense(vocabulary)(x))


# %% [markdown]
# The **loss**, which training makes small, is the **cross-entropy**: the mean of $-\ln p$, where $p$ is the probability
# that the model gave to the token that really came. With $p = 1/2$ each time it would be 0.69; the unit, because the
# logarithm is the natural one, is the **nat**. (`from_logits=True` tells Keras that it gets logits and must take the
# softmax itself; `ignore_class=0` leaves out the filling.) Adam, an improved gradient descent, changes the model's
# numbers after each batch of 32 stories, by steps of about 0.01 (the **learning rate**). One pass over all stories is
# an **epoch**. `compile` tells a model its loss and its way of training, and `fit` trains it.


# %%
def trained(rows, vocabulary, seed, epochs, rate=0.01, batch=32, **options):
    reproducible(seed)
    model = make_model(vocabulary, **options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss)
    x, y = rows[:, :-1], rows[:, 1:]  # y is the text one token later
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return model


# %% [markdown]
# We train two kinds of model with the same stories, epochs and learning rate: one as it is, and one without the head,
# which knows the present word and its place, and nothing else. Each is trained with three seeds, to see how much is
# luck. `choose` gives the number for the profile.

# %%
SEEDS = [lesson.seed + n for n in range(lesson.choose(quick=1, full=3))]
EPOCHS = lesson.choose(quick=5, full=9)


def train_all(**options):
    return [trained(train, VOCABULARY, seed, EPOCHS, **options) for seed in SEEDS]


with_head, without_head = train_all(), train_all(attend=False)

# %% [markdown]
# ### Does it find the tree?
#
# We take all places where only one kind of tree was named so far and the same tree is named again, and look at the
# logits of the seven words for trees alone (the plain word "tree" is one of them). How often is the right one the
# highest? (100 % is possible.)
#
# The first function finds the places. At each place `t` of a story it collects in `named` the trees up to there, and
# compares them with `answer`, the word that follows. In the story of the oak, where the first "oak" follows, `named` is
# still empty, so this place does not count. Where the second follows, `named` holds "oak" alone: this place counts.
#
# (`np.ndenumerate` gives each number of an array with its position, here the story and `t`.)
#
# The second function asks the model. Of the logits at each place it keeps the seven of the trees. `argmax` gives the
# position of the highest, from 0 to 6, in the list `TREES`. For example 4 is the position of "birch", and
# `np.array(TREES)[4]` is the number of the token "birch".

# %%
names = "tree oak maple willow birch palm pine".split()
TREES = [tokenizer.encode(name)[0] for name in names]


def places_asked():
    for (story, t), answer in np.ndenumerate(test[:, 1:]):
        named = set(TREES).intersection(test[story, : t + 1])
        if named == {answer}:
            yield story, t, answer


def share_right(model, but=None):
    logits = np.asarray(model(test[:, :-1]))
    guesses = np.array(TREES)[logits[:, :, TREES].argmax(axis=-1)]
    right = [guesses[story, t] == it for story, t, it in places_asked() if it != but]
    return float(np.mean(right))


right = [share_right(model) for model in with_head]
right_without = [share_right(model) for model in without_head]
answers = [answer for _, _, answer in places_asked()]
print("with the head, each seed:   ", np.round(right, 2))
print("without the head, each seed:", np.round(right_without, 2))
print(len(answers), 'places; the answer is the plain word "tree" at', answers.count(TREES[0]))
oaks = [[share_right(model, but=TREES[0]) for model in models] for models in (with_head, without_head)]
print("at the other places, with:", np.round(oaks[0], 2), "without:", np.round(oaks[1], 2))

# %% [markdown]
# The model with the head names the right tree at [[tree_right_with_attention %]] of the [[places]] places (the mean of
# the printed seeds), the model without it at [[tree_right_without_attention %]]. That is no memory: the plain word
# "tree" is the answer at [[places_plain_tree]] of the [[places]] places, so always saying "tree" is right as often. The
# last line leaves these places out (`but`): at the others the model with the head is right in
# [[oak_to_pine_right_with_attention %]] of the cases, the one without it in [[oak_to_pine_right_without_attention %]].
#
# ### Does it really attend to the tree?
#
# The layers of the model are, counted from 0, the input, the embedding, the places and the head, so the head is
# `model.layers[3]`. We run the test stories through the model as far as the head and ask it for its weights. In the map
# (first seed) each row is a word that asks, and each column a word that is attended to. The darker the cell, the larger
# the weight; the bar on the right says how large.


# %%
def weights_of(model, rows):
    head = model.layers[3]  # after the input, the embedding and the places
    before = keras.Model(model.input, head.input)
    return np.asarray(head.attend(before(rows)))  # [stories, T, T]


row = next(r for r, s in enumerate(test_stories) if "lives near the" in s)
near = tokenizer.encode("near")[0]
until = list(test[row]).index(near) + 2  # up to "near the"
read = [tokenizer.tokens[id] for id in test[row, :until]]

# %% tags=["hide-input"]
weights = weights_of(with_head[0], test[:, :-1])
picture = plots.attention_map(weights[row, :until, :until], read, read)
lesson.figure(picture, "weights", "The weights of the head, seed 0: each row asks, each column is attended to")

# %% [markdown]
# Look at the last row, the word "the" of "lives near the": nearly all of its weight lies in the column of
# "[[tree_of_the_map]]", the tree of this story. So what
# "the" receives is mostly the value of that tree.
#
# Not every place is as clear. At each of the [[places]] places `t`, we take the row of weights of the word that asks,
# and add up those that lie on the answer. Spread evenly, an answer that is 1 of 20 words would get 1/20.

# %%
taken = []
for model in with_head:
    weights = weights_of(model, test[:, :-1])
    shares = [weights[story, t, test[story, :-1] == it].sum() for story, t, it in places_asked()]
    taken.append(np.mean(shares))
even = np.mean([np.mean(test[story, : t + 1] == it) for story, t, it in places_asked()])
print("weight on the tree, each seed:", np.round(taken, 2), "if spread evenly:", even.round(2))

# %% [markdown]
# Averaged over the seeds, the tree gets [[weight_on_the_tree %]] of the weight; spread evenly it would get
# [[weight_on_the_tree_if_even %]]. We have not measured where the rest goes. A large weight does not prove that the
# value is used. But without the head the tree is not found, so the head must bring it.
#
# ### Did it need the division?
#
# We train with and without the division by $\sqrt d$, at the learning rate from above and at half of it. Each cell
# shows how often the right tree was the likeliest, for each of the three seeds (the code is folded at the end of the
# page, and runs in the full profile):
#
# | learning rate | without the division | with the division |
# |---:|---:|---:|
# | 0.01 | [[tree_right_undivided_at_rate_0.01]] | [[tree_right_divided_at_rate_0.01]] |
# | 0.005 | [[tree_right_undivided_at_rate_0.005]] | [[tree_right_divided_at_rate_0.005]] |
#
# At the first learning rate, the head without the division does no better than no head at all. At half of it, each kind
# found the trees with one seed of three, and nothing can be said for or against the division. We did not measure
# whether small slopes were the reason; Adam makes up for a part of that, since its steps do not shrink as the slopes
# do.
#
# ## Real text
#
# Does one head also help on a text that people wrote? We train both kinds of model on the plays of Shakespeare (one
# million characters), letter by letter, in windows of 65 letters, with a learning rate of 0.005, batches of 64 and two
# epochs. The last tenth, in the code `validation`, is kept away from training, for the test. `reshape` cuts a text into
# rows, and `evaluate` gives the loss of a trained model.

# %%
real, corpus = {"with": [], "without": []}, None
if lesson.full or lesson.own_text:  # --text FILE: a text of yours
    corpus = lesson.real_corpus("tiny_shakespeare")


def windows(part):
    ids = [id for text in corpus.texts(part) for id in letters.encode(text)]
    return np.array(ids[: len(ids) // 65 * 65]).reshape(-1, 65)


if corpus:
    letters = CharacterTokenizer.train(corpus.texts("train"))
    held_out = windows("validation")
    for kind, losses in real.items():
        options = {"rate": 0.005, "batch": 64, "attend": kind == "with"}
        for seed in SEEDS:
            model = trained(windows("train"), letters.vocabulary_size, seed, 2, **options)
            losses.append(model.evaluate(held_out[:, :-1], held_out[:, 1:], verbose=0))
        print(f"{kind} the head, nats per character, each seed:", np.round(losses, 3))

# %% [markdown]
# With the head it is [[shakespeare_with_attention]] nats a character in the mean of the seeds, without it
# [[shakespeare_without_attention]]: one head helps here too. (We chose the learning rate and the epochs by looking at
# this held-out tenth, so both losses are probably a little too low.)
#
# ## What goes wrong: the forgotten mask
#
# Leave the mask out, and nothing complains. The program runs, the shapes fit, and the loss falls. How far may it fall?
# For greentree we know the best possible loss, called the **floor**, because we know the program that writes the
# stories and the probability of each of its choices. Even a perfect model cannot know which tree a story begins with.
# (200 is the batch size: all test stories at once.)

# %%
without_mask = train_all(causal=False)
lowest = floor(test_stories, tokenizer, grammar=grammar)
ids, following = test[:, :-1], test[:, 1:]
losses = [model.evaluate(ids, following, 200, verbose=0) for model in with_head]
peeking = [model.evaluate(ids, following, 200, verbose=0) for model in without_mask]
print("with the mask, each seed:   ", np.round(losses, 3))
print("without the mask, each seed:", np.round(peeking, 3))
print("floor:", round(lowest, 3))

# %% tags=["hide-input"]
figure, axes = plots.new_figure("", "epoch", "training loss (nats per token)", size=(6.5, 3.8))
for index, models in enumerate((with_head, without_mask)):
    means = np.mean([model.history.history["loss"] for model in models], axis=0)
    name = ("with the mask", "without the mask")[index]
    axes.plot(range(1, EPOCHS + 1), means, marker="o", label=name, **plots.line_style(index))
plots.draw_floor(axes, lowest, "floor of the test stories")
axes.legend(frameon=False)
lesson.figure(figure, "no_mask", "Training loss with and without the causal mask, mean of the seeds")

# %% [markdown]
# (The curves are losses on the training stories, the floor is that of the test stories.) Without the mask the training
# loss falls far below the floor of [[floor .3]]. A model could do so by learning its stories by heart. But on the test
# stories, which it never saw, the loss is as low: [[test_loss_without_mask .2]] nats a token in the mean of the seeds,
# and with the mask [[test_loss_with_mask .2]]. It can read the answer, one place to the right. When a model writes,
# that place is still empty.
#
# **How to notice.** A loss far below the floor on new texts says that something is wrong. For real text nobody knows
# the floor, and a loss that is surprisingly good is only a reason to look. Better, test for it: change the end of a
# text, and see whether the predictions at its beginning change. They must not. Here we replace all tokens from place 20
# on, and compare the logits of the places before. (A difference below 0.0001 could be rounding.)


# %%
def sees_the_future(model):
    changed = test[:1, :-1].copy()
    changed[0, 20:] = tokenizer.end_id
    before, after = np.asarray(model(test[:1, :-1])), np.asarray(model(changed))
    return bool(np.abs(before[0, :20] - after[0, :20]).max() > 1e-4)


seen, seen_without = [[sees_the_future(model) for model in models] for models in (with_head, without_mask)]
print("with the mask:", seen, "without the mask:", seen_without)

# %% [markdown]
# The test finds every model without the mask. The `fit` of Keras, which we used, does not look for such a fault; this
# book's own `lmbook.fit` makes the test before training.
#
# ## What this lesson cannot show
#
# - The figures of trained models come from three seeds, which say little about rare failures; the map shows one.
# - The model is tiny, the stories are simple, and the places were chosen because the same tree returns there.
# - "Without the head" is a weak opponent: it cannot remember at all, and it has 16,384 numbers fewer, four matrices of
#   64 times 64. A recurrent network remembers too; [a later lesson](attention_cost.py) compares what both cost.
# - Epochs and learning rate were chosen by trying, for greentree on other stories. At half the learning rate the head
#   found the trees with one seed of three only (see the table).
#
# ## Summary
#
# Attention is a soft lookup: a query is compared with all keys, softmax turns the scores into weights, and the values
# are mixed with these weights. Scores are divided by $\sqrt d$; in our test at one learning rate, a head without the
# division found the trees no better than no head; at half of it the test decided nothing. Predicting the next word
# needs the causal mask; without it the loss can fall below the floor, and a small test, changing the end of a text,
# finds the fault even where no floor is known. One head raised the share of places where the right tree scored highest
# of the seven from [[tree_right_without_attention %]], as with always saying "tree", to [[tree_right_with_attention %]]
# (means of three seeds, at the learning rate that we chose).
#
# ## Exercises
#
# Take the notebook (the link is in the box at the top) and run its cells. It runs the quick profile, with one seed and
# five epochs; for the figures of this page start the script with `--full`. Then:
#
# 1. *Calculate.* Let the query of "tree" be (1, 0). What are the weights? Set row 3 of `W_Q` to `[1, 0]`, run its cell
#    and the one with `attention` again, and check.
# 2. *Change a number.* At the learning rate 0.005, most heads had not found the trees after nine epochs. Do they only
#    need longer? Train with 18 epochs, `trained(train, VOCABULARY, seed, 18, rate=0.005)`, for the seeds 0, 1 and 2,
#    and compute `share_right` of each. Then the same with `divide=False`. Does the division help now? (About a minute
#    for each model.)
# 3. *Change the code.* Take the softmax over the wrong axis: write `ops.softmax(scores, axis=1)` in `Head`, and run its
#    cell again. Which sums are now 1? (`w = Head(8).attend(x)[0]` has the weights of ten words; `ops.sum(w, axis=0)`
#    adds up each column, `axis=1` each row.) Would `sees_the_future` notice? Try it on `trained(train, VOCABULARY, 0,
#    1)`, and change the head back.
# 4. *Your own text.* Run `lmbook run attention --text FILE`, with a plain text file in UTF-8 of at least 100,000
#    letters, such as a book. How much does one head gain there? A million letters took us a few minutes.
#
# <details>
# <summary>Answers</summary>
#
# 1. The scores are 0, 1 / 1.41 = 0.71 and 0; $e$ to the power of them is 1, 2.03, 1, with the sum 4.03. The weights are
#    0.25, 0.50, 0.25: the weaker query mixes more.
# 2. Compare with the row 0.005 of the table in "Did it need the division?", which had nine epochs. We did not record
#    this one. If all three seeds with the division are above all three without it, that is a hint; three against three
#    prove little.
# 3. Each *column* adds up to 1: every word is shared out among those that ask. Yes, the test notices: a later word that
#    asks takes its share of an early word, so changing the later word changes what an earlier one gets.
# 4. On Shakespeare the loss was [[shakespeare_with_attention]] with the head and [[shakespeare_without_attention]]
#    without it. A shorter text is trained on for fewer steps, and may gain less.
#
# </details>
#
# ## Further reading
#
# - {cite:t}`vaswani2017`, "Attention is all you need": section 3.2 is this lesson in one page.
# - {cite:t}`bahdanau2015`: where attention comes from, in a translator built of recurrent networks.
# - 3Blue1Brown, "Attention in transformers, step by step" (video): the best moving pictures of queries and keys.
# Before: [recurrent networks](../01_background/recurrent_networks.py). Next: [attention heads](attention_heads.py).

# %% tags=["hide-cell"]
small = {"tolerance": None, "at_most": 1e-5}
lesson.record("difference_to_numpy", to_numpy, note="largest, of one head", **small)
lesson.record("difference_to_book_layer", to_book, **small)
note = "of the places where a tree is named again: the right tree is the likeliest"
lesson.record_mean("tree_right_with_attention", right, "", None, note, at_least=0.6)
lesson.record_mean("tree_right_without_attention", right_without, "", None, note, at_most=0.6)
lesson.record_mean(
    "oak_to_pine_right_with_attention", oaks[0], "", None, "as above, without the plain tree", at_least=0.3
)
lesson.record_mean("oak_to_pine_right_without_attention", oaks[1], "", None, "the same places", at_most=0.3)
shares = ", ".join(f"{100 * share:.0f} %" for share in right)
lesson.record("tree_right_divided_at_rate_0.01", shares, tolerance=None, note="each seed")
lesson.record("places", len(answers), note="where a tree is named again")
lesson.record("places_plain_tree", answers.count(TREES[0]), note='of these, where the answer is the plain word "tree"')
lesson.record_mean("weight_on_the_tree", taken, "", None, "at places where it is named again", at_least=0.3)
lesson.record("weight_on_the_tree_if_even", float(even), tolerance=1e-6, note="the same for every word so far")
lesson.record("tree_of_the_map", next(word for word in reversed(read) if word in names), tolerance=None)
note = "Shakespeare, the part that was held out"
for kind, each in real.items():
    if each and not lesson.own_text:
        lesson.record_mean(f"shakespeare_{kind}_attention", each, "nats per character", 0.05, note)
note = "test stories, read whole"
lesson.record("floor", lowest, "nats per token", 1e-6, note="the best possible loss on the test stories")
lesson.record_mean("test_loss_with_mask", losses, "nats per token", None, note, at_least=0.7, at_most=1)
lesson.record_mean("test_loss_without_mask", peeking, "nats per token", None, note, at_most=0.5)
lesson.record("sees_the_future_with_mask", float(np.mean(seen)), note="share of the seeds", at_most=0)
lesson.record("sees_the_future_without_mask", float(np.mean(seen_without)), note="share of the seeds", at_least=1)
for rate, divide in ((0.01, False), (0.005, False), (0.005, True)) if lesson.full else ():  # exercise 2
    shares = [f"{100 * share_right(model):.0f} %" for model in train_all(rate=rate, divide=divide)]
    key = f"tree_right_{'divided' if divide else 'undivided'}_at_rate_{rate}"
    lesson.record(key, ", ".join(shares), tolerance=None, note="each seed")
lesson.finish()
