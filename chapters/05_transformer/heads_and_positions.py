# %% [markdown]
# # Heads and positions
#
# - Article section: §3.1.2
# - Needs: attention
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 12
# - Memory: 1.5 GB
# - Shows: several heads by a reshape, three ways to tell attention the order, and the reshape that breaks it
# - Headline: loss_rotary_after_one_epoch, loss_no_positions_after_one_epoch, loss_wrong_reshape, shakespeare_4_heads
#
# Attention, as we know it, lets a word take one weighted mean of the words that it sees. But a word often needs two
# things at once: in "a green tree stands", the word "stands" may need both what stands there ("tree") and what it is
# like ("green"). And nothing in it says which word came first: without a mask, "bites" gets the same numbers in "dog
# bites man" and in "man bites dog". How do we get several means, and how does attention learn the order of the words?
#
# Afterwards you can
#
# - cut a vector into heads and put it together again, and say which shape comes out of each step;
# - show with numbers that attention alone does not know the order, and repair it in three ways;
# - recognise a wrong reshape, which gives the right shapes and the wrong model.
#
# You need the [lesson on attention](attention.py). In short: each word has three **vectors** (lists of numbers), a
# *query*, a *key* and a *value*. The score of two words is the *dot product* of one's query with the other's key:
# multiply number by number and add up, so that (1, 2) and (3, 4) give 1 · 3 + 2 · 4 = 11. The score is then divided by
# √K, where K says how many numbers a query has (here 2). *Softmax* turns the scores of a row into weights between 0 and
# 1 that add up to 1: scores of 0 and 1 become 0.27 and 0.73. The word takes the mean of all values with these weights.
# A *causal mask* hides the words that come later.
#
# The outputs on this page come from the *full profile* of the lesson, the longer of its two versions, which you start
# with `lmbook run heads_and_positions --full`. Without `--full` a quick one runs, with fewer repetitions and without
# Shakespeare. Both draw random numbers, and the **seed** is the number from which the drawing starts: same seed, same
# numbers.

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
from lmbook.corpora.greentree import (
    Grammar,
    floor,
    tell_stories,
)
from lmbook.layers import apply_rotary, sinusoidal

import keras
import numpy as np
from keras import ops

lesson = Lesson("heads_and_positions")
reproducible(lesson.seed)
rng = np.random.default_rng(lesson.seed)  # random numbers, the same in each run

# %% [markdown]
# ## The idea in one picture
#
# The picture shows how several means are made at once. Read it from below. The vectors $x$ of the words are multiplied
# by three matrices, as in the last lesson. The results are then cut into four parts, and each part, called a **head**,
# does attention on its own. (The cut itself is not drawn. It happens where the three arrows q, k and v enter the dashed
# frame: each head gets 16 of the 64 numbers of q, of k and of v.) At the top the four results are put side by side, and
# a last matrix mixes them. The square brackets hold shapes: B texts are computed at once (a **batch**), each has T
# words, and each word 64 numbers. K is the width of a head, here 64 / 4 = 16.

# %% tags=["hide-input"]
diagrams.multi_head(heads=4, width=64)

# %% [markdown]
# The cut comes *after* the matrices: what is cut are the queries, keys and values, not the words' own vectors. So each
# head reads all 64 numbers of a word. Its own columns of the three matrices make 16 numbers out of them for its
# queries, 16 for its keys and 16 for its values. So four heads of 16 have as many numbers to learn as one head of 64.
# (They are not quite free: there are now four tables of T times T weights in the place of one.) What is gained is that
# a word can weigh the others in four ways at once.
#
# ## With a pencil: why one mean is not enough
#
# In "a green tree stands", let the word "stands" look for two things, the adjective "green" and the noun "tree". Let
# the matrix $W_V$ have made a value of four numbers for each: (1, 0, 1, 0) for "green", and (0, 1, 0, 1) for "tree".
# The weights below are chosen by us; in a model each head computes them from its own scores.
#
# - **One head of four numbers** has one pair of weights. With 0.5 each it takes 0.5 · (1, 0, 1, 0) + 0.5 · (0, 1, 0, 1)
#   = (0.5, 0.5, 0.5, 0.5). Two other words with the values (0, 1, 1, 0) and (1, 0, 0, 1) would have given the same
#   mean: with these weights, "stands" cannot tell which of the two pairs it has met.
# - **Two heads of two numbers** have a pair of weights each. The first head has the first two numbers of each value,
#   and gives all its weight to "green": (1, 0). The second has the last two, and gives all its weight to "tree": (0,
#   1). Side by side that is (1, 0, 0, 1). The other two words would give (0, 1, 0, 1), which is something else.
#
# Other weights or other values might save the one head from this confusion. But it always has one set of weights for
# all its numbers, and two heads have two.
#
# ## Cutting into heads
#
# How are the parts cut? Let the matrices have made four numbers for each of two words (queries, say). We want two heads
# of two numbers.

# %%
x = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])  # [2 words, 4 numbers]
parts = x.reshape(2, 2, 2)  # [word, head, number]: each row is cut in two
heads = parts.swapaxes(0, 1)  # [head, word, number]: head by head
print("head 1:", heads[0].tolist())
print("head 2:", heads[1].tolist())

# %% [markdown]
# Head 1 has the first two numbers of each word, head 2 the last two. `reshape` only writes brackets into the same row
# of numbers 1, 2, … 8; it is `swapaxes` that brings together what belongs to one head. Remember this step: we shall
# forget it on purpose later. The way back is the same in reverse: swap, then reshape.

# %%
print(heads.swapaxes(0, 1).reshape(2, 4).tolist())

# %% [markdown]
# ## The formula and the code
#
# $$\mathrm{MultiHead}(X) = [\mathrm{head}_1, \dots, \mathrm{head}_H]\,W_O$$
#
# $$\mathrm{head}_h = \mathrm{Attention}(X W_Q^h,\; X W_K^h,\; X W_V^h)$$
#
# - $X$ holds one row for each of the $T$ words, $D$ numbers wide; $H$ is the number of heads;
# - $W_Q^h$, $W_K^h$, $W_V^h$ are the matrices of head $h$, $D$ rows and $D / H$ columns: a slice of the picture's large
#   ones. This width of a head, $D / H$, is the K of the picture. (In the code it is `d`, because `K` there holds the
#   keys);
# - $[\dots]$ puts the heads' results side by side, and $W_O$, $D$ by $D$, mixes them.
#
# As a Keras layer: a `Dense` layer multiplies by a matrix and adds a fixed vector, the *bias*; with `use_bias=False`
# only the matrix is left. `@` multiplies matrices, and `swapaxes(k, 2, 3)` swaps rows and columns.
# `t[None, :] <= t[:, None]` is the causal mask: a table that is true where the column (the word that is read) does not
# stand after the row (the word that asks). Where it is false the score becomes −1e9, that is −1,000,000,000, and
# softmax makes a weight of 0 of it. `rotary` will be explained below; until then it is off.


# %%
class Heads(keras.layers.Layer):
    def __init__(self, width, heads, rotary=False):
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.query = keras.layers.Dense(width, use_bias=False)  # W_Q
        self.key = keras.layers.Dense(width, use_bias=False)  # W_K
        self.value = keras.layers.Dense(width, use_bias=False)  # W_V
        self.mix = keras.layers.Dense(width, use_bias=False)  # W_O

    def split(self, x):  # [B, T, D] -> [B, H, T, D / H]
        B, T, D = ops.shape(x)
        parts = ops.reshape(x, (B, T, self.heads, D // self.heads))
        return ops.swapaxes(parts, 1, 2)

    def join(self, y):  # [B, H, T, D / H] -> [B, T, D]
        B, H, T, d = ops.shape(y)
        return ops.reshape(ops.swapaxes(y, 1, 2), (B, T, H * d))

    def call(self, x):
        q, k = self.split(self.query(x)), self.split(self.key(x))
        v = self.split(self.value(x))
        t = ops.arange(ops.shape(x)[1])  # the places 0, 1, … T - 1
        if self.rotary:
            q, k = apply_rotary(q, t), apply_rotary(k, t)
        scores = q @ ops.swapaxes(k, 2, 3) / q.shape[-1] ** 0.5  # [B, H, T, T]
        scores = ops.where(t[None, :] <= t[:, None], scores, -1e9)
        return self.mix(self.join(ops.softmax(scores) @ v))


# %% [markdown]
# Is it right? First against the plain way, without any reshape: we cut the matrices themselves, compute one head after
# the other as in the last lesson, and put the results side by side.


# %%
def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def head_by_head(x, W_Q, W_K, W_V, W_O, H):
    d = x.shape[1] // H
    results = []
    for h in range(H):
        own = slice(h * d, (h + 1) * d)  # the columns of this head
        Q, K, V = x @ W_Q[:, own], x @ W_K[:, own], x @ W_V[:, own]
        scores = Q @ K.T / np.sqrt(d)
        scores = np.where(np.tri(len(x), dtype=bool), scores, -1e9)
        results.append(softmax(scores) @ V)
    return np.concatenate(results, axis=1) @ W_O


x = rng.normal(size=(1, 10, 32)).astype("float32")  # ten words, 32 numbers each
ours = Heads(32, heads=4)
y = ours(x)
matrices = ours.get_weights()

# %% [markdown]
# Then against the book's layer and against Keras' own, which was written by other people. Keras' layer keeps its
# matrices with an axis for the heads, so ours are reshaped for it:

# %%
book = MultiHeadAttention(num_heads=4, use_bias=False)
book.build(x.shape)
book.set_weights(matrices)
theirs = keras.layers.MultiHeadAttention(num_heads=4, key_dim=8, use_bias=False)
theirs.build(x.shape, x.shape)
pairs = zip(matrices, theirs.get_weights(), strict=True)
theirs.set_weights([W.reshape(w.shape) for W, w in pairs])

mask = np.tri(10, dtype=bool)
results = {
    "head by head": head_by_head(x[0], *matrices, H=4),
    "book": book(x, attention_mask=mask)[0],
    "keras": theirs(x, x, attention_mask=mask)[0],
}
differences = {}
for name, other in results.items():
    differences[name] = float(np.abs(y[0] - other).max())
    print(f"largest difference to {name}: {differences[name]:.1e}")

# %%
lesson.record("difference_head_by_head", differences["head by head"], tolerance=None, at_most=1e-5, note="largest")
lesson.record("difference_to_book_layer", differences["book"], tolerance=None, at_most=1e-5)
lesson.record("difference_to_keras_layer", differences["keras"], tolerance=None, at_most=1e-5)

# %% [markdown]
# All the same, up to rounding. The book's layer, with some options that we do not need here:
#
# [[source lmbook.MultiHeadAttention]]
#
# > The article that this book follows writes (§3.1.2): "The attention weights of each head are independent, but they
# > share the same underlying parameters" (the numbers that training finds). They do not: each head has its own columns
# > of $W_Q$, $W_K$ and $W_V$. What the heads share is their input.
#
# ## Attention does not know the order
#
# Nothing in the formula says where a word stands. Let three random vectors be the words of "dog bites man". We compute
# attention without the causal mask, once for "dog bites man" and once for "man bites dog", and compare what each word
# gets. The library's layer, unlike `Heads`, hides nothing unless it is given a mask.

# %%
layer = MultiHeadAttention(num_heads=4)
x = rng.normal(size=(1, 3, 32)).astype("float32")  # dog, bites, man
y = np.asarray(layer(x))
turned_round = np.asarray(layer(x[:, ::-1]))[:, ::-1]  # man bites dog; and back
moved = float(np.abs(y - turned_round).max())
print(f"largest difference: {moved:.1e}")

# %%
lesson.record("shuffle_changes", moved, tolerance=None, at_most=1e-5)

# %% [markdown]
# Up to rounding, every word gets what it got before: for attention, a sentence is a bag of words. With the causal mask
# the words see different bags, since each sees only what came before it; inside the bag the order is still unknown. So,
# in one layer, the order inside the bag is lost, unless the position is put into the numbers. There are three common
# ways.
#
# ### 1. Learned: a table of places
#
# Each place gets a vector of its own, which is added to the word's vector. This is what the last lesson did. Training
# finds the vectors. A place beyond the longest text of training has none that was trained.
#
# ### 2. Sinusoidal: clocks
#
# To tell the time of a whole day we use hands of different speeds. Here the hands are pairs of a sine and a cosine.
# Pair $i$ turns by the angle $\omega_i$ (omega) at each place, fast in the first pair, ever more slowly in the later
# ones, and the pair $(\sin t\,\omega_i, \cos t\,\omega_i)$ is added to two numbers of the word at place $t$:
#
# $$\omega_i = b^{-2i/D}, \qquad i = 0, 1, \dots, D/2 - 1$$
#
# - $D$ is the number of numbers of a word, so there are $D/2$ pairs;
# - $b$ is called the base. 10,000 is a common choice. With the pencil and in the pictures we take 100, so that the slow
#   hands are seen to move;
# - angles are in radians: 1 radian is about 57°.
#
# With a pencil, for $D = 4$, $b = 100$ and place $t = 2$: $\omega_0 = 1$ and $\omega_1 = 100^{-2/4} = 0.1$. The first
# pair is (sin 2, cos 2) = (0.91, −0.42), the second (sin 0.2, cos 0.2) = (0.20, 0.98). The picture shows four pairs:

# %% tags=["hide-input"]
diagrams.sinusoidal(length=16, width=8, position=5)


# %% [markdown]
# Nothing is learned, and there is a vector for every place. In code, with all sines first and then all cosines (the
# order does not matter, as long as it is always the same):


# %%
def clocks(t, D, base=10_000):
    angles = t[:, None] * base ** (-2 * np.arange(D // 2) / D)  # [T, D / 2]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


print(clocks(np.array([2]), 4, base=100).round(2))
t = np.arange(50)
same = float(np.abs(clocks(t, 64) - sinusoidal(t, 64)).max())
print(f"largest difference to the library: {same:.1e}")

# %%
lesson.record("difference_sinusoidal", same, tolerance=None, at_most=1e-4, note="by hand against the library")

# %% [markdown]
# ### 3. Rotary: turn, don't add
#
# Take two numbers of a query as an arrow in the plane. **Rotary** positions turn this arrow by the angle $t\,\omega$ at
# place $t$, and do the same to the keys. A score is the dot product of a query and a key (we leave out the √K here,
# which is the same for all), and the dot product of two arrows depends on their lengths and on the angle *between*
# them. If both words move ten places on, both arrows turn further by the same angle, and the score stays as it was.
# What counts is the distance between the two, and its direction: whether the key stands before or after the query. The
# picture shows how the arrows turn:

# %% tags=["hide-input"]
diagrams.rotary(["the", "cat", "sat", "down"], pairs=2)

# %% [markdown]
# The picture has two arrows for each word and the base 100. The first turns by 1 radian a place, 57.3° or shortly 57°;
# after two places that is twice 57.3°, or 115°. The second turns by $100^{-2/4} = 0.1$ radians a place.
#
# With a pencil: let query and key both be the arrow (1, 0), and turn by 30° at each place. The query at place 3 points
# to 90°, a key at place 1 to 30°. The angle between them is 60°, and their dot product is cos 60° = 0.5. At the places
# 13 and 11 it is 390° and 330°: again 60°, again 0.5. A key at place 3 itself gives cos 0° = 1, the highest score that
# these two arrows can have.
#
# Two equal arrows do not show the direction; two different ones do. Let the query be (1, 0) and the key (0, 1), which
# points to 90°. With the query at place 1 and the key at place 0, the query has turned to 30° and the key not at all:
# the angle between them is 60°, the score 0.5. The other way round, with the query at place 0 and the key at place 1,
# the query is at 0° and the key at 120°: the score is cos 120° = −0.5. So "one place before" and "one place after" are
# told apart.
#
# In code, an arrow (a, b) is turned with a sine and a cosine. A head of 16 numbers has eight arrows: number 0 with
# number 8, number 1 with number 9, and so on. Each is turned at its own speed $\omega_i$, as the clocks above, with 16
# in the place of $D$. `turn` gets the places and multiplies them by the speeds. With as many rows as places, row 0 is
# turned for the first place, row 1 for the second, and so on. With one row, we get that row turned for every place.
#
# The test has one arrow, with speed 1. So `turn` takes the place as the angle in radians. For 30° a place we pass 30°
# times the place, in radians.


# %%
def turn(x, places, base=10_000):  # [T, 2 * half], one place for each row
    half = x.shape[-1] // 2
    angles = places[:, None] * base ** (-np.arange(half) / half)
    sin, cos = np.sin(angles), np.cos(angles)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


arrow = np.array([[1.0, 0.0]])
for query_place, key_place in ((3, 1), (13, 11), (3, 3)):
    q = turn(arrow, np.radians([30 * query_place]))
    k = turn(arrow, np.radians([30 * key_place]))
    print(f"query at {query_place:>2}, key at {key_place:>2}: {(q @ k.T).item():.2f}")

# %% [markdown]
# These are the first three numbers of the pencil. The formula, with $R_t$ for "turn by $t$ places":
#
# $$(R_t\, q) \cdot (R_s\, k) \;=\; (R_{t-s}\, q) \cdot k$$
#
# where $q$ is a query at place $t$ and $k$ a key at place $s$: only $t - s$ is left, which is above 0 when the key
# stands before the query, and below 0 when it stands after. The library's version does the same for whole batches:
#
# [[source lmbook.layers.apply_rotary]]
#
# Is it equal to ours, and does it keep its promise? We put one query and one key of 16 random numbers on all places
# from 0 to 19, and then on all places from 100 to 119: `turn(q, places)` makes 20 rows out of the one query. The scores
# should change with $t - s$, called `distance` in the output, and not with the hundred places.

# %%
q, k = rng.normal(size=(2, 1, 16)).astype("float32")


def scores_from(first):
    places = np.arange(first, first + 20)
    return turn(q, places) @ turn(k, places).T  # [20 queries, 20 keys]


near, far = scores_from(0), scores_from(100)
for distance in (-2, 0, 2):
    low, high = near[10, 10 - distance], far[10, 10 - distance]
    print(f"distance {distance:>2}: {low:.3f} and {high:.3f}")
moved = float(np.abs(far - near).max())
print(f"largest difference, both 100 places further: {moved:.1e}")

places = np.arange(20)
many = np.repeat(q, 20, axis=0)
same = np.asarray(apply_rotary(many[None, None], places))[0, 0] - turn(many, places)
same = float(np.abs(same).max())
print(f"largest difference to the library: {same:.1e}")

# %%
lesson.record("difference_when_both_move_100_places", moved, tolerance=None, at_most=1e-4, note="rotary scores")
lesson.record("scores_change_with_the_distance", float(abs(near[10, 12] - near[10, 8])), tolerance=None, at_least=0.01)
lesson.record("difference_of_rotary_to_the_library", same, tolerance=None, at_most=1e-4)

# %% [markdown]
# The promise is kept: in each line the two scores are equal. And the direction counts: the scores at the distances −2
# and 2 differ by [[scores_change_with_the_distance .3]]. (Under the causal mask only the distances from 0 on are used.)
#
# ### Are they a repair?
#
# We repeat the test of "dog bites man" with each of them, and ask what the word "bites" gets before and after dog and
# man have changed places. It stands in the middle both times. `Places` adds the learned or sinusoidal vectors to the
# words. An `Embedding(64, width)` is a table of 64 rows, one for each place, with `width` numbers each, which training
# finds.
#
# The sinusoidal numbers are multiplied by 0.05. In the models that we train below, the words' vectors begin with
# numbers between −0.05 and 0.05, and sines and cosines of full size would drown them. (That is what the comment "as
# small as words are" means. In this first test the words are random numbers of about the size 1, so here the positions
# are much smaller than the words.)


# %%
class Places(keras.layers.Layer):
    def __init__(self, kind, width):
        super().__init__()
        self.kind, self.width = kind, width
        if kind == "learned":
            self.table = keras.layers.Embedding(64, width)  # 64 places

    def build(self, shape):  # Keras calls it once, before the first `call`
        if self.kind == "learned":
            self.table.build()
        self.built = True

    def call(self, x):
        t = ops.arange(ops.shape(x)[1])
        if self.kind == "learned":
            return x + self.table(t)
        if self.kind == "sinusoidal":
            return x + 0.05 * sinusoidal(t, self.width)  # as small as words are
        return x  # "rotary" is done inside the heads; "none" not at all


KINDS = ("none", "sinusoidal", "learned", "rotary")
changes = {}
for kind in KINDS:
    places = Places(kind, 32)
    layer = MultiHeadAttention(num_heads=4, rotary=kind == "rotary")
    dog_bites, man_bites = layer(places(x)), layer(places(x[:, ::-1]))
    changes[kind] = float(np.abs(dog_bites[0, 1] - man_bites[0, 1]).max())
    print(f"{kind:>10}: {changes[kind]:.1e}")

# %% tags=["hide-cell"]
for kind, change in changes.items():
    limits = {"at_most": 1e-5} if kind == "none" else {"at_least": 1e-4}
    lesson.record(f"bites_changes_{kind}", change, tolerance=None, **limits)

# %% [markdown]
# Without positions the change is rounding. With each of the three it is many times larger: what "bites" gets is no
# longer the same in the two sentences, and training has a difference to work with. (These layers are not trained. They
# do not know yet who bites whom, and how large the change is says nothing about which way is best.)
#
# ## Which positions learn fastest?
#
# We train the little model of the last lesson, now with four heads, on the stories of **greentree**, the corpus
# (collection of texts) that is built into this book. A table gives each word a vector of 64 numbers, called its
# **embedding**; the heads add what they find; and a `Dense` layer makes a score, called a **logit**, for every word of
# the **vocabulary** (all the different words there are). Softmax turns the logits into probabilities.
#
# The **loss** is the mean of $-\ln p$, with $p$ the probability of the word that really came, in **nats**: for $p =
# 0.5$ it is 0.69 nats. The best possible loss on these stories is known exactly and called the **floor**. Training goes
# through the stories in batches of 32; after each batch **Adam**, a common rule, changes all numbers of the model a
# little, and the **learning rate** says how much. An **epoch** is one pass over all stories. `from_logits` tells Keras
# that softmax is still to be applied.


# %%
def make_model(vocabulary, positions, heads=4, learning_rate=0.01, layer=Heads):
    ids = keras.Input((None,), dtype="int32")
    x = Places(positions, 64)(keras.layers.Embedding(vocabulary, 64)(ids))
    x = x + layer(64, heads, positions == "rotary")(x)
    model = keras.Model(ids, keras.layers.Dense(vocabulary)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True,
        ignore_class=0,  # filling is not text
    )
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    return model


# %% [markdown]
# The data are prepared as before: each story is a row of word numbers between two `<end>` tokens, filled up with 0, and
# the model predicts each word from those before it. The test stories are not trained on. (`split="seen"` leaves some
# pairs of words out of all stories; other lessons ask about them.)

# %%
grammar = Grammar(split="seen", max_sentences=4)
train_stories = [s.english for s in tell_stories(3000, 10, grammar=grammar)]
test_stories = [s.english for s in tell_stories(200, 11, grammar=grammar)]
tokenizer = WordTokenizer.train(train_stories)
print(textwrap.fill(test_stories[0], 72))


def as_rows(stories, length=57):
    rows = np.zeros((len(stories), length), "int32")
    for row, story in zip(rows, stories, strict=True):
        ids = [tokenizer.end_id, *tokenizer.encode(story), tokenizer.end_id]
        row[: len(ids)] = ids
    return rows


train, test = as_rows(train_stories), as_rows(test_stories)
lowest = floor(test_stories, tokenizer, grammar=grammar)

# %% [markdown]
# Training begins with random numbers. To see what chance does, the full profile trains everything three times, with
# three seeds.

# %%
COUNT = lesson.choose(quick=1, full=3)
SEEDS = [lesson.seed + n for n in range(COUNT)]
EPOCHS = lesson.choose(quick=3, full=5)


def test_losses(positions, seed, **options):
    """A trained model, and its loss on the test stories after each epoch."""
    reproducible(seed)
    model = make_model(tokenizer.vocabulary_size, positions, **options)
    fitted = model.fit(
        train[:, :-1],
        train[:, 1:],
        batch_size=32,
        epochs=EPOCHS,
        validation_data=(test[:, :-1], test[:, 1:]),
        verbose=0,
    )
    return model, fitted.history["val_loss"]


runs = {kind: [test_losses(kind, seed) for seed in SEEDS] for kind in KINDS}

# %% tags=["hide-cell"]
lesson.record("floor", lowest, "nats per token", 1e-6, note="the best possible loss on the test stories")
for kind, each in runs.items():
    losses = np.array([losses for _, losses in each])
    name = {"none": "no_positions"}.get(kind, kind)
    for label, column in (("one_epoch", 0), ("all_epochs", -1)):
        note = f"positions: {kind}; test stories"
        lesson.record_mean(f"loss_{name}_after_{label}", losses[:, column], "nats per token", 0.08, note)

# %% [markdown]
# How fast does the loss fall with each kind of positions? The picture shows the mean over the seeds after each epoch,
# and the floor. The table below it has the first and the last of these means, in nats per token. Behind each ± stands
# the **standard deviation** over the three seeds: about how far one run lies from the mean (for 1, 2 and 3 it is 1).

# %% tags=["hide-input"]
title, label = "Four kinds of positions", "loss on test stories (nats per token)"
figure, axes = plots.new_figure(title, "epoch", label, size=(6.5, 3.8))
rows = []
for index, (kind, each) in enumerate(runs.items()):
    losses = np.array([losses for _, losses in each])
    axes.plot(range(1, EPOCHS + 1), losses.mean(axis=0), marker="o", label=kind, **plots.line_style(index))
    spread = [f" ± {sd:.3f}" for sd in losses.std(axis=0, ddof=1)] if len(each) > 1 else [""] * EPOCHS
    rows.append((kind, *(f"{losses[:, column].mean():.3f}{spread[column]}" for column in (0, -1))))
plots.draw_floor(axes, lowest, "floor")
axes.set_xticks(range(1, EPOCHS + 1), [str(epoch) for epoch in range(1, EPOCHS + 1)])
axes.legend(frameon=False)
lesson.figure(figure, "positions", "The loss after each epoch, for four kinds of positions: the mean over the seeds")
lesson.table("positions", rows, ["positions", "after one epoch", f"after {EPOCHS} epochs"])

# %% [markdown]
# Which of these differences count? With so few seeds we use a plain rule: two rows **differ** if their means lie
# further apart than twice the larger of their two ±; otherwise it is a **draw**. The next table judges each pair.
# "0.052 against 0.040" says that the *gap* between the two means is 0.052 and the *limit*, twice the larger ±, is
# 0.040. (Both are computed from unrounded values, so the last digit can differ by one from what you get from the table
# above. In the code of the fold the rule is the function `judged`.)


# %% tags=["hide-input"]
def judged(first, second):
    """The gap of the means (above 0: the first is lower), and whether it counts."""
    gap = np.mean(second) - np.mean(first)
    if COUNT == 1:
        return gap, "one seed", False
    limit = 2 * max(np.std(first, ddof=1), np.std(second, ddof=1))
    differ = bool(abs(gap) > limit)
    return gap, f"{abs(gap):.3f} against {limit:.3f}", differ


def verdict(pair, column):
    ends = [[losses[column] for _, losses in runs[kind]] for kind in pair]
    gap, said, differ = judged(*ends)
    ending = f"{pair[0 if gap > 0 else 1]} is lower" if differ else "draw"
    return (said if COUNT == 1 else f"{said}: {ending}"), differ


pairs = list(itertools.combinations(reversed(KINDS), 2))
rows = [(", ".join(pair), *(verdict(pair, column)[0] for column in (0, -1))) for pair in pairs]
lesson.table("verdicts", rows, ["pair", "after one epoch", f"after {EPOCHS} epochs"])

# %% tags=["hide-cell"]
for label, column in (("one_epoch", 0), ("all_epochs", -1)):
    found = sum(verdict(pair, column)[1] for pair in pairs)
    lesson.record(f"pairs_that_differ_after_{label}", found, tolerance=None, n=len(pairs), at_least=0)

# %% [markdown]
# After one epoch rotary positions are ahead of all others: [[loss_rotary_after_one_epoch .3]] nats, against
# [[loss_learned_after_one_epoch .3]] for learned ones, [[loss_sinusoidal_after_one_epoch .3]] for sinusoidal ones and
# [[loss_no_positions_after_one_epoch .3]] without any; [[pairs_that_differ_after_one_epoch]] of the six pairs differ by
# our rule. After all epochs the four have come closer together, and [[pairs_that_differ_after_all_epochs]] of the six
# pairs differ: rotary with [[loss_rotary_after_all_epochs .3]] is still below sinusoidal with
# [[loss_sinusoidal_after_all_epochs .3]] and below none with [[loss_no_positions_after_all_epochs .3]]. These two gaps
# are only just above their limits. Learned positions, with [[loss_learned_after_all_epochs .3]], draw with all others.
#
# Our sinusoidal positions gained nothing over none, neither after one epoch nor after all. That speaks about them as we
# used them, times 0.05 and at this learning rate, and not about sinusoidal positions in general (exercise 3).
#
# Why is rotary ahead at first? Perhaps because distances are in its scores from the first step, and the others must
# learn what a distance is. That is a guess, which we have not tested.
#
# ### How can a model without positions do so well?
#
# It is not as blind as it seems. The word that asks knows itself, so the model always knows the *last* word. And the
# causal mask lets it see the words before, and only those. So it predicts from the last word and from the bag of all
# earlier ones; it lacks only the order inside the bag. We can see this: in the test story that is printed above we swap
# the tokens at the places 2 and 9, which are "mighty" and the first full stop (place 0 is the `<end>` at the start of
# the row). Then we ask how much the logits at place 20, the word "bag", change, with the models of the first seed.

# %%
swapped = test[:1, :56].copy()
swapped[0, [2, 9]] = swapped[0, [9, 2]]
for kind in KINDS:
    model = runs[kind][0][0]
    logits = [np.asarray(model(rows))[0, 20] for rows in (test[:1, :56], swapped)]
    changes[kind] = float(np.abs(logits[0] - logits[1]).max())
    print(f"{kind:>10}: {changes[kind]:.4f}")

# %% tags=["hide-cell"]
for kind, change in changes.items():
    limits = {"at_most": 1e-3} if kind == "none" else {"at_least": 1e-3}
    lesson.record(f"swap_changes_logits_{kind}", change, tolerance=None, **limits)

# %% [markdown]
# Without positions nothing moves but the rounding. In this one story, with these models of one seed, the other three
# notice the swap, in very different degrees. (As a scale: a logit that is 1 higher makes its word $e = 2.7$ times as
# likely, compared with a word whose logit stays.) With sinusoidal positions the largest change is only
# [[swap_changes_logits_sinusoidal .3]], a factor of about 1.02. That fits their loss: here this model makes next to no
# use of the order. With rotary positions it is [[swap_changes_logits_rotary .1]], a factor of many thousands.
#
# (That a model without positions sees only a bag holds for one layer of attention. In a deeper model the layers above
# can work out more of the order, because each word below has seen another bag: see the last of the further readings.)
#
# ### Does the order show in what the models write?
#
# We let each model write many stories, word by word, each word drawn by its probability. Then we take all groups of
# four words that follow one another, and count those that occur in none of the 3,000 training stories. Even good
# stories have some new groups, so we count the same in the test stories. A larger share than there hints at wrongly
# combined words.
#
# In `write`, `p` holds the probabilities of the next word, one row for each story, and `steps` their running sums: 0.2,
# 0.5 and 0.3 become 0.2, 0.7 and 1. Then a number between 0 and 1 is drawn, and the next word is the first whose
# running sum reaches it. For 0.6 that is the second word, and it happens in half of all draws, as it should. (The code
# counts the sums below the drawn number, which gives the index of that word.)


# %%
def write(model, count, seed=1):
    draw = np.random.default_rng(seed)
    ids = np.zeros((count, 57), "int32")
    ids[:, 0] = tokenizer.end_id
    for t in range(56):
        p = softmax(np.asarray(model(ids[:, :56]), "float64")[:, t])
        steps = p.cumsum(axis=1) / p.sum(axis=1, keepdims=True)
        ids[:, t + 1] = (steps < draw.random((count, 1))).sum(axis=1)
    return ids[:, :56]


def story_of(row):
    """Without what stands behind the second <end>."""
    row = row.tolist()
    if tokenizer.end_id in row[1:]:
        row = row[: row.index(tokenizer.end_id, 1) + 1]
    return row


def fours(rows):
    """All groups of four words."""
    found = []
    for row in map(story_of, rows):
        found += zip(row, row[1:], row[2:], row[3:], strict=False)
    return found


known = set(fours(train))


def share_new(rows):
    return np.mean([four not in known for four in fours(rows)])


written = {kind: [write(model, 100) for model, _ in runs[kind]] for kind in KINDS}
new = {kind: [share_new(rows) for rows in each] for kind, each in written.items()}
for kind, shares in new.items():
    print(f"{kind:>10}:", ", ".join(f"{share:.1%}" for share in shares))
print(f"{'test':>10}: {share_new(test):.1%}")

for kind in ("none", "rotary"):
    print(f"\nOne story, positions: {kind}")
    first = story_of(written[kind][0][0])
    print(textwrap.fill(tokenizer.decode(first[1:]).removesuffix("<end>"), 72))

# %% tags=["hide-cell"]
for kind, shares in new.items():
    name = {"none": "no_positions"}.get(kind, kind)
    lesson.record_mean(f"new_fours_{name}", shares, "", None, "of the groups of four words written", at_least=0.02)
word = "a difference" if judged(new["rotary"], new["none"])[2] else "a draw"
lesson.record("new_fours_rotary_or_none", word, tolerance=None)
lesson.record("new_fours_test", float(share_new(test)), tolerance=0.01, note="of those in the test stories")

# %% [markdown]
# Hardly. As shares of all groups, new are [[new_fours_learned .3]] with learned positions, [[new_fours_rotary .3]] with
# rotary ones, [[new_fours_no_positions .3]] without any and [[new_fours_sinusoidal .3]] with sinusoidal ones (means of
# the three seeds that are printed above; the ± are in the table at the end of the page). In the test stories it is
# [[new_fours_test .3]], so each model writes more new groups than good stories have. By our rule one of the six pairs
# differs, learned and none, and only just: the gap is 0.025, the limit 0.023. Between rotary positions and none it is
# [[new_fours_rotary_or_none]], and so it is for the other four pairs. So the lower loss of the rotary positions cannot
# be seen in this count, and one pair in six just above its limit is weak evidence. The two stories are only examples.
#
# ## One head or four?
#
# We train the model with rotary positions again, with one head of 64 numbers in the place of four of 16. Both have
# equally many numbers to learn:

# %%
one_head = [test_losses("rotary", seed, heads=1) for seed in SEEDS]

# %% tags=["hide-cell"]
lesson.record_mean(
    "loss_rotary_one_head_after_all_epochs", [losses[-1] for _, losses in one_head], "nats per token", 0.08
)
gap, _, differ = judged(*([losses[-1] for _, losses in each] for each in (runs["rotary"], one_head)))
word = f"a difference: {'four heads are' if gap > 0 else 'one head is'} better" if differ else "a draw"
lesson.record("one_head_or_four_greentree", word, tolerance=None)

# %% [markdown]
# On these simple stories one head ends at [[loss_rotary_one_head_after_all_epochs .3]] nats, with a ± of 0.031, and
# four at [[positions/rotary/after 5 epochs]]. The gap is 0.050 and the limit 0.063, so by our rule that is
# [[one_head_or_four_greentree]]: if four heads are better here, three seeds do not show it.
#
# Real text may ask for more at once. We take the plays of Shakespeare (one million characters) letter by letter, in
# windows of 65 letters (the model reads the first 64 and predicts after each the next), for one epoch, with a learning
# rate of 0.005 and batches of 64. The loss is in nats per *character* here, so it cannot be compared with the losses
# above. It is measured on a held-out part, which is not trained on. (`--text FILE` puts a text of your own here: plain
# text in UTF-8.)

# %%
corpus = None
if lesson.full or lesson.own_text:
    corpus = lesson.real_corpus("tiny_shakespeare")


def windows(texts):
    ids = [id for one in texts for id in letters.encode(one)]
    ids = np.array(ids, "int32")
    starts = range(0, len(ids) - 64, 64)
    return np.stack([ids[start : start + 65] for start in starts])


CHOICES = {
    "no_positions": {"positions": "none"},
    "1_head": {"positions": "rotary", "heads": 1},
    "4_heads": {"positions": "rotary"},
}
real = {name: [] for name in CHOICES}
if corpus:
    letters = CharacterTokenizer.train(corpus.texts("train"))
    read = windows(corpus.texts("train"))
    held_out = windows(corpus.texts("validation"))
    for name, seed in itertools.product(CHOICES, SEEDS):
        reproducible(seed)
        options = {"learning_rate": 0.005, **CHOICES[name]}
        model = make_model(letters.vocabulary_size, **options)
        x, y = read[:, :-1], read[:, 1:]
        model.fit(x, y, batch_size=64, epochs=1, verbose=0)
        loss = model.evaluate(held_out[:, :-1], held_out[:, 1:], verbose=0)
        real[name].append(loss)
        print(f"{name}, seed {seed}: {loss:.3f} nats per character")

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    for name, each in real.items():
        lesson.record_mean(f"shakespeare_{name}", each, "nats per character", 0.05, "held-out part, one epoch")

# %% [markdown]
# Do positions help here? With four heads, the loss is [[shakespeare_no_positions .3]] nats a character without
# positions and [[shakespeare_4_heads .3]] with rotary ones. Do several heads help? With rotary positions, one head
# reaches [[shakespeare_1_head .3]] and four reach [[shakespeare_4_heads .3]]. (All are means of three seeds.) Each ± is
# below 0.01, so the limit of our rule is below 0.02, and both gaps are far above it. On this text both lower the loss,
# and the rotary positions do so more than the heads. We have tried this with rotary positions only, for one epoch and
# with one learning rate.
#
# Why do positions help so much here? Perhaps because of the spelling: letters make a word only in
# their order. That is a guess.
#
# ## What goes wrong: the reshape without the swap
#
# `split` first reshapes and then swaps two axes. The result has the shape [B, H, T, K], and a single `reshape` can make
# that shape directly. The mistake is easily made, and no error follows from it:

# %%
x = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
wrong = x.reshape(2, 2, 2)  # meant to be [head, word, number]
print("head 1:", wrong[0].tolist())
print("head 2:", wrong[1].tolist())


# %% [markdown]
# Head 1 now holds the whole first word, and head 2 the whole second: each head sees a part of the *text*, not a part of
# each word. With four heads and 56 places, a word sees nothing beyond its own quarter of the text. Does it learn?


# %%
class WrongHeads(Heads):
    def split(self, x):
        B, T, D = ops.shape(x)
        return ops.reshape(x, (B, self.heads, T, D // self.heads))

    def join(self, y):
        B, H, T, d = ops.shape(y)
        return ops.reshape(y, (B, T, H * d))


broken = [test_losses("learned", seed, layer=WrongHeads) for seed in SEEDS]

# %% tags=["hide-cell"]
final = [losses[-1] for _, losses in broken]
lesson.record_mean("loss_wrong_reshape", final, "nats per token", 0.08, "learned positions, after all epochs")

# %% [markdown]
# It trains, and ends at [[loss_wrong_reshape .3]] ± 0.007 nats; the right one with the same positions had
# [[positions/learned/after 5 epochs]]. The gap is 0.079 and the limit 0.047, so by our rule the two differ. Without the
# comparison you would hardly suspect anything: the loss falls, the shapes are right, and no word sees a later one. Two
# tests can find it:
#
# - **Compare with the plain way**, head by head, as we did above with the right layer.
# - **Cut the end off.** A model with a causal mask must predict the same from the first words of a text, however much
#   text follows. Here it does not. What the later words *are* still makes no difference, but how *many* they are does.
#   The text is cut into four quarters. If it is shorter, so are its quarters, and a word sees others than before.
#
# We run the second test with the models of the first seed: how much do the logits of the first 20 places change when 56
# places are cut to 28?

# %%
pair = {"right": runs["learned"][0][0], "wrong": broken[0][0]}
for name, model in pair.items():
    whole = np.asarray(model(test[:1, :56]))[0, :20]
    short = np.asarray(model(test[:1, :28]))[0, :20]
    change = np.abs(whole - short).max()
    print(f"{name}: cutting the end off changes earlier logits by {change:.4f}")

# %% [markdown]
# The right model's logits stay as they were; those of the wrong one change by far more than rounding.
#
# ## What this lesson cannot show
#
# - The model is one layer of attention and nothing else, and it trains for minutes. In deeper models, which come
#   [next](transformer_block.py), the order of the four kinds may be another one.
# - Three seeds are few. A draw here may be a small difference that more seeds would show.
# - Texts here have at most 64 tokens. What happens beyond the longest text of training, for which rotary positions are
#   often chosen, is not tested here.
# - The learning rate is the same for all kinds; each might prefer its own. It was chosen by looking at these test
#   stories, and the 0.005 for Shakespeare on the part on which we report. For the factor 0.05 of the sinusoidal
#   positions we did not look for the best value (exercise 3).
#
# ## Summary
#
# Several heads take several weighted means, with as many numbers to learn as one wide head: multiply the words by the
# three matrices, cut the queries, keys and values into parts by a reshape, then swap. Attention without a mask does not
# know the order of the words; with a causal mask, one layer does not know the order of those before. Learned and
# sinusoidal positions are added to the words; rotary positions turn the queries and keys, so that a score depends on
# how far, and on which side, one word stands from the other. On our stories rotary positions had the lowest loss after
# one epoch; after five they were lower than sinusoidal ones and none, by just more than our limit, and drew with
# learned ones. On Shakespeare, in one epoch, both rotary positions and more heads lowered the loss. A reshape without
# its swap runs, trains and is wrong.
#
# ## Exercises
#
# For exercises 3 and 4 change the script `heads_and_positions.py` in the folder `chapters/05_transformer` of the book,
# and run it there with `python heads_and_positions.py` (quick) or `python heads_and_positions.py --full`. Run it once
# before the change, and compare with that run: the quick profile has one seed and three epochs, so its numbers are not
# those of this page. Keep a copy of the script, to have it back afterwards.
#
# 1. With a pencil: cut (1, 2, 3, 4, 5, 6) and (7, 8, 9, 10, 11, 12) into three heads. Then cut them with the wrong
#    reshape.
# 2. With a pencil: turn by 45° at each place. What is the score of the arrow (1, 0) at place 5 with (1, 0) at place 3?
# 3. Set the factor 0.05 of the sinusoidal positions in `Places` to 0.3 and to 1. What changes after one epoch, and what
#    in the test with the swapped words?
# 4. In the line `one_head = …`, let `heads=1` be `heads=2` or `heads=16`. Does the loss change? (The output still calls
#    it `loss_rotary_one_head_after_all_epochs`.)
# 5. Run `lmbook run heads_and_positions --text FILE` on a text of your own (plain text, UTF-8, best a million letters):
#    which gains more there, positions or heads? (Add `--full` for three seeds.)
#
# <details>
# <summary>Answers to 1 and 2, hints for 3 to 5</summary>
#
# 1. Right: head 1 has (1, 2) and (7, 8), head 2 has (3, 4) and (9, 10), head 3 has (5, 6) and (11, 12). Wrong: head 1
#    has (1, 2) and (3, 4), head 2 has (5, 6) and (7, 8), head 3 has (9, 10) and (11, 12).
# 2. The distance is two places, the angle 90°, and the score cos 90° = 0.
# 3. Compare with the rows "sinusoidal" and "none" of the table `positions` in your run before the change; with `--full`
#    they should be near [[loss_sinusoidal_after_one_epoch .3]] and [[loss_no_positions_after_one_epoch .3]] after one
#    epoch. We expect that with larger positions the swap changes the logits by more than before (with `--full`
#    [[swap_changes_logits_sinusoidal .3]]). Whether the loss falls too, we have not tried: positions that are too large
#    may hide the words.
# 4. The number of heads must divide 64: two heads have 32 numbers each, sixteen have 4. With `--full` you know one head
#    ([[loss_rotary_one_head_after_all_epochs .3]]) and four ([[loss_rotary_after_all_epochs .3]]), each with three
#    seeds; the rule calls these two [[one_head_or_four_greentree]].
# 5. Take the gap between `no_positions` and `4_heads` for the positions, and the gap between `1_head` and `4_heads` for
#    the heads. On Shakespeare the first was the larger one. With one seed you see a gap and not how sure it is.
#
# </details>
#
# ## Further reading
#
# - {cite:t}`vaswani2017`, sections 3.2.2 and 3.5: heads and sinusoidal positions as they were introduced.
# - {cite:t}`su2021`: rotary positions, with the proof.
# - {cite:t}`haviv2022`: why a model with a causal mask can do without positions.
#
# Before this lesson: [attention](attention.py). Next: [the Transformer block](transformer_block.py).

# %%
lesson.finish()
