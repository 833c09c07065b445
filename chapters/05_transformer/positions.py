# %% [markdown]
# # Positions: how attention learns the order of the words
#
# - Article section: §3.1.2
# - Needs: attention_heads
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 4
# - Memory: 1.4 GB
# - Shows: why attention does not know the order, three ways to tell it, which learns fastest, and one way half done
# - Headline: loss_rotary_after_one_epoch, loss_no_positions_after_one_epoch, shakespeare_gap
#
# "Dog bites man" and "man bites dog" have the same words and mean opposite things. Yet attention without mask and
# positions computes the same numbers for each word in both. How does a model learn which word came first, and which way
# of telling it learns fastest?
#
# Afterwards you can
#
# - show with numbers that attention alone does not know the order;
# - compute with a pencil the three usual repairs: learned, sinusoidal and rotary positions;
# - test whether a model notices that two words have been swapped, and find a repair that was only half done.
#
# You need the lesson on [attention heads](attention_heads.py). In short: each word has three vectors (lists of
# numbers), a *query*, a *key* and a *value*, which three matrices $W_Q$, $W_K$ and $W_V$ make of the word's own vector.
# The *score* of two words is the *dot product* of one's query with the other's key: (1, 2) and (3, 4) give 1 · 3 + 2 ·
# 4 = 11. *Softmax* turns a word's scores into weights that add up to 1, and the word takes the mean of all values with
# these weights. A *head* does this with a part of the numbers. A *causal mask* hides the words that come later.
#
# The outputs on this page come from `lmbook run positions --full`. Without `--full` a quick version runs: one training
# of each model with three epochs, and no Shakespeare. Its order of the four kinds can be another than here. The
# **seed** is the number from which the drawing of random numbers starts: same seed, same numbers. In the code, `Lesson`
# keeps the figures, `lesson.table` draws a table, `lesson.choose` picks its `quick` or its `full` value, and
# `reproducible` sets the seed.

# %%
from __future__ import annotations

import itertools
import textwrap

from lmbook import CharacterTokenizer, Lesson, MultiHeadAttention, WordTokenizer, reproducible
from lmbook.book import diagrams, plots
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.layers import apply_rotary, sinusoidal

import keras
import numpy as np
from keras import ops

lesson = Lesson("positions")
reproducible(lesson.seed)
rng = np.random.default_rng(lesson.seed)  # random numbers, the same in each run

# %% [markdown]
# ## The idea in one picture
#
# The **position** of a word (its place in the text: 0, 1, 2 …) must get into the numbers. The picture shows where. Read
# it from below. Two ways *add* something to the word's own vector, before the three matrices: a row of a table that
# training finds (**learned**), or the hands of clocks that nobody has to learn (**sinusoidal**). The third way
# (**rotary**) adds nothing. It *turns* the query and the key, the further the later the word stands.

# %% tags=["hide-input"]
diagrams.ways_of_positions()

# %% [markdown]
# ## Attention does not know the order
#
# Why is a repair needed? Say a word gives the weights 0.2 and 0.8 to two others with the values 5 and 10. The mean is
# 0.2 · 5 + 0.8 · 10 = 9. In the other order it is 0.8 · 10 + 0.2 · 5, again 9: a sum does not change when its terms
# change places. And the weights come from scores, in which no position occurs.
#
# Let us see it. Three random vectors are the words of "dog bites man". The library's layer, which the last lesson has
# shown to be equal to ours, hides nothing unless it is given a mask. `[:, ::-1]` turns the sentence round; we turn the
# result back, so that each word is compared with itself.

# %%
layer = MultiHeadAttention(num_heads=4)
sentence = rng.normal(size=(1, 3, 32)).astype("float32")  # dog, bites, man
forwards = np.asarray(layer(sentence))
backwards = np.asarray(layer(sentence[:, ::-1]))[:, ::-1]  # man bites dog; and back
without_order = float(np.abs(forwards - backwards).max())
print(f"largest difference: {without_order:.1e}")

# %% [markdown]
# That is rounding: 1e-07 means 0.0000001. Every word gets what it got before. For attention, a sentence is a bag of
# words. (A causal mask tells a little: which words came before. One layer does not learn their order from it.)
#
# ## First way, learned: a table of positions
#
# Position 0 has a vector, position 1 has another, and so on; the vector of its position is added to that of the word.
# If "dog" is (1, 2) and the positions 0 and 2 are (0.1, 0) and (0, −0.3), then "dog" is (1.1, 2) at the start of a
# sentence, and (1, 1.7) at its end. Training finds the vectors, as it finds those of the words. The lesson
# on attention used this way.
#
# ## Second way, sinusoidal: clocks
#
# To tell the time of a whole day we use hands of different speeds. Sinusoidal positions do the same. Each hand is a
# pair of numbers, a sine and a cosine of an angle. At position $t$, hand $i$ has turned by the angle $t\,\omega_i$,
# where $\omega_i$ (omega) is its speed:
#
# $$\omega_i = b^{-2i/D}, \qquad i = 0, 1, \dots, D/2 - 1$$
#
# - $D$ says how many numbers a word has, so that there are $D/2$ hands;
# - $b$ is called the base. 10,000 is a common choice; with the pencil and in the pictures we take 100, so that the slow
#   hands are seen to move;
# - angles are in radians: 1 radian is about 57°.
#
# With a pencil, for $D = 4$, $b = 100$ and position $t = 2$: the speeds are $\omega_0 = 100^0 = 1$ and $\omega_1 =
# 100^{-2/4} = 0.1$. The first hand is (sin 2, cos 2) = (0.91, −0.42), the second (sin 0.2, cos 0.2) = (0.20, 0.98).
# These four numbers are added to those of the word. The picture shows four hands, as waves over 16 positions:

# %% tags=["hide-input"]
diagrams.sinusoidal(length=16, width=8, position=5)


# %% [markdown]
# In code, `angles_at` gives a row of angles for each position (`[:, None]` makes a column of the positions, so that
# each of them meets each speed), and `clocks` takes their sines and cosines. All sines come first and then all cosines;
# the order does not matter, as long as it is always the same.


# %%
def angles_at(positions, D, base=10_000):  # [T] -> [T, D / 2]
    i = np.arange(D // 2)
    return positions[:, None] * base ** (-2 * i / D)


def clocks(positions, D, base=10_000):  # [T] -> [T, D]
    angles = angles_at(positions, D, base)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


print(clocks(np.array([2]), D=4, base=100).round(2))
first_50 = np.arange(50)
clocks_apart = float(np.abs(clocks(first_50, 64) - sinusoidal(first_50, 64)).max())
print(f"largest difference to the library: {clocks_apart:.1e}")

# %% [markdown]
# These are the numbers of the pencil, and those of the library's `sinusoidal`. Nothing is learned here.
#
# ## Third way, rotary: turn, don't add
#
# Take two numbers of a query as an arrow in the plane. Rotary positions turn this arrow by the angle $t\,\omega_i$
# (each pair of numbers $i$ has the speed of its clock) at position $t$, and do the same to the keys. The dot product of
# two arrows depends on their lengths and on the angle *between* them. If both words move ten positions on, both arrows
# turn further by the same angle, and the score stays as it was.

# %% tags=["hide-input"]
diagrams.rotary(["the", "cat", "sat", "down"], pairs=2)

# %% [markdown]
# Each word has two arrows here, which turn by 1 radian (57°) and by 0.1 radian (5.7°) at each position.
#
# **How far apart.** With a pencil, let a query and a key both be the arrow (1, 0), and turn by 30° at each position:
#
# | query at position | key at position | their angles | the angle between | score |
# |---:|---:|---|---:|---|
# | 3 | 1 | 90° and 30° | 60° | cos 60° = 0.5 |
# | 13 | 11 | 390° and 330° | 60° | cos 60° = 0.5 |
#
# **Which comes first.** Two equal arrows do not show which word comes first; two different ones do. Let the query be
# (1, 0) and the key (0, 1), which points to 90° before any turn. With the query at position 1 and the key at position
# 0, they point to 30° and 90°: the angle between them is 60°, and the score 0.5. The other way round, with the query at
# position 0 and the key at position 1, they point to 0° and 120°, and the score is cos 120° = −0.5.
#
# In code, a vector is cut into two halves, `a` and `b`; the first arrow is the first number of each half, the second
# arrow the second of each, and so on. `turn` gets a row of angles for each row of `x`, one angle for each arrow. The
# last line is how school mathematics turns an arrow (a, b) by an angle.


# %%
def turn(x, angles):  # x: [T, D], angles: [T, D / 2]
    half = x.shape[1] // 2
    a, b = x[:, :half], x[:, half:]
    sin, cos = np.sin(angles), np.cos(angles)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=1)


right, up = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
for key, t, s in ((right, 3, 1), (right, 13, 11), (up, 1, 0), (up, 0, 1)):
    q = turn(right, np.radians([[30 * t]]))  # 30° for each position
    k = turn(key, np.radians([[30 * s]]))
    print(f"query at {t:>2}, key at {s:>2}: {(q @ k.T).item():.2f}")

# %% [markdown]
# These are the scores of the pencil. As a formula, with $R_t$ for "turn by $t$ positions":
#
# $$(R_t\, q) \cdot (R_s\, k) \;=\; (R_{t-s}\, q) \cdot k$$
#
# where $q$ is a query at position $t$ and $k$ a key at position $s$. To see it, turn both arrows back by $s$ positions:
# the angle between them stays. Only $t - s$ is left, which is above 0 when the key stands before the query, and below 0
# when it stands after. The library's version does this for whole batches:
#
# [[source lmbook.layers.apply_rotary]]
#
# Is it equal to ours, and is the formula true for eight arrows? We put one query and one key of 16 random numbers on
# all positions from 0 to 19, and then from 100 to 119. The scores should be the same.

# %%
q, k = (np.repeat(one, 20, axis=0) for one in rng.normal(size=(2, 1, 16)))


def scores_from(first):
    angles = angles_at(np.arange(first, first + 20), 16)
    return turn(q, angles) @ turn(k, angles).T  # [20 queries, 20 keys]


near, far = scores_from(0), scores_from(100)
print(f"query at  10: key at   8 {near[10, 8]:.3f}, key at  12 {near[10, 12]:.3f}")
print(f"query at 110: key at 108 {far[10, 8]:.3f}, key at 112 {far[10, 12]:.3f}")
moved = float(np.abs(far - near).max())
print(f"largest difference of all scores: {moved:.1e}")

library = np.asarray(apply_rotary(q[None, None].astype("float32"), np.arange(20)))[0, 0]
to_library = float(np.abs(library - turn(q, angles_at(np.arange(20), 16))).max())
print(f"largest difference to the library: {to_library:.1e}")

# %% [markdown]
# The two lines agree, so only $t - s$ counts: how far apart the words stand, and on which side. Within a line the two
# scores differ, because the key stands two positions before the query and then two after.
#
# ## Which way learns fastest?
#
# By the fastest we mean the way with the lowest loss after one epoch; where it ends after five is a second question. We
# give each way to the little model of the last lesson. `Positions` adds the learned or the sinusoidal vectors. An
# `Embedding(64, width)` is a table of 64 rows, one for each position, with `width` numbers each, which training finds.
# For rotary positions there is nothing to add. (We need `size` further down.)


# %%
class Positions(keras.layers.Layer):
    def __init__(self, kind, width, size=1.0):
        super().__init__()
        self.kind, self.width, self.size = kind, width, size
        if kind == "learned":
            self.table = keras.layers.Embedding(64, width)

    def call(self, x):
        t = ops.arange(ops.shape(x)[1])  # the positions 0, 1, … T - 1
        if self.kind == "learned":
            return x + self.table(t)
        if self.kind == "sinusoidal":
            return x + self.size * sinusoidal(t, self.width)
        return x  # "no_positions" and "rotary" add nothing


# %% [markdown]
# The model has four heads. `Heads` is the layer of the last lesson with one method more: `turned` turns the queries and
# keys. The rest in short: `Dense` multiplies by a trained matrix; `split` cuts the numbers into heads; scores are
# divided by the root of a head's width, which keeps them small; and `mix` joins the heads' results. The shapes in
# square brackets hold B texts, H heads, T positions and D numbers.


# %%
class Heads(keras.layers.Layer):
    def __init__(self, width, rotary, heads=4):
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.query = keras.layers.Dense(width, use_bias=False)
        self.key = keras.layers.Dense(width, use_bias=False)
        self.value = keras.layers.Dense(width, use_bias=False)
        self.mix = keras.layers.Dense(width, use_bias=False)

    def split(self, x):  # [B, T, D] -> [B, H, T, D / H]
        B, T, D = ops.shape(x)
        return ops.swapaxes(ops.reshape(x, (B, T, self.heads, D // self.heads)), 1, 2)

    def turned(self, q, k, t):
        return apply_rotary(q, t), apply_rotary(k, t)

    def call(self, x):
        q, k, v = (self.split(made(x)) for made in (self.query, self.key, self.value))
        t = ops.arange(ops.shape(x)[1])
        if self.rotary:
            q, k = self.turned(q, k, t)
        scores = q @ ops.swapaxes(k, 2, 3) / q.shape[-1] ** 0.5  # each query with each key
        scores = ops.where(t[None, :] <= t[:, None], scores, -1e9)  # the causal mask
        y = ops.swapaxes(ops.softmax(scores) @ v, 1, 2)  # means of the values, [B, T, H, D / H]
        return self.mix(ops.reshape(y, ops.shape(x)))  # side by side again, [B, T, D]


# %% [markdown]
# A table gives each word a vector of 64 numbers, its **embedding**. `Positions` adds the position, the heads add what
# they find, and a `Dense` layer makes a score, called a **logit**, for every word of the **vocabulary** (all the
# different words there are). Softmax turns the logits into probabilities of the next word.
#
# The **loss** is the mean of $-\ln p$, with $p$ the probability of the word that really came, in **nats**: for $p =
# 0.5$ it is 0.69 nats. **Adam**, a common rule, changes all numbers of the model a little after each batch of texts,
# and the **learning rate** says how much. `from_logits` tells Keras that softmax is still to be applied, and
# `ignore_class=0` that the number 0 is filling and not text.


# %%
def make_model(vocabulary, positions, learning_rate=0.01, layer=Heads, size=1.0):
    ids = keras.Input((None,), dtype="int32")
    x = Positions(positions, 64, size)(keras.layers.Embedding(vocabulary, 64)(ids))
    x = x + layer(64, positions == "rotary")(x)
    model = keras.Model(ids, keras.layers.Dense(vocabulary)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    return model


# %% [markdown]
# The stories are those of **greentree**, the corpus (collection of texts) that is built into this book, as rows of word
# numbers, filled up with 0. The test stories are not trained on. The best possible loss on them is known exactly, and
# is called the **floor**.

# %%
grammar = Grammar(split="seen", max_sentences=4)
train_stories = [s.english for s in tell_stories(3000, 10, grammar=grammar)]
test_stories = [s.english for s in tell_stories(200, 11, grammar=grammar)]
tokenizer = WordTokenizer.train(train_stories)


def as_rows(stories, length=57):
    rows = np.zeros((len(stories), length), "int32")
    for row, story in zip(rows, stories, strict=True):
        ids = [tokenizer.end_id, *tokenizer.encode(story), tokenizer.end_id]
        row[: len(ids)] = ids
    return rows


train, test = as_rows(train_stories), as_rows(test_stories)
lowest = floor(test_stories, tokenizer, grammar=grammar)
print(textwrap.fill(test_stories[0], 72))
print(f"floor: {lowest:.3f} nats per word")

# %% [markdown]
# To see what chance does, the full version trains each model with three seeds. An **epoch** is one pass over all
# stories.

# %%
KINDS = ("no_positions", "learned", "sinusoidal", "rotary")
SEEDS = [lesson.seed + n for n in range(lesson.choose(quick=1, full=3))]
EPOCHS = lesson.choose(quick=3, full=5)


def trained(positions, seed, **options):
    """A model, and its loss on the test stories after each epoch."""
    reproducible(seed)
    model = make_model(tokenizer.vocabulary_size, positions, **options)
    x, y = train[:, :-1], train[:, 1:]
    held_out = test[:, :-1], test[:, 1:]
    fitted = model.fit(x, y, 32, EPOCHS, verbose=0, validation_data=held_out)
    return model, fitted.history["val_loss"]


def mean_and_sd(values):
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


runs = {kind: [trained(kind, seed) for seed in SEEDS] for kind in KINDS}
losses = {kind: np.array([each for _, each in pairs]) for kind, pairs in runs.items()}

# %% tags=["hide-cell"]
lesson.record("difference_when_the_sentence_is_turned_round", without_order, tolerance=None, at_most=1e-5)
lesson.record("difference_of_sinusoidal_to_the_library", clocks_apart, tolerance=None, at_most=1e-4)
lesson.record("rotary_scores_change_by_when_both_move_100_places", moved, tolerance=None, at_most=1e-4)
lesson.record("difference_of_rotary_to_the_library", to_library, tolerance=None, at_most=1e-4)
lesson.record("floor", lowest, "nats per word", 1e-6, note="the best possible loss on the test stories")
for kind, values in losses.items():
    for label, column in (("one_epoch", 0), ("all_epochs", -1)):
        lesson.record_mean(f"loss_{kind}_after_{label}", values[:, column], "nats per word", 0.08, "test stories")
for kind in ("sinusoidal", "rotary"):
    gap = losses["no_positions"][:, 0].mean() - losses[kind][:, 0].mean()
    lesson.record(f"gain_of_{kind}_over_none_after_one_epoch", float(gap), "nats per word", None, at_least=0.02)

# %% [markdown]
# The picture shows the mean over the seeds after each epoch, the table the first and the last of these means. Behind
# each ± stands the **standard deviation** over the three seeds: about how far one run lies from the mean (for 1, 2 and
# 3 it is 1).

# %% tags=["hide-input"]
label = "loss on test stories (nats per word)"
figure, axes = plots.new_figure("Four kinds of positions", "epoch", label, size=(6.5, 3.8))
rows = []
for index, (kind, values) in enumerate(losses.items()):
    axes.plot(range(1, EPOCHS + 1), values.mean(axis=0), marker="o", label=kind, **plots.line_style(index))
    rows.append((kind, mean_and_sd(values[:, 0]), mean_and_sd(values[:, -1])))
plots.draw_floor(axes, lowest, "floor")
axes.set_xticks(range(1, EPOCHS + 1), [str(epoch) for epoch in range(1, EPOCHS + 1)])
axes.legend(frameon=False)
lesson.figure(figure, "positions", "The loss after each epoch, for four kinds of positions: the mean over the seeds")
lesson.table("positions", rows, ["positions", "after one epoch", f"after {EPOCHS} epochs"])

# %% [markdown]
# Which of these differences count? The *gap* is the first mean minus the second: above 0, the second kind has the lower
# loss. The *limit* is twice the larger of their two ±. If the gap's size, without its sign, is above the limit, we say
# that the two **differ**, and else that it is a **draw**. That is a rough rule, and no proof with three seeds. (It uses
# unrounded values, so a last digit can be one off.)


# %%
def judge(first, second):
    """By how much the second is lower, the limit, and what the rule says."""
    gap = np.mean(first) - np.mean(second)
    if len(first) == 1:
        return gap, np.nan, "one seed, no judgement"
    limit = 2 * max(np.std(first, ddof=1), np.std(second, ddof=1))
    return gap, limit, "a difference" if abs(gap) > limit else "a draw"


rows = []
for epoch in (1, EPOCHS):
    for first, second in itertools.combinations(KINDS, 2):  # each pair of two kinds
        gap, limit, word = judge(losses[first][:, epoch - 1], losses[second][:, epoch - 1])
        name = f"{first} minus {second}, epoch {epoch}"
        rows.append((name, f"{gap:.3f}", f"{limit:.3f}", word))
lesson.table("judgements", rows, ["losses", "gap", "limit", "judgement"])

# %% [markdown]
# **After one epoch** the models with sinusoidal and with rotary positions are ahead, with
# [[loss_sinusoidal_after_one_epoch .3]] and [[loss_rotary_after_one_epoch .3]] nats. Learned positions have
# [[loss_learned_after_one_epoch .3]], and the model without any has [[loss_no_positions_after_one_epoch .3]]. The rule
# says of sinusoidal against rotary: [[judgements/sinusoidal minus rotary, epoch 1/judgement]]; of learned against
# sinusoidal: [[judgements/learned minus sinusoidal, epoch 1/judgement]]; of learned against rotary:
# [[judgements/learned minus rotary, epoch 1/judgement]].
#
# **After five epochs** rotary positions have the lowest loss, [[loss_rotary_after_all_epochs .3]] nats. Of the three,
# only rotary still differs from none, by [[judgements/no_positions minus rotary, epoch 5/gap]] with a limit of
# [[judgements/no_positions minus rotary, epoch 5/limit]]; against learned positions it is
# [[judgements/learned minus rotary, epoch 5/judgement]], against sinusoidal ones
# [[judgements/sinusoidal minus rotary, epoch 5/judgement]].
#
# So on these stories sinusoidal and rotary positions were ahead after one epoch. Why? Perhaps because a table must be
# learned, while clocks and turns are there from the first step. But there is another difference: the sinusoidal numbers
# lie between −1 and 1, while `Embedding` starts with numbers between −0.05 and 0.05, for words and learned positions.
# So we try sinusoidal positions of a twentieth of their size.

# %%
small = [trained("sinusoidal", seed, size=0.05) for seed in SEEDS]
small_losses = np.array([each for _, each in small])
rows = []
for when, column in (("after one epoch", 0), ("after all epochs", -1)):
    without, each = losses["no_positions"][:, column], small_losses[:, column]
    gap, limit, word = judge(without, each)
    rows.append((when, mean_and_sd(without), mean_and_sd(each), f"{gap:.3f}", f"{limit:.3f}", word))
names = ["loss", "none", "small sinusoidal", "gap", "limit", "judgement"]
lesson.table("small_sinusoidal", rows, names)

# %% tags=["hide-cell"]
for label, column in (("one_epoch", 0), ("all_epochs", -1)):
    name = f"loss_small_sinusoidal_after_{label}"
    lesson.record_mean(name, small_losses[:, column], "nats per word", 0.08, "a twentieth of the size")
gain = float(losses["no_positions"][:, 0].mean() - small_losses[:, 0].mean())
name = "gain_of_small_sinusoidal_over_none_after_one_epoch"
lesson.record(name, gain, "nats per word", None, at_least=-0.1, at_most=0.06)

# %% [markdown]
# After one epoch the small ones have [[loss_small_sinusoidal_after_one_epoch .3]] nats. Against none that is
# [[small_sinusoidal/after one epoch/judgement]]: the head start is gone. So the sinusoidal positions need their large
# numbers; being there from the first step is not enough. Learned positions, which start as small and must be learned
# besides, came to [[loss_learned_after_one_epoch .3]]; so that a table must be learned does not explain the difference.
# For rotary positions we have tested no reason.
#
# ## And on real text?
#
# We take the plays of Shakespeare (one million characters) letter by letter, in windows of 65 letters: the model reads
# the first 64 and predicts after each the next. It trains for one epoch, with a learning rate of 0.005, without
# positions and with rotary ones. The loss, in nats per *letter*, is measured on a held-out part.


# %%
def windows(texts, letters):
    ids = np.array([id for text in texts for id in letters.encode(text)], "int32")
    starts = range(0, len(ids) - 64, 64)
    return np.stack([ids[start : start + 65] for start in starts])


corpus = None
if lesson.full or lesson.own_text:
    corpus = lesson.real_corpus("tiny_shakespeare")
    letters = CharacterTokenizer.train(corpus.texts("train"))
    read = windows(corpus.texts("train"), letters)
    held_out = windows(corpus.texts("validation"), letters)

# %%
real = {"no_positions": [], "rotary": []}
if corpus:
    for kind in real:
        for seed in SEEDS:
            reproducible(seed)
            model = make_model(letters.vocabulary_size, kind, learning_rate=0.005)
            model.fit(read[:, :-1], read[:, 1:], batch_size=64, epochs=1, verbose=0)
            loss = model.evaluate(held_out[:, :-1], held_out[:, 1:], verbose=0)
            real[kind].append(loss)
        print(f"{kind:>12}: {mean_and_sd(real[kind])} nats per letter")
    gap, limit, word = judge(real["no_positions"], real["rotary"])
    print(f"gap {gap:.3f}, limit {limit:.3f}: {word}")

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    for kind, each in real.items():
        lesson.record_mean(f"shakespeare_{kind}", each, "nats per letter", 0.05, "held-out part, one epoch")
    lesson.record("shakespeare_gap", float(gap), "nats per letter", None, note="none minus rotary", at_least=0.1)
    lesson.record("shakespeare_limit", float(limit), "nats per letter", None, at_most=0.1)

# %% [markdown]
# Here, too, rotary positions beat none, and clearly (the other two kinds we did not try): the loss is
# [[shakespeare_no_positions .3]] nats per letter without them and [[shakespeare_rotary .3]] with rotary ones. The gap
# of [[shakespeare_gap .3]] is far above its limit of [[shakespeare_limit .3]].
#
# ## What goes wrong: only the queries are turned
#
# Rotary positions must turn queries *and* keys. Let us forget the keys. All shapes stay right, and no error follows:


# %%
class OnlyQueries(Heads):
    def turned(self, q, k, t):
        return apply_rotary(q, t), k


half_done = [trained("rotary", seed, layer=OnlyQueries) for seed in SEEDS]
half_losses = np.array([each for _, each in half_done])
rows = []
for when, column in (("after one epoch", 0), ("after all epochs", -1)):
    only, both = half_losses[:, column], losses["rotary"][:, column]
    gap, limit, word = judge(only, both)
    means = [mean_and_sd(each) for each in (losses["no_positions"][:, column], only, both)]
    rows.append((when, *means, f"{gap:.3f}", f"{limit:.3f}", word))
names = ["loss", "none", "only queries", "both", "gap", "limit", "judgement"]
lesson.table("only_queries", rows, names)

# %% [markdown]
# It trains. After one epoch it is behind the model that turns both; the rule says:
# [[only_queries/after one epoch/judgement]]. After all epochs the gap is [[only_queries/after all epochs/gap]] and the
# limit [[only_queries/after all epochs/limit]]: [[only_queries/after all epochs/judgement]]. It ends at
# [[only_queries/after all epochs/only queries]], where no positions at all end at
# [[only_queries/after all epochs/none]]. Without these two beside it, you would hardly suspect anything.
#
# What is lost? A key now carries no trace of its position: the score of two words depends on where the query stands,
# and not on where the key stands. So the words before are a bag again. (The model still knows the word that it has just
# read, because that word's own vector is added to the result. So even a model without positions is not bad.)
#
# A test finds it. In the test story above we swap the words at the positions 2 and 9: "mighty" and the first full stop
# (position 0 is the `<end>` at the start of the row). Then we ask by how much the logits at position 20 change, with
# the models of the first seed.


# %%
def swap_changes(model, row, i, j, later):
    swapped = row.copy()
    swapped[[i, j]] = row[[j, i]]
    before, after = np.asarray(model(np.stack([row, swapped])))[:, later]
    return float(np.abs(before - after).max())


tested = {kind: runs[kind][0][0] for kind in KINDS} | {"only_queries": half_done[0][0]}
swaps = {kind: swap_changes(model, test[0, :56], 2, 9, 20) for kind, model in tested.items()}
for kind, change in swaps.items():
    print(f"{kind:>12}: {change:.4f}")

# %% tags=["hide-cell"]
gap = half_losses[:, 0].mean() - losses["rotary"][:, 0].mean()
lesson.record("only_queries_minus_both_after_one_epoch", float(gap), "nats per word", None, at_least=0.01)
for kind, change in swaps.items():
    limits = {"at_most": 1e-3} if kind in ("no_positions", "only_queries") else {"at_least": 1e-2}
    lesson.record(f"swap_changes_logits_{kind}", change, tolerance=None, **limits)

# %% [markdown]
# The three repairs notice the swap (how much is no measure of quality). The model that turns only the queries changes
# by rounding alone, as the one without positions does. So whenever you build positions into a model of one layer, swap
# two early words and look whether a later prediction changes. The test needs no second model. (In a deeper model it is
# less sharp; see the last of the further readings.)
#
# ## What this lesson cannot show
#
# - The model is one layer of attention and nothing else, and it trains for minutes. In deeper models, such as those of
#   the [next lesson](transformer_block.py), another way may be the best one.
# - Three seeds are few: a draw may hide a small difference. The swap test is of one story and one seed.
# - The learning rate is the same for all kinds; each might prefer its own. It was chosen by looking at these test
#   stories, and the 0.005 for Shakespeare on the part on which we report.
# - What happens in texts longer than those of training, for which rotary positions are often chosen, is not tested.
#
# ## Summary
#
# Attention takes weighted sums, and a sum does not know the order of its terms. Learned and sinusoidal positions are
# added to the words' vectors; rotary ones turn the queries and the keys, so that a score depends on how far one word
# stands from the other, and on which side. On our stories, sinusoidal and rotary positions were ahead after one
# epoch, the sinusoidal ones only with large numbers. After five, rotary ones alone still differed from none;
# on Shakespeare, rotary positions lowered the loss by far more than the limit. Turning only the queries trains without
# complaint and loses the order: a swap of two words shows it.
#
# ## Exercises
#
# For exercises 2 and 3 change the script `positions.py` in the book's folder `chapters/05_transformer`, and run it
# there.
#
# 1. With a pencil: turn by 45° at each position. What is the score of the query (1, 0) at position 5 with the key (1,
#    0) at position 3?
# 2. Put `size=0.25` in place of `size=0.05` and run `python positions.py --full`. How much of the head start after one
#    epoch is left?
# 3. Put `print(swap_changes(model, held_out[0, :64], 2, 9, 20))` before the last line and run `python positions.py
#    --text FILE` on a text of your own (plain text in UTF-8, best a million letters). How large is the gap between none
#    and rotary there? And does the rotary model notice that two letters are swapped? (`model` is the last one trained,
#    with rotary positions. Without `--full` there is one seed, so the limit is `nan` and there is no judgement.)
#
# <details>
# <summary>Answer to 1, hints for 2 and 3</summary>
#
# 1. The words stand two positions apart, so the angle between them is 90°, and the score is cos 90° = 0.
# 2. We have not tried it. After one epoch we had [[loss_sinusoidal_after_one_epoch .3]] nats with the size 1,
#    [[loss_small_sinusoidal_after_one_epoch .3]] with 0.05 and [[loss_no_positions_after_one_epoch .3]] without
#    positions.
# 3. On Shakespeare, with three seeds (`--full`), the gap was [[shakespeare_gap .3]] nats per letter. The swap should
#    change the logits by more than rounding, unless the two letters are the same.
#
# </details>
#
# ## Further reading
#
# - {cite:t}`vaswani2017`, section 3.5: sinusoidal positions as they were introduced.
# - {cite:t}`su2021`: rotary positions, with the proof.
# - {cite:t}`haviv2022`: why a model with a causal mask can do without positions.
#
# Before this lesson: [attention heads](attention_heads.py). Next: [the Transformer block](transformer_block.py).

# %%
lesson.finish()
