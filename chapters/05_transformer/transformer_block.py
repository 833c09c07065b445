# %% [markdown]
# # The Transformer block
#
# - Article section: §3.1.3
# - Needs: attention, attention_heads, positions
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 5
# - Memory: 1.9 GB
# - Shows: residual connection, normalisation and feed-forward layer with a pencil, and a whole GPT in plain Keras
# - Headline: nats_per_word, floor, grammatical_share, shakespeare_nats_per_character, largest_difference_from_library
#
# With [attention](attention.py), each word can collect what earlier words have to say. What do we have to build around
# it to get a model that learns to write? GPT and its relatives answer with one small unit, the **Transformer block**,
# which is used again and again, and what surprises is how simple it is.
#
# Afterwards you can
#
# - compute with a pencil what a block does with a word: normalise, transform, add;
# - write a complete language model, built like GPT, in some fifty lines of plain Keras, train it and let it write;
# - say what happened to a stack without residual connections or normalisation, and notice a model that sees the future.
#
# You should know how a word attends to others: queries, keys, values, heads and the causal mask are the subject of
# [attention](attention.py) and of [attention heads](attention_heads.py), and the order of the words is that of
# [positions](positions.py). It helps to have gone once through
# [one training step](../02_concepts/one_training_step.py) (from words to a loss, and from the loss to better weights).
#
# > The article writes (§3.1.3): "The encoder is a stack of several self-attention layers and fully connected layers
# > (feed-forward layers)." Further down we build such a stack, and in our short training it learns next to nothing. The
# > sentence leaves out the two smallest parts of the block, the residual connection and the normalisation.

# %%
from __future__ import annotations

import math
import textwrap

from lmbook import (
    GPT,
    CharacterTokenizer,
    GPTConfig,
    KneserNey,
    Lesson,
    WordTokenizer,
    count_n_grams,
)
from lmbook.book import diagrams
from lmbook.corpora.greentree import (
    LEXICON,
    Grammar,
    floor,
    is_grammatical,
    tell_stories,
)

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

lesson = Lesson("transformer_block")

# %% [markdown]
# ## The idea in one picture
#
# In a Transformer each word of a text is a **vector**, a list of numbers, for example 64 of them. Follow the thick
# green line from the bottom to the top. It is the word's vector on its way through the block. Nothing on this line ever
# replaces the vector. The two boxes at the side only *read* it and *add* something to it. (B, T and D at the bottom
# say how many numbers there are: B texts of T words, each word a vector of D numbers. "× L" means that L such blocks
# stand on top of each other.)
#
# - **Self-attention** adds what the word has learned from earlier words. Here words exchange information.
# - The **feed-forward** layer adds what can be concluded from the word's own vector. Here each word is on its own.
#
# The line that goes straight through is called the **residual connection**. Before a box reads the vector, **norm**
# brings its numbers to a common size. That is the whole block: one exchange, one conclusion, each added.

# %% tags=["hide-input"]
diagrams.block()

# %% [markdown]
# ## With a pencil
#
# Take one word whose vector has only three numbers, $x = (0.5, 5, 6.8)$, and follow it through the block.
#
# **Attention and the residual connection.** The attention box reads the vector and gives this word the answer
# $(0.5, -1, 0.2)$. How attention finds its answer was the subject of the [lesson on attention](attention.py), so here
# we take it as given. The new vector is the sum, number by number: $x' = (1, 4, 7)$. The old vector is still in there,
# slightly changed. A box that has nothing to say answers with zeros, and then the word passes unharmed.
#
# **Normalisation.** The next box, feed-forward, should not have to care whether the numbers of $x'$ are around 1 or
# around 1,000. So we
#
# 1. subtract the mean, which is $(1 + 4 + 7) / 3 = 4$: we get $(-3, 0, 3)$;
# 2. divide by the standard deviation, which says how far the numbers lie from their mean. The squares are 9, 0, 9;
#    their mean is 6; its root is 2.45. We get $(-1.22,\ 0,\ 1.22)$.
#
# Try the same with $(10, 40, 70)$. The mean is 40, the standard deviation is 24.5, and the result is
# $(-1.22,\ 0,\ 1.22)$ again: the size is gone, the pattern is left. This is called **layer normalisation**.
#
# **Feed-forward layer.** Think of it as a list of rules of the form "if I see this, I add that". Ours has two rules,
# and it reads the normalised vector $(-1.22,\ 0,\ 1.22)$.
#
# - Rule 1 measures *the third number minus the first*, $1.225 - (-1.225) = 2.45$. The number is positive, so the rule
#   applies, and it adds its 2.45 to the *second* number.
# - Rule 2 measures *the first minus the third*, which is $-2.45$. A negative number means that the rule does not apply.
#   It is set to 0, and nothing is added. (This cut, "negative becomes 0", is called **ReLU**.)
#
# So the answer is $(0,\ 2.45,\ 0)$, and with the residual connection $(1,\ 4,\ 7)$ becomes $(1,\ 6.45,\ 7)$. This
# leaves the block. A real layer has hundreds or thousands of such rules, and finds them in training.
#
# Now the second half in NumPy, from $(1, 4, 7)$ on, and with it the other word, $(10, 40, 70)$.


# %%
def layer_norm(x, epsilon=1e-5):
    mean = x.mean(axis=-1, keepdims=True)  # over one word's numbers
    variance = x.var(axis=-1, keepdims=True)  # 6 for the first word
    return (x - mean) / np.sqrt(variance + epsilon)


def feed_forward(x, W_1, W_2):
    measured = x @ W_1
    applied = np.maximum(measured, 0)  # ReLU
    return applied @ W_2


x = np.array([[1.0, 4.0, 7.0], [10.0, 40.0, 70.0]])  # x' of two words
W_1 = np.array([[-1, 1], [0, 0], [1, -1]])  # column: a rule measures
W_2 = np.array([[0, 1, 0], [1, 0, 0]])  # row: a rule adds

normed = layer_norm(x)
answer = feed_forward(normed, W_1, W_2)
print("normalised:", normed.round(2), sep="\n")
print("the rules answer:", answer.round(2), sep="\n")
print("after the addition:", (x + answer).round(2), sep="\n")

# %% [markdown]
# The first rows are our pencil numbers. The second word has the same pattern, so both rules give it the same answer,
# although its numbers are ten times as large.
#
# ## The formula
#
# $$x' = x + \mathrm{attention}(\mathrm{norm}_1(x)), \qquad y = x' + \mathrm{FF}(\mathrm{norm}_2(x'))$$
#
# $$\mathrm{norm}(x) = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}\,\gamma + \beta, \qquad
#   \mathrm{FF}(x) = \mathrm{ReLU}(x W_1 + b_1)\,W_2 + b_2$$
#
# - $x$ is the vector of one word, with $D$ numbers; $x'$ is the vector after attention, and $y$ what leaves the block;
# - $\mu$ and $\sigma$ are the mean and the standard deviation of the $D$ numbers of *this one word*;
# - $\varepsilon = 0.00001$ keeps us from dividing by 0 when all numbers are equal;
# - $\gamma$ and $\beta$ are a factor and a shift for each of the $D$ places. They begin as 1 and 0, as in our example,
#   and training may change them;
# - $W_1$ has $D$ rows and $F$ columns: $F$ rules, usually four times as many as $D$. $W_2$ has $F$ rows and $D$
#   columns. $b_1$ and $b_2$ are added constants, called **biases**.
#
# ## The code, in plain Keras
#
# First attention, as in the [lesson before](attention.py), but with several **heads**: several attentions side by side,
# each with its own share of the numbers of queries, keys and values. A head compares the words' queries with their
# keys; the causal mask lets a word attend only to itself and to earlier words, and softmax makes weights of the scores.
# With these weights each head mixes the values; the results of all heads are put next to each other, and a last matrix
# blends them.
#
# In the comments, B is the number of texts in a **batch** (texts that are computed side by side), T the number of words
# in each, D the width of a vector and H the number of heads.


# %%
class Attention(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key = layers.Dense(width), layers.Dense(width)
        self.value, self.mix = layers.Dense(width), layers.Dense(width)

    def split(self, x):  # [B, T, D] -> [B, H, T, D / H]
        B, T, D = ops.shape(x)
        x = ops.reshape(x, (B, T, self.heads, D // self.heads))
        return ops.swapaxes(x, 1, 2)

    def call(self, x):  # [B, T, D] -> [B, T, D]
        q = self.split(self.query(x))
        k = self.split(self.key(x))
        v = self.split(self.value(x))
        scores = q @ ops.swapaxes(k, 2, 3) / q.shape[-1] ** 0.5
        t = ops.arange(ops.shape(x)[1])
        earlier = t[None, :] <= t[:, None]  # the causal mask
        scores = ops.where(earlier, scores, -1e9)  # [B, H, T, T]
        taken = keras.activations.softmax(scores) @ v
        taken = ops.swapaxes(taken, 1, 2)  # [B, T, H, D / H]
        return self.mix(ops.reshape(taken, ops.shape(x)))


# %% [markdown]
# The block itself is short. A `Dense` layer multiplies by a matrix and adds a bias, so `inner` and `outer` together are
# the feed-forward layer. The last three lines are the formula, word for word.


# %%
class Block(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = Attention(width, heads)
        self.inner = layers.Dense(4 * width, activation="relu")
        self.outer = layers.Dense(width)
        self.norm_1, self.norm_2 = self.make_norm(), self.make_norm()

    def make_norm(self):
        return layers.LayerNormalization(epsilon=1e-5)

    def call(self, x):  # [B, T, D] -> [B, T, D]
        x = x + self.attention(self.norm_1(x))
        x = x + self.outer(self.inner(self.norm_2(x)))
        return x


# %% [markdown]
# A block takes vectors of width D and returns vectors of width D, so blocks can be stacked like bricks. Three things
# are missing for a language model:
#
# - at the bottom, a table that gives each **token** (here a word or a mark) its first vector, the **embedding**, and a
#   second table with a vector for each place in the text, which is added, since attention alone does not know the order
#   of the words;
# - after the last block one more normalisation;
# - at the top, a `Dense` layer that gives every token of the vocabulary a score for being the next one. Such a score is
#   called a **logit**, and softmax makes probabilities of the logits.
#
# V is the number of tokens in the vocabulary, `context` the length of the longest text that the model can read, and
# `depth` the number of blocks.


# %%
class TinyGPT(keras.Model):
    def __init__(self, V, context, width=64, depth=2, block=Block):
        super().__init__()
        self.tokens = layers.Embedding(V, width)
        self.places = layers.Embedding(context, width)
        self.blocks = [block(width, heads=4) for _ in range(depth)]
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.logits = layers.Dense(V, use_bias=False)
        self(np.zeros((1, 2)))  # the first call creates the weights

    def call(self, ids):  # [B, T] -> [B, T, V]
        places = ops.arange(ops.shape(ids)[1])  # 0, 1, 2, …
        x = self.tokens(ids) + self.places(places)
        for block in self.blocks:
            x = block(x)
        return self.logits(self.norm(x))


# %% [markdown]
# This is a complete model of the kind that GPT-2 is. It is called *decoder-only*, because it has only the half of the
# original Transformer that writes. GPT-2's smallest version has the same parts, with width 768, 12 heads and 12 blocks.
#
# ## One sentence on its way through the model
#
# Which shapes do the numbers have on the way? We need text for that. **greentree** is the corpus that comes with this
# book: short stories, told by a program. We let it tell some thousands, with a vocabulary of a few hundred words, and
# put them into rows of **token ids**, the numbers under which words stand in the vocabulary. Each story begins and ends
# with the token `<end>`, and short rows are filled up with 0.
#
# This lesson has two profiles, a quick one for a first run and a full one, whose results stand in this text.
# `lesson.choose` takes the first value in the quick profile, the second in the full one.

# %%
LENGTH = 56  # T: longer than the longest story
COUNT = lesson.choose(quick=4000, full=8000)
lexicon = LEXICON.first(8, kinds=12, wishes=6)  # a small vocabulary
grammar = Grammar(lexicon, max_sentences=4)


def tell(count, seed):
    told = tell_stories(count, seed, grammar=grammar)
    return [story.english for story in told]


def show(texts):
    print("\n\n".join(textwrap.fill(text, 70) for text in texts))


stories, test_stories = tell(COUNT, seed=10), tell(200, seed=11)
tokenizer = WordTokenizer.train(stories)
V = tokenizer.vocabulary_size


def as_rows(texts):
    rows = np.zeros((len(texts), LENGTH + 1), "int32")
    for row, text in zip(rows, texts, strict=True):
        ids = [tokenizer.end_id, *tokenizer.encode(text), tokenizer.end_id]
        row[: len(ids)] = ids
    return rows


train_rows, test_rows = as_rows(stories), as_rows(test_stories)
show(stories[:1])
print("\nids:", train_rows[0, :6], "different tokens:", V)

# %% [markdown]
# Now a sentence goes through an untrained model, step by step, as in the classes above. Each step prints the shape of
# its result. (Scaling and mask are left out here: they change numbers, but no shape.)

# %%
keras.utils.set_random_seed(lesson.seed)
model = TinyGPT(V, LENGTH)
sentence = "a green oak grows in the park"
ids = np.array([tokenizer.encode(sentence)])  # B = 1 text, T = 7 tokens

block = model.blocks[0]
x = model.tokens(ids) + model.places(np.arange(7))
normed = block.norm_1(x)
q = block.attention.split(block.attention.query(normed))
k = block.attention.split(block.attention.key(normed))
scores = q @ ops.swapaxes(k, 2, 3)
x_1 = x + block.attention(normed)
rules = block.inner(block.norm_2(x_1))
y = x_1 + block.outer(rules)
logits = model.logits(model.norm(model.blocks[1](y)))

steps = {"ids": ids, "x": x, "queries": q, "scores": scores}
steps |= {"x'": x_1, "rules": rules, "y": y, "logits": logits}
for name, values in steps.items():
    print(f"{name:8}", "×".join(map(str, values.shape)))

# %% tags=["hide-input"]
diagrams.language_model(sentence.split(), width=64, hidden=256, layers=2, vocabulary=V)

# %% [markdown]
# Read the scores' shape, 1×4×7×7: for one text, each of 4 heads has a table with 7 rows and 7 columns, which says how
# well each of the 7 words fits each other. That is the only place where two words meet. Everything else treats the 7
# words alike and separately, and the vectors on the green line always have 64 numbers.
#
# Which part holds the model's **weights**, that is, the numbers which training changes? Count for one block with a
# pencil ($D = 64$, $F = 256$): attention has four matrices with biases, $4 \cdot (64 \cdot 64 + 64) = 16{,}640$; the
# feed-forward layer has $64 \cdot 256 + 256 + 256 \cdot 64 + 64 = 33{,}088$; the two normalisations have
# $2 \cdot (64 + 64) = 256$.

# %%
rule_weights = block.inner.count_params() + block.outer.count_params()
print("attention", block.attention.count_params())
print("feed-forward", rule_weights)
print("block", block.count_params())
print("whole model", model.count_params())

# %% tags=["hide-cell"]
lesson.record("block_parameters", block.count_params(), note="width 64")
lesson.record("parameters", model.count_params(), note="two blocks of width 64")
lesson.record("feed_forward_share", rule_weights / block.count_params(), note="of a block's weights")

# %% [markdown]
# Of the weights of a block, [[feed_forward_share %]] are in the feed-forward layer: the rules, not the exchange between
# words, take up most of the room. With $F = 4D$ it is about two thirds at any width, since the feed-forward layer has
# about $8 D^2$ weights and attention about $4 D^2$.
#
# ## Is it the same as the library's?
#
# The other lessons use `GPT` from this book's library, which can do more (other normalisations, other positions, faster
# writing). Its heart is `TransformerBlock.call`. Look for the two additions in it: `_read` is the normalisation, and
# `_add` the residual connection. The rest is for other models and is not used here: a mask for filled-up places, a
# second attention (`cross`), and attention's weights for those who ask for them.
#
# [[source lmbook.TransformerBlock.call]]
#
# [[source lmbook.TransformerBlock._read]]
#
# [[source lmbook.TransformerBlock._add]]
#
# Reading is not proof. So we make a library model of the same size, copy our weights into it, and compare the logits.
# Both models keep their weights in the same order: tables, blocks, last normalisation, logits.

# %%
library = GPT(
    GPTConfig(
        vocabulary_size=V,
        hidden_dim=64,
        intermediate_dim=256,
        num_heads=4,
        num_layers=2,
        max_sequence_length=LENGTH,
        activation="relu",
        tie_embeddings=False,  # a table of its own for the logits
    )
)
library.set_weights(model.get_weights())

reads = test_rows[:32, :-1]
ours, theirs = np.array(model(reads)), np.array(library(reads))
print("largest logit     ", np.abs(ours).max())
print("largest difference", np.abs(ours - theirs).max())

# %%
lesson.record("largest_difference_from_library", np.abs(ours - theirs).max(), tolerance=None, at_most=1e-4)

# %% [markdown]
# Over 32 stories the largest difference between two logits is [[largest_difference_from_library]]. With the same
# weights, our lines compute what the library's model computes. (These are the weights before training.)
#
# ## Training it on stories
#
# The model reads a row without its last token and must predict the row without its first. At every place we look at the
# probability $p$ which the model gave to the token that really came. The **loss** is the mean of $-\ln p$, called
# **cross-entropy** and counted in **nats**: 0 if it was always certain and right, $\ln 2 = 0.69$ if it always gave the
# right token one half.
#
# The **gradient** says for each weight how the loss changes when the weight changes a little. After each batch of 32
# stories the optimizer Adam moves all weights a little against it; the **learning rate** says how far, at first 0.01,
# falling to 0 until the end so that the last steps are fine ones. One pass through all stories is an **epoch**. Places
# that were filled up with 0 are ignored. The 200 test stories take no part in training.
#
# Two lines below are technical. `optimizer.build` creates the numbers that Adam keeps for each weight, its memory of
# earlier gradients. `jit_compile=False` does without a compiler, XLA, which would take time at the start of each
# training; the results do not depend on it.


# %%
def train(model, rows, test, epochs, learning_rate=0.01):
    steps = epochs * math.ceil(len(rows) / 32)
    falling = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True,
        ignore_class=0,
    )
    optimizer = keras.optimizers.Adam(falling)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss, jit_compile=False)
    fitted = model.fit(
        rows[:, :-1],
        rows[:, 1:],
        validation_data=(test[:, :-1], test[:, 1:]),
        validation_batch_size=len(test),  # all of them at once
        batch_size=32,
        epochs=epochs,
        verbose=0,
    )
    return fitted.history


EPOCHS = lesson.choose(quick=2, full=6)
history = train(model, train_rows, test_rows, EPOCHS)
print("loss after each epoch")
print("training:    ", np.round(history["loss"], 3))
print("test stories:", np.round(history["val_loss"], 3))

# %% [markdown]
# How good is that? We need something to compare it with.
#
# - **The floor.** A program tells these stories, and we know the probability of each of its choices. So we can compute
#   the loss of a perfect model, exactly. No model can be better, except by luck.
# - **Counting.** The simplest language model counts which word followed which four words
#   ([n-grams](../01_background/n_grams.py)). It needs a second.
#
# `KneserNey` makes probabilities of the counts: it takes a little from every count and gives it to shorter sequences,
# so that a sequence it has never seen does not get the probability 0. `closed=True` says that every text ends with
# `<end>`, and that this token must be predicted too. `order=5` stands for four words and the one that follows.


# %%
def counting(documents, test, tokenizer, order, closed=True):
    counts = count_n_grams(documents, tokenizer, order, closed=closed)
    return KneserNey(counts).nats_per_token(test, closed=closed)


documents = [tokenizer.encode(story) for story in stories]
test_documents = [tokenizer.encode(story) for story in test_stories]

lowest = floor(test_stories, tokenizer, grammar=grammar)
counted_loss = counting(documents, test_documents, tokenizer, order=5)
test_loss = history["val_loss"][-1]
print(f"counting {counted_loss:.3f}")
print(f"TinyGPT  {test_loss:.3f}")
print(f"floor    {lowest:.3f}")

# %% tags=["hide-cell"]
lesson.record("floor", lowest, "nats per word", 1e-6, note="the loss of a perfect model on the test stories")
lesson.record("counting_nats_per_word", counted_loss, "nats per word", 1e-3, note="five-grams, on the test stories")
lesson.record("nats_per_word", test_loss, "nats per word", 0.06, note="on the test stories")

# %% [markdown]
# Counting reaches [[counting_nats_per_word .3]] nats a word, our model [[nats_per_word .3]] in this one run, and the
# floor is [[floor .3]]. A perfect model would not be at 0, since nobody can know which name a hero will have.
#
# ## Letting it write
#
# To write, the model reads what is there so far, and we draw the next token with the probabilities that it gives. The
# token is appended, and everything begins again. All stories are written side by side, and all begin with "a". (We
# need `temperature` only at the end of the lesson; 1 changes nothing.)


# %%
def write(model, ids, length, context, temperature=1.0):
    rng = np.random.default_rng(lesson.seed)
    for _ in range(length):
        logits = np.array(model(ids[:, -context:])[:, -1], "float64")
        p = np.exp(logits / temperature)
        p /= p.sum(axis=-1, keepdims=True)  # softmax
        chosen = [[rng.choice(len(row), p=row)] for row in p]
        ids = np.concatenate([ids, chosen], axis=1)
    return ids


def until_end(row):
    row = [*row, tokenizer.end_id]
    return tokenizer.decode(row[: row.index(tokenizer.end_id)])


def write_stories(model, count):
    begin = [tokenizer.end_id, *tokenizer.encode("a")]
    rows = write(model, np.tile(begin, (count, 1)), LENGTH - 2, LENGTH)
    return [until_end(row[1:].tolist()) for row in rows]


written = write_stories(model, lesson.choose(quick=50, full=200))
show(written[:3])

# %%
accepted = [is_grammatical(text) for text in written]
print(f"accepted: {sum(accepted)} of {len(accepted)}")

# %% tags=["hide-cell"]
lesson.record("grammatical_share", float(np.mean(accepted)), tolerance=0.3, n=len(written))

# %% [markdown]
# A program can also check stories: it accepts one only if the whole story could have been told, so that the boy is
# still a boy at the end and nobody loses a thing that they never found. It accepts [[grammatical_share %]] of what our
# model wrote.
#
# ## Why residual connections and normalisation?
#
# Two blocks are few, GPT-2 has 12 to 48. Let us stack four narrow blocks (width 32) and take the parts away, one by
# one. In Keras each variant takes two or three lines:


# %%
class NoResidual(Block):
    def call(self, x):
        x = self.attention(self.norm_1(x))
        return self.outer(self.inner(self.norm_2(x)))


class NoNorm(Block):
    def make_norm(self):
        return layers.Identity()  # hands on what it gets


class Neither(NoResidual, NoNorm):  # the stack of the article's sentence
    pass


# %% [markdown]
# Everything else stays the same: the stories, the number of steps, the last normalisation before the logits. A stack
# may fail only because its learning rate does not suit it, so we try two. And each stack is trained with three
# **seeds**, that is, with other random first weights each time, since one run may be luck. To see how far they come, we
# compare with a model that knows only how frequent each token is, and nothing of the words before (`counting` with
# order 1).

# %%
SEEDS = range(lesson.choose(quick=1, full=3))
some = train_rows[: 32 * lesson.choose(quick=40, full=100)]
KINDS = {
    "the full block": Block,
    "no residual": NoResidual,
    "no normalisation": NoNorm,
    "neither": Neither,
}
RATES = lesson.choose(quick=(0.01,), full=(0.01, 0.001))


def deep_loss(kind, learning_rate, seed):
    keras.utils.set_random_seed(lesson.seed + seed)
    deep = TinyGPT(V, LENGTH, width=32, depth=4, block=kind)
    return train(deep, some, test_rows, 1, learning_rate)["val_loss"][-1]


losses = {
    (name, rate): [deep_loss(kind, rate, seed) for seed in SEEDS]
    for name, kind in KINDS.items()
    for rate in RATES
}  # fmt: skip
frequency_loss = counting(documents, test_documents, tokenizer, order=1)
print("knowing only how frequent each token is:", round(frequency_loss, 2))


# %% tags=["hide-input"]
def mean_and_sd(values, digits=2):
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


rows = [(name, *(mean_and_sd(losses[name, rate]) for rate in RATES)) for name in KINDS]
lesson.table("deep", rows, ["four blocks, loss", *(f"learning rate {rate}" for rate in RATES)])

# %% tags=["hide-cell"]
lesson.record("frequency_nats_per_word", frequency_loss, "nats per word", 1e-3, note="single words counted")
LIMITS = {"the full block": {"at_most": 4.55}, "no residual": {"at_least": 4.3}, "neither": {"at_least": 4.0}}
for (name, rate), each in losses.items():
    key = f"deep_{name.replace(' ', '_')}" + ("" if rate == RATES[0] else "_slowly")
    limit = LIMITS.get(name, {"at_least": 2.0}) if rate == RATES[0] else {"at_least": 2.0}
    lesson.record_mean(key, each, "nats per word", None, f"four blocks, learning rate {rate}", **limit)

# %% [markdown]
# Does the stack learn without them? Look at the left column first; each number is a mean over three seeds, and ± is the
# standard deviation between them. A model that knows only the frequencies has a loss of [[frequency_nats_per_word .2]]
# nats a word. The full block comes down to [[deep_the_full_block .2]]. Without residual connections the loss
# stops at [[deep_no_residual .2]], which is no better than knowing the frequencies. The stack with neither learns a
# little more ([[deep_neither .2]]). Without normalisation alone it is [[deep_no_normalisation .2]]: it learns, but far
# less than the full block, and much depends on the seed.
#
# The right column shows a tenth of the learning rate. Without residual connections hardly anything is learned here
# either. Without normalisation the stack learns about as much as before ([[deep_no_normalisation_slowly .2]]), and here
# the full block has no advantage over it ([[deep_the_full_block_slowly .2]]). So in this experiment the
# residual connection decides *whether* four blocks learn. Normalisation pays with the large steps: with it, the large
# learning rate brings the loss far down, and without it hardly.
#
# Why do the words need their residual connection? Without it, attention *replaces* each word by a mean of several
# words. Take two words with one number each, 0 and 8. Let the second attend to both with weights of one half: it
# becomes $(0 + 8) / 2 = 4$, in the next block $(0 + 4) / 2 = 2$, then 1. With each block the words grow more alike,
# until nobody can tell them apart. With the residual connection the second word becomes $8 + 4 = 12$, and it stays
# different.
#
# We can measure this before any training. How similar are the vectors of different words in a story? Their **cosine
# similarity** is 1 when they point the same way, and 0 when they have nothing in common. Since nothing is trained, we
# can afford twelve blocks here, as many as the smallest GPT-2 has.


# %%
def similarity(x):  # [B, 20, D], 20 words each
    x = x / ops.norm(x, axis=-1, keepdims=True)
    cosines = np.array(x @ ops.swapaxes(x, 1, 2))  # [B, 20, 20]
    return cosines[:, np.tri(20, k=-1, dtype=bool)].mean()  # each pair once


def untrained(kind, depth, seed):
    keras.utils.set_random_seed(lesson.seed + seed)
    return TinyGPT(V, LENGTH, width=32, depth=depth, block=kind)


def similarities(kind, seed):
    deep = untrained(kind, 12, seed)
    x = deep.tokens(test_rows[:16, :20]) + deep.places(np.arange(20))
    found = [similarity(x)]
    for block in deep.blocks:
        x = block(x)
        found.append(similarity(x))
    return found[0], found[4], found[12]


# %% tags=["hide-input"]
alike = {name: [similarities(kind, seed) for seed in SEEDS] for name, kind in KINDS.items()}
rows = [(name, *(mean_and_sd(each) for each in zip(*runs, strict=True))) for name, runs in alike.items()]
lesson.table("similarity", rows, ["similarity of words", "before block 1", "after 4 blocks", "after 12 blocks"])

# %% tags=["hide-cell"]
for name, runs in alike.items():
    _, four, twelve = zip(*runs, strict=True)
    key = f"similarity_{name.replace(' ', '_')}"
    limit = {"at_most": 0.95} if name == "the full block" else {"at_least": 0.9}
    lesson.record_mean(f"{key}_after_4", four, "", None, "of words, untrained, after 4 blocks", at_least=0.3)
    lesson.record_mean(key, twelve, "", None, "of words, untrained, after 12 blocks", **limit)

# %% [markdown]
# Can the last block still tell the words apart? Before the first block, they have hardly anything in common. In every
# stack they grow more alike. With the full block the similarity is [[similarity_the_full_block_after_4 .2]] after four
# blocks and [[similarity_the_full_block .2]] after twelve. Without residual connections it is
# [[similarity_no_residual_after_4 .2]] after four and [[similarity_no_residual .3]] after twelve: the vectors of all
# words of a story point the same way. Without normalisation the words grow alike later: the similarity is
# [[similarity_no_normalisation_after_4 .2]] after four blocks, about as in the full block, and
# [[similarity_no_normalisation .3]] after twelve.
#
# One often reads another explanation: the *gradient* fades on its way down through a deep stack, so that the first
# blocks learn nothing. So we also compute the size of the gradient of one matrix of the first block, `inner`, again
# before training.


# %%
def gradient_size(kind, depth, seed):
    deep = untrained(kind, depth, seed)
    ids, labels = test_rows[:16, :20], test_rows[:16, 1:21]
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(True)
    with tf.GradientTape() as tape:
        loss = cross_entropy(labels, deep(ids))
    gradient = tape.gradient(loss, deep.blocks[0].inner.kernel.value)
    return float(ops.norm(gradient))


# %% tags=["hide-input"]
DEPTHS = (4, 12)
sizes = {
    (name, depth): [gradient_size(kind, depth, seed) for seed in SEEDS]
    for name, kind in KINDS.items()
    for depth in DEPTHS
}
rows = [(name, *(mean_and_sd(sizes[name, depth], 3) for depth in DEPTHS)) for name in KINDS]
lesson.table("gradient", rows, ["gradient in block 1", *(f"stack of {depth} blocks" for depth in DEPTHS)])

# %% tags=["hide-cell"]
for (name, depth), each in sizes.items():
    limit = {"at_most": 0.05} if (name, depth) == ("neither", 12) else {"at_least": 0.02}
    key = f"gradient_{name.replace(' ', '_')}_{depth}_blocks"
    lesson.record_mean(key, each, "", None, f"in block 1 of {depth}, untrained", **limit)

# %% [markdown]
# In four blocks, the depth that we trained, no gradient fades: it is [[gradient_no_residual_4_blocks .2]] without
# residual connections and [[gradient_the_full_block_4_blocks .2]] in the full block. In twelve blocks it fades only
# where both parts are missing ([[gradient_neither_12_blocks]]). So these measurements give no support for fading as the
# explanation of what we saw. That the words grow alike may be the reason, but we have only seen that the two go
# together.
#
# ## What goes wrong: normalising over the wrong axis
#
# At the top of this page `x` had the shape [words, numbers]. There, `axis=1` would have been just as right as
# `axis=-1`. Now take such a line over into a model. There the shape is [texts, words, numbers], and `axis=1` is the
# axis of the *words*. Nothing fails, since the shapes still fit. Let us make this mistake on purpose.


# %%
class NormOverWords(layers.Layer):
    def call(self, x):
        mean = ops.mean(x, axis=1, keepdims=True)
        deviation = ops.std(x, axis=1, keepdims=True)
        return (x - mean) / (deviation + 1e-5)


class WrongAxis(Block):
    def make_norm(self):
        return NormOverWords()


def two_epochs(block):
    keras.utils.set_random_seed(lesson.seed)
    model = TinyGPT(V, LENGTH, block=block)
    history = train(model, train_rows, test_rows, 2)
    return model, history["val_loss"][-1]


wrong, wrong_loss = two_epochs(WrongAxis)
correct, correct_loss = two_epochs(Block)
print("loss on the test stories after two epochs")
print(f"wrong axis  {wrong_loss:.3f}")
print(f"correct     {correct_loss:.3f}")
print(f"floor       {lowest:.3f}")

# %%
lesson.record("wrong_axis_nats_per_word", wrong_loss, "nats per word", None, at_most=lowest)
lesson.record("two_epochs_nats_per_word", correct_loss, "nats per word", None, at_least=lowest)

# %% [markdown]
# That looks wonderful: with the wrong axis, the loss ends at [[wrong_axis_nats_per_word .2]] nats a word, also on
# stories that it has never seen. The correct model, after the same two epochs, is at [[two_epochs_nats_per_word .2]].
# The wrong one is even better than a *perfect* model, whose loss is [[floor .2]], and that is how we know that it
# cheats. Then we let both write, 50 stories each. Two epochs are a short training, so whole stories without a slip may
# be too much to ask. We therefore also count small pieces: how many of the sequences of three words that the model
# writes occur anywhere in the training stories?


# %%
def triples(text):
    ids = tokenizer.encode(text)
    return list(zip(ids, ids[1:], ids[2:], strict=False))


seen = {triple for story in stories for triple in triples(story)}
compared = {}
for name, each in {"wrong axis": wrong, "correct": correct}.items():
    texts = write_stories(each, 50)
    known = np.mean([t in seen for text in texts for t in triples(text)])
    accepted = np.mean([is_grammatical(text) for text in texts])
    compared[name] = float(known), float(accepted)
    print(f"{name}: {known:.0%} known, {accepted:.0%} accepted. It writes:")
    show(texts[:1])
    print()

# %% tags=["hide-cell"]
for name, (known, accepted) in compared.items():
    key = name.replace(" ", "_") if name == "wrong axis" else "two_epochs"
    known_limit = {"at_most": 0.8} if name == "wrong axis" else {"at_least": 0.8}
    accepted_limit = {"at_most": 0.1 if name == "wrong axis" else 0.6}
    lesson.record(f"{key}_known_triples", known, tolerance=None, note="written, seen in training", **known_limit)
    lesson.record(f"{key}_grammatical_share", accepted, tolerance=None, n=50, **accepted_limit)

# %% [markdown]
# Of the wrong model's sequences of three words, [[wrong_axis_known_triples %]] occur in the training stories; of the
# correct one's, [[two_epochs_known_triples %]]. The checking program accepts [[wrong_axis_grammatical_share %]] of the
# wrong model's stories and [[two_epochs_grammatical_share %]] of the correct one's; after so short a training, this
# share alone proves little. What happened? The mean over all words of a story includes the words that are still to
# come. Through it the model could see the future, in spite of the causal mask. In training that pays off; when it
# writes, there is no future to look at.
#
# On real text nobody knows the floor, so a loss that is too good is easily mistaken for success. But there is a test
# that needs no floor: **change a later word, and see whether an earlier logit moves.** In a correct model it cannot.


# %%
def future_effect(model):
    ids = test_rows[:8, :-1]
    changed = ids.copy()
    changed[:, 20:] = ids[:, :19:-1]  # from word 20 on, backwards
    difference = np.array(model(ids)) - np.array(model(changed))
    return float(np.abs(difference[:, :20]).max())


effects = {"correct": future_effect(correct), "wrong": future_effect(wrong)}
print("the logits of the first 20 words move by at most")
for name, effect in effects.items():
    print(f"{name:8} {effect:.2f}")

# %%
lesson.record("future_effect", effects["correct"], tolerance=None, at_most=1e-4, note="of the correct model")
lesson.record("future_effect_wrong_axis", effects["wrong"], tolerance=None, at_least=0.1)

# %% [markdown]
# A few lines, and no training is needed. (The library's `lmbook.fit` makes this test before each training.)
#
# ## Real text: Shakespeare, letter by letter
#
# Stories of a program are easy. The same model, somewhat larger, now reads plays of Shakespeare, a million characters.
# A token is a single character here, a row holds 64 of them, and the model must find out by itself that there are
# words. The last tenth of the text is held out. Nobody knows the floor of English, so counting is our comparison. (The
# full profile does this, or any profile with a text of yours: `lmbook run transformer_block --text FILE`.)


# %%
def as_characters(texts, characters):
    return [token for text in texts for token in characters.encode(text)]


def cut(tokens, size):
    """Rows of this many tokens each; what is left over is dropped."""
    return np.reshape(tokens[: len(tokens) // size * size], (-1, size))


def train_on_characters(corpus, epochs, context=64):
    texts = corpus.texts("train")
    characters = CharacterTokenizer.train(texts)
    train_part = as_characters(texts, characters)
    test_part = as_characters(corpus.texts("validation"), characters)
    rows, test = cut(train_part, context + 1), cut(test_part, context + 1)

    keras.utils.set_random_seed(lesson.seed)
    model = TinyGPT(characters.vocabulary_size, context, width=128, depth=3)
    history = train(model, rows, test, epochs, learning_rate=0.003)
    counted = counting([train_part], [test_part], characters, 6, closed=False)

    begin = np.array([characters.encode("ROMEO:\n")])
    [ids] = write(model, begin, 400, context, temperature=0.8).tolist()
    return history["val_loss"][-1], counted, characters.decode(ids)


corpus = None
if lesson.full or lesson.own_text:
    corpus = lesson.real_corpus("tiny_shakespeare")
if corpus is not None:
    epochs = lesson.choose(quick=1, full=2)
    real_loss, real_counted, text = train_on_characters(corpus, epochs)
    print(f"counting {real_counted:.3f}, TinyGPT {real_loss:.3f}\n\n{text}")

# %% tags=["hide-cell"]
if corpus is not None:
    name = "own" if lesson.own_text else "shakespeare"
    lesson.record(f"{name}_nats_per_character", real_loss, "nats per character", 0.06, note="held-out text")
    lesson.record(f"{name}_counting", real_counted, "nats per character", 1e-3, note="sequences of six, counted")

# %% [markdown]
# Here the simple model wins: counting sequences of six characters gives [[shakespeare_counting .3]] nats a character,
# and our Transformer reaches [[shakespeare_nats_per_character .3]] in this one run, after two passes through the text.
# (The comparison is a little unfair to the Transformer: at the beginning of each row of 64 it has seen only few
# characters.) Its text has the looks of a play, with names in capitals, colons and short lines, and many words are
# English. The sense is missing. For the text we divided the logits by 0.8, a **temperature** below 1, which makes
# likely characters likelier still ([sampling](sampling.py)).
#
# On the stories the Transformer won clearly, and here it loses. A story's grammar asks for words from far back, which
# counting five words cannot see. Spelling needs only a few characters, and with a million of them to count, counting is
# hard to beat in a short training. (This is our explanation; we did not test it.) The lesson
# [GPT](../06_pretraining/gpt.py) gives larger models of this design more time.
#
# ## What this cannot show
#
# - Our models have some hundred thousand weights, and four blocks are not a hundred. That a stack without residual
#   connections does not learn we saw for one width, one depth, two learning rates and the first 100 steps of training,
#   each with three seeds. It is no proof that it never learns.
# - That normalisation helps because of the larger steps was seen under the same conditions, with embeddings that start
#   small, as is the habit of Keras. With other first weights the difference may be larger or smaller.
# - The losses on all stories and on Shakespeare come from one run each, and with another seed they would differ a
#   little.
# - We used test stories to watch the training. We chose nothing by them, but had we tried ten learning rates and kept
#   the best, they would no longer be a fair test.
#
# ## Summary
#
# A Transformer block normalises each word's vector, lets it attend to earlier words and adds the result; then it
# normalises again, applies a feed-forward layer to each word separately and adds that result too. The residual
# connection hands every word on unharmed, and without it four blocks did not learn in our experiment; normalisation
# let training take large steps. A GPT is a table of embeddings, a table of places, a stack of blocks and a layer of
# logits, and ours gave the same logits as the library's, with these settings. A loss on new stories clearly below the
# floor means that something is wrong, and changing a later word shows in a few lines whether the model sees the future.
#
# ## Exercises
#
# 1. *Read.* Which lines of `TinyGPT` and `Block` depend on how many words the text has? Which would have to change for
#    texts of 1,000 words?
# 2. *Compute.* How many weights does a block of width 128 have? Check with `Block(128, 4)` and `count_params()`, after
#    one call with `np.zeros((1, 5, 128))`.
# 3. *Change two lines.* The original Transformer normalised after the addition: `x = self.norm_1(x +
#    self.attention(x))`, and the same for the feed-forward layer. Write `PostNorm(Block)`, add it to `KINDS`, and
#    compare it at both learning rates.
# 4. *Find the bug.* Write a block whose second line is `x = self.outer(self.inner(self.norm_2(x)))`, with a forgotten
#    `x +`. Does it fail? How do you notice it, with two blocks and with six?
# 5. *Your own text.* Run `lmbook run transformer_block --text FILE` with a text of at least 200 kB. Does the model beat
#    counting on it? What if you give it twice as many epochs? (Change the line
#    `epochs = lesson.choose(quick=…, full=…)`, further up.)
#
# <details>
# <summary>Answers to 1 and 2, what to expect in 3 to 5</summary>
#
# 1. In `TinyGPT` the table `self.places`, with one row for each place, and the line `places = ops.arange(…)`. In
#    `Block` none does; the attention in it takes the number of words from `x`. No line has to change: say
#    `context=1000`, and train on texts of that length, so that the vectors of all places are learned.
# 2. With $D = 128$ and $F = 512$, attention has $4 \cdot (128 \cdot 128 + 128) = 66{,}048$, the feed-forward layer
#    $128 \cdot 512 + 512 + 512 \cdot 128 + 128 = 131{,}712$, and the normalisations $2 \cdot (128 + 128) = 512$.
#    Together that is 198,272.
# 3. In one trial with one seed, `PostNorm` learned at both learning rates. With the large one its loss stayed well
#    above the full block's; with the small one it was a little lower.
# 4. It does not fail, since the shapes fit. In one trial of ours, two blocks learned well enough to hide the mistake,
#    and six learned nothing: their loss stayed at that of the frequencies. You can notice it without training, too. Set
#    the weights of `outer` to zeros: a correct block then hands on $x'$, and with the forgotten `x +` it answers with
#    zeros.
# 5. We cannot know your text. Compare the two numbers in the line that begins with "counting". While the loss on the
#    held-out part still falls, more epochs help; when it rises, the model learns the text by heart.
#
# </details>
#
# ## Further reading
#
# - Vaswani et al. 2017, "Attention is all you need", section 3: the block in its first form, with the normalisation
#   after the addition.
# - He et al. 2016, "Deep residual learning for image recognition": where the residual connection comes from, with plain
#   stacks that get worse when they get deeper.
# - Dong et al. 2021, "Attention is not all you need: pure attention loses rank doubly exponentially with depth": why
#   words become alike without residual connections.
# - Xiong et al. 2020, "On layer normalization in the Transformer architecture": before or after the addition?
#
# **Before this lesson:** [positions](positions.py). **Next:** [attention maps](attention_maps.py),
# which look into a trained model.

# %%
lesson.finish()
