# %% [markdown]
# # Attention heads: one mean is not enough
#
# - Article section: §3.1.2
# - Needs: attention
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 4
# - Memory: 1.4 GB
# - Shows: several heads by a reshape and a swap, what they gain over one, and the reshape that breaks them
# - Headline: shakespeare_rotary_1_head, shakespeare_rotary_4_heads, greentree_4_heads, greentree_wrong_reshape
#
# With [attention](attention.py), a word takes one weighted mean of the words that it sees. But a word often needs two
# things at once: in "a green tree stands", the word "stands" may need both what stands there ("tree") and what it is
# like ("green"). How does a word take several means at once, and does a model predict better when it can?
#
# Afterwards you can
#
# - show with a pencil what two heads can fetch from given values, and one head cannot;
# - cut a vector into heads and put it together again, and say which shape comes out of each step;
# - recognise a wrong cut, which gives the right shapes and the wrong model.
#
# You need the lesson on [attention](attention.py). In short: each word has three **vectors** (lists of numbers), a
# *query*, a *key* and a *value*. The **score** of two words is the *dot product* of one's query with the other's key:
# multiply number by number and add up, so that (1, 2) and (3, 4) give 1 · 3 + 2 · 4 = 11. The score is divided by √K,
# where K says how many numbers a query has (2 in this example). *Softmax* turns the scores of a word into **weights**
# between 0 and 1 that add up to 1: scores of 0 and 1 become 0.27 and 0.73. The word then takes the mean of all values
# with these weights. A *causal mask* hides the words that come later.
#
# The outputs on this page come from `lmbook run attention_heads --full`. Without `--full` a quick version runs: one
# training of each model and not three, no Shakespeare, and no judgement. The **seed** is the number from which the
# drawing of random numbers starts: same seed, same numbers. In the code, `Lesson` keeps the figures, `lesson.table`
# draws a table, `lesson.choose` picks its `quick` or its `full` value, and `reproducible` sets the seed.

# %%
from __future__ import annotations

import textwrap

from lmbook import CharacterTokenizer, Lesson, MultiHeadAttention, WordTokenizer, reproducible
from lmbook.book import diagrams
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.layers import apply_rotary, sinusoidal

import keras
import numpy as np
from keras import ops

lesson = Lesson("attention_heads")
reproducible(lesson.seed)
rng = np.random.default_rng(lesson.seed)  # random numbers, the same in each run

# %% [markdown]
# ## The idea in one picture
#
# Read the picture from below. The vectors $x$ of the words are multiplied by three matrices, as in the last lesson,
# which gives 64 numbers of query, 64 of key and 64 of value for each word. Each of the three is cut into four parts of
# 16 numbers. The first parts of query, key and value together are the first **head**, and each head does attention on
# its own. At the top the four results are put side by side, and a last matrix mixes them. The square brackets hold
# shapes: B texts are computed at once (a **batch**), each has T words, and each word 64 numbers. K is the width of a
# head, here 64 / 4 = 16.

# %% tags=["hide-input"]
diagrams.multi_head(heads=4, width=64)

# %% [markdown]
# The cut comes *after* the matrices: what is cut are the queries, keys and values, not the words' own vectors. So each
# head can draw on all 64 numbers of a word.
#
# Four heads of 16 have as many numbers to learn as one head of 64, but four sets of weights over the words.
#
# ## With a pencil: what one mean cannot fetch
#
# Each word has a value of four numbers here. Let the first two say what something is like, and the last two what it
# is:
#
# | word | its value |
# |---|---|
# | "green" | (5, 1, 0, 2) |
# | "tree" | (1, 0, 4, 3) |
#
# The word "stands" would like to have the first two numbers from "green" and the last two from "tree": (5, 1, 4, 3).
#
# - **One head of four numbers** has one pair of weights for all four numbers. With 0.5 and 0.5 it gets the mean
#   (3, 0.5, 2, 2.5). With $w$ for "green" and $1 - w$ for "tree" its first number is $5w + 1(1 - w)$, which is 5 only
#   for $w = 1$. Its third is $0w + 4(1 - w)$, which is 4 only for $w = 0$. No $w$ does both.
# - **Two heads of two numbers** have a pair of weights each. The first head has the first two numbers of each value
#   and takes the weights (1, 0): it gets (5, 1). The second has the last two numbers and takes (0, 1): it gets (4, 3).
#   Side by side this is (5, 1, 4, 3).
#
# The same in code. `@` multiplies and adds up, and `[:, :2]` takes the first two numbers of each row:

# %%
values = np.array([[5, 1, 0, 2], [1, 0, 4, 3]])  # green, tree
one_head = [0.5, 0.5] @ values
two_heads = np.concatenate([[1, 0] @ values[:, :2], [0, 1] @ values[:, 2:]])
print("one head: ", one_head)
print("two heads:", two_heads)

# %% [markdown]
# We have chosen these weights and values. A model finds its own, so that one head is less helpless than it is here: if
# "green" had the value (5, 1, 0, 0) and "tree" (0, 0, 4, 3), the weights 0.5 and 0.5 would give half of (5, 1, 4, 3),
# and a matrix after the head can double that. But one head always has one set of weights for all its numbers.
#
# ## Cutting into heads
#
# How are the numbers cut? Let the matrix of the queries have made four numbers for each of two words, and let us want
# two heads of two numbers. It takes two steps. `reshape` cuts each row in two: the result has the axes [word, head,
# number]. `swapaxes(0, 1)` exchanges the first two axes, so that we can take head by head.

# %%
queries = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])  # [2 words, 4 numbers]
pieces = queries.reshape(2, 2, 2)  # [word, head, number]
heads = pieces.swapaxes(0, 1)  # [head, word, number]
print("head 1:", heads[0].tolist())
print("head 2:", heads[1].tolist())
print("back:  ", heads.swapaxes(0, 1).reshape(2, 4).tolist())

# %% [markdown]
# Head 1 has the first two numbers of each word, head 2 the last two. The way back is: swap, then reshape. The picture
# shows this cut on the left. Each number has the colour of the head that gets it. On the right the swap is missing:
# `reshape` alone only puts brackets into the row of numbers 1, 2, … 8. Head 1 gets (1, 2) and (3, 4), both from word 1,
# but treats (3, 4) as if it were word 2. Further down we make this mistake on purpose.

# %% tags=["hide-input"]
diagrams.head_cut(words=2, width=4, heads=2)

# %% [markdown]
# ## The formula and the code
#
# $$\mathrm{MultiHead}(X) = [\mathrm{head}_1, \dots, \mathrm{head}_H]\,W_O$$
#
# $$\mathrm{head}_h = \mathrm{Attention}(X W_Q^h,\; X W_K^h,\; X W_V^h)$$
#
# - $X$ holds one row for each of the $T$ words, each $D$ numbers wide; $H$ is the number of heads;
# - $W_Q^h$, $W_K^h$, $W_V^h$ are the matrices of head $h$, with $D$ rows and $K = D / H$ columns: a slice of the
#   picture's large ones;
# - $\mathrm{Attention}$ makes scores, weights and means of queries, keys and values, as in the last lesson;
# - $[\dots]$ puts the heads' results side by side, and $W_O$, $D$ by $D$, mixes them.
#
# First the cut and the way back, for whole batches. The axis of the texts, B, stays in front, so the swap is now that
# of the axes 1 and 2. `ops` has the functions of NumPy for Keras.


# %%
def split(x, heads):  # [B, T, D] -> [B, H, T, K]
    B, T, D = ops.shape(x)
    pieces = ops.reshape(x, (B, T, heads, D // heads))
    return ops.swapaxes(pieces, 1, 2)


def join(y):  # [B, H, T, K] -> [B, T, D]
    B, H, T, K = ops.shape(y)
    return ops.reshape(ops.swapaxes(y, 1, 2), (B, T, H * K))


# %% [markdown]
# Then the layer. It gets `split` and `join` as arguments, so that we can give it wrong ones later. A `Dense` layer
# multiplies by a matrix and adds a fixed vector, the *bias*; with `use_bias=False` only the matrix is left.
# `ops.swapaxes(k, 2, 3)` swaps rows and columns of the keys, so that `@` gives the dot product of each query with each
# key, for every text and every head at once.
#
# `t[None, :] <= t[:, None]` is the causal mask: a table that is true where the column (the word that is read) does not
# stand after the row (the word that asks). Where it is false, the score becomes −1e9, that is −1,000,000,000, and
# softmax gives that word the weight 0. (`rotary`, one of the ways to tell the order of the words, is switched
# off here.)


# %%
class Heads(keras.layers.Layer):
    def __init__(self, width, heads, split=split, join=join, rotary=False):
        super().__init__()
        self.heads, self.split, self.join, self.rotary = heads, split, join, rotary
        self.query = keras.layers.Dense(width, use_bias=False)  # W_Q
        self.key = keras.layers.Dense(width, use_bias=False)  # W_K
        self.value = keras.layers.Dense(width, use_bias=False)  # W_V
        self.mix = keras.layers.Dense(width, use_bias=False)  # W_O

    def call(self, x):
        q = self.split(self.query(x), self.heads)
        k = self.split(self.key(x), self.heads)
        v = self.split(self.value(x), self.heads)
        t = ops.arange(ops.shape(x)[1])  # the positions 0, 1, … T - 1
        if self.rotary:
            q, k = apply_rotary(q, t), apply_rotary(k, t)
        scores = q @ ops.swapaxes(k, 2, 3) / q.shape[-1] ** 0.5  # [B, H, T, T]
        scores = ops.where(t[None, :] <= t[:, None], scores, -1e9)
        return self.mix(self.join(ops.softmax(scores) @ v))


# %% [markdown]
# Is it right? We compare it with the plain way, which needs neither reshape nor swap: cut the matrices themselves, and
# compute one head after the other as in the last lesson. `np.tri` is the causal mask again, in which row $t$ is true up
# to place $t$ and false behind it.


# %%
def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def head_by_head(x, W_Q, W_K, W_V, W_O, H):
    K = x.shape[1] // H
    results = []
    for h in range(H):
        own = slice(h * K, (h + 1) * K)  # the columns of this head
        q, k, v = x @ W_Q[:, own], x @ W_K[:, own], x @ W_V[:, own]
        scores = q @ k.T / np.sqrt(K)
        scores = np.where(np.tri(len(x), dtype=bool), scores, -1e9)
        results.append(softmax(scores) @ v)
    return np.concatenate(results, axis=1) @ W_O


sentence = rng.normal(size=(1, 10, 32)).astype("float32")  # ten words, 32 numbers each
ours = Heads(32, heads=4)
y = ours(sentence)
matrices = ours.get_weights()
plain = head_by_head(sentence[0], *matrices, H=4)
difference = float(np.abs(y[0] - plain).max())
print(f"largest difference to head by head: {difference:.1e}")

# %% [markdown]
# Then we compare it with the book's layer and with that of Keras, written by other people. Both are given our matrices,
# which `get_weights` lists in the order W_Q, W_K, W_V, W_O. Keras has the same order, but keeps them with an axis for
# the heads, so each is reshaped for it.

# %%
book = MultiHeadAttention(num_heads=4, use_bias=False)
book.build(sentence.shape)
book.set_weights(matrices)
theirs = keras.layers.MultiHeadAttention(num_heads=4, key_dim=8, use_bias=False)
theirs.build(sentence.shape, sentence.shape)
pairs = zip(matrices, theirs.get_weights(), strict=True)
theirs.set_weights([W.reshape(w.shape) for W, w in pairs])

mask = np.tri(10, dtype=bool)
to_book = float(np.abs(y - book(sentence, attention_mask=mask)).max())
to_keras = float(np.abs(y - theirs(sentence, sentence, attention_mask=mask)).max())
print(f"largest difference to the book's layer: {to_book:.1e}")
print(f"largest difference to Keras' layer:     {to_keras:.1e}")

# %% tags=["hide-cell"]
lesson.record("difference_to_head_by_head", difference, tolerance=None, at_most=1e-5, note="largest")
lesson.record("difference_to_book_layer", to_book, tolerance=None, at_most=1e-5)
lesson.record("difference_to_keras_layer", to_keras, tolerance=None, at_most=1e-5)

# %% [markdown]
# All the same, up to rounding (1e-07 is 0.0000001). In the book's layer, `_heads` and `attend_cached` hold the reshape
# and the swap; its options we do not need here:
#
# [[source lmbook.MultiHeadAttention]]
#
# > The article that this book follows writes (§3.1.2): "The attention weights of each head are independent, but they
# > share the same underlying parameters" (the numbers that training finds). They do not: each head has its own columns
# > of $W_Q$, $W_K$ and $W_V$. What the heads share is their input.
#
# ## One head or four? First on simple stories
#
# We put the layer into the little model of the last lesson and train it with one head of 64 numbers and with four of 16
# each. A table gives each word a vector of 64 numbers. Attention does not know the order of the words, so the model
# must be told each word's **position** (0, 1, 2 …). The [next lesson](positions.py) explains three ways: a `learned`
# vector for each position is added; a `sinusoidal` one, fixed from the start, is added; or the queries and keys are
# changed according to the position, which is called `rotary` and sits in `Heads`. We use the second unless we say
# otherwise. Then come the heads, whose result is added too. At the end, a `Dense` layer makes a score, called a
# **logit**, for every word of the **vocabulary** (all the different words there are). Softmax turns the logits into
# probabilities of the next word.


# %%
class Positions(keras.layers.Layer):
    """Adds to each word the vector of its position."""

    def __init__(self, kind, width):
        super().__init__()
        self.kind, self.width = kind, width
        self.table = keras.layers.Embedding(64, width) if kind == "learned" else None

    def call(self, x):
        t = ops.arange(ops.shape(x)[1])
        if self.kind == "learned":
            return x + self.table(t)
        return x + sinusoidal(t, self.width) if self.kind == "sinusoidal" else x


def make_model(vocabulary, heads, positions="sinusoidal", cut=(split, join)):
    ids = keras.Input((None,), dtype="int32")
    x = Positions(positions, 64)(keras.layers.Embedding(vocabulary, 64)(ids))
    x = x + Heads(64, heads, *cut, rotary=positions == "rotary")(x)
    return keras.Model(ids, keras.layers.Dense(vocabulary)(x))


# %% [markdown]
# The stories are those of **greentree**, the corpus (collection of texts) that is built into this book. Each becomes a
# row of word numbers between two `<end>` tokens, filled up with 0, and the model predicts each word from those before
# it. The test stories are not trained on. (`split="seen"` leaves some pairs of words out, for other lessons.)
#
# The **loss** is the mean of $-\ln p$, with $p$ the probability of the word that really came, in **nats**: for $p =
# 0.5$ it is 0.69 nats. The best possible loss on these test stories is known exactly, and is called the **floor**.

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
# **Adam**, a common rule, changes all numbers of the model a little after each batch, and the **learning rate** says
# how much. `from_logits` tells Keras that softmax is still to be applied, and `ignore_class=0` that the number 0 is
# filling and not text.
#
# To see what chance does, the full version trains each model with three seeds. An **epoch** is one pass over all
# stories. `on_stories` trains one model, and `loss_of` measures it on texts that it has not seen.

# %%
SEEDS = [lesson.seed + n for n in range(lesson.choose(quick=1, full=3))]
HEADS = (1, 4)
EPOCHS = lesson.choose(quick=3, full=5)


def trained(rows, seed, model_options, epochs, learning_rate, batch_size):
    reproducible(seed)
    model = make_model(**model_options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size, epochs, verbose=0)
    return model


# %%
def on_stories(seed, **options):
    options = {"vocabulary": tokenizer.vocabulary_size, **options}
    return trained(train, seed, options, EPOCHS, learning_rate=0.01, batch_size=32)


def loss_of(model, rows):
    return model.evaluate(rows[:, :-1], rows[:, 1:], verbose=0)


models = {heads: [on_stories(seed, heads=heads) for seed in SEEDS] for heads in HEADS}
losses = {heads: [loss_of(model, test) for model in each] for heads, each in models.items()}

# %% [markdown]
# How do we judge such a difference? We write the mean of the three seeds ± their **standard deviation**, which says
# about how far one run lies from the mean (for 1, 2 and 3 it is 1). The *gap* is the first mean minus the second,
# computed before rounding; it is negative where the second is larger. The *limit* is twice the larger of the two ±. If
# its size is above the limit, we say that the two **differ**, and else that it is a **draw**. That is a rough rule, and
# no proof with three seeds.


# %%
def judge(first, second):
    """By how much the second is lower, the limit, and what the rule says."""
    gap = np.mean(first) - np.mean(second)
    if len(SEEDS) == 1:
        return gap, np.nan, "one seed, no judgement"
    limit = 2 * max(np.std(first, ddof=1), np.std(second, ddof=1))
    return gap, limit, "a difference" if abs(gap) > limit else "a draw"


def mean_and_sd(values):
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


gap, limit, word = judge(losses[1], losses[4])
rows = []
for heads, each in losses.items():
    rows.append((f"{heads}", mean_and_sd(each), f"{np.mean(each) - lowest:.3f}"))
lesson.table("greentree", rows, ["heads", "loss, nats per word", "above the floor"])
print(f"gap {gap:.3f}, limit {limit:.3f}: {word}")

# %% tags=["hide-cell"]
note = "test stories, sinusoidal positions"
lesson.record("greentree_floor", lowest, "nats per word", 1e-6, note="the best possible loss on the test stories")
for heads in HEADS:
    name = f"greentree_{heads}_head{'s' if heads > 1 else ''}"
    lesson.record_mean(name, losses[heads], "nats per word", 0.08, note)
lesson.record("greentree_judgement", word, tolerance=None)
if lesson.full:
    lesson.record("greentree_gap", float(gap), "nats per word", None, note="one head minus four", at_least=-0.1)
    lesson.record("greentree_limit", float(limit), "nats per word", None, at_most=0.2)

# %% [markdown]
# On these simple stories one head ends at [[greentree_1_head .3]] nats and four heads end at [[greentree_4_heads .3]].
# The gap is [[greentree_gap .3]] and the limit [[greentree_limit .3]], so by our rule that is [[greentree_judgement]],
# but only just: one head ends [[greentree/1/above the floor]] nats above the floor, and four
# [[greentree/4/above the floor]].
#
# ## Then on real text
#
# We take the plays of Shakespeare (one million characters) letter by letter, in
# windows of 65 letters: the model reads the first 64 and predicts after each the next. It trains for one epoch, with a
# learning rate of 0.005. The loss is in nats per *letter* here, so it cannot be compared with the losses above. It is
# measured on a held-out part, which is not trained on.


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

# %% [markdown]
# We train with each of the three kinds of positions, with one head and with four.


# %%
def on_letters(seed, **options):
    options = {"vocabulary": letters.vocabulary_size, **options}
    return trained(read, seed, options, epochs=1, learning_rate=0.005, batch_size=64)


KINDS = ("learned", "sinusoidal", "rotary")
real = {}
if corpus:
    for kind in KINDS:
        for heads in HEADS:
            each = [on_letters(seed, heads=heads, positions=kind) for seed in SEEDS]
            real[kind, heads] = [loss_of(model, held_out) for model in each]
    rows = [(f"{kind}, {heads}", mean_and_sd(real[kind, heads])) for kind, heads in real]
    lesson.table("real_text", rows, ["positions, heads", "loss, nats per letter"])
    for kind in KINDS:
        gap, limit, word = judge(real[kind, 1], real[kind, 4])
        print(f"{kind}: gap {gap:.3f}, limit {limit:.3f}: {word}")

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    for (kind, heads), each in real.items():
        name = f"shakespeare_{kind}_{heads}_head{'s' if heads > 1 else ''}"
        lesson.record_mean(name, each, "nats per letter", 0.05, "held-out part, one epoch")
    for kind in KINDS:
        gap, limit, word = judge(real[kind, 1], real[kind, 4])
        note, least = "one head minus four", 0.02 if kind == "rotary" else -0.2
        lesson.record(f"shakespeare_{kind}_gap", float(gap), "nats per letter", None, note=note, at_least=least)
        lesson.record(f"shakespeare_{kind}_limit", float(limit), "nats per letter", None, at_most=0.2)
        lesson.record(f"shakespeare_{kind}_judgement", word, tolerance=None)

# %% [markdown]
# With rotary positions, one head reaches [[shakespeare_rotary_1_head .3]] nats per letter and four reach
# [[shakespeare_rotary_4_heads .3]]. The gap is [[shakespeare_rotary_gap .3]] and the limit
# [[shakespeare_rotary_limit .3]]: [[shakespeare_rotary_judgement]]. With sinusoidal positions the gap is
# [[shakespeare_sinusoidal_gap .3]] and the limit [[shakespeare_sinusoidal_limit .3]]:
# [[shakespeare_sinusoidal_judgement]]. With learned ones they are [[shakespeare_learned_gap .3]] and
# [[shakespeare_learned_limit .3]]: [[shakespeare_learned_judgement]].
#
# So does a model predict better when its words can take several means? With rotary positions, four heads predict
# Shakespeare's letters better than one; with the two other kinds it is a draw. The learning rate of 0.005, the same for
# all, was chosen on this held-out part. We did not note whether with one head or with four, so the choice may favour
# either. Why only rotary positions gain, we did not test.
#
# ## What goes wrong: the reshape without the swap
#
# `split` first reshapes and then swaps. The result has the shape [B, H, T, K], and a single `reshape` can make that
# shape directly. No error follows from it:


# %%
def wrong_split(x, heads):
    B, T, D = ops.shape(x)
    return ops.reshape(x, (B, heads, T, D // heads))


def wrong_join(y):
    B, H, T, K = ops.shape(y)
    return ops.reshape(y, (B, T, H * K))


wrong_cut = (wrong_split, wrong_join)
wrong = [on_stories(seed, heads=4, cut=wrong_cut) for seed in SEEDS]
wrong_losses = [loss_of(model, test) for model in wrong]
gap, limit, word = judge(wrong_losses, losses[4])
print(f"right: {mean_and_sd(losses[4])}, wrong: {mean_and_sd(wrong_losses)}")
print(f"gap {gap:.3f}, limit {limit:.3f}: {word}")

# %% tags=["hide-cell"]
note = "test stories, sinusoidal positions, four heads"
lesson.record_mean("greentree_wrong_reshape", wrong_losses, "nats per word", 0.08, note)
lesson.record("wrong_reshape_judgement", word, tolerance=None)
if lesson.full:
    lesson.record("wrong_reshape_gap", float(gap), "nats per word", None, note="wrong minus right", at_least=0.01)
    lesson.record("wrong_reshape_limit", float(limit), "nats per word", None, at_most=0.2)

# %% [markdown]
# What is wrong? In the picture of the cut, let word 2 have the weights 0.5 and 0.5 in head 1. With the right cut it
# gets the mean of (1, 2) and (5, 6), which is (3, 4): something of both words. With the wrong cut it gets the mean of
# (1, 2) and (3, 4), which is (2, 3): both from word 1. Each head has a part of the *text*, not a part of each word.
# With four heads and 56 positions, a word sees nothing beyond its own quarter of the text. Still the model trains, and
# ends at [[greentree_wrong_reshape .3]] nats where the right cut has [[greentree_4_heads .3]]. The gap is
# [[wrong_reshape_gap .3]] and the limit [[wrong_reshape_limit .3]]: [[wrong_reshape_judgement]]. But you would have to
# know the right model's loss to suspect anything: no error appears and the shapes are right.
#
# How do you notice it? Two tests find it, and need no training:
#
# - **Compare with the plain way**, head by head, as we did with the right layer.
# - **Cut the end off.** With a causal mask, what a model says about the first words of a text must not depend on how
#   many words follow. With the wrong cut it does: the text is cut into four quarters, and in a shorter text the
#   quarters are shorter, so a word sees others than before.
#
# We run the first with a fresh layer, the second with two fresh models. The second compares the logits of the first 20
# positions when the model reads 56 words of a story and when it reads only 28.

# %%
broken = Heads(32, 4, *wrong_cut)
output = broken(sentence)
plain = head_by_head(sentence[0], *broken.get_weights(), H=4)
apart = float(np.abs(output[0] - plain).max())
print(f"wrong cut, largest difference to head by head: {apart:.3f}")

changes = {}
for name, cut in {"right": (split, join), "wrong": wrong_cut}.items():
    model = make_model(tokenizer.vocabulary_size, heads=4, cut=cut)
    whole = np.asarray(model(test[:1, :56]))[0, :20]
    short = np.asarray(model(test[:1, :28]))[0, :20]
    changes[name] = float(np.abs(whole - short).max())
    print(f"{name} cut: a shorter text changes earlier logits by {changes[name]:.4f}")

# %% tags=["hide-cell"]
lesson.record("wrong_cut_differs_from_head_by_head_by", apart, tolerance=None, at_least=0.05)
lesson.record("shorter_text_changes_logits_right_cut", changes["right"], tolerance=None, at_most=1e-3)
lesson.record("shorter_text_changes_logits_wrong_cut", changes["wrong"], tolerance=None, at_least=0.05)

# %% [markdown]
# With the right cut the logits stay; with the wrong one they change by far more than rounding. Either test tells us so
# before the first epoch.
#
# ## What this lesson cannot show
#
# - The model is one layer of attention, and it trains for minutes. [Deeper models](transformer_block.py) may gain more
#   from their heads, or less.
# - Three seeds are few. A draw may hide a small difference.
# - We compare one head with four, at one width. Whether two or sixteen are better we did not test (exercise 4).
# - The learning rate for the stories, too, was chosen on what we report (the test stories), with four heads; one head
#   might prefer another. On the stories we tried sinusoidal positions only.
# - What the heads of a trained model attend to is not shown here, but in [attention maps](attention_maps.py).
#
# ## Summary
#
# One head takes one weighted mean of the words, and several heads take several, with as many numbers to learn. Cut the
# queries, keys and values into parts by a reshape, and swap two axes; then each head does attention alone, and a last
# matrix mixes the results. On our stories one head and four ended in what the rule calls [[greentree_judgement]]; on
# Shakespeare, with rotary positions, four heads were better than one; with the two other kinds it was a draw. A reshape
# without its swap runs, trains and is wrong; cutting the end off a text finds it.
#
# ## Exercises
#
# 1. With a pencil: cut (1, 2, 3, 4, 5, 6) and (7, 8, 9, 10, 11, 12) into three heads. Then cut them with the wrong
#    reshape. (`diagrams.head_cut(words=2, width=6, heads=3)` in a notebook draws the answer.)
# 2. With a pencil: "stands" has two heads. The first gives "green" and "tree" the weights 0.5 and 0.5, the second gives
#    them 0.25 and 0.75. What does it get from the values of the pencil example?
# 3. How many numbers does `Heads(64, heads)` learn for 1, 4 and 16 heads? Work it out from the four matrices, then
#    check with `layer = Heads(64, 16); layer(np.zeros((1, 5, 64), "float32")); print(layer.count_params())`.
# 4. In the script `attention_heads.py` (folder `chapters/05_transformer` of the book), let `HEADS` be `(1, 4, 16)` and
#    run `python attention_heads.py` there. Where do sixteen heads end? This quick version has stories only, one seed
#    and three epochs, and no judgement: compare the rows of your own table.
# 5. Run `lmbook run attention_heads --text FILE` on a text of your own (plain text in UTF-8, best a million letters).
#    How large is the gap between one head and four there? (Add `--full` for three seeds.)
#
# <details>
# <summary>Answers to 1 to 3, hints for 4 and 5</summary>
#
# 1. Right: head 1 has (1, 2) and (7, 8), head 2 has (3, 4) and (9, 10), head 3 has (5, 6) and (11, 12). Wrong: head 1
#    has (1, 2) and (3, 4), head 2 has (5, 6) and (7, 8), head 3 has (9, 10) and (11, 12).
# 2. The first head gets 0.5 · (5, 1) + 0.5 · (1, 0) = (3, 0.5). The second gets 0.25 · (0, 2) + 0.75 · (4, 3) = (3,
#    2.75). Side by side: (3, 0.5, 3, 2.75).
# 3. Each of the four matrices has 64 · 64 = 4,096 numbers, together 16,384, however many heads there are.
# 4. Sixteen heads have four numbers each. We have not tried them. One seed shows no small difference; with `--full`
#    behind the command you get three, in some minutes.
# 5. On Shakespeare, with three seeds, the gap was [[shakespeare_rotary_gap .3]] nats per letter with rotary positions.
#
# </details>
#
# ## Further reading
#
# - {cite:t}`vaswani2017`, section 3.2.2: heads as they were introduced, with the same formula.
# - {cite:t}`michel2019`: many heads of a trained model can be taken out, and it hardly gets worse.
#
# Before this lesson: [attention](attention.py). Next: [positions](positions.py), or how attention learns the order of
# the words.

# %%
lesson.finish()
