# %% [markdown]
# # Attention
#
# - Article section: §3.1.1
# - Needs: one_training_step, gradient_descent, recurrent_networks
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 2, full 9
# - Memory: 1.5 GB
# - Shows: query, key and value with a pencil, one attention head in Keras, and what happens without its mask
# - Headline: tree_right_with_attention, tree_right_without_attention, training_loss_without_mask, floor
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
# [gradient descent](../03_mathematics/gradient_descent.py). It helps to have seen how a [recurrent
# network](../01_background/recurrent_networks.py) hands its memory on from word to word: there, what a distant word had
# to say must survive every step in between. Attention takes the direct way.
#
# Two words of the box above: a lesson can be run in two sizes, its *profiles*, of which the *full* one trains longer
# and more often than the *quick* one. A *seed* is the number that all random choices start from, so that a second run
# with the same seed makes the same choices. In the code, `Lesson` keeps the figures of this page and `reproducible`
# sets the seed.

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
# A query is compared with every key, which gives a number, the **score**. The better the two fit, the higher the score,
# and the larger is the share, called the **weight**, that the asking word takes of that word's value. In the picture
# the word "tree" asks. Read it from the top: query, keys, scores, weights, values, and at the bottom what "tree" takes
# away. (The column "score" shows the query times the key, already divided by $\sqrt 2$. A function called *softmax*
# then turns these scores into shares. The next section does both, step by step.)

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
#    "green" 3 · 1 + 0 · 0 = 3, for "tree" itself 3 · 0 + 0 · 1 = 0. (This is called the *dot product*; it is large
#    when two vectors point the same way.)
# 2. **Divide** by $\sqrt 2 = 1.41$, because our queries have 2 numbers; we shall see why. The scores are now 0, 2.12,
#    0, as in the picture.
# 3. **Softmax** turns scores into shares that add up to 1: take $e$ to the power of each, which is 1, about 8.34 and 1,
#    and divide by their sum, 10.34. The weights are 0.10, 0.81, 0.10. (A calculator that is given the rounded 2.12 says
#    8.33; the weights stay the same. They seem to add up to 1.01 because they too are rounded.)
# 4. **Mix** the values with these weights: 0.10 · (0, 0) + 0.81 · (1, 0) + 0.10 · (0, 1) = (0.81, 0.10).
#
# So "tree" takes (0.81, 0.10): much greenness, and a little of its own treeness. Finally this is *added* to what it had
# itself, greenness 0 and treeness 1, which gives greenness 0.81 and treeness 1.10: a tree has turned into a green tree.
#
# The same four steps in NumPy. The sign `@` multiplies matrices: `keys @ query` multiplies each row of `keys` with
# `query`, number by number, and adds up, as in step 1; `weights @ values` adds up the rows of `values`, each times its
# weight, as in step 4.

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
# Row 3 of `X @ W_Q` adds up the rows of `W_Q`, each times a number of the word "tree" (0, 0, 1, 0, 1): it is the third
# row plus the fifth, (3, 0) + (0, 0), the query from above. K and V hold the keys and values of the picture.
#
# One matrix is missing. What "tree" takes has two numbers, its own vector has five, and two cannot be added to five. So
# a fourth matrix, $W_O$, says where each number goes: greenness to place 4, treeness to place 5.

# %%
W_O = np.array([[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
print("tree before", X[2])
print("tree after ", (X[2] + weights @ values @ W_O).round(2))

# %% [markdown]
# ## The formula
#
# All words can ask at once, because no word has to wait for another. With one row for each word,
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\Big(\frac{Q K^\top}{\sqrt{d}}\Big)\,V$$
#
# $$Q = X W_Q,\qquad K = X W_K,\qquad V = X W_V$$
#
# - $X$ holds the words' vectors, one row for each of the $T$ words;
# - $W_Q$, $W_K$, $W_V$ are the three matrices, which training finds;
# - $Q$, $K$, $V$ are the queries, keys and values, one row for each word; $d$ is how many numbers a query has;
# - $K^\top$ is $K$ with rows and columns exchanged (`K.T` in NumPy), one column for each word;
# - $Q K^\top$ is a table of $T$ rows and $T$ columns: row 3, column 2 is the score of the query of word 3 with the key
#   of word 2;
# - softmax is taken of each row, so each row of weights adds up to 1.
#
# The result has a row for each word; $W_O$ then brings it back to the width of $X$, and it is added to $X$.
#
# Here it is as code. `axis=-1` makes NumPy take the largest number, or the sum, of each row by itself, and
# `keepdims=True` keeps these as a column, one number for each row. NumPy subtracts each of them from its whole row,
# or divides the row by it. The largest score of a row is subtracted first: this changes no share, and keeps the powers
# of $e$ from growing too large for a computer. `allowed` will be needed soon; for now every word may attend to
# every word, and `np.where` keeps all scores as they are.


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
# numbers in queries and keys are random, with mean 0 and spread (standard deviation) 1. One product has mean 0 and
# spread 1 too. When independent numbers are added, the squares of their spreads add up: $d$ products give $d$, so their
# sum has spread $\sqrt d$. With $d = 64$, scores of 8 or −8 are common. Dividing by $\sqrt d$ brings them back to a
# spread of 1.
#
# Why does it matter? Softmax of large scores gives nearly everything to one word, and then training can become slow.
# Training changes each number of a model a little, in the direction that makes the result better, and how much depends
# on the **slope**: how much a weight changes when its score changes a little. (All slopes of a model together are
# called its **gradient**.) Let $s$ be the score of one word and $R$ the sum of $e$ to the power of all the others. Then
# its weight is $w = e^s / (e^s + R)$, and by the quotient rule
#
# $$\frac{dw}{ds} = \frac{e^s (e^s + R) - e^s e^s}{(e^s + R)^2}
# = \frac{e^s}{e^s + R} \cdot \frac{R}{e^s + R} = w\,(1 - w).$$
#
# With $w = 0.5$ that is 0.25, the most there can be. With $w = 0.999$ it is 0.001: whatever training wants, a small
# change of the score hardly moves the weight. How large are the largest weight and its slope for random queries and
# keys over 16 words, with and without the division?


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
# about [[scale/1024/largest weight, divided .2]] for every $d$, and the slope hardly changes. With only 4
# numbers the division is not needed: there the undivided slope is even a little larger, because a weight of
# [[scale/4/largest weight .2]] is closer to one half.
#
# So far this is arithmetic on random numbers. Below we shall also train a model without the division.
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
# > The article that this book follows (a Chinese introduction to language models) writes in §3.1.1: "In this way,
# > every word of the input sequence can influence every word of the output sequence." That holds where a text is only
# > read. A model that writes needs the mask, which the article never mentions.
#
# ## One attention head, in Keras
#
# Now the same in Keras, with matrices that can be trained. A **layer** is a part of a Keras model: it takes arrays of
# numbers, returns arrays, and keeps the matrices that training changes. An attention with matrices of its own is called
# a **head**, so our head becomes a layer. Another layer, `Dense(width)`, multiplies a vector by a matrix with `width`
# columns and adds a fixed vector, the *bias*; with `use_bias=False` only the multiplication is left. Here all vectors
# have the same width, yet $W_O$ is still there: a place can mean one thing in a value and another in a word's vector,
# and $W_O$ carries each to where it belongs.
#
# Keras handles a **batch** of texts at once, for example 32 stories, so arrays have one axis more: [B texts, T words, d
# numbers]. `ops.swapaxes(k, 1, 2)` exchanges the words and the numbers of each text, as `K.T` did for one. With `t` the
# numbers 0, 1, 2, … of the places, `t[None, :] <= t[:, None]` compares each with each: it is the causal mask.


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
# That is all. Is it right? We give it ten random words, and compare it with our NumPy function, with this book's own
# layer `MultiHeadAttention` and with the layer of that name in Keras, all with the same matrices. (With one head,
# theirs is ours. What more heads are for is the [next lesson](heads_and_positions.py).)
#
# The line that begins with `by_hand` does it in NumPy. `x[0]` is the only text of the batch. It is multiplied by each
# of the first three matrices, which gives Q, K and V; the star hands them to `attention` as three arguments. Of the two
# things that `attention` returns, `[0]` picks what each word takes, and this is multiplied by the fourth matrix, $W_O$.
# The layer of Keras keeps the same numbers with one axis more, for its heads, so each matrix is given the other shape
# before it is set.

# %%
x = rng.normal(size=(1, 10, 8)).astype("float32")  # ten words of 8 numbers
head = Head(8)
y = head(x)
mask = np.tri(10, dtype=bool)

parts = (head.query, head.key, head.value, head.back)
matrices = [part.get_weights()[0] for part in parts]  # W_Q, W_K, W_V, W_O
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
# They agree to six decimal places; what is left is rounding. This is how the book's layer does it, with one axis more
# because it can have several heads (*einsum* is a product of matrices that names its axes):
#
# [[source lmbook.attend]]
#
# ## Does it work? A story that needs a memory
#
# A collection of texts is called a **corpus**. **greentree** is the one that is built into this book: short stories
# about people and animals, written by a program. We train on 3,000 of them and test on 200 others. In the code,
# `max_sentences=4` keeps the stories short, and `split="seen"` leaves out some pairs of plant and hero, which the book
# keeps for other tests. The numbers 10 and 12 are seeds, one for each set of stories: the program draws other stories
# with 12 than with 10, and on every computer the same. Here is one that begins as this page did.

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
# Two questions about it can only be answered from its beginning: near *which tree* does the hero live, and *whose name*
# comes again later? The word just before does not say. Count it in this story: between the first "oak" and the second
# there are 13 words, and between the first "Tom" and the second 10.
#
# The **tokenizer** cuts a text into **tokens**, here words and marks without their capitals, and gives each a number.
# Every story becomes a row of numbers that begins and ends with the token `<end>`. Short rows are filled up with 0, and
# these places do not count in the loss. The model reads a row without its last token and must predict the row without
# its first.

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
# token that really came. With $p = 1/2$ each time it would be 0.69; the unit, because the logarithm is the natural one,
# is the **nat**. (`from_logits=True` tells Keras that it gets logits and must take the softmax itself.) The gradient of
# the loss says how to change each of the model's numbers. Adam, an improved gradient descent, changes them after each
# batch of 32 stories, by steps of about 0.01 (the **learning rate**). One pass over all stories is an **epoch**.


# %%
class Places(keras.layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = keras.layers.Embedding(64, width)

    def call(self, x):
        return x + self.table(ops.arange(ops.shape(x)[1]))


def make_model(vocabulary, attend=True, causal=True, divide=True, learning_rate=0.01):
    ids = keras.Input((None,), dtype="int32")
    x = Places(64)(keras.layers.Embedding(vocabulary, 64)(ids))
    if attend:
        x = x + Head(64, causal, divide)(x)
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
# We train it twice: once as it is, and once without the head, with the same stories, epochs and learning rate. Without
# the head the model knows the present word and its place, and nothing else. (It also has 16,384 numbers fewer, the four
# matrices of 64 times 64.)
#
# This page was made with the full profile of the lesson, `lmbook run attention --full`, which trains each model three
# times with three **seeds**, that is with other random starting numbers, to see how much is luck. Without `--full` the
# quick one runs, with one seed and fewer epochs.

# %%
COUNT = lesson.choose(quick=1, full=3)
SEEDS = [lesson.seed + n for n in range(COUNT)]
EPOCHS = lesson.choose(quick=5, full=9)
with_head = [trained(train, VOCABULARY, seed, EPOCHS) for seed in SEEDS]
options = {"attend": False}
without_head = [trained(train, VOCABULARY, seed, EPOCHS, **options) for seed in SEEDS]

# %% [markdown]
# ### How close do they come?
#
# The test stories were not used for training. For greentree we know the best possible loss, because we know the program
# that writes the stories and the probability of each of its choices. It is called the **floor**: even a perfect model
# cannot know which tree a story will begin with.


# %%
def test_loss(model):
    x, y = test[:, :-1], test[:, 1:]
    return model.evaluate(x, y, batch_size=len(test), verbose=0)


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
def mean_and_spread(values, style="{:.3f}"):
    """As 0.796 ± 0.009, or the mean alone where there is one run."""
    spread = [np.std(values, ddof=1)] if len(values) > 1 else []
    return " ± ".join(style.format(number) for number in [np.mean(values), *spread])


def percents(shares):
    return ", ".join(f"{100 * share:.0f} %" for share in shares)


rows = [(name, mean_and_spread(each)) for name, each in losses.items()]
lesson.table("losses", [*rows, ("floor", f"{lowest:.3f}")], ["", "loss on the test stories"])

# %% [markdown]
# With the head the loss is [[losses/with attention/loss on the test stories]] nats a token, without it
# [[losses/without attention/loss on the test stories]], and the floor is [[floor .3]]. One head closes most of the gap,
# and not all of it. (Everywhere on this page ± is the standard deviation over the three seeds: about how far one run
# lies from the mean.)
#
# ### Does it find the tree?
#
# That was a mean over all words. Now our two questions. We take all places where a tree that was named before is named
# again, look at the scores of the seven words for trees alone, and count how often the right one has the highest. (The
# plain word "tree" is one of the seven.) For names we do the same with the twelve names, where only one was named so
# far. The best possible share is 100 % for both: whoever simply repeats the tree, or the name, is always right.
#
# The first function finds the places. Let us walk through the story of the oak with it. At each place `t` it collects
# in `named` the trees up to there, and compares them with `answer`, the word that follows. Where the first "oak"
# follows, `named` is still empty, so this place does not count. Where the second follows, `named` holds "oak" alone and
# the answer is "oak": this place counts. With names, the second "Tom" counts. "Mia" does not, because `named` holds
# "tom". The last "Tom" does not count either: by then `named` holds both names, and the story could go on with either.
#
# The second function asks the model. Of the logits at each place it keeps the seven of the trees; `argmax` says which
# of them is the highest, and `asked` turns this into the number of the word. The result is the share of the counted
# places where that word is the answer.


# %%
TREES = "tree oak maple willow birch palm pine".split()
ASKED = {
    "tree": TREES,
    "name": "anna max leo felix nora clara mia ben tom sam emma zoe".split(),
}


def places_asked(asked):
    """Where the one tree (or name) that was named before is named again."""
    for (row, t), answer in np.ndenumerate(test[:, 1:]):
        named = set(asked).intersection(test[row, : t + 1])
        if named == {answer}:
            yield row, t, answer


def share_right(model, asked):
    logits = np.asarray(model(test[:, :-1]))
    guesses = np.array(asked)[logits[:, :, asked].argmax(axis=-1)]
    return float(np.mean([guesses[r, t] == it for r, t, it in places_asked(asked)]))


right = {}
for name, words in ASKED.items():
    asked = ASKED[name] = [tokenizer.encode(word)[0] for word in words]
    right[name] = {
        "with": [share_right(model, asked) for model, _ in with_head],
        "without": [share_right(model, asked) for model, _ in without_head],
    }

# %% tags=["hide-cell"]
LIMITS = {
    "tree with": {"at_least": 0.6},
    "tree without": {"at_most": 0.6},
    "name with": {"at_least": 0.6},
    "name without": {"at_most": 0.3},
}
for name, kinds in right.items():
    lesson.record(f"places_{name}", sum(1 for _ in places_asked(ASKED[name])), note=f"where a {name} is named again")
    for kind, shares in kinds.items():
        note = f"of the places where a {name} is named again: the right {name} is the likeliest, {kind} attention"
        lesson.record_mean(f"{name}_right_{kind}_attention", shares, "", None, note, **LIMITS[f"{name} {kind}"])

# %% tags=["hide-input"]
rows = []
for name, kinds in right.items():
    rows.append((f"the {name}, named again", *map(percents, kinds.values())))
lesson.table("right", rows, ["share that is right, each seed", "with attention", "without attention"])

# %% [markdown]
# The model with attention finds the right tree in [[right/the tree, named again/with attention]] of the [[places_tree]]
# places (one share for each seed), the one without in [[right/the tree, named again/without attention]]. For names, at
# [[places_name]] places, it is [[right/the name, named again/with attention]] against
# [[right/the name, named again/without attention]].
#
# What would guessing give? A blind guess is right once in seven trees and once in twelve names. Trees are not equally
# frequent, though: the plain word "tree" is the answer most often, and a model that cannot look back does best by
# always naming the most frequent tree. So its share can be far above one in seven, though it knows nothing of the
# story.
#
# ### Does it really attend to the tree?
#
# The weights can be looked at. The layers of the model are, counted from 0, the input, the embedding, the places and
# the head, so the head is `model.layers[3]`. We run a test story through the first model (seed 0) as far as the head
# and ask it for its weights. In the map each row is a word that asks, and each column a word that is attended to. The
# darker the cell, the larger the weight; the bar on the right says how large.


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
weights = weights_of(with_head[0][0], test[:, :-1])
lesson.figure(
    plots.attention_map(weights[row, :until, :until], read, read),
    "weights",
    "The weights of the trained head, seed 0: each row is a word that asks",
)

# %% tags=["hide-cell"]
taken = []
for model, _ in with_head:
    weights = weights_of(model, test[:, :-1])
    shares = [weights[r, t, test[r, :-1] == it].sum() for r, t, it in places_asked(ASKED["tree"])]
    taken.append(float(np.mean(shares)))
lesson.record_mean("weight_on_the_tree", taken, "", None, "at places where it is named again", at_least=0.3)
lesson.record("weight_on_the_tree_each_seed", percents(taken), tolerance=None)
lesson.record("tree_of_the_map", next(word for word in reversed(read[:-2]) if word in TREES), tolerance=None)

# %% [markdown]
# Look at the last row, the word "the" of "lives near the": nearly all of its weight lies in the column of
# "[[tree_of_the_map]]", the tree of this story. It may attend to 18 tokens, itself among them. Were its weight spread
# evenly, each would get 1/18, about 6 %.
#
# This row is a clear case, and not every place is like it. Over all [[places_tree]] places where a tree is named again,
# the word before it gives on average [[weight_on_the_tree_each_seed]] of its weight to the tree (one mean for each
# seed). For comparison, the even share in the row above was about 6 %. We have not measured where the rest of the
# weight goes. Nor does a weight prove that it is used. That the head is what brings the tree back we know from the
# table before: without the head, the model does not find it.
#
# ### Did it need the division?
#
# Now the promised test: the same head, trained in the same way, whose scores are not divided by $\sqrt{64} = 8$.
# (`mean_and_spread` writes several losses as their mean ± standard deviation, and `percents` writes shares as
# percentages. We used both for the tables above, in the folded cells.)

# %%
options = {"divide": False}
undivided = [trained(train, VOCABULARY, seed, EPOCHS, **options) for seed in SEEDS]
rows = []
for name, runs in {"divided": with_head, "not divided": undivided}.items():
    models = [model for model, _ in runs]
    found = [share_right(model, ASKED["tree"]) for model in models]
    loss = mean_and_spread([test_loss(model) for model in models])
    rows.append((name, loss, percents(found)))

# %% tags=["hide-input"]
lesson.table("division", rows, ["scores", "loss on the test stories", "trees right, each seed"])

# %% [markdown]
# Not divided, the loss is [[division/not divided/loss on the test stories]] instead of
# [[division/divided/loss on the test stories]], and the right tree is found in
# [[division/not divided/trees right, each seed]] of the places. At finding the tree this head is no better than no head
# at all ([[right/the tree, named again/without attention]]). It is not useless: without a head the loss was
# [[losses/without attention/loss on the test stories]], so it does bring something else that helps; what that is, we
# have not measured. All this holds for this model, trained for so long and with this learning rate; we have not tried
# what other settings would do (exercise 3 does).
#
# ### Let it write
#
# To write, we ask for the probabilities of the next token, draw one, put it at the end, and ask again. The rest of the
# row is filled with 0; the mask keeps the words so far from seeing it. We give the beginning of the story of the map,
# up to where the tree must come back.


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


START = test_stories[row].split("near the")[0] + "near the"
print(textwrap.fill(START + " …", 72), "\n")
for name, models in {"with": with_head, "without": without_head}.items():
    print(f"{name} attention:")
    for seed in range(3):
        text = write(models[0][0], START, 30, seed)
        text = "… near the" + text.split("near the")[1]
        print(textwrap.fill(text, 72, subsequent_indent="  "))
    print()

# %% [markdown]
# Read what follows "near the": is it the tree of the beginning? With attention it is the birch in all three samples,
# without attention in none. Neither model writes good sentences yet. Three samples of one seed are only an
# illustration; the shares above are the measurement.
#
# ## Real text
#
# Stories written by a program are kind to a small model. So we train the same two kinds of model on the plays of
# Shakespeare (one million characters), letter by letter, in windows of 64 letters. The text is longer and more varied,
# and the settings differ: learning rate 0.005, batches of 64, two epochs. The last tenth is held out, that is, kept
# away from training and used for the test. (In the code it is called `validation`: a **validation set** is a text that
# is kept for choosing settings such as the learning rate.) The best possible loss of real text is not known.
#
# With `lmbook run attention --text FILE` this part uses a text of yours: a plain text file in UTF-8.
# `itertools.product` goes through all pairs of a kind of model and a seed.

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
    size = letters.vocabulary_size
    for kind, seed in itertools.product(shakespeare, SEEDS):
        options = {"attend": kind == "with", "learning_rate": 0.005}
        model, _ = trained(read, size, seed, epochs=2, batch_size=64, **options)
        loss = model.evaluate(held_out[:, :-1], held_out[:, 1:], verbose=0)
        shakespeare[kind].append(loss)
        print(f"{kind} attention, seed {seed}: {loss:.3f} nats per character")

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    for kind, each in shakespeare.items():
        key = f"shakespeare_{kind}_attention"
        lesson.record_mean(key, each, "nats per character", 0.05, "Shakespeare, the part that was held out")
        lesson.record(f"shakespeare_{kind}", mean_and_spread(each), tolerance=None, note="mean ± s.d. over the seeds")

# %% [markdown]
# On Shakespeare the model with the head reaches [[shakespeare_with]] nats a character, the one without
# [[shakespeare_without]] (the learning rate and the number of epochs were chosen on this same held-out part, so both
# may look slightly too good). So one head helps on this text too. Without it, the model sees one letter, and that is
# little to spell from.
#
# ## What goes wrong: the forgotten mask
#
# Leave the mask out, and nothing complains. The program runs, the shapes fit, and the loss falls. How far? The dashed
# line in the picture is the floor.
#
# We also want to know how often such a model names the *first* tree of a story, which nothing before it gives away. In
# `first_tree_right`, `isin` gives True at the places where the next word is a tree, and False elsewhere. `flatnonzero`
# gives the numbers of the stories that have such a place, and `argmax` of a row of False and True is the place of the
# first True.

# %%
no_mask = [trained(train, VOCABULARY, seed, EPOCHS, causal=False) for seed in SEEDS]


def first_tree_right(model):
    """Of the first tree of each story: how often it is the likeliest word."""
    guesses = np.asarray(model(test[:, :-1])).argmax(axis=-1)
    is_tree = np.isin(test[:, 1:], ASKED["tree"])
    stories = np.flatnonzero(is_tree.any(axis=1))
    first = is_tree[stories].argmax(axis=1)
    return float((guesses[stories, first] == test[stories, first + 1]).mean())


# %% tags=["hide-cell"]
for kind, runs in (("with", with_head), ("without", no_mask)):
    final = [history[-1] for _, history in runs]
    lesson.record_mean(f"training_loss_{kind}_mask", final, "nats per token", 0.1, "last epoch of training")
    lesson.record(f"last_loss_{kind}_mask", mean_and_spread(final), tolerance=None, note="mean ± s.d. over the seeds")
peeking = [test_loss(model) for model, _ in no_mask]
lesson.record_mean("test_loss_without_mask_read_whole", peeking, "nats per token", 0.1, "the answer in plain view")
lesson.record("test_loss_peeking", mean_and_spread(peeking), tolerance=None, note="mean ± s.d. over the seeds")
ahead, later = [], []
for model, _ in no_mask:
    weights = weights_of(model, test[:, :-1])
    text = test[:, :-1] != 0
    ahead.append(float(np.diagonal(weights, 1, 1, 2)[text[:, 1:]].mean()))
    later.append(float(np.triu(weights, 1).sum(axis=-1)[text].mean()))
lesson.record_mean("weight_on_later_words_without_mask", later, "", None, "test stories", at_least=0.3)
lesson.record("weight_later", percents(later), tolerance=None, note="each seed")
lesson.record("weight_ahead", percents(ahead), tolerance=None, note="on the next word, each seed")
for kind, runs in (("with", with_head), ("without", no_mask)):
    shares = [first_tree_right(model) for model, _ in runs]
    limit = {"at_least": 0.7} if kind == "without" else {"at_most": 0.7}
    lesson.record_mean(f"first_tree_right_{kind}_mask", shares, "", None, "a tree is named for the first time", **limit)
    lesson.record(f"first_tree_{kind}", percents(shares), tolerance=None, note="each seed")

# %% tags=["hide-input"]
figure, axes = plots.new_figure("", "epoch", "training loss (nats per token)", size=(6.5, 3.8))
for index, (name, runs) in enumerate({"with the mask": with_head, "without": no_mask}.items()):
    means = np.mean([history for _, history in runs], axis=0)
    axes.plot(range(1, EPOCHS + 1), means, marker="o", label=name, **plots.line_style(index))
plots.draw_floor(axes, lowest, "floor")
axes.set_xticks(range(1, EPOCHS + 1))
axes.legend(frameon=False)
lesson.figure(figure, "no_mask", "Training loss with and without the causal mask")

# %% [markdown]
# The training loss without the mask ends at [[last_loss_without_mask]] nats a token, far below the floor of
# [[floor .3]]; with the mask it ends at [[last_loss_with_mask]]. (The floor is that of the test stories. A model could
# get below the floor in training by learning its stories by heart, but we shall see that this one does so on new
# stories too.) What has it learned? The map of its weights for the same words as above says it. Rows ask and columns
# are attended to, as before:

# %% tags=["hide-input"]
weights = weights_of(no_mask[0][0], test[:, :-1])
read = [tokenizer.tokens[id] for id in test[row, :until]]
lesson.figure(
    plots.attention_map(weights[row, :until, :until], read, read),
    "weights_no_mask",
    "The weights of the head that was trained without a mask, seed 0",
)

# %% [markdown]
# The triangle is gone. Most of the dark cells lie on later words, and many exactly one place to the right of the
# diagonal, on the very word that is to be predicted. The model has read the whole story, of which the map shows only
# the beginning: where a row is nearly empty, as the last one is, its weight lies further right than the map goes. Over
# the test stories, later places get [[weight_later]] of the weight, the next word alone [[weight_ahead]] (one mean for
# each seed). And the answers are taken from there: when a tree is named for the *first* time, nothing before it says
# which, yet this model gets [[first_tree_without]] of them right; the model with the mask [[first_tree_with]]. That is
# not near 0, because it may guess, and the plain word "tree" is the best guess.
#
# A test loss as we measured it before looks splendid: if the model reads a new story whole, the answers are in plain
# view there too, and its loss is [[test_loss_peeking]]. The loss by itself does not show the fault; the floor does.
#
# The truth comes out when the model is used as it will be used: one word after the other, with the future unknown. For
# every place of a story we cut off what follows, put 0 in its place, and ask for the next word.
#
# In the code, `p` has a row of probabilities for each story, one for every token of the vocabulary.
# `p[np.arange(len(rows)), rows[:, t]]` picks one from each row, that of the token that really came. (The tiny `1e-12`
# keeps us from taking the logarithm of 0.)


# %%
def loss_word_by_word(model):
    nats = []
    for t in range(1, LENGTH):
        rows = test[test[:, t] != 0]  # those that have a token at place t
        cut = rows[:, :-1].copy()
        cut[:, t:] = 0  # what follows is not there yet
        p = softmax(np.asarray(model(cut))[:, t - 1])
        nats += list(-np.log(p[np.arange(len(rows)), rows[:, t]] + 1e-12))
    return float(np.mean(nats))


honest = {
    "with": [loss_word_by_word(model) for model, _ in with_head],
    "without": [loss_word_by_word(model) for model, _ in no_mask],
}
print("Written without the mask:")
for seed in range(3):
    text = write(no_mask[0][0], START, 30, seed)
    text = "… near the" + text.split("near the")[1]
    print(textwrap.fill(text, 72, subsequent_indent="  "))

# %% tags=["hide-cell"]
lesson.record_mean("word_by_word_loss_with_mask", honest["with"], "nats per token", 0.1, "test stories")
lesson.record_mean("word_by_word_loss_without_mask", honest["without"], "nats per token", None, at_least=2.5)
for kind, each in honest.items():
    lesson.record(f"word_by_word_{kind}_mask", mean_and_spread(each), tolerance=None, note="mean ± s.d. over the seeds")
lesson.record("each_word_by_word", ", ".join(f"{nats:.1f}" for nats in honest["without"]), tolerance=None)
lesson.record("blind_guess", float(np.log(VOCABULARY)), "nats per token", 1e-6, note="all tokens alike")

# %% [markdown]
# Word by word its loss is [[word_by_word_without_mask]] nats a token (the seeds: [[each_word_by_word]]). The model with
# the mask has [[word_by_word_with_mask]], just as when it read the stories whole. For comparison, a blind guess, which
# gives every token of the vocabulary the same probability, costs [[blind_guess .2]]: one of the three seeds is better
# than that, two are worse. The samples of the first seed do name the birch, and then soon break off.
#
# How much of this failure comes from the missing answers? Not all of it, perhaps. In training a 0 only came after the
# end of a story, so a model that sees the zeros may take them to mean that the story is over, which would fit the short
# samples. We have not measured the two causes apart. Either way the model cannot write, for it needs words that do not
# exist yet.
#
# **How to notice.** Where the floor is known, as here, a loss far below it on new texts says that something is wrong.
# For real text nobody knows the floor, and a loss that is surprisingly good is only a reason to look. Better, test for
# it: change the end of a text, and see whether the predictions at its beginning change. They must not.


# %%
def sees_the_future(model):
    changed = test[:1, :-1].copy()
    changed[0, 20:] = tokenizer.end_id
    before, after = model(test[:1, :-1]), model(changed)
    return bool(np.abs(before[0, :20] - after[0, :20]).max() > 1e-4)


print("with the mask:   ", sees_the_future(with_head[0][0]))
print("without the mask:", sees_the_future(no_mask[0][0]))

# %% [markdown]
# The `model.fit` that we used is the one of Keras, which does not look for such a fault. This book's own `lmbook.fit`
# makes this test before the first step of every training, and does not begin if the model sees the future.
#
# ## What this lesson cannot show
#
# - The figures of trained models come from three seeds, each shown or summed up as mean ± standard deviation. The maps
#   and the samples are from the first seed alone. Three seeds say little about rare failures.
# - The places were chosen because the same tree or name returns there. Whether the model knows *when* to name it again
#   was not tested.
# - The model is tiny and the stories are simple. That one head finds the tree here says nothing on how many heads a
#   model for real text needs.
# - "Without attention" is a weak opponent: it cannot remember at all, and it is smaller. A recurrent network remembers
#   too; [a later lesson](attention_cost.py) compares what both cost.
# - The numbers of epochs and the learning rate were chosen by trying. The texts on which one chooses should not be
#   those that are reported. For greentree they were other stories. For Shakespeare it was the held-out part itself, so
#   those two losses may look slightly too good, for both models.
#
# ## Summary
#
# Attention is a soft lookup: a query is compared with all keys, softmax turns the scores into weights, and the values
# are mixed with these weights. Scores are divided by $\sqrt d$, which keeps the slopes of the softmax from vanishing on
# random scores; in our test, the head without the division found the trees no better than no head at all. A model that
# predicts the next word needs the causal mask; without it the loss can fall below the floor, and a small test, changing
# the end of a text, finds the fault even where no floor is known. On 200 test stories one head raised the share of
# trees that are remembered from [[right/the tree, named again/without attention]] (three seeds) to
# [[right/the tree, named again/with attention]].
#
# ## Exercises
#
# Take the notebook (the link is in the box at the top), run its cells, and then:
#
# 1. *Calculate.* Let the query of "tree" be (1, 0) instead of (3, 0). What are the three weights? Then change `W_Q` and
#    check.
# 2. *Read.* In the table of the section on $\sqrt d$, what do you expect for $d = 16$? Add it to the numbers in
#    `for d in (4, 64, 1024)` and see.
# 3. *Change a number.* Train the head without the division with a smaller learning rate, and for longer:
#    `model, _ = trained(train, VOCABULARY, 0, 20, divide=False, learning_rate=0.002)`. Train the divided one in the
#    same way, with `divide=True`. Then compare their `test_loss(model)` and `share_right(model, ASKED["tree"])`. Does
#    the undivided head catch up?
# 4. *Change the code.* Take the softmax over the wrong axis: `ops.softmax(scores, axis=1)` in `Head`, and run its cell
#    again. Which sums are now 1? Would `sees_the_future` notice? Try it:
#    `sees_the_future(trained(train, VOCABULARY, 0, 1)[0])`.
# 5. *Your own text.* Run `lmbook run attention --text FILE`, with a plain text file in UTF-8 of at least 100,000
#    letters, such as a book. It takes as long as the quick profile, and for every million letters less than three
#    minutes more on a computer like ours (our full run did a million letters three times in its nine minutes, with all
#    the rest). How much does one head gain there? On Shakespeare it was about a quarter of a nat a letter; a shorter
#    text is trained on for fewer steps, and may gain less.
#
# <details>
# <summary>Answers to 1 to 4</summary>
#
# 1. The scores are 0, 1 / 1.41 = 0.71 and 0; $e$ to the power of them is 1, 2.03, 1, with the sum 4.03. The weights are
#    0.25, 0.50, 0.25: the weaker query mixes more. In `W_Q` the third row becomes `[1, 0]`.
# 2. The spread of the scores is $\sqrt{16} = 4$, and the undivided columns lie between those for 4 and 64. The divided
#    ones stay about the same.
# 3. Compare your two runs with each other, not with the table in the text, whose learning rate and epochs were others.
#    Look at the loss and at the trees separately: one can be better while the other is worse. Do not expect the divided
#    head to win each time; try the seeds 0, 1 and 2 in place of the 0. If the undivided head finds most trees with one
#    of them, it can learn to, and what failed in the text was this head *with those settings*.
# 4. Each *column* adds up to 1: every word is shared out among those that ask. Yes, the test notices: a later word that
#    asks takes its share of an early word, so changing the later word changes what an earlier one gets.
#
# </details>
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
