# %% [markdown]
# # Deep stacks: why residual connections and normalisation?
#
# - Article section: §3.1.3
# - Needs: transformer_block
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 8
# - Memory: 2.0 GB
# - Shows: what a stack of blocks learns without residual connections or normalisation, and what its gradients say
# - Headline: loss_both, loss_no_residual, loss_no_normalisation, loss_neither, frequency_nats_per_word
#
# GPT-2 is a stack of 12 to 48 [Transformer blocks](transformer_block.py). Two small parts of the block look like
# trifles: the residual connection is one addition, the normalisation one division. What becomes of a stack without
# them, and why?
#
# Afterwards you can
#
# - compute with a pencil how a gradient comes down through three layers, with and without residual connections;
# - say what four blocks learn in a hundred steps without the one, without the other, and without both;
# - test an explanation that you have read: measure the gradient block by block, and how alike the words have become.
#
# You need [the Transformer block](transformer_block.py), where both parts are computed with a pencil.
#
# > The article writes (§3.1.3): "The encoder is a stack of several self-attention layers and fully connected layers
# > (feed-forward layers)." (The encoder is the half of the first Transformer that reads.) The sentence has neither of
# > our two parts. One of our stacks is a stack like it, but with the causal mask, so that it can learn to predict the
# > next word.

# %%
from __future__ import annotations

from lmbook import CharacterTokenizer, Lesson, WordTokenizer
from lmbook.book import diagrams, plots
from lmbook.corpora.greentree import LEXICON, Grammar, tell_stories

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

lesson = Lesson("deep_stacks")

# %% [markdown]
# ## The idea in one picture
#
# Here are two stacks of three layers. Each layer is as simple as can be: it multiplies one number by its weight, 0.1.
# On the left, each layer *replaces* the number by its answer. On the right, the number goes straight up, and each layer
# *adds* its answer. That is the residual connection.

# %% tags=["hide-input"]
diagrams.gradient_paths(weight=0.1, layers=3)

# %% [markdown]
# The dashed arrow is the way of the **gradient**. It says how much the result $y$ changes when the first weight changes
# a little (its **slope**). Gradient descent moves a weight by this slope times the learning rate. So a weight with a
# slope near 0 learns almost nothing.
#
# ## With a pencil
#
# **Without residual connections.** All three weights are 0.1, and $x = 1$. The result is
# $y = 0.1 \cdot 0.1 \cdot 0.1 = 0.001$. Now let the first weight grow from 0.1 to 0.2. The result becomes
# $0.1 \cdot 0.1 \cdot 0.2 = 0.002$. It rose by 0.001 while the weight rose by 0.1, so the slope is
# $0.001 / 0.1 = 0.01$. This is $0.1 \cdot 0.1$, the product of the two weights above.
#
# **With residual connections.** A layer now makes $x + 0.1\,x = 1.1\,x$. The result is $y = 1.1 \cdot 1.1 \cdot 1.1 =
# 1.331$. With a first weight of 0.2 it is $1.1 \cdot 1.1 \cdot 1.2 = 1.452$. It rose by 0.121, so the slope is $0.121 /
# 0.1 = 1.21$, which is $1.1 \cdot 1.1$.
#
# With twelve layers, eleven stand above the first. Without residual connections the slope is $0.1^{11}$, a nought, a
# point and ten more noughts before the 1: the gradient **vanishes**. With them it is $1.1^{11} = 2.85$.
#
# **Why normalisation?** Large weights are the opposite danger. With a weight of 1, and a residual connection, each
# layer doubles the number: 1, 2, 4, 8, and after twelve layers 4,096. Now bring the number to the size 1 before each
# layer reads it. Then a layer adds 1, and not more: 1, 2, 3, 4, and after twelve layers 13.
#
# Let TensorFlow compute the same slopes. A `GradientTape` writes down what is computed, and `gradient` goes back.


# %%
def slope(residual, depth, weight=0.1):
    weights = [tf.Variable(weight) for _ in range(depth)]
    with tf.GradientTape() as tape:
        y = tf.constant(1.0)
        for w in weights:
            y = y + w * y if residual else w * y
    return float(tape.gradient(y, weights[0]))


for depth in (3, 12):
    without, with_residual = slope(False, depth), slope(True, depth)
    print(f"{depth:2} layers: without {without:.2g}, with {with_residual:.3g}")

# %% [markdown]
# ## The formula
#
# $$x_{l+1} = f_l(x_l) \quad\Rightarrow\quad \frac{dx_{L}}{dx_1} = f'_1 \cdot f'_2 \cdots f'_{L-1}$$
#
# $$x_{l+1} = x_l + f_l(x_l) \quad\Rightarrow\quad \frac{dx_{L}}{dx_1} = (1 + f'_1)(1 + f'_2) \cdots (1 + f'_{L-1})$$
#
# - $x_l$ is what layer $l$ reads, and $f_l(x_l)$ its answer; $L - 1$ layers lie between $x_1$ and $x_L$;
# - $dx_L / dx_1$ says how much the end changes when the beginning changes a little;
# - $f'_l$ is the slope of layer $l$, which was 0.1 in our example. Those above the first gave our pencil's products.
#
# Multiply the second product out, and one of its terms is $1 \cdot 1 \cdots 1$. That is the straight way past all
# layers. In a real model $x_l$ is a vector and $f'_l$ a matrix, but the formulas look the same.
#
# **The prediction.** Without residual connections, the first blocks of a deep stack get hardly any gradient.
#
# ## The code: a block with two switches
#
# `around` does for each part of the block what the formula says. With `residual` the answer is added, without it the
# answer replaces the vector. Without `normalise`, the layer `Identity` hands on what it gets. `MultiHeadAttention` is
# Keras' own attention; it computes what the `Attention` of the [lesson before](transformer_block.py) does.


# %%
def make_norm(normalise):
    return layers.LayerNormalization(epsilon=1e-5) if normalise else layers.Identity()


class Block(layers.Layer):
    def __init__(self, width, residual=True, normalise=True):
        super().__init__()
        self.residual = residual
        self.attention = layers.MultiHeadAttention(4, width // 4)
        self.inner = layers.Dense(4 * width, activation="relu")
        self.outer = layers.Dense(width)
        self.norm_1, self.norm_2 = make_norm(normalise), make_norm(normalise)

    def attend(self, x):
        return self.attention(x, x, use_causal_mask=True)

    def conclude(self, x):
        return self.outer(self.inner(x))

    def around(self, x, norm, part):
        answer = part(norm(x))
        return x + answer if self.residual else answer

    def call(self, x):  # [B, T, D] -> [B, T, D]
        x = self.around(x, self.norm_1, self.attend)
        return self.around(x, self.norm_2, self.conclude)


# %% [markdown]
# The model around the blocks is that of the lesson before: a table of token vectors and one of places at the bottom, a
# last normalisation and the logits at the top. Our vectors have 32 numbers.


# %%
class Stack(keras.Model):
    def __init__(self, V, context, depth, width=32, block=Block, **switches):
        super().__init__()
        self.tokens = layers.Embedding(V, width)
        self.places = layers.Embedding(context, width)
        self.blocks = [block(width, **switches) for _ in range(depth)]
        self.norm = make_norm(True)
        self.logits = layers.Dense(V, use_bias=False)
        self(np.zeros((1, 2)))  # the first call creates the weights

    def read(self, ids):  # before the first block
        return self.tokens(ids) + self.places(ops.arange(ops.shape(ids)[1]))

    def call(self, ids):
        x = self.read(ids)
        for block in self.blocks:
            x = block(x)
        return self.logits(self.norm(x))


KINDS = {
    "both": {},
    "no residual": {"residual": False},
    "no normalisation": {"normalise": False},
    "neither": {"residual": False, "normalise": False},
}

# %% [markdown]
# ## What do they learn?
#
# The texts are the stories of the lesson before, told by a program. Each is a row of token ids that begins and ends
# with `<end>` and is filled up with 0. (`LEXICON.first(8, kinds=12, wishes=6)` takes the first 8 words of each word
# group of the program, but 12 kinds of heroes and one wish from each of 6 topics; `max_sentences=4` keeps them short.)

# %%
LENGTH = 56  # longer than the longest story
STEPS = lesson.choose(quick=40, full=100)
grammar = Grammar(LEXICON.first(8, kinds=12, wishes=6), max_sentences=4)


def tell(count, seed):
    told = tell_stories(count, seed, grammar=grammar)
    return [story.english for story in told]


def as_row(text):
    ids = [tokenizer.end_id, *tokenizer.encode(text), tokenizer.end_id]
    return ids + [0] * (LENGTH + 1 - len(ids))


stories = tell(32 * STEPS, seed=10)
tokenizer = WordTokenizer.train(stories)
V = tokenizer.vocabulary_size
train_rows = np.array([as_row(story) for story in stories])
test_rows = np.array([as_row(story) for story in tell(200, seed=11)])
print(len(train_rows), "stories for training,", V, "different tokens")

# %% [markdown]
# Each stack is trained for 100 steps, one pass over 3,200 stories, 32 in each step. (That is the full profile. The
# quick one makes 40 steps with one seed.) The **loss** is the mean of $-\ln p$ over all places, where $p$ is the
# probability that the model gave to the token that really came. `train` is that of the lesson before: it leaves out
# places filled with 0, uses Adam, and lets the learning rate fall to 0. At the end it computes the loss on 200 test
# stories, which took no part in training.
#
# A stack may fail only because its learning rate does not suit it, so we try two, 0.01 and 0.001. And each stack is
# trained with three **seeds**, that is, with other random first weights each time, since one run may be luck.


# %%
def train(model, rows, test, rate, warm_up=0):
    steps = len(rows) // 32
    falling = keras.optimizers.schedules.CosineDecay(rate, steps)
    if warm_up:  # rising first; used at the end of the lesson
        how = {"warmup_target": rate, "warmup_steps": warm_up}
        falling = keras.optimizers.schedules.CosineDecay(0.0, steps - warm_up, **how)
    loss = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=0)
    model.compile(keras.optimizers.Adam(falling), loss, jit_compile=False)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size=32, verbose=0)
    return float(loss(test[:, 1:], model(test[:, :-1])))


def story_loss(depth, rate, seed, warm_up=0, **switches):
    keras.utils.set_random_seed(lesson.seed + seed)
    model = Stack(V, LENGTH, depth, **switches)
    return train(model, train_rows, test_rows, rate, warm_up)


SEEDS = range(lesson.choose(quick=1, full=3))
RATES = lesson.choose(quick=(0.01,), full=(0.01, 0.001))
DEPTHS = lesson.choose(quick=(4,), full=(2, 4))
RUNS = [(depth, RATES[0]) for depth in DEPTHS] + [(4, rate) for rate in RATES[1:]]
losses = {
    (kind, depth, rate): [story_loss(depth, rate, seed, **KINDS[kind]) for seed in SEEDS]
    for kind in KINDS
    for depth, rate in RUNS
}

# %% [markdown]
# To see how far a stack comes, we compare with a model that knows only how frequent each token is.


# %%
def frequency_loss(rows, test, V):
    counts = np.bincount(rows[:, 1:].ravel(), minlength=V) + 1  # never 0
    counts[0] = 0  # filled-up places do not count
    p = counts / counts.sum()
    tokens = test[:, 1:][test[:, 1:] > 0]
    return float(-np.log(p[tokens]).mean())


frequencies = frequency_loss(train_rows, test_rows, V)
print(f"knowing only the frequencies: {frequencies:.2f}")


# %% tags=["hide-input"]
def written(values, digits=None):
    """Mean ± standard deviation over the seeds."""
    mean = np.mean(values)
    digits = digits or (".0e" if mean < 0.01 else ".3f" if mean < 1 else ".2f")
    spread = f" ± {np.std(values, ddof=1):{digits}}" if len(values) > 1 else ""
    return f"{mean:{digits}}{spread}"


columns = [f"{depth} blocks, rate {rate}" for depth, rate in RUNS]
rows = [(kind, *(written(losses[kind, depth, rate]) for depth, rate in RUNS)) for kind in KINDS]
lesson.table("loss", rows, ["loss", *columns])

# %% tags=["hide-cell"]
lesson.record("frequency_nats_per_word", frequencies, "nats per word", 0.01, note="single words counted")
top = lesson.choose(quick=4.55, full=2.5)  # of what learns, four blocks at the large rate
limits = {
    ("both", 4, 0.01): {"at_most": top},
    ("no residual", 4, 0.01): {"at_least": 4.3},
    ("neither", 4, 0.01): {"at_least": 3.9},
    ("both", 2, 0.01): {"at_most": 2.5},
    ("no normalisation", 2, 0.01): {"at_most": 2.5},
    ("no residual", 4, 0.001): {"at_least": 4.2},
    ("neither", 4, 0.001): {"at_least": 4.2},
}
for (kind, depth, rate), each in losses.items():
    key = f"loss_{kind.replace(' ', '_')}" + ("_2_blocks" if depth == 2 else "") + ("_slowly" if rate < 0.01 else "")
    limit = limits.get((kind, depth, rate), {"at_least": 1.0})
    lesson.record_mean(key, each, "nats per word", None, f"{depth} blocks, learning rate {rate}", **limit)

# %% [markdown]
# Each number is a mean over three seeds, and ± is the standard deviation between them. Knowing only the frequencies
# gives a loss of [[frequency_nats_per_word .2]]. (Lower is better.)
#
# **Four blocks, large learning rate.** The stack with both parts comes down to [[loss/both/4 blocks, rate 0.01]].
# Without residual connections the loss stays at [[loss/no residual/4 blocks, rate 0.01]], which is no better than
# knowing the frequencies. Without normalisation it is [[loss/no normalisation/4 blocks, rate 0.01]]: the loss falls
# only a little, and much depends on the seed. With neither part it is [[loss/neither/4 blocks, rate 0.01]].
#
# **Two blocks.** Without normalisation, two blocks learn as well as with it
# ([[loss/no normalisation/2 blocks, rate 0.01]] and [[loss/both/2 blocks, rate 0.01]]). Without residual connections
# they fall far behind ([[loss/no residual/2 blocks, rate 0.01]]), but not as far as four such blocks. So the damage
# grows with depth.
#
# **Four blocks, small learning rate.** Without residual connections hardly anything is learned here either
# ([[loss/no residual/4 blocks, rate 0.001]]). Without normalisation the loss is
# [[loss/no normalisation/4 blocks, rate 0.001]], and with both parts [[loss/both/4 blocks, rate 0.001]]: here the
# normalisation brings no gain.
#
# So in this experiment, with four blocks: at the small learning rate the residual connection decides whether the stack
# learns. At the large one it learns only with both parts together. And a hundred large steps lead further than a
# hundred small ones.
#
# ## Does the gradient vanish?
#
# That was our prediction. We test it on stacks of twelve blocks, as many as the smallest GPT-2 has, before any
# training. In each block we take one matrix of the feed-forward layer, `inner`, and that of the queries. The **size**
# of a gradient is the root of the sum of its squares: a gradient of (3, 4) has the size 5.


# %%
def gradient_sizes(model):
    ids, labels = test_rows[:16, :20], test_rows[:16, 1:21]
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(True)
    inner = [block.inner.kernel.value for block in model.blocks]
    queries = [block.attention.query_dense.kernel.value for block in model.blocks]
    with tf.GradientTape() as tape:
        loss = cross_entropy(labels, model(ids))
    gradients = tape.gradient(loss, inner + queries)
    sizes = [np.linalg.norm(np.ravel(gradient)) for gradient in gradients]
    return sizes[: len(inner)], sizes[len(inner) :]


def untrained(seed, **switches):
    keras.utils.set_random_seed(lesson.seed + seed)
    return Stack(V, LENGTH, 12, **switches)


models = {kind: [untrained(seed, **switches) for seed in SEEDS] for kind, switches in KINDS.items()}
found = {kind: [gradient_sizes(model) for model in each] for kind, each in models.items()}
inner = {kind: np.array([sizes for sizes, _ in each]) for kind, each in found.items()}
queries = {kind: np.array([sizes for _, sizes in each]) for kind, each in found.items()}


# %% tags=["hide-input"]
def draw(axes, curves, first, title):
    for index, (kind, values) in enumerate(curves.items()):
        x, style = range(first, first + values.shape[1]), plots.line_style(index)
        axes.plot(x, values.mean(axis=0), linewidth=2, label=kind, **style)
        for each in values:
            axes.plot(x, each, ".", markersize=4, color=style["color"])
    axes.set(title=title, xlabel="block (1 is the lowest)", ylabel="size of the gradient", yscale="log")


figure, [[left, right]] = plots.new_panels(1, 2, size=(10.0, 4.2))
draw(left, inner, 1, "feed-forward (inner)")
draw(right, queries, 1, "attention (queries)")
left.legend(frameon=False)
lesson.figure(figure, "gradients", "Gradients of twelve untrained blocks: lines are means, points single seeds")

rows = [(kind, *(written(sizes[kind][:, place]) for sizes in (inner, queries) for place in (0, -1))) for kind in KINDS]
columns = [f"{part}, block {place}" for part in ("feed-forward", "queries") for place in (1, 12)]
lesson.table("gradient", rows, ["size of the gradient", *columns])

# %% tags=["hide-cell"]
for kind in KINDS:
    name, feed_forward = kind.replace(" ", "_"), {"at_least": 0.02}
    if kind == "neither":
        feed_forward = {"at_most": 0.05}
    lesson.record_mean(f"gradient_feed_forward_{name}", inner[kind][:, 0], "", None, "block 1 of 12", **feed_forward)
    of_queries = {"at_most": 1e-4} if KINDS[kind].get("residual") is False else {"at_least": 5e-4}
    lesson.record_mean(f"gradient_queries_{name}", queries[kind][:, -1], "", None, "block 12 of 12", **of_queries)

# %% [markdown]
# The upright axis is logarithmic: from one label to the next, the gradient grows by the same *factor*. In the table,
# `3e-09` means 0.000 000 003.
#
# **Feed-forward, on the left.** Where both parts are missing, the prediction holds: in block 1 the gradient is
# [[gradient/neither/feed-forward, block 1]], against [[gradient/both/feed-forward, block 1]] in the stack with both.
# But where only the residual connection is missing, **our prediction failed**: the gradient is
# [[gradient/no residual/feed-forward, block 1]], no smaller than with both. These two stacks without residual
# connections differ in the normalisation alone, so it is the normalisation that keeps this gradient up. So a vanishing
# gradient of these matrices is hardly why the stack without residual connections does not learn, if four blocks behave
# as twelve do before training.
#
# **The queries, on the right,** show something else. In block 12 their gradient is [[gradient/both/queries, block 12]]
# with both parts, [[gradient/no residual/queries, block 12]] without residual connections, and
# [[gradient/neither/queries, block 12]] with neither part. (Where ± is as large as the mean, the seeds differ by powers
# of ten.) The pencil said that the lowest blocks get the least. In these two stacks the highest ones do. (The pencil's
# pattern is there, too, but in another stack: without normalisation, though with residual connections, the gradient of
# the queries is [[gradient/no normalisation/queries, block 12]] in block 12 and
# [[gradient/no normalisation/queries, block 1]] in block 1.) A small gradient need not stop a weight, by the way: our
# optimizer, Adam, divides each gradient by its usual size, so that only very small ones (far below 0.000 000 1) lead to
# small steps. Why do the highest blocks get so little?
#
# ## What happens: the words grow alike
#
# Without a residual connection, attention *replaces* each word by a mean of several words. Take two words with one
# number each, 0 and 8. Let the second attend to both with weights of one half: it becomes $(0 + 8) / 2 = 4$, in the
# next block $(0 + 4) / 2 = 2$, then 1. With each block the words grow more alike. With the residual connection the
# second word becomes $8 + 4 = 12$, and it stays different.
#
# And when two words are alike? Let both be 4. Their mean is 4 with the weights ½ and ½, and 4 with any other weights:
# it makes no difference to what the word attends. So the gradient of the queries is 0.
#
# How similar are the words of a story after each block? The **cosine similarity** of two vectors is 1 when they point
# the same way, and 0 when they have nothing in common.


# %%
def similarity(x):  # [B, 20, D], 20 words each
    x = x / ops.norm(x, axis=-1, keepdims=True)
    cosines = np.array(x @ ops.swapaxes(x, 1, 2))  # [B, 20, 20]
    return cosines[:, np.tri(20, k=-1, dtype=bool)].mean()  # each pair once


def similarities(model):
    x = model.read(test_rows[:16, :20])
    found = [similarity(x)]
    for block in model.blocks:
        x = block(x)
        found.append(similarity(x))
    return found


alike = {kind: np.array([similarities(model) for model in each]) for kind, each in models.items()}

# %% tags=["hide-input"]
figure, axes = plots.new_figure()
draw(axes, alike, 0, "How alike are the words of a story?")
axes.set(xlabel="after so many blocks", ylabel="mean cosine similarity", yscale="linear")
axes.legend(frameon=False)
lesson.figure(figure, "similarity", "Similarity of the words after each of twelve untrained blocks")

rows = [(kind, *(written(values[:, place], ".3f") for place in (0, 4, 12))) for kind, values in alike.items()]
lesson.table("similarity", rows, ["similarity of words", "before block 1", "after 4 blocks", "after 12 blocks"])

# %% tags=["hide-cell"]
for kind, values in alike.items():
    limit = {"at_most": 0.95} if kind == "both" else {"at_least": 0.95}
    key = f"similarity_{kind.replace(' ', '_')}"
    lesson.record_mean(key, values[:, 12], "", None, "of words, untrained, after 12 blocks", **limit)

# %% [markdown]
# Before the first block, the words have hardly anything in common. In every stack they grow more alike. With both parts
# the similarity is [[similarity/both/after 4 blocks]] after four blocks and [[similarity/both/after 12 blocks]] after
# twelve. Without residual connections it is [[similarity/no residual/after 4 blocks]] after four and
# [[similarity/no residual/after 12 blocks]] after twelve: the vectors of all words of a story point the same way.
# Without normalisation it is [[similarity/no normalisation/after 4 blocks]] after four, about as with both parts, and
# [[similarity/no normalisation/after 12 blocks]] after twelve.
#
# So our measurements tell another story than the pencil. Without residual connections the vectors of a text's words
# come to point the same way (the cosine looks at directions, not at sizes), and the higher the block, the less do the
# queries matter. A model that cannot tell the words apart can learn only how frequent they are, and that is just the
# loss at which this stack stood still. This explanation fits, but it is not complete. Without normalisation the words
# are nearly as much alike in the end, and yet the queries of block 12 have a gradient of
# [[gradient/no normalisation/queries, block 12]]. And with neither part the words are more alike after four blocks
# ([[similarity/neither/after 4 blocks]]) than without residual connections alone, though that stack learned a little
# more. (We trained four blocks, and measured twelve.)
#
# ## Real text: letters of Shakespeare
#
# Is it the same on real text? The same four stacks of four blocks read the plays of Shakespeare, letter by letter, in
# rows of 64, again for 100 steps of 32 rows, at the learning rate 0.01. They are tested on 200 rows of the last tenth
# of the text. (The full profile does this.)


# %%
def letter_rows(corpus, part, characters, count):
    text = "\n".join(corpus.texts(part))[: count * 65]
    return np.reshape(characters.encode(text), (count, 65))


def letter_loss(seed, **switches):
    keras.utils.set_random_seed(lesson.seed + seed)
    model = Stack(characters.vocabulary_size, 64, 4, **switches)
    return train(model, rows, test, RATES[0])


real = lesson.full or lesson.own_text
corpus = lesson.real_corpus("tiny_shakespeare") if real else None
if corpus is not None:
    characters = CharacterTokenizer.train(corpus.texts("train"))
    rows = letter_rows(corpus, "train", characters, 32 * STEPS)
    test = letter_rows(corpus, "validation", characters, 200)
    letters = {kind: [letter_loss(seed, **switches) for seed in SEEDS] for kind, switches in KINDS.items()}
    single = frequency_loss(rows, test, characters.vocabulary_size)
    print(f"knowing only the frequencies: {single:.2f}")

# %% tags=["hide-input"]
if corpus is not None:
    table = [(kind, written(letters[kind])) for kind in KINDS]
    lesson.table("letters", table, ["4 blocks, rate 0.01", "loss a letter"])

# %% tags=["hide-cell"]
if corpus is not None:
    name = "own" if lesson.own_text else "shakespeare"
    lesson.record(f"{name}_frequency", single, "nats per letter", 0.01, note="single letters counted")
    for kind in KINDS:
        key = f"{name}_{kind.replace(' ', '_')}"
        limit = {"at_most": 3.0} if kind == "both" else {"at_least": 2.0}
        lesson.record_mean(key, letters[kind], "nats per letter", None, "4 blocks, rate 0.01", **limit)

# %% [markdown]
# Knowing only how frequent each letter is gives [[shakespeare_frequency .2]] nats a letter. With both parts, the loss
# comes down to [[letters/both/loss a letter]]. The three other stacks stay at the frequencies, with
# [[letters/neither/loss a letter]] (neither part), [[letters/no residual/loss a letter]] and
# [[letters/no normalisation/loss a letter]]. So on letters the normalisation, too, decides whether four blocks learn at
# this learning rate. We did not try a smaller one here.
#
# ## What goes wrong: the norm in the wrong place
#
# The first Transformer had both parts, and in another order: it normalised *after* the addition. This is called
# **post-norm**, ours **pre-norm**. You will meet it in much code, and it looks like a matter of taste, since only one
# line differs. Let us take it over, keep our learning rate, and stack more blocks.


# %%
class PostNorm(Block):
    def around(self, x, norm, part):
        return norm(x + part(x))


DEEP = lesson.choose(quick=4, full=8)
orders = {
    "pre-norm": [story_loss(DEEP, 0.01, seed) for seed in SEEDS],
    "post-norm": [story_loss(DEEP, 0.01, seed, block=PostNorm) for seed in SEEDS],
}
orders["post-norm, warm-up"] = [story_loss(DEEP, 0.01, seed, warm_up=STEPS // 3, block=PostNorm) for seed in SEEDS]

# %% tags=["hide-input"]
rows = [(name, written(each)) for name, each in orders.items()]
lesson.table("order", rows, [f"{DEEP} blocks, rate 0.01", "loss"])

# %% tags=["hide-cell"]
least = {"post-norm": 2.5} if lesson.full else {}
for name, each in orders.items():
    limit = {"at_most": top} if name == "pre-norm" else {"at_least": least.get(name, 1.0)}
    key = f"loss_{name.replace('-', '_').replace(', ', '_')}"
    lesson.record_mean(key, each, "nats per word", None, f"{DEEP} blocks, learning rate 0.01", **limit)

# %% [markdown]
# Nothing fails, and no warning appears. But with eight blocks the loss of post-norm is [[order/post-norm/loss]], that
# of the frequencies, where pre-norm reaches [[order/pre-norm/loss]]. A well-known remedy is a **warm-up**: the learning
# rate rises from 0 in the first steps (here a third of all) and falls only then. With it, post-norm comes to
# [[order/post-norm, warm-up/loss]]: in so short a training that helps only a little, and much depends on the seed. (The
# quick profile shows another picture: it has four blocks, and one seed.)
#
# How do you notice such a mistake? Compute the loss of the frequencies *before* you train, with our `frequency_loss`. A
# model that stands still at this number has learned nothing about the words before. Then try it with two blocks: if two
# learn and eight do not, look at the residual line. Nothing but additions should lie on it. (Why the norm on this line
# does harm, we did not measure; the paper by Xiong et al. below does.)
#
# ## What this cannot show
#
# - Our stacks are narrow, with vectors of 32 numbers, and trained for 100 steps. A stack that learned nothing in 100
#   steps may learn later. Three seeds are few.
# - We tried two learning rates with four blocks, and one elsewhere. The embeddings start small, as is the habit of
#   Keras. With others the differences may be larger or smaller.
# - Gradients and similarities were measured before training, and only for two matrices of each block. The gradients of
#   keys and values we did not measure, nor how alike the words are after training.
# - That the words grow alike fits what we saw. It is no proof that this is the reason.
#
# ## Summary
#
# A residual connection adds a layer's answer to what it read; normalisation brings a vector to a common size before a
# layer reads it. Without residual connections four blocks learned little more than the frequencies, at two learning
# rates. Without normalisation they learned with small steps, and hardly with large ones. The pencil explains the first
# by vanishing gradients, and the second by growing numbers, which we did not measure. But measured, the feed-forward
# gradient vanished only where both parts were missing. What the stacks without residual connections had in common was
# that their words grew alike, and that their highest queries got hardly any gradient. A loss that stands still at that
# of the frequencies is the sign to look for.
#
# ## Exercises
#
# 1. *Compute.* Four layers with the weight 0.5, and $x = 1$. What is the slope of the first weight, without and with
#    residual connections? Check with `slope(False, 4, 0.5)` and `slope(True, 4, 0.5)`.
# 2. *Read.* Multiply out $(1 + f'_1)(1 + f'_2)(1 + f'_3)$. How many terms are there, and which way through the three
#    layers does the term $f'_1 \cdot f'_3$ stand for?
# 3. *Change a line* of the script `chapters/05_transformer/deep_stacks.py`, and run it. Put a residual connection
#    around attention alone: in `around`, write `if part == self.attend` in place of `if self.residual`. Then one around
#    the feed-forward layer alone. Read the rows "both" and "no normalisation": the switch for the residual connection
#    no longer acts. Compare them with the table of losses (run it with `--full`, or set `STEPS = 100` and `RATES =
#    (0.01, 0.001)`).
# 4. *Your own text.* Run `lmbook run deep_stacks --text FILE` with a text of at least 300 kB. Which of the four stacks
#    get below the frequencies of your letters? (With `--full` it makes as many steps as on this page.)
#
# <details>
# <summary>Answers to 1 and 2, what to expect in 3 and 4</summary>
#
# 1. Without: $0.5^3 = 0.125$. With: $1.5^3 = 3.375$.
# 2. Eight: each layer is either passed by (the 1) or passed through (its $f'$). The term $f'_1 \cdot f'_3$ is the way
#    through layers 1 and 3, past layer 2.
# 3. All four rows of the table now show the same kind of stack, with or without normalisation. In one trial of ours
#    (100 steps, one seed, with normalisation) a residual connection around attention alone gave 4.62 at the learning
#    rate 0.01 and 4.00 at 0.001; around the feed-forward layer alone 4.25 and 4.52. Neither came near the stack with
#    both.
# 4. We cannot know your text. The quick profile makes 40 steps with one seed; Shakespeare's figures above are of 100
#    steps. For these, add `--full`.
#
# </details>
#
# ## Further reading
#
# - He et al. 2016, "Deep residual learning for image recognition": where the residual connection comes from, with plain
#   stacks that get worse when they get deeper.
# - Dong et al. 2021, "Attention is not all you need: pure attention loses rank doubly exponentially with depth": why
#   words become alike without residual connections.
# - Xiong et al. 2020, "On layer normalization in the Transformer architecture": why post-norm needs a warm-up.
#
# Before this lesson: [the Transformer block](transformer_block.py). Next: [attention maps](attention_maps.py).

# %%
lesson.finish()
