# %% [markdown]
# # Attention maps, and what attention costs
#
# - Article section: §3.1.2
# - Needs: attention, heads_and_positions, transformer_block
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 4
# - Memory: 1.7 GB
# - Shows: what the heads of a trained model attend to, how to test what a map suggests, and the price of long texts
# - Headline: loss_of_the_model, seeds_where_the_strongest_map_is_the_most_needed_head, weights_megabytes_at_4096_words
#
# The weights of a trained model can be drawn: a dark square where one word attends to another. What do such pictures
# show, what do they *not* prove, and what does it cost that every word may attend to every other?
#
# Afterwards you can
#
# - read the weights out of a trained model and draw them as a map;
# - test what a map suggests, by comparing it with an even one and by switching a head off;
# - say what a text of twice the length costs in time and in memory.
#
# You need [attention](attention.py), [heads and positions](heads_and_positions.py) and [the Transformer
# block](transformer_block.py): the model here is a stack of two such blocks.

# %%
from __future__ import annotations

import textwrap
import time

from lmbook import (
    GPT,
    CharacterTokenizer,
    GPTConfig,
    Lesson,
    MultiHeadAttention,
    WordTokenizer,
    causal_mask,
    reproducible,
)
from lmbook.book import diagrams, plots
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.layers import apply_rotary
from lmbook.topics.interpretability import self_attention

import keras
import numpy as np
import tensorflow as tf
from keras import ops

lesson = Lesson("attention_maps")
reproducible(lesson.seed)

# %% [markdown]
# ## The idea in one picture
#
# An **attention map** is the table of weights of one head for one text. Each row is a word that asks, each column a
# word that it may attend to. The larger the weight, the fuller the colour.

# %% tags=["hide-input"]
small = [[1, 0, 0], [0.3, 0.7, 0], [0.15, 0.63, 0.22]]
diagrams.attention_weights(["the", "cat", "sat"], small)

# %% [markdown]
# ## With a pencil
#
# **Reading.** The row of "sat" says: 15 % of what it takes comes from "the", 63 % from "cat", 22 % from itself. Each
# row adds up to 1. The upper right corner is empty, because no word may attend to a later one (the causal mask).
#
# **A share.** Does this head attend to the word just before? "cat" gives 0.30 to the word before it, "sat" gives 0.63.
# The mean is 0.465. Is that much? A head that attends *evenly* to all it may see would give 1/2 in the row of "cat" and
# 1/3 in that of "sat": 0.417 on average. So 0.465 is hardly more than nothing in particular. A share means something
# only beside that of an even map.
#
# **What a weight does not say.** A weight is multiplied with a value. A weight of 0.9 on the value (0.1, 0) brings in
# (0.09, 0). A weight of 0.1 on the value (4, 0) brings in (0.4, 0), four times as much. The dark square was the less
# important one.
#
# As a formula, the share of a kind of place $P$ (as "the word before") in a map with weights $w_{ts}$, row $t$, column
# $s$, is
#
# $$\mathrm{share}(P) = \frac{1}{T} \sum_{t=1}^{T} \; \sum_{s \in P(t)} w_{ts}$$
#
# where $T$ is the number of rows that are counted, and $P(t)$ are the places of that kind as seen from row $t$.

# %%
weights = np.array(small)
even = np.tri(3) / np.array([[1], [2], [3]])
before = np.eye(3, k=-1)  # 1 where the column is the place just before the row
for name, table in {"head": weights, "even": even}.items():
    print(name, (table * before).sum(axis=1)[1:].mean().round(3))

# %% [markdown]
# ## A model to look into
#
# `GPT` is the library's stack of Transformer blocks. Ours has two blocks of four heads, 64 numbers for each word, and
# rotary positions. It learns to predict the next word of **greentree** stories, the corpus that is built into this
# book. The **loss** is the mean of $-\ln p$ of the words that really came, in **nats** (a choice between two equally
# likely words is 0.69); the best possible is known and called the **floor**. The full profile trains it with three
# **seeds**, that is three times from other random numbers.

# %%
grammar = Grammar(split="seen", max_sentences=4)
train_stories = [s.english for s in tell_stories(3000, 10, grammar=grammar)]
test_stories = [s.english for s in tell_stories(200, 11, grammar=grammar)]
tokenizer = WordTokenizer.train(train_stories)


def as_rows(stories, length=57):
    """Ids between two <end> tokens, filled up with 0, which counts for nothing."""
    rows = np.zeros((len(stories), length), "int32")
    for row, story in zip(rows, stories, strict=True):
        ids = [tokenizer.end_id, *tokenizer.encode(story), tokenizer.end_id]
        row[: len(ids)] = ids
    return rows


def trained(rows, vocabulary_size, seed, epochs, batch_size=32):
    reproducible(seed)
    config = GPTConfig(
        vocabulary_size,
        hidden_dim=64,
        intermediate_dim=128,
        num_heads=4,
        num_layers=2,
        max_sequence_length=64,
        positions="rotary",
        tie_embeddings=False,
        stddev=None,
        embedding_stddev=0.05,
    )
    model = GPT(config)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(0.01), loss)
    x, y = rows[:, :-1], rows[:, 1:]
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


train, test = as_rows(train_stories), as_rows(test_stories)
SEEDS = [lesson.seed + n for n in range(lesson.choose(quick=1, full=3))]
EPOCHS = lesson.choose(quick=4, full=6)
V = tokenizer.vocabulary_size
models = [trained(train, V, seed, EPOCHS) for seed in SEEDS]
model = models[0]

# %% tags=["hide-cell"]
losses = [one.evaluate(test[:, :-1], test[:, 1:], verbose=0) for one in models]
lowest = floor(test_stories, tokenizer, grammar=grammar)
lesson.record_mean("loss_of_the_model", losses, "nats per word", 0.08, "stories that were not trained on")
lesson.record("floor", lowest, "nats per word", 1e-6, note="the best possible loss on them")

# %% [markdown]
# Its loss on stories that it was not trained on is [[loss_of_the_model]]; the floor is [[floor .2]].
#
# ## Reading the weights out
#
# The weights of the first block can be computed with what we know: the words' vectors, normalised, then queries and
# keys, cut into heads and turned by their positions, scores, mask, softmax.


# %%
def weights_of_first_block(model, ids):
    block = model.blocks[0]
    x = model.embedding(np.array([ids]))
    x = block.norms[0](x)  # the block normalises first
    heads = []
    for layer in (block.attention.query_projection, block.attention.key_projection):
        parts = ops.reshape(layer(x), (1, len(ids), 4, 16))
        heads.append(apply_rotary(ops.swapaxes(parts, 1, 2), ops.arange(len(ids))))
    Q, K = heads  # [1, H, T, 16]
    scores = Q @ ops.swapaxes(K, 2, 3) / 16**0.5
    scores = ops.where(causal_mask(len(ids)), scores, -1e9)
    return np.asarray(ops.softmax(scores))[0]  # [H, T, T]


def ids_of(story):
    return [tokenizer.end_id, *tokenizer.encode(story)]


story = test_stories[1]
print(textwrap.fill(story, 78))
maps = self_attention(model, ids_of(story))  # [L, H, T, T]: the library's, of all blocks
difference = np.abs(weights_of_first_block(model, ids_of(story)) - maps[0]).max()
print("largest difference:", difference)

# %%
lesson.record("difference_to_library", difference, tolerance=None, at_most=1e-5, note="weights of block 1")

# %% [markdown]
# The library's `self_attention` gives the weights of all blocks and heads, for block 1 the same as ours. It asks the
# model for them:
#
# [[source lmbook.topics.interpretability.self_attention]]
#
# ## What do the heads attend to?
#
# Here are the four heads of the second block, for the first words of that story. Read a row: it shows what the word at
# its left attends to, in order to predict the word *after* it.

# %% tags=["hide-input"]
shown = 20
names = [tokenizer.tokens[id] for id in ids_of(story)[:shown]]
for number, block in enumerate(maps, 1):
    figure, panels = plots.new_panels(2, 2, size=(10.5, 10.5))
    for head, axes in enumerate(panels.flat):
        plots.matrix(axes, block[head, :shown, :shown], names, names, top=1.0)
        axes.set_title(f"head {head + 1}", fontsize=11)
    caption = f"The four heads of block {number}: row by row, what a word attends to in a story it has not seen"
    lesson.figure(figure, f"block_{number}", caption)

# %% [markdown]
# Look for **columns** (one word that many later words come back to), for **diagonals** (a word at a fixed distance),
# and for rows that are spread out. But this is one story, and the eye finds patterns everywhere. So we count: over 100
# stories, which share of its weight does each head give to which kind of word?

# %%
KINDS = {
    "opening mark": ["<end>"],
    "full stop, comma": [".", ","],
    "tree": "tree oak maple willow birch palm pine".split(),
    "hero's name": "anna max leo felix nora clara mia ben tom sam emma zoe".split(),
}


def shares(weights, ids):
    """Shares of weights [..., T, T], mean over the rows from the eighth on."""
    T = len(ids)
    words = np.array([tokenizer.tokens[id] for id in ids])
    places = {"itself": np.eye(T), "the word before": np.eye(T, k=-1)}
    for kind, members in KINDS.items():
        places[kind] = np.isin(words, members) * np.ones((T, 1))
    return [(weights * place).sum(axis=-1)[..., 8:].mean(axis=-1) for place in places.values()]


def mean_shares(model):
    """[kinds, blocks, heads]; without a model, those of even weights."""
    found = []
    for ids in map(ids_of, test_stories[:100]):
        even = np.tri(len(ids)) / np.arange(1, len(ids) + 1)[:, None]
        found.append(shares(even[None, None] if model is None else self_attention(model, ids), ids))
    return np.mean(found, axis=0)


table, even = mean_shares(model), mean_shares(None)

# %% tags=["hide-input"]
columns = ["head", "itself", "the word before", *KINDS]
rows = [(f"block {b + 1}, head {h + 1}", *map(float, table[:, b, h])) for b, h in np.ndindex(2, 4)]
rows.append(("an even map", *map(float, even[:, 0, 0])))
percent = [(row[0], *(f"{share:.0%}" for share in row[1:])) for row in rows]
lesson.table("shares", percent, columns)

# %% tags=["hide-cell"]
strongest = {name: float(table[index].max()) for index, name in enumerate(columns[1:])}
for name, value in strongest.items():
    key = name.replace("'s", "").replace(", ", "_").replace(" ", "_")
    lesson.record(f"largest_share_{key}", value, tolerance=None, note="of the eight heads, seed 0", at_least=0.03)
    lesson.record(f"even_share_{key}", float(even[columns.index(name) - 1, 0, 0]), tolerance=0.01)

# %% [markdown]
# Compare each column with its last row. The strongest head on "the word before" gives it
# [[largest_share_the_word_before %]] of its weight, where an even map gives [[even_share_the_word_before %]]; the
# strongest on the tree [[largest_share_tree %]] against [[even_share_tree %]]; the strongest on names
# [[largest_share_hero_name %]] against [[even_share_hero_name %]]. Nobody told the heads what to do. They began as
# different random numbers, and with another seed other heads take other parts: the numbers "head 1" to "head 4" mean
# nothing by themselves.
#
# ## What a map does not prove
#
# A dark square says where a head takes from. It does not say that the model *needs* it: the value may be small, or
# other heads may do the same. To know, we must change something and see what happens. We **switch a head off**: its
# part of the mixing matrix $W_O$ is set to zero.
#
# The test: wherever a tree that was named before is named again, which probability does the model give to the right
# tree? By the map, the head that gives most weight to the tree at these places should be the one that is needed. Is it?

# %%
texts = test[:100]
again = [
    (row, t)
    for (row, t), answer in np.ndenumerate(texts[:, 1:])
    if tokenizer.tokens[answer] in KINDS["tree"] and answer in texts[row, : t + 1]
]


def probability_of_the_tree(model):
    p = np.asarray(ops.softmax(model(texts[:, :-1])))
    return float(np.mean([p[row, t, texts[row, t + 1]] for row, t in again]))


def when_switched_off(model, block, head):
    kernel = model.blocks[block].attention.output_projection.kernel
    before = np.asarray(kernel)
    changed = before.copy()
    changed[16 * head : 16 * (head + 1)] = 0  # the rows of this head
    kernel.assign(changed)
    probability = probability_of_the_tree(model)
    kernel.assign(before)
    return probability


def weight_on_the_tree(model):
    """[blocks, heads]: where the tree is to be named again, the weight on its earlier places."""
    found = []
    for row, t in again:
        ids = texts[row, : t + 1]
        found.append(self_attention(model, ids)[:, :, t, ids == texts[row, t + 1]].sum(axis=-1))
    return np.mean(found, axis=0)


heads = list(np.ndindex(2, 4))
on_map = [weight_on_the_tree(one) for one in models]
whole = [probability_of_the_tree(one) for one in models]
loss_of_head = [
    np.array([base - when_switched_off(one, *head) for head in heads]).reshape(2, 4)
    for one, base in zip(models, whole, strict=True)
]

# %% tags=["hide-input"]
agree = [int(a.argmax() == b.argmax()) for a, b in zip(on_map, loss_of_head, strict=True)]
lesson.record(
    "seeds_where_the_strongest_map_is_the_most_needed_head", sum(agree), tolerance=None, n=len(agree), at_least=0
)
lesson.record_mean("probability_of_the_tree", whole, "", None, "where it is named again; all heads", at_least=0.15)
lesson.record_mean("largest_fall", [one.max() for one in loss_of_head], "", None, "one head off", at_least=0.005)
rows = [
    (f"block {b + 1}, head {h + 1}", f"{on_map[0][b, h]:.2f}", f"{loss_of_head[0][b, h]:+.2f}".replace("-", "−"))
    for b, h in heads
]
lesson.table("off", rows, ["head (seed 0)", "weight on the tree", "fall of its probability when switched off"])
figure, axes = plots.new_figure("", "weight on the tree, by the map", "fall when switched off", size=(6.0, 4.0))
for index, (a, b, seed) in enumerate(zip(on_map, loss_of_head, SEEDS, strict=True)):
    axes.scatter(a, b, color=plots.COLOURS[index], marker="os^"[index], label=f"seed {seed}")
axes.legend(frameon=False)
lesson.figure(figure, "switched_off", "Each head of each model: what its map suggests, and what switching it off does")

# %% [markdown]
# With all heads the right tree has a probability of [[probability_of_the_tree .2]]. The head with the darkest squares
# on the tree was also the one whose loss hurt most in [[seeds_where_the_strongest_map_is_the_most_needed_head]] of the
# runs (three in the full profile). Look at the points: some heads far to the right are hardly needed, and some near the
# left edge are. A head of the first block that finds no tree at all may prepare what a later one needs.
#
# So a map is a good place to *find* a guess, and never the proof of it.
# [Interpretability](../11_challenges/interpretability.py) has more such tests.
#
# ## What goes wrong: a map of nothing
#
# The commonest mistake with maps is to show them without a comparison. To see how far it leads, here are the shares of
# a model that has not been trained at all. It knows nothing, and its "heads" still seem to prefer things:

# %%
reproducible(lesson.seed)
untrained = GPT(model.config)
nothing = mean_shares(untrained)
print(f"Without training, head 1 gives {nothing[3, 0, 0]:.0%} to commas and full stops")
print(f"and {nothing[4, 0, 0]:.0%} to the tree; an even map gives {even[3, 0, 0]:.0%} and {even[4, 0, 0]:.0%}.")

# %% tags=["hide-cell"]
lesson.record("untrained_share_full_stop_comma", float(nothing[3, 0, 0]), tolerance=0.03, note="block 1, head 1")
lesson.record("untrained_differs_from_even_at_most", float(np.abs(nothing - even).max()), tolerance=None, at_most=0.05)

# %% [markdown]
# Stories simply have many full stops, so every map has weight on them. Had we reported "this head puts
# [[untrained_share_full_stop_comma %]] on punctuation" about a trained model, it would have sounded like a discovery.
# No share of the untrained model differs from the even map by more than [[untrained_differs_from_even_at_most .2]].
# **How to notice:** always put the even map, or the untrained model, into the last row of the table.
#
# ## Real text
#
# Do heads of a model of real text find patterns too? The same model learns the plays of Shakespeare (in full) letter by
# letter, and we ask for the share of the letter just before. `--text FILE` takes your own text.

# %%
corpus = lesson.real_corpus("tiny_shakespeare") if lesson.full or lesson.own_text else None
letter_shares = None
if corpus:
    letters = CharacterTokenizer.train(corpus.texts("train"))
    text = np.array([id for part in corpus.texts("train") for id in letters.encode(part)])
    cut = np.stack([text[start : start + 65] for start in range(0, len(text) - 64, 64)])
    reader = trained(cut.astype("int32"), letters.vocabulary_size, lesson.seed, 1, 64)
    held_out = letters.encode(corpus.texts("validation")[0])
    found = [self_attention(reader, held_out[n : n + 64]) for n in range(0, 64 * 40, 64)]
    letter_shares = np.mean([w[..., range(8, 64), range(7, 63)].mean(-1) for w in found], axis=0)
    print("share of the letter just before, blocks and heads:")
    print(letter_shares.round(2))
    print("an even map:", np.mean([1 / (t + 1) for t in range(8, 64)]).round(2))

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    lesson.record("shakespeare_largest_share_letter_before", float(letter_shares.max()), tolerance=None, at_least=0.1)

# %% [markdown]
# In this one run the strongest head gives [[shakespeare_largest_share_letter_before %]] of its weight to the letter
# just before, many times what an even map gives. To spell, that letter matters most.
#
# ## What it costs
#
# With a pencil: T words have T · T scores in each head. For 10 words that is 100; for 20 words 400, four times as many
# for twice the length. Each weight is a number of 4 bytes. Four heads over 4,096 words hold 4 · 4096 · 4096 · 4 bytes =
# 268 million bytes, or 268 megabytes (MB), in each block, unless they are computed piece by piece.
#
# A recurrent network like the LSTM does the same work for every word, so its cost grows with T alone. But it must take
# the words one after the other, while attention computes all of them at once. Who wins? We run one layer of each, 64
# numbers wide, forward, on texts of growing length. Each time is the middle one of several tries, and the span from the
# fastest to the slowest stands beside it: clocks on a busy machine are noisy.

# %%
attention = MultiHeadAttention(num_heads=4)
lstm = keras.layers.LSTM(64, return_sequences=True)
spec = [tf.TensorSpec((1, None, 64))]
LAYERS = {
    "attention": tf.function(lambda x: attention(x, attention_mask=causal_mask(tf.shape(x)[1])), spec),
    "LSTM": tf.function(lambda x: lstm(x), spec),
}
LENGTHS = lesson.choose(quick=(64, 256, 1024, 2048), full=(64, 256, 1024, 2048, 4096))


def milliseconds(layer, length, tries=9):
    x = tf.random.normal((1, length, 64))
    layer(x)  # the first call prepares
    taken = []
    for _ in range(tries):
        began = time.perf_counter()
        layer(x).numpy()  # waits for the result
        taken.append(1000 * (time.perf_counter() - began))
    return np.percentile(taken, [0, 50, 100])


measured = {T: {name: milliseconds(layer, T) for name, layer in LAYERS.items()} for T in LENGTHS}


# %% tags=["hide-input"]
def with_span(times):
    return f"{times[1]:.1f} ({times[0]:.1f} to {times[2]:.1f})"


rows = [(f"{T:,}", *(with_span(measured[T][name]) for name in LAYERS), f"{4 * T * T * 4 / 1e6:,.1f}") for T in LENGTHS]
lesson.table("cost", rows, ["words", "attention, ms", "LSTM, ms", "all weights, MB"])

# %% tags=["hide-cell"]
for T in (LENGTHS[0], 2048):
    ratio = float(measured[T]["LSTM"][1] / measured[T]["attention"][1])
    lesson.record(f"lstm_time_over_attention_time_at_{T}_words", ratio, tolerance=None, note="medians of nine tries")
for name in LAYERS:
    growth = float(measured[2048][name][1] / measured[1024][name][1])
    lesson.record(f"{name.lower()}_time_2048_over_1024_words", growth, tolerance=None, note="medians of nine tries")
lesson.record("weights_megabytes_at_4096_words", 4 * 4096 * 4096 * 4 / 1e6, "MB", 1e-9, note="one block, 4 heads")

# %% [markdown]
# On this machine, at [[lstm_time_over_attention_time_at_64_words .1]] times the time of attention, the LSTM is the
# slower one on 64 words; on 2,048 words the ratio is [[lstm_time_over_attention_time_at_2048_words .1]]. From 1,024 to
# 2,048 words the time of attention grew by a factor of [[attention_time_2048_over_1024_words .1]], that of the LSTM by
# [[lstm_time_2048_over_1024_words .1]]. These factors are from single runs on one machine, and the spans in the table
# say how far to trust them. The memory is certain: it is a square. FlashAttention ({cite:t}`dao2022`) computes the
# weights piece by piece and never holds them all; the number of products stays a square.
#
# ## What this lesson cannot show
#
# - The maps are those of a tiny model on simple stories. Larger models have heads with clearer tasks, and many more of
#   them.
# - Which head does what changes with the seed. The table of shares shows one model, the test of switching off up to
#   three.
# - Switching off one head at a time misses heads that stand in for each other. A fall of 0 does not mean "useless".
# - The times are of one layer, on a CPU, reading only. On a GPU, and in training, the ratios are others.
#
# ## Summary
#
# An attention map is the table of weights of one head. It shows where a head takes from, and means something only
# beside an even map. It does not prove that the model needs what is dark: that is tested by changing the model, for
# example by switching a head off. The number of weights grows with the square of the length, and so does the memory
# that holds them.
#
# ## Exercises
#
# 1. With a pencil: what does an even map give to "the word before" on average over the rows 2, 3 and 4?
# 2. Print `shares` for another model: `mean_shares(models[-1])`. Does head 1 of block 1 do the same as in the table?
# 3. Switch off two heads at once: the two with the largest falls. Is the fall the sum of the two?
# 4. Draw the maps of a story without the opening `<end>` token. What changes in the first rows, and why?
# 5. Train on a text of your own with `--text FILE`, and draw the map of a line that you know well.
#
# ## Further reading
#
# - {cite:t}`olsson2022`: heads that find what followed a word last time, tested by switching them off.
# - {cite:t}`dao2022`: attention without holding all weights.
# - {cite:t}`ainslie2023`: heads that share keys and values, so that a model that writes has less to keep.
#
# Before this lesson: [the Transformer block](transformer_block.py). Next: [encoder and decoder](encoder_decoder.py).

# %%
lesson.finish()
