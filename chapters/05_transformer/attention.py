# %% [markdown]
# # Attention
#
# - Article section: §3.1.1
# - Needs: one_training_step, gradient_descent, recurrent_networks
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 4
# - Memory: 1.6 GB
# - Shows: query, key and value with a pencil, one attention head in fifteen lines, and what happens without its mask
# - Headline: tree_right_with_attention, tree_right_without_attention, training_loss_without_mask, floor
#
# A story begins with "a green oak", and twenty words later somebody "lives near the …". How can a model know that the
# next word is *oak*, when the word before it only says *the*? **Attention** lets every word reach back to any earlier
# word and fetch what it needs, and it is the part that today's language models are built around.
#
# Afterwards you can
#
# - compute attention for three words with a pencil, and for any text with six lines of NumPy;
# - explain why the scores are divided by $\sqrt d$, and what the causal mask is for;
# - write an attention head in Keras, train it, and notice when its mask is missing.
#
# You need the step from words to a loss ([one training step](../02_concepts/one_training_step.py)) and a rough idea of
# [gradient descent](../03_mathematics/gradient_descent.py). It helps to have seen how a [recurrent
# network](../01_background/recurrent_networks.py) hands its memory on from word to word: there, what a distant word had
# to say must survive every step in between. Attention takes the direct way.

# %%
from __future__ import annotations

import itertools
import textwrap

from lmbook import (
    CharacterTokenizer,
    Lesson,
    MultiHeadAttention,
    WordTokenizer,
    reproducible,
)
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
# A query is compared with every key. The better the two fit, the larger is the share, called the **weight**, that the
# asking word takes of that word's value. In the picture the word "tree" asks. Read it from the top: query, keys,
# scores, weights, values, and at the bottom what "tree" takes away.

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
#    "green" 3 · 1 + 0 · 0 = 3, for "tree" itself 3 · 0 + 0 · 1 = 0. (This is called the *dot product*; it is large when
#    two vectors point the same way.)
# 2. **Divide** by $\sqrt 2 = 1.41$, because our queries have 2 numbers; we shall see why. The scores are now 0, 2.12,
#    0.
# 3. **Softmax** turns scores into shares that add up to 1: take $e$ to the power of each, 1, 8.34, 1, and divide by
#    their sum, 10.34. The weights are 0.10, 0.81, 0.10.
# 4. **Mix.** Add up the values, each times its weight: greenness 0.81 · 1 = 0.81, treeness 0.10 · 1 = 0.10.
#
# Finally the result is *added* to what "tree" had itself, greenness 0 and treeness 1. It becomes (0.81, 1.10): a tree
# has turned into a green tree. The same four steps in NumPy:

# %%
query = np.array([3.0, 0.0])
keys = np.array([[0, 0], [1, 0], [0, 1]])
values = np.array([[0, 0], [1, 0], [0, 1]])

scores = keys @ query / np.sqrt(2)
weights = np.exp(scores) / np.exp(scores).sum()
print("scores ", scores.round(2))
print("weights", weights.round(2))
print("taken  ", (weights @ values).round(2))

# %% [markdown]
# Where do queries, keys and values come from? From the word's own vector $x$, by three matrices. A model's vector for a
# word is called its **embedding**: a row of a table, for example 64 numbers, that training has found. Ours has five
# numbers that we write by hand. The matrix $W_Q$ turns "I am a noun" into "I look for an adjective"; articles and
# adjectives in their turn look for a noun.

# %%
#              article, adjective, noun, green, tree
X = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]])

# what a word seeks, what finds it, and what it hands over:
W_Q = np.array([[0, 3], [0, 3], [3, 0], [0, 0], [0, 0]])
W_K = np.array([[0, 0], [1, 0], [0, 1], [0, 0], [0, 0]])
W_V = np.array([[0, 0], [0, 0], [0, 0], [1, 0], [0, 1]])

Q, K, V = X @ W_Q, X @ W_K, X @ W_V
print("Q\n", Q)

# %% [markdown]
# (`@` multiplies matrices: row 3 of `X @ W_Q` adds up the rows of `W_Q`, each times a number of the word "tree".) The
# last row of Q is the query (3, 0) from above, and K and V hold the keys and values of the picture.
#
# ## The formula
#
# All words can ask at once, because no word has to wait for another. With one row a word,
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\Big(\frac{Q K^\top}{\sqrt{d}}\Big)\,V$$
#
# $$Q = X W_Q,\qquad K = X W_K,\qquad V = X W_V$$
#
# - $X$ holds the words' vectors, one row for each of the $T$ words;
# - $W_Q$, $W_K$, $W_V$ are the three matrices, which training finds;
# - $Q$, $K$, $V$ are the queries, keys and values, one row a word; $d$ is how many numbers a query has;
# - $Q K^\top$ is a table of $T$ rows and $T$ columns: row 3, column 2 is the score of the query of word 3 with the key
#   of word 2;
# - softmax is taken of each row, so each row of weights adds up to 1.
#
# Here it is as code. `allowed` will be needed soon; for now every word may attend to every word. The largest score of a
# row is subtracted first: this changes no share, and keeps $e$ to the power of it from growing too large for a
# computer.


# %%
def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(Q, K, V, allowed=True):
    scores = Q @ K.T / np.sqrt(Q.shape[-1])  # [T, T]
    weights = softmax(np.where(allowed, scores, -1e9))
    return weights @ V, weights


taken, weights = attention(Q, K, V)
print("weights\n", weights.round(2))
print("taken\n", taken.round(2))

# %% [markdown]
# The last row is what we computed by hand. The first two rows say that "a" and "green" both found their noun, "tree".
#
# ## Why divide by √d?
#
# The more numbers a query has, the more products are added up, and the larger the scores become. Suppose that the
# numbers in queries and keys are random, with mean 0 and spread (standard deviation) 1. One product has spread 1; a sum
# of $d$ of them has spread $\sqrt d$. With $d = 64$, scores of 8 or −8 are common. Dividing by $\sqrt d$ brings them
# back to a spread of 1.
#
# Why does it matter? Softmax of large scores gives nearly everything to one word, and then it stops *learning*.
# Training follows the **gradient**: how much the result changes when a score changes a little. For a weight $w$ and its
# own score this is $w\,(1 - w)$. With $w = 0.5$ that is 0.25. With $w = 0.999$ it is 0.001: whatever training wants,
# the score hardly moves the weight. How large are the largest weight and this slope for random queries and keys over 16
# words, with and without the division?


# %%
def largest_weight_and_slope(scores):
    """Means over many rows: the largest weight, and w (1 - w) for it."""
    largest = softmax(scores).max(axis=-1)
    return float(largest.mean()), float((largest * (1 - largest)).mean())


rng = np.random.default_rng(lesson.seed)
rows = []
for d in (4, 64, 1024):
    q, k = rng.normal(size=(2000, 1, d)), rng.normal(size=(2000, 16, d))
    scores = (q * k).sum(axis=-1)  # 2,000 queries, 16 keys for each
    plain = largest_weight_and_slope(scores)
    divided = largest_weight_and_slope(scores / np.sqrt(d))
    rows.append((d, scores.std(), *plain, *divided))

# %% tags=["hide-input"]
columns = ["d", "spread of scores", "largest weight", "slope", "largest weight, divided", "slope, divided"]
lesson.table(
    "scale",
    [(str(d), *map(float, rest)) for d, *rest in rows],
    columns,
    tolerance={columns[1]: 0.3, **dict.fromkeys(columns[2:], 0.02)},
)

# %% [markdown]
# Without the division, a query of 1,024 numbers gives its favourite word [[scale/1024/largest weight %]] of the weight
# before anything has been learned, and the slope is down to [[scale/1024/slope .3]]. Divided, the largest weight is
# about [[scale/1024/largest weight, divided .2]] for every $d$, and the slope stays where training can use it.
#
# ## The causal mask: no peeking
#
# A **language model** predicts the next word from the words so far. In training we show it a whole sentence and let
# every position predict its successor at once, which is what makes Transformers fast to train. But then no position may
# see the word that it has to predict. A **mask** is a table of yes and no that says who may attend to whom. The
# *causal* mask says yes to a word itself and to everything before it:

# %% tags=["hide-input"]
diagrams.mask("causal", words)

# %% [markdown]
# Where the mask says no, the score is replaced by −1,000,000,000. Softmax makes 0 of it, and the other weights still
# add up to 1. By hand for "green": its scores are 0, 0 and 2.12. Masked they are 0, 0, −1e9; $e$ to the power of them
# is 1, 1, 0; the weights are 0.5, 0.5, 0. It cannot see "tree" any more.

# %%
causal = np.tri(3, dtype=bool)  # True on and below the diagonal
print(causal.astype(int))
print(attention(Q, K, V, causal)[1].round(2))

# %% [markdown]
# "tree" comes last, so nothing changes for it. "a" has nobody left to attend to but itself.
#
# Two other masks will come later in the book, and they work in the same way: one hides the filling at the end of short
# texts, and one says which words of a source a translator may see ([encoder and decoder](encoder_decoder.py)).
#
# > The article writes (§3.1.1): "In this way, every word of the input sequence can influence every word of the output
# > sequence." That holds where a text is only read. A model that writes needs the mask, which the article never
# > mentions.
#
# ## One attention head, in Keras
#
# Now the same as a layer whose matrices can be trained. An attention with matrices of its own is called a **head**. A
# `Dense` layer without bias is a multiplication with a matrix. The fourth matrix, $W_O$, brings what was taken back to
# the width of the word vectors, so that it can be added to them. Keras handles a **batch** of texts at once, for
# example 32 stories, so arrays have one axis more: [B texts, T words, d numbers].


# %%
class Head(keras.layers.Layer):
    def __init__(self, width, causal=True):
        super().__init__()
        self.causal = causal
        self.query = keras.layers.Dense(width, use_bias=False)  # W_Q
        self.key = keras.layers.Dense(width, use_bias=False)  # W_K
        self.value = keras.layers.Dense(width, use_bias=False)  # W_V
        self.back = keras.layers.Dense(width, use_bias=False)  # W_O

    def call(self, x):  # [B, T, width] -> [B, T, width]
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ ops.swapaxes(k, 1, 2) / q.shape[-1] ** 0.5  # [B, T, T]
        if self.causal:
            t = ops.arange(ops.shape(x)[1])
            scores = ops.where(t[None, :] <= t[:, None], scores, -1e9)
        return self.back(ops.softmax(scores) @ v)


# %% [markdown]
# Fifteen lines. Is it right? We give it random words, and compare it with our NumPy function, with this book's own
# layer `MultiHeadAttention` and with the layer of that name in Keras, all with the same matrices. (With one head,
# theirs is ours. What more heads are for is the [next lesson](heads_and_positions.py).)

# %%
x = rng.normal(size=(1, 10, 8)).astype("float32")  # ten words of 8 numbers
head = Head(8)
y = head(x)
matrices = head.get_weights()  # W_Q, W_K, W_V, W_O
mask = np.tri(10, dtype=bool)

by_hand = attention(*(x[0] @ W for W in matrices[:3]), mask)[0] @ matrices[3]

book = MultiHeadAttention(num_heads=1, use_bias=False)
book.build(x.shape)
book.set_weights(matrices)

theirs = keras.layers.MultiHeadAttention(num_heads=1, key_dim=8, use_bias=False)
theirs.build(x.shape, x.shape)
pairs = zip(matrices, theirs.get_weights(), strict=True)
theirs.set_weights([W.reshape(w.shape) for W, w in pairs])

results = {
    "numpy": by_hand,
    "book": book(x, attention_mask=mask)[0],
    "keras": theirs(x, x, attention_mask=mask)[0],
}
differences = {}
for name, other in results.items():
    differences[name] = float(np.abs(y[0] - other).max())
    print(f"largest difference to {name}: {differences[name]:.1e}")

# %%
lesson.record("difference_to_numpy", differences["numpy"], tolerance=None, at_most=1e-5, note="largest, of one head")
lesson.record("difference_to_book_layer", differences["book"], tolerance=None, at_most=1e-5)
lesson.record("difference_to_keras_layer", differences["keras"], tolerance=None, at_most=1e-5)

# %% [markdown]
# They agree to six decimal places; what is left is rounding. This is how the book's layer does it, with an axis more
# for several heads:
#
# [[source lmbook.attend]]
#
# ## Does it work? A story that needs a memory
#
# **greentree** is the corpus that is built into this book: short stories about children and animals, written by a
# program. Here is one, and two questions that only its beginning can answer.

# %%
grammar = Grammar(split="seen", max_sentences=4)
train_stories = [s.english for s in tell_stories(3000, 10, grammar=grammar)]
test_stories = [s.english for s in tell_stories(200, 11, grammar=grammar)]
print(textwrap.fill(train_stories[1], 72))

tokenizer = WordTokenizer.train(train_stories)
V = tokenizer.vocabulary_size
print(V, "different tokens; a green oak:", tokenizer.encode("a green oak"))

# %% [markdown]
# Which tree does the hero live near? Whose name comes again in the last sentence? The word just before does not say. A
# model needs to reach back five, ten or thirty words.
#
# The **tokenizer** cuts a text into **tokens**, here words and marks, and gives each a number. Every story becomes a
# row of numbers that begins and ends with the token `<end>`. Short rows are filled up with 0, which counts for nothing.
# The model reads a row without its last token and must predict the row without its first.

# %%
LENGTH = 56


def as_rows(stories):
    rows = np.zeros((len(stories), LENGTH), "int32")
    for row, story in zip(rows, stories, strict=True):
        ids = [tokenizer.end_id, *tokenizer.encode(story), tokenizer.end_id]
        row[: len(ids)] = ids
    return rows


train, test = as_rows(train_stories), as_rows(test_stories)

# %% [markdown]
# The model is as small as it can be. A table gives each token a vector of 64 numbers. A second table gives each *place*
# in the text a vector, which is added, because attention by itself does not know the order of the words (the [next
# lesson](heads_and_positions.py) shows it). Then comes our head, whose result is added too. At the end a `Dense` layer
# gives each token of the **vocabulary** (all different tokens there are) a score for being the next; such a score is
# called a **logit**, and softmax makes a probability of it.
#
# The **loss** is the **cross-entropy**: the mean of $-\ln p$, where $p$ is the probability that the model gave to the
# token that really came. With $p = 1/2$ each time it would be 0.69 **nats** a token. Its gradient says how to change
# each of the model's numbers; Adam, an improved gradient descent, changes them after each batch of 32 stories, by steps
# of about 0.01 (the learning rate). One pass over all stories is an **epoch**.


# %%
class Places(keras.layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = keras.layers.Embedding(64, width)

    def call(self, x):
        return x + self.table(ops.arange(ops.shape(x)[1]))


def make_model(vocabulary, attend=True, causal=True, learning_rate=0.01):
    ids = keras.Input((None,), dtype="int32")
    x = Places(64)(keras.layers.Embedding(vocabulary, 64)(ids))
    if attend:
        x = x + Head(64, causal)(x)
    model = keras.Model(ids, keras.layers.Dense(vocabulary)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True,
        ignore_class=0,  # filling is not text
    )
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    return model


def trained(rows, vocabulary, seed, epochs, batch_size=32, **options):
    reproducible(seed)
    model = make_model(vocabulary, **options)
    x, y = rows[:, :-1], rows[:, 1:]  # y is the text one token later
    run = model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return model, run.history["loss"]


# %% [markdown]
# We train it twice: once as it is, and once without the head. Without it the model knows the present word and its
# place, and nothing else. All else is equal. The full profile repeats both with three **seeds**, that is with other
# random starting numbers, to see how much is luck.

# %%
COUNT = lesson.choose(quick=1, full=3)
SEEDS = [lesson.seed + n for n in range(COUNT)]
EPOCHS = lesson.choose(quick=5, full=9)
with_head = [trained(train, V, seed, EPOCHS) for seed in SEEDS]
options = {"attend": False}
without_head = [trained(train, V, seed, EPOCHS, **options) for seed in SEEDS]

# %% [markdown]
# ### How close do they come?
#
# The test stories were not used for training. For greentree we know the best possible loss, because we know the program
# that writes the stories and the probability of each of its choices. It is called the **floor**: even a perfect model
# cannot know which tree a story will begin with.


# %%
def test_loss(model):
    return model.evaluate(test[:, :-1], test[:, 1:], verbose=0)


losses = {
    "with attention": [test_loss(model) for model, _ in with_head],
    "without attention": [test_loss(model) for model, _ in without_head],
}
lowest = floor(test_stories, tokenizer, grammar=grammar)

# %% tags=["hide-cell"]
lesson.record("floor", lowest, "nats per token", 1e-6, note="the best possible loss on the test stories")
for name, each in losses.items():
    lesson.record_mean(f"test_loss_{name.replace(' ', '_')}", each, "nats per token", 0.08, "test stories")

# %% tags=["hide-input"]
rows = []
for name, each in losses.items():
    rows.append((name, f"{np.mean(each):.3f}" + (f" ± {np.std(each, ddof=1):.3f}" if len(each) > 1 else "")))
lesson.table("losses", [*rows, ("floor", f"{lowest:.3f} exactly")], ["", "loss on the test stories"])

# %% [markdown]
# With the head the loss is [[test_loss_with_attention]], without it [[test_loss_without_attention]] nats a token, and
# the floor is [[floor .2]]. One head closes most of the gap, and not all of it. (The ± in the table is the standard
# deviation over the three seeds: about how far one run lies from the mean.)
#
# ### Does it find the tree?
#
# That was a mean over all words. Now our two questions: wherever a tree that was named before is named again, how often
# does the model give its largest probability to the right word? And the same for the hero's name.


# %%
ASKED = {
    "tree": "tree oak maple willow birch palm pine".split(),
    "name": "anna max leo felix nora clara mia ben tom sam emma zoe".split(),
}


def share_right(model, asked):
    read, answers = test[:, :-1], test[:, 1:]
    guesses = np.asarray(model(read)).argmax(axis=-1)
    right = []
    for (row, t), answer in np.ndenumerate(answers):
        named_before = answer in read[row, : t + 1]
        if named_before and tokenizer.tokens[answer] in asked:
            right.append(guesses[row, t] == answer)
    return float(np.mean(right))


right = {
    name: {
        "with": [share_right(model, asked) for model, _ in with_head],
        "without": [share_right(model, asked) for model, _ in without_head],
    }
    for name, asked in ASKED.items()
}

# %% tags=["hide-cell"]
LIMITS = {"tree with": {"at_least": 0.5}, "tree without": {"at_most": 0.4}, "name without": {"at_most": 0.2}}
for name, kinds in right.items():
    for kind, shares in kinds.items():
        note = f"of the places where a {name} is named again: the likeliest word is right, {kind} attention"
        limit = LIMITS.get(f"{name} {kind}", {"at_least": 0.05})
        lesson.record_mean(f"{name}_right_{kind}_attention", shares, "", None, note, **limit)

# %% tags=["hide-input"]
rows = []
for name, kinds in right.items():
    cells = [", ".join(f"{share:.0%}" for share in shares) for shares in kinds.values()]
    rows.append((f"the {name}, named again", *cells))
lesson.table("right", rows, ["share that is right, each seed", "with attention", "without attention"])

# %% [markdown]
# When the tree is named again, the model with attention is right in [[tree_right_with_attention %]] of the cases, the
# one without in [[tree_right_without_attention %]] (means over the seeds; the table shows each): it can only bet on the
# commonest word. Names are harder ([[name_right_with_attention %]] against [[name_right_without_attention %]]): one and
# the same head has to find trees, names and much else.
#
# ### Let it write
#
# To write, we ask for the probabilities of the next token, draw one, put it at the end, and ask again.


# %%
def write(model, start, count, seed=0):
    draw = np.random.default_rng(seed)
    ids = [tokenizer.end_id, *tokenizer.encode(start)]
    for _ in range(count):
        padded = np.array([ids + [0] * (LENGTH - len(ids))])
        logits = np.asarray(model(padded), "float64")[0, len(ids) - 1]
        ids.append(int(draw.choice(len(logits), p=softmax(logits))))
        if ids[-1] == tokenizer.end_id:
            break
    return tokenizer.decode(ids[1:])


for name, models in {"with": with_head, "without": without_head}.items():
    print(f"{name} attention:")
    print(textwrap.fill(write(models[0][0], "A green oak", 45), 72), "\n")

# %% [markdown]
# Read both for the thread: is it the same hero at the end as at the beginning, and is it "he" or "she" throughout?
# Neither story is perfect. The shares above say that the model with attention holds the thread far more often; one
# story cannot say that.
#
# ## Real text
#
# Stories written by a program are kind to a small model. So we train the same two models on the plays of Shakespeare
# (one million characters, in full), letter by letter, in windows of 64. The floor of real text is not known. `--text
# FILE` puts a text of yours in this place.

# %%
corpus = None
if lesson.full or lesson.own_text:
    corpus = lesson.real_corpus("tiny_shakespeare")


def windows(texts):
    ids = [id for one in texts for id in letters.encode(one)]
    ids = np.array(ids, "int32")
    starts = range(0, len(ids) - 64, 64)
    return np.stack([ids[start : start + 65] for start in starts])


shakespeare = {"with": [], "without": []}
if corpus:
    letters = CharacterTokenizer.train(corpus.texts("train"))
    read = windows(corpus.texts("train"))
    held_out = windows(corpus.texts("validation"))
    for kind, seed in itertools.product(shakespeare, SEEDS):
        options = {"attend": kind == "with", "learning_rate": 0.005}
        size = letters.vocabulary_size
        model, _ = trained(read, size, seed, epochs=3, batch_size=64, **options)
        loss = model.evaluate(held_out[:, :-1], held_out[:, 1:], verbose=0)
        shakespeare[kind].append(loss)
        print(f"{kind} attention, seed {seed}: {loss:.3f} nats per character")

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    for kind, each in shakespeare.items():
        key = f"shakespeare_{kind}_attention"
        lesson.record_mean(key, each, "nats per character", 0.05, "Shakespeare, the part that was held out")

# %% [markdown]
# On Shakespeare the model with the head reaches [[shakespeare_with_attention]] nats a character, the one without
# [[shakespeare_without_attention]]. The gain is real and smaller than in greentree: one head gives one mean, and to
# spell, a model needs to know several earlier letters at the same time.
#
# ## What goes wrong: the forgotten mask
#
# Leave the mask out, and nothing complains. The program runs, the shapes fit, and the loss falls faster than ever:

# %%
no_mask = [trained(train, V, seed, EPOCHS, causal=False) for seed in SEEDS]

# %% tags=["hide-cell"]
for kind, runs in (("with", with_head), ("without", no_mask)):
    final = [history[-1] for _, history in runs]
    lesson.record_mean(f"training_loss_{kind}_mask", final, "nats per token", 0.1, "last epoch of training")
peeking = [test_loss(model) for model, _ in no_mask]
lesson.record_mean("test_loss_without_mask_read_whole", peeking, "nats per token", 0.1, "the answer in plain view")

# %% tags=["hide-input"]
figure, axes = plots.new_figure("", "epoch", "training loss (nats per token)", size=(6.5, 3.8))
for index, (name, runs) in enumerate({"with the mask": with_head, "without": no_mask}.items()):
    means = np.mean([history for _, history in runs], axis=0)
    axes.plot(range(1, EPOCHS + 1), means, marker="o", label=name, **plots.line_style(index))
plots.draw_floor(axes, lowest, "floor")
axes.legend(frameon=False)
lesson.figure(figure, "no_mask", "Training loss with and without the causal mask")

# %% [markdown]
# The training loss without the mask ends at [[training_loss_without_mask .2]], far below the floor of [[floor .2]],
# which no honest model can do. It has learned one thing: attend to the next place and copy the answer. Held-out stories
# do not give it away as long as they are read the same way, whole, with the answer in plain view: there its loss is
# [[test_loss_without_mask_read_whole .2]].
#
# The truth comes out when the model is used as it will be used: one word after the other, with the future unknown. For
# every place of a story we cut off what follows, and ask for the next word.


# %%
def loss_word_by_word(model, stories=60):
    nats = []
    for t in range(1, LENGTH):
        rows = test[:stories]
        rows = rows[rows[:, t] != 0]  # those that have a token at place t
        cut = rows[:, :-1].copy()
        cut[:, t:] = 0  # what follows is not there yet
        p = softmax(np.asarray(model(cut))[:, t - 1])
        nats += list(-np.log(p[np.arange(len(rows)), rows[:, t]] + 1e-12))
    return float(np.mean(nats))


honest = {
    "with": [loss_word_by_word(model) for model, _ in with_head],
    "without": [loss_word_by_word(model) for model, _ in no_mask],
}
print("Without the mask:", write(no_mask[0][0], "A green oak", 45))

# %%
lesson.record_mean("word_by_word_loss_with_mask", honest["with"], "nats per token", 0.1, "60 test stories")
lesson.record_mean("word_by_word_loss_without_mask", honest["without"], "nats per token", None, at_least=3.0)
lesson.record("blind_guess", float(np.log(tokenizer.vocabulary_size)), "nats per token", 1e-6, note="all words alike")

# %% [markdown]
# Word by word its loss is [[word_by_word_loss_without_mask]] nats a token; the model with the mask has
# [[word_by_word_loss_with_mask]], as before. A blind guess, which gives every token of the vocabulary the same
# probability, would cost [[blind_guess .2]]. What it writes is worthless.
#
# **How to notice.** Be suspicious of a loss that is too good, and know the floor where you can. Better, test for it:
# change the end of a text, and see whether the predictions at its beginning change. They must not.


# %%
def sees_the_future(model):
    changed = test[:1, :-1].copy()
    changed[0, 20:] = tokenizer.end_id
    before, after = model(test[:1, :-1]), model(changed)
    return bool(np.abs(before[0, :20] - after[0, :20]).max() > 1e-4)


print("with the mask:   ", sees_the_future(with_head[0][0]))
print("without the mask:", sees_the_future(no_mask[0][0]))

# %% [markdown]
# The library's `fit` makes this test before the first step of every training, and refuses.
#
# ## What this lesson cannot show
#
# - Each figure is the mean of three runs that differ only in their seeds; the ± beside it is the spread between them. A
#   figure without ± is from a single run.
# - The model is tiny and the stories are simple. That one head finds the tree here says nothing on how many heads a
#   model for real text needs.
# - "Without attention" is a weak opponent, chosen because only one thing differs. A recurrent network remembers too; [a
#   later lesson](attention_maps.py) compares what both cost.
# - There is no validation set here: the numbers of epochs and the learning rate were tried out on these same test
#   stories, for both models alike.
#
# ## Summary
#
# Attention is a soft lookup: a query is compared with all keys, softmax turns the scores into weights, and the values
# are mixed with these weights. Scores are divided by $\sqrt d$ so that softmax stays in a range where it can learn. A
# model that predicts the next word needs the causal mask, and a missing mask shows itself by a loss that is too good.
# One head of fifteen lines raised the share of trees that are remembered from [[tree_right_without_attention %]] to
# [[tree_right_with_attention %]].
#
# ## Exercises
#
# 1. With a pencil: let the query of "tree" be (1, 0) instead of (3, 0). What are the three weights? Then change `W_Q`
#    and check.
# 2. In the table of the section on $\sqrt d$, what would you expect for $d = 16$? Add it and see.
# 3. Take the softmax over the wrong axis: `ops.softmax(scores, axis=1)` in `Head`. Which sums are now 1? Train it.
#    Would `sees_the_future` notice?
# 4. Remove `Places` from the model. Which of the two questions suffers more?
# 5. Run `lmbook run attention --text FILE` with a text of your own. How much does one head gain there?
#
# ## Further reading
#
# - {cite:t}`vaswani2017`, "Attention is all you need": section 3.2 is this lesson in one page.
# - {cite:t}`bahdanau2015`: where attention comes from, in a translator built of recurrent networks.
# - 3Blue1Brown, "Attention in transformers, step by step" (video): the best moving pictures of queries and keys.
#
# Before this lesson: [recurrent networks](../01_background/recurrent_networks.py). Next: [heads and
# positions](heads_and_positions.py).

# %%
lesson.finish()
