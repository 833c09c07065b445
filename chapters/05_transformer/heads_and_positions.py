# %% [markdown]
# # Heads and positions
#
# - Article section: §3.1.2
# - Needs: attention
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 4
# - Memory: 1.7 GB
# - Shows: several heads by a reshape, three ways to tell attention the order, and the reshape that breaks it
# - Headline: loss_rotary_after_one_epoch, loss_no_positions_after_one_epoch, loss_wrong_reshape, shakespeare_4_heads
#
# One attention head takes one weighted mean of the words before it, but a word often needs two things at once. And to
# attention "dog bites man" and "man bites dog" are the same. How do we get several means, and how does attention learn
# the order of the words?
#
# Afterwards you can
#
# - cut a vector into heads and put it together again, and say which shape comes out of each step;
# - show with numbers that attention alone does not know the order, and repair it in three ways;
# - recognise a wrong reshape, which gives the right shapes and the wrong model.
#
# You need the [lesson on attention](attention.py): queries, keys, values, softmax and the causal mask.

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
from lmbook.layers import apply_rotary, sinusoidal

import keras
import numpy as np
from keras import ops

lesson = Lesson("heads_and_positions")
reproducible(lesson.seed)
rng = np.random.default_rng(lesson.seed)

# %% [markdown]
# ## The idea in one picture
#
# Read it from below. The vectors $x$ of the words are multiplied by three matrices, as in the last lesson. The results
# are then cut into four parts, and each part, called a **head**, does attention on its own. At the top the four results
# are put side by side, and a last matrix mixes them.

# %% tags=["hide-input"]
diagrams.multi_head(heads=4, width=64)

# %% [markdown]
# Each word has 64 numbers, each head gets 16 of them. So four heads cost no more than one wide head: the matrices are
# the same size. What changes is that there are now four sets of weights, and a word can attend to four things at once.
#
# ## With a pencil: why one mean is not enough
#
# In "a green tree stands", let the word "stands" look for two things, the adjective "green" and the noun "tree". Their
# values are (1, 0) and (0, 1).
#
# - **One head** gives each a weight of 0.5 and takes 0.5 · (1, 0) + 0.5 · (0, 1) = (0.5, 0.5). A single word with the
#   value (0.5, 0.5) would have given the same. Which part came from which word is lost.
# - **Two heads**: the first gives all its weight to "green" and takes (1, 0), the second all its weight to "tree" and
#   takes (0, 1). Side by side that is (1, 0, 0, 1): the first half says what the first head found, the second half what
#   the second did. Nothing is lost.
#
# ## Cutting into heads
#
# How are the parts cut? Here are two words with four numbers each, and we want two heads of two numbers.

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
#   ones;
# - $[\dots]$ puts the heads' results side by side, and $W_O$, $D$ by $D$, mixes them.
#
# As a Keras layer, in which B is the number of texts in a batch. `rotary` will be explained below; until then it is
# off.


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
        t = ops.arange(ops.shape(x)[1])
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
# Then against the book's layer and against Keras' own, which was written by other people:

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
# All the same, up to rounding. The book's layer:
#
# [[source lmbook.MultiHeadAttention]]
#
# > The article writes (§3.1.2): "The attention weights of each head are independent, but they share the same underlying
# > parameters." They do not: each head has its own columns of $W_Q$, $W_K$ and $W_V$. What the heads share is their
# > input.
#
# ## Attention does not know the order
#
# Nothing in the formula says where a word stands. We take five words, without the causal mask, shuffle them, and
# compare:

# %%
layer = MultiHeadAttention(num_heads=4)
x = rng.normal(size=(1, 5, 32)).astype("float32")
order = [4, 2, 0, 3, 1]
first_shuffled = np.asarray(layer(x[:, order]))
shuffled_afterwards = np.asarray(layer(x))[:, order]
moved = float(np.abs(first_shuffled - shuffled_afterwards).max())
print(f"largest difference: {moved:.1e}")

# %%
lesson.record("shuffle_changes", moved, tolerance=None, at_most=1e-5)

# %% [markdown]
# Every word gets exactly what it got before, wherever it stands now: for attention, a sentence is a bag of words. (With
# the causal mask a little of the order shows through: the first word sees one word, the second two.) So the position
# must be put into the numbers. There are three common ways.
#
# ### 1. Learned: a table of places
#
# Each place gets a vector of its own, which is added to the word's vector. This is what the last lesson did. Training
# finds the vectors. A place beyond the longest text of training has none.
#
# ### 2. Sinusoidal: clocks
#
# To tell the time of a whole day we use hands of different speeds. Here the hands are pairs of a sine and a cosine.
# Pair $i$ turns by the angle $\omega_i$ at each place, fast in the first pair, ever more slowly in the later ones, and
# the pair $(\sin t\,\omega_i, \cos t\,\omega_i)$ is added to the word at place $t$:
#
# $$\omega_i = 10000^{-2i/D}, \qquad i = 0, 1, \dots, D/2 - 1$$
#
# With a pencil, for $D = 4$ numbers, 100 in the place of 10000, and place $t = 2$: $\omega_0 = 1$ and
# $\omega_1 = 100^{-2/4} = 0.1$. The first pair is (sin 2, cos 2) = (0.91, −0.42), the second (sin 0.2, cos 0.2) =
# (0.20, 0.98). The picture shows four pairs:

# %% tags=["hide-input"]
diagrams.sinusoidal(length=16, width=8, position=5)


# %% [markdown]
# Nothing is learned, and there is a vector for every place. In code:


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
# place $t$, and do the same to the keys. A score is the dot product of a query and a key, and the dot product of two
# arrows depends on their lengths and on the angle *between* them. If both words move ten places on, both arrows turn
# further by the same angle, and the score stays as it was. What counts is the distance.

# %% tags=["hide-input"]
diagrams.rotary(["the", "cat", "sat", "down"], pairs=2)

# %% [markdown]
# With a pencil: let query and key both be the arrow (1, 0), and turn by 30° at each place. The query at place 3 points
# to 90°, a key at place 1 to 30°. The angle between them is 60°, and their dot product is cos 60° = 0.5. At the places
# 13 and 11 it is 390° and 330°: again 60°, again 0.5. A key at place 3 itself gives cos 0° = 1, the highest score. In
# code, an arrow is turned with a sine and a cosine:


# %%
def turned(arrow, degrees):
    angle = np.radians(degrees)
    a, b = arrow
    sin, cos = np.sin(angle), np.cos(angle)
    return np.array([a * cos - b * sin, a * sin + b * cos])


for query_place, key_place in ((3, 1), (13, 11), (3, 3)):
    score = turned((1, 0), 30 * query_place) @ turned((1, 0), 30 * key_place)
    print(f"query at {query_place:>2}, key at {key_place:>2}: {score:.2f}")

# %% [markdown]
# A head of 16 numbers has eight such arrows, each turned at its own speed $\omega_i$, as the clocks above. The formula,
# with $R_t$ for "turn by $t$ places":
#
# $$(R_t\, q) \cdot (R_s\, k) \;=\; (R_{t-s}\, q) \cdot k$$
#
# where $q$ is a query at place $t$ and $k$ a key at place $s$. The library's version turns all pairs at once:
#
# [[source lmbook.layers.apply_rotary]]
#
# Does it keep its promise? We give one query and one key of 16 numbers all places from 0 to 19, and then all places
# from 100 to 119. Every score should be the same.

# %%
q, k = rng.normal(size=(2, 1, 1, 1, 16)).astype("float32")


def scores_from(first):
    places = np.arange(first, first + 20)
    Q = apply_rotary(np.repeat(q, 20, axis=2), places)[0, 0]
    K = apply_rotary(np.repeat(k, 20, axis=2), places)[0, 0]
    return np.asarray(Q) @ np.asarray(K).T


moved = float(np.abs(scores_from(100) - scores_from(0)).max())
print(f"largest difference: {moved:.1e}")

# %%
lesson.record("difference_when_both_move_100_places", moved, tolerance=None, at_most=1e-4, note="rotary scores")

# %% [markdown]
# ## Which positions learn fastest?
#
# We train the little model of the last lesson, now with four heads, on the stories of **greentree**, the corpus that is
# built into this book. A table gives each word a vector of 64 numbers, the heads add what they find, and a `Dense`
# layer scores every word of the vocabulary. The **loss** is the mean of $-\ln p$, with $p$ the probability of the word
# that really came, in **nats**; the best possible loss on these stories is known exactly and called the **floor**. An
# **epoch** is one pass over the training stories, in **batches** of 32.


# %%
class Places(keras.layers.Layer):
    def __init__(self, kind, width):
        super().__init__()
        self.kind, self.width = kind, width
        if kind == "learned":
            self.table = keras.layers.Embedding(64, width)

    def call(self, x):
        t = ops.arange(ops.shape(x)[1])
        if self.kind == "learned":
            return x + self.table(t)
        if self.kind == "sinusoidal":
            return x + 0.05 * sinusoidal(t, self.width)  # as small as x is
        return x  # "rotary" is done inside the heads; "none" not at all


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
# the model predicts each word from those before it. The test stories are not trained on.

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


KINDS = ("none", "sinusoidal", "learned", "rotary")
runs = {kind: [test_losses(kind, seed) for seed in SEEDS] for kind in KINDS}

# %% tags=["hide-cell"]
lesson.record("floor", lowest, "nats per token", 1e-6, note="the best possible loss on the test stories")
for kind, each in runs.items():
    losses = np.array([losses for _, losses in each])
    name = {"none": "no_positions"}.get(kind, kind)
    for label, column in (("one_epoch", 0), ("all_epochs", -1)):
        note = f"positions: {kind}; test stories"
        lesson.record_mean(f"loss_{name}_after_{label}", losses[:, column], "nats per token", 0.08, note)

# %% tags=["hide-input"]
figure, axes = plots.new_figure("", "epoch", "loss on test stories (nats per token)", size=(6.5, 3.8))
rows = []
for index, (kind, each) in enumerate(runs.items()):
    losses = np.array([losses for _, losses in each])
    axes.plot(range(1, EPOCHS + 1), losses.mean(axis=0), marker="o", label=kind, **plots.line_style(index))
    spread = [f" ± {sd:.3f}" for sd in losses.std(axis=0, ddof=1)] if len(each) > 1 else [""] * EPOCHS
    rows.append((kind, *(f"{losses[:, column].mean():.3f}{spread[column]}" for column in (0, -1))))
plots.draw_floor(axes, lowest, "floor")
axes.set_xticks(range(1, EPOCHS + 1))
axes.legend(frameon=False)
lesson.figure(figure, "positions", "Four kinds of positions, trained; the mean of the seeds")
lesson.table("positions", rows, ["positions", "after one epoch", f"after {EPOCHS} epochs"])

# %% [markdown]
# After one epoch rotary positions are ahead: [[loss_rotary_after_one_epoch .2]] nats, against
# [[loss_learned_after_one_epoch .2]] for learned ones, [[loss_sinusoidal_after_one_epoch .2]] for sinusoidal ones and
# [[loss_no_positions_after_one_epoch .2]] without any. They need not learn first what a distance is. After all epochs
# the four have come close together (rotary [[loss_rotary_after_all_epochs]], learned [[loss_learned_after_all_epochs]],
# sinusoidal [[loss_sinusoidal_after_all_epochs]], none [[loss_no_positions_after_all_epochs]]). The ± in the table is
# the standard deviation over three runs that differ only in their seed; where two rows differ by less than about twice
# that, call it a draw. Note the last figure: a model without any positions does well on these stories. The causal mask
# gives a little of the order away, and a word's neighbours say much by their meaning alone.
#
# Does the order show in what the models write? Read both, and look for words at the wrong place:


# %%
def write(model, start, count=45, seed=1):
    draw = np.random.default_rng(seed)
    ids = [tokenizer.end_id, *tokenizer.encode(start)]
    for _ in range(count):
        padded = np.array([ids + [0] * (56 - len(ids))])
        logits = np.asarray(model(padded), "float64")[0, len(ids) - 1]
        ids.append(int(draw.choice(len(logits), p=softmax(logits))))
        if ids[-1] == tokenizer.end_id:
            break
    return tokenizer.decode(ids[1:])


for kind in ("none", "rotary"):
    print(f"positions: {kind}")
    print(textwrap.fill(write(runs[kind][0][0], "An old birch"), 72), "\n")

# %% [markdown]
# In these two stories (of one run each) you can look for phrases that run into one another, and for a hero who changes
# the name. A pair of samples proves nothing; the losses above do.
#
# ## One head or four?
#
# The same model with one head of 64 numbers in the place of four of 16, and as many weights:

# %%
one_head = [test_losses("rotary", seed, heads=1) for seed in SEEDS]

# %%
lesson.record_mean(
    "loss_rotary_one_head_after_all_epochs", [losses[-1] for _, losses in one_head], "nats per token", 0.08
)

# %% [markdown]
# On these simple stories one head ends at [[loss_rotary_one_head_after_all_epochs]], four at
# [[loss_rotary_after_all_epochs]]; with the spread of three seeds that is a hint and no more. On real text, where more
# is asked for at once, it should be clearer: the plays of Shakespeare (one million characters, in full), letter by
# letter, in windows of 64 letters, one epoch. To spell, a model needs several earlier letters, each in its place.
# `--text FILE` puts your own text here.

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
# Without positions, four heads reach [[shakespeare_no_positions]] nats a character. With rotary positions one head
# reaches [[shakespeare_1_head]] and four reach [[shakespeare_4_heads]] (means of three seeds; the losses of each are
# printed above). Here both, positions and heads, matter, and the positions matter more.
#
# ## What goes wrong: the reshape without the swap
#
# `split` first reshapes and then swaps two axes. The result has the shape [B, H, T, D / H], and a single `reshape` can
# make that shape directly. It is a common mistake, and no error follows from it:

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
# It trains, and ends at [[loss_wrong_reshape]]; the right one with the same positions had
# [[loss_learned_after_all_epochs]]. Without the comparison you would hardly suspect anything: the loss falls, the
# shapes are right, and no word sees a later one. Two tests find it:
#
# - **Compare with the plain way**, head by head, as we did above.
# - **Cut the end off.** What stands behind a word must not change its prediction. Here it does, because the quarters of
#   the text depend on its length.

# %%
pair = {"right": runs["learned"][0][0], "wrong": broken[0][0]}
for name, model in pair.items():
    whole = np.asarray(model(test[:1, :56]))[0, :20]
    short = np.asarray(model(test[:1, :28]))[0, :20]
    change = np.abs(whole - short).max()
    print(f"{name}: cutting the end off changes earlier logits by {change:.4f}")

# %% [markdown]
# ## What this lesson cannot show
#
# - The model is one layer of attention and nothing else, and it trains for minutes. In deeper models, which come
#   [next](transformer_block.py), the order of the four kinds may be another one.
# - Texts here have at most 64 tokens. What happens beyond the longest text of training, the main reason why rotary
#   positions are used today, is not tested here.
# - The learning rate is the same for all kinds; each might prefer its own. It was chosen by looking at these test
#   stories.
#
# ## Summary
#
# Several heads take several weighted means at the same price, by cutting each word's numbers into parts: reshape, then
# swap. Attention does not know the order of the words; positions are added to the words (learned, sinusoidal) or turned
# into queries and keys (rotary), which makes scores depend on distances. On our stories rotary positions learned
# fastest at the beginning. A reshape without its swap runs, trains and is wrong.
#
# ## Exercises
#
# 1. With a pencil: cut (1, 2, 3, 4, 5, 6) and (7, 8, 9, 10, 11, 12) into three heads. Then cut them with the wrong
#    reshape.
# 2. With a pencil: turn by 45° at each place. What is the score of the arrow (1, 0) at place 5 with (1, 0) at place 3?
# 3. Set the factor 0.05 of the sinusoidal positions to 1. What changes after one epoch, and why?
# 4. Let the heads be 2 or 16 in `test_losses("rotary", seed, heads=…)`. Does the loss mind?
# 5. Run `lmbook run heads_and_positions --text FILE` on a text of your own: what gains more there, positions or heads?
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
