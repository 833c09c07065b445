# %% [markdown]
# # Attention maps, and what attention costs
#
# - Article section: §3.1.2
# - Needs: attention, heads_and_positions, transformer_block
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 4
# - Memory: 1.7 GB
# - Shows: what the heads of a trained model attend to, how to test what a map suggests, and the price of long texts
# - Headline: loss_of_the_model, cases_where_the_map_names_the_most_needed_head, weights_megabytes_at_4096_words
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
# block](transformer_block.py). In short: a **head** compares each word's query with the keys of the words up to it,
# makes **weights** of the scores (softmax: each row adds up to 1), and takes the mean of their values with these
# weights. A **block** is several heads side by side, mixed by a matrix $W_O$, and a small network after them. The model
# here is a stack of two blocks.

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
# 1/3 in that of "sat": 0.417 on average. So 0.465 is only a little more than even. A share means something only beside
# that of an even map.
#
# **What a weight does not say.** A weight is multiplied with a value. A weight of 0.9 on the value (0.1, 0) brings in
# (0.09, 0). A weight of 0.1 on the value (4, 0) brings in (0.4, 0), four times as much. The darker square has brought
# in less.
#
# As a formula, the share of a kind of place $P$ (as "the word before") in a map with weights $w_{ts}$, row $t$, column
# $s$, is
#
# $$\mathrm{share}(P) = \frac{1}{T} \sum_{t=1}^{T} \; \sum_{s \in P(t)} w_{ts}$$
#
# where $T$ is the number of rows that are counted, and $P(t)$ are the places of that kind as seen from row $t$.

# %%
weights = np.array(small)
even = np.tri(3) / np.array([[1], [2], [3]])  # 1; 1/2, 1/2; 1/3, 1/3, 1/3
before = np.eye(3, k=-1)  # 1 where the column stands just before the row
for name, table in {"head": weights, "even": even}.items():
    print(name, (table * before).sum(axis=1)[1:].mean().round(3))

# %% [markdown]
# ## A model to look into
#
# `GPT` is the library's stack of Transformer blocks. Ours has two blocks of four heads, 64 numbers for each word, and
# rotary positions (queries and keys are turned by their place). It learns to predict the next word of **greentree**
# stories, the corpus that is built into this book; `split="seen"` leaves out some pairs of words that other lessons ask
# about. The **loss** is the mean of $-\ln p$, with $p$ the probability of the word that really came, in **nats** (a
# choice between two equally likely words is 0.69); the best possible is known and called the **floor**.
#
# Training goes through the stories in batches of 32, several times (each time is an **epoch**). Adam is the rule that
# changes the model after each batch, and 0.003, the **learning rate**, says how much. The other options set how large
# the first random numbers are. The full profile, which this page shows, trains the model three times, with three
# **seeds**: each seed starts the random numbers elsewhere.

# %%
grammar = Grammar(split="seen", max_sentences=4)
train_stories = [s.english for s in tell_stories(3000, 10, grammar=grammar)]
test_stories = [s.english for s in tell_stories(200, 11, grammar=grammar)]
tokenizer = WordTokenizer.train(train_stories)


def as_rows(stories, length=57):
    """Ids between two <end> tokens, filled up with 0, which counts not."""
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
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True,
        ignore_class=0,  # filling is not text
    )
    model.compile(keras.optimizers.Adam(0.003), loss)
    x, y = rows[:, :-1], rows[:, 1:]
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


train, test = as_rows(train_stories), as_rows(test_stories)
COUNT = lesson.choose(quick=1, full=3)
SEEDS = [lesson.seed + n for n in range(COUNT)]
EPOCHS = lesson.choose(quick=5, full=6)
V = tokenizer.vocabulary_size
models = [trained(train, V, seed, EPOCHS) for seed in SEEDS]
model = models[0]

# %% tags=["hide-cell"]
losses = [one.evaluate(test[:, :-1], test[:, 1:], verbose=0) for one in models]
lowest = floor(test_stories, tokenizer, grammar=grammar)
lesson.record_mean("loss_of_the_model", losses, "nats per word", 0.08, "stories that were not trained on")
lesson.record("floor", lowest, "nats per word", 1e-6, note="the best possible loss on them")

# %% [markdown]
# The loss on stories that were not used for training is [[loss_of_the_model .2]] nats (mean of the seeds); the floor is
# [[floor .2]].
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
    attention = block.attention
    heads = []
    for layer in (attention.query_projection, attention.key_projection):
        parts = ops.reshape(layer(x), (1, len(ids), 4, 16))
        parts = ops.swapaxes(parts, 1, 2)  # [1, H, T, 16]
        heads.append(apply_rotary(parts, ops.arange(len(ids))))
    Q, K = heads
    scores = Q @ ops.swapaxes(K, 2, 3) / 16**0.5
    scores = ops.where(causal_mask(len(ids)), scores, -1e9)
    return np.asarray(ops.softmax(scores))[0]  # [H, T, T]


def ids_of(story):
    return [tokenizer.end_id, *tokenizer.encode(story)]


story = test_stories[1]
print(textwrap.fill(story, 72))
maps = self_attention(model, ids_of(story))  # [blocks, heads, T, T]
ours = weights_of_first_block(model, ids_of(story))
difference = float(np.abs(ours - maps[0]).max())
print(f"largest difference: {difference:.1e}")

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
# Here are all eight maps of that story, small and without words, for a first look.

# %% tags=["hide-input"]
figure, panels = plots.new_panels(2, 4, size=(9.0, 5.0))
for (block, head), axes in np.ndenumerate(panels):
    plots.matrix(axes, maps[block, head], [], [], top=1.0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"block {block + 1}, head {head + 1}", fontsize=10)
lesson.figure(figure, "heads", "The eight maps of one story: each row is a word that attends to words before it")

# %% [markdown]
# You see **columns** (one word that many later words come back to), pieces of **diagonals** (a word at a fixed
# distance), and rows that are spread out. But this is one story, and the eye finds patterns everywhere. So we count
# over 100 stories. Which share does each head give to the word itself, to the word before, to punctuation? And wherever
# a tree or a hero that was named before is named again: which weight does each head put on the places where that word
# stood? (In the first three counts we leave out the first eight rows of a story, where few words can share the weight.)


# %%
ASKED = {
    "tree": "tree oak maple willow birch palm pine".split(),
    "name": "anna max leo felix nora clara mia ben tom sam emma zoe".split(),
}
texts = test[:100, :-1]
answers = test[:100, 1:]
again = {
    kind: [
        (row, t)
        for (row, t), answer in np.ndenumerate(answers)
        if answer in texts[row, : t + 1] and tokenizer.tokens[answer] in members
    ]
    for kind, members in ASKED.items()
}


def maps_of(model):
    return [self_attention(model, row[row > 0]) for row in texts]


def even_maps():
    found = []
    for row in texts:
        T = (row > 0).sum()
        found.append(np.tri(T)[None, None] / np.arange(1, T + 1)[:, None])
    return found


def weight_on_it(maps, places):
    """At each place: the weight on where the right next word stood before."""
    found = []
    for row, t in places:
        weights = maps[row]
        there = texts[row, : weights.shape[-1]] == answers[row, t]
        found.append(weights[:, :, t, there].sum(axis=-1))
    return found


def shares(maps):
    """Kind of place -> shares [blocks, heads]."""
    found = {"itself": [], "the word before": [], "full stop, comma": []}
    marks = [tokenizer.tokens.index("."), tokenizer.tokens.index(",")]
    for weights, row in zip(maps, texts, strict=True):
        T = weights.shape[-1]
        places = np.eye(T), np.eye(T, k=-1), np.isin(row[:T], marks)
        for kind, place in zip(found, places, strict=True):
            found[kind].append((weights * place).sum(-1)[..., 8:].mean(-1))
    for kind, places in again.items():
        found[f"the {kind}, when asked"] = weight_on_it(maps, places)
    return {kind: np.mean(each, axis=0) for kind, each in found.items()}


all_shares = [shares(maps_of(one)) for one in models]
table, even = all_shares[0], shares(even_maps())
for kind in table:
    strongest = []
    for one in all_shares:
        b, h = np.unravel_index(one[kind].argmax(), (2, 4))
        strongest.append(f"{one[kind].max():.0%} (block {b + 1}, head {h + 1})")
    print(f"{kind}: {', '.join(strongest)}")

# %% [markdown]
# For each kind of place, that is the strongest of the eight heads, seed by seed. The table has all eight heads of the
# first seed, and the even map:

# %% tags=["hide-input"]
rows = [(f"{b + 1}, {h + 1}", *(f"{share[b, h]:.0%}" for share in table.values())) for b, h in np.ndindex(2, 4)]
rows.append(("even", *(f"{share[0, 0]:.0%}" for share in even.values())))
lesson.table("shares", rows, ["block, head", *table])

# %% tags=["hide-cell"]
for kind in table:
    key = kind.replace(", ", "_").replace(" ", "_")
    strongest = [float(one[kind].max()) for one in all_shares]
    note = "of the eight heads, the one with the largest"
    lesson.record_mean(f"largest_share_{key}", strongest, "", None, note, at_least=0.03)
    lesson.record(f"even_share_{key}", float(even[kind][0, 0]), tolerance=0.01, note="of an even map")

# %% [markdown]
# Compare each column with its last row. Where the tree is to be named again, the strongest head puts
# [[largest_share_the_tree_when_asked %]] of its weight on it (mean of the seeds), where an even map would put
# [[even_share_the_tree_when_asked %]]. For the name it is [[largest_share_the_name_when_asked %]] against
# [[even_share_the_name_when_asked %]]. On "the word before" the strongest puts [[largest_share_the_word_before %]]
# against [[even_share_the_word_before %]]. Mind that we picked the strongest of eight on these very stories; we come
# back to that. Nobody told the heads what to do, and the list above shows whether the same head is strongest with each
# seed. A head's number means nothing.
#
# Here is the map of the head that is strongest on the tree. Find the last row "the" that comes before a "tree": this is
# where the model must say which tree it was. Follow the row to the left, to its darkest square.

# %% tags=["hide-input"]
block, head = np.unravel_index(table["the tree, when asked"].argmax(), (2, 4))
names = [tokenizer.tokens[id] for id in ids_of(story)]
figure, axes = plots.new_figure(size=(7.0, 7.0))
plots.matrix(axes, maps[block, head], names, names, top=1.0)
axes.set_title(f"block {block + 1}, head {head + 1}", fontsize=10)
caption = "What one head attends to in a story that the model has not seen: row by row, the darker, the more"
lesson.figure(figure, "strongest", caption)

# %% [markdown]
# ## What a map does not prove
#
# A dark square says where a head takes from. It does not say that the model *needs* it: the value may be small, or
# other heads may do the same. To know, we must change something and see what happens. We **switch a head off**: its
# part of the mixing matrix $W_O$ is set to zero.
#
# The test: which probability does the model give to the right tree, wherever it is named again, and to the right name?
# If the map told us which head is needed, it would be the one with the largest weight on the tree, or on the name. Is
# it? (A probability of 1 is out of reach wherever the story might also go on with another word, as "she" for a name.)


# %%
def probabilities(model):
    """Of the right tree and of the right name, where they are named again."""
    p = np.asarray(ops.softmax(model(texts)))
    means = []
    for places in again.values():
        right = [p[row, t, answers[row, t]] for row, t in places]
        means.append(np.mean(right))
    return np.array(means)


def when_switched_off(model, block, head):
    kernel = model.blocks[block].attention.output_projection.kernel
    before = np.asarray(kernel)
    changed = before.copy()
    changed[16 * head : 16 * (head + 1)] = 0  # the rows of this head
    kernel.assign(changed)
    found = probabilities(model)
    kernel.assign(before)
    return found


heads = list(np.ndindex(2, 4))
whole = [probabilities(one) for one in models]
falls = []  # for each model [8 heads, tree and name]
for one, base in zip(models, whole, strict=True):
    without = [when_switched_off(one, *head) for head in heads]
    falls.append(base - np.array(without))

# %% tags=["hide-cell"]
on_map = [np.stack([one[f"the {kind}, when asked"].ravel() for kind in ASKED], axis=1) for one in all_shares]

# %% tags=["hide-input"]
rows = []
for index, (b, h) in enumerate(heads):
    cells = [f"{on_map[0][index, kind]:.0%}" for kind in (0, 1)]
    changes = [f"{-falls[0][index, kind]:+.2f}" for kind in (0, 1)]
    cells += ["0.00" if float(one) == 0 else one.replace("-", "−") for one in changes]
    rows.append((f"{b + 1}, {h + 1}", *cells))
columns = ["weight on the tree", "weight on the name", "tree: change of p", "name: change of p"]
lesson.table("off", rows, ["block, head", *columns])

# %% tags=["hide-input"]
figure, panels = plots.new_panels(1, 2, size=(9.0, 3.8))
for kind, (name, axes) in enumerate(zip(ASKED, panels.flat, strict=True)):
    for index, seed in enumerate(SEEDS):
        style = {"color": plots.COLOURS[index], "marker": "os^"[index], "label": f"seed {seed}"}
        axes.scatter(on_map[index][:, kind], falls[index][:, kind], **style)
    axes.set(title=f"the {name}", xlabel="weight on it, by the map", ylabel="fall of p when switched off")
panels[0, 0].legend(frameon=False)
lesson.figure(
    figure, "switched_off", "A point for each head of each model: what its map shows, and what its absence does"
)

# %% tags=["hide-cell"]
agree = [a.argmax(axis=0) == b.argmax(axis=0) for a, b in zip(on_map, falls, strict=True)]
cases = int(np.size(agree))
lesson.record("cases_where_the_map_names_the_most_needed_head", int(np.sum(agree)), tolerance=None, n=cases, at_least=1)
below = np.array([even[f"the {kind}, when asked"][0, 0] for kind in ASKED])
unseen = max(float(np.where(a < below, b, 0).max()) for a, b in zip(on_map, falls, strict=True))
note = "the largest fall by a head with less weight on the tree or name than an even map has"
lesson.record("largest_fall_by_a_head_that_hardly_attends_to_it", unseen, tolerance=None, note=note, at_least=0.05)
lesson.record("cases", cases, tolerance=None, note="tree and name, in each run", at_least=1)
for kind, name in enumerate(ASKED):
    lesson.record_mean(f"p_of_the_{name}", [one[kind] for one in whole], "", None, "where named again", at_least=0.1)
    lesson.record_mean(f"largest_fall_{name}", [one[:, kind].max() for one in falls], "", None, at_least=0.02)

# %% [markdown]
# The table shows the first seed, the picture all. With all heads the right tree has a probability of
# [[p_of_the_tree .2]], the right name [[p_of_the_name .2]] (means over the seeds). First the good news: the head with
# the largest weight was also the one that was missed most in [[cases_where_the_map_names_the_most_needed_head]] of
# [[cases]] cases (tree and name, in each seed). By chance alone it would be one in eight. In these few cases the map
# was a good guide.
#
# Now look at the points at the left edge that stand high. Such a head puts less weight on the word than an even map
# would, and yet the probability falls without it, in one model by
# [[largest_fall_by_a_head_that_hardly_attends_to_it .2]]. It may do something else that the answer needs, for example
# tell that a tree is to be named at all; or the blocks behind it may only be disturbed. We have not tested which.
# Points at the right that stand low are the opposite: dark on the map, and hardly missed.
#
# So a map is a good place to *find* a guess, and never the proof of it.
# [Interpretability](../11_challenges/interpretability.py) has more such tests.
#
# ## What goes wrong: a map of nothing
#
# A common mistake with maps is to show them without a comparison. To see how far it leads, we look at models that have
# not been trained at all. They know nothing. Here is, for each kind of place, the head that gives it most:

# %%
nothing = []
for seed in SEEDS:
    reproducible(seed)
    nothing.append(shares(maps_of(GPT(model.config))))
for kind in even:
    print(f"{kind}:", ", ".join(f"{one[kind].max():.0%}" for one in nothing))

# %% tags=["hide-input"]
rows = []
for kind in table:
    means = [np.mean([one[kind].max() for one in each]) for each in (all_shares, nothing, [even])]
    rows.append((kind, *(f"{mean:.0%}" for mean in means)))
lesson.table("nothing", rows, ["largest share of a head", "trained", "untrained", "an even map"])

# %% tags=["hide-cell"]
for kind in table:
    key = f"untrained_share_{kind.replace(', ', '_').replace(' ', '_')}"
    largest = [float(one[kind].max()) for one in nothing]
    lesson.record_mean(key, largest, "", None, "the head with the largest", at_least=0.02)
found = max(float(one["the tree, when asked"].max()) for one in nothing)
lesson.record("largest_untrained_share_the_tree", found, tolerance=None, note="of all heads and seeds", at_least=0.02)

# %% [markdown]
# The lines above have each seed, the table the means. On the tree the strongest head of an untrained model gives up to
# [[largest_untrained_share_the_tree %]] of its weight, where an even map gives [[even_share_the_tree_when_asked %]]. It
# cannot have learned that: among eight heads with random numbers one is always the largest. And every map has weight on
# punctuation, because stories have many full stops. Shown alone, as a picture with a title, both could pass for a
# discovery. **How to notice:** put the even map *and* an untrained model beside every share that you report. Measured
# so, the trained model's shares for tree and name remain a finding.
#
# ## Real text
#
# Do heads of a model of real text find patterns too? The same model, trained once, learns the plays of Shakespeare (one
# million characters) letter by letter, and we ask for the share of the letter just before, in a part that it was not
# trained on. An untrained model and an even map stand beside it. `--text FILE` takes your own text (plain text, UTF-8).

# %%
corpus = None
if lesson.full or lesson.own_text:
    corpus = lesson.real_corpus("tiny_shakespeare")
if corpus:
    letters = CharacterTokenizer.train(corpus.texts("train"))
    ids = letters.encode("".join(corpus.texts("train")))
    windows = [ids[n : n + 65] for n in range(0, len(ids) - 64, 64)]
    windows = np.array(windows, "int32")
    reader = trained(windows, letters.vocabulary_size, lesson.seed, 1, 64)

    fresh = GPT(reader.config)

    held_out = letters.encode(corpus.texts("validation")[0])
    t = np.arange(8, 64)  # rows with at least eight letters before them
    letter_shares = {}
    for name, one in {"trained": reader, "untrained": fresh}.items():
        found = []
        for n in range(0, 64 * 40, 64):
            weights = self_attention(one, held_out[n : n + 64])
            found.append(weights[..., t, t - 1].mean(axis=-1))
        letter_shares[name] = np.mean(found, axis=0)
        print(f"share of the letter just before, {name}, blocks and heads:")
        print(letter_shares[name].round(2))
    print("an even map:", np.mean(1 / (t + 1)).round(2))

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    note = "one run, the head with the largest"
    for name, key, limit in (
        ("trained", "shakespeare_largest_share_letter_before", 0.1),
        ("untrained", "shakespeare_untrained_share_letter_before", 0.01),
    ):
        lesson.record(key, float(letter_shares[name].max()), tolerance=None, note=note, at_least=limit)

# %% [markdown]
# In this one run the strongest head gives [[shakespeare_largest_share_letter_before %]] of its weight to the letter
# just before; in the untrained model it is [[shakespeare_untrained_share_letter_before %]] (the even map is printed
# above).
#
# ## What it costs
#
# With a pencil: T words have T · T scores in each head. For 10 words that is 100; for 20 words 400, four times as many
# for twice the length. Each weight is a number of 4 bytes. Four heads over 4,096 words hold 4 · 4096 · 4096 · 4 bytes =
# 268 million bytes, or 268 megabytes (MB), in each block, unless they are computed piece by piece.
#
# A recurrent network like the LSTM hands a memory on from word to word. It does the same work for every word, so its
# cost grows with T alone. But it must take the words one after the other, while attention computes all of them at once.
# Which is faster? We run one layer of each, 64 numbers wide, forward, on texts of growing length. Clocks are noisy, so
# we take the fastest of seven tries, and do that three times over to see the spread. (`tf.function` makes one program
# of each layer, so that Python does not slow it down.)

# %%
attention = MultiHeadAttention(num_heads=4)
lstm = keras.layers.LSTM(64, return_sequences=True)
spec = [tf.TensorSpec((1, None, 64))]
LAYERS = {
    "attention": tf.function(
        lambda x: attention(x, attention_mask=causal_mask(tf.shape(x)[1])),
        spec,
    ),
    "LSTM": tf.function(lambda x: lstm(x), spec),
}
LENGTHS = [64, 256, 1024, 2048, *lesson.choose(quick=[], full=[4096])]


def fastest(layer, length, tries=7):
    """Milliseconds of a forward pass; noise disturbs the fastest least."""
    x = tf.random.normal((1, length, 64))
    layer(x)  # the first call prepares
    taken = []
    for _ in range(tries):
        began = time.perf_counter()
        layer(x).numpy()  # waits for the result
        taken.append(1000 * (time.perf_counter() - began))
    return min(taken)


measured = {}
for name, layer in LAYERS.items():
    rounds = [[fastest(layer, T) for T in LENGTHS] for _ in range(3)]
    measured[name] = np.array(rounds)  # [3, lengths]

# %% tags=["hide-input"]
rows = []
for column, T in enumerate(LENGTHS):
    times = [measured[name][:, column] for name in LAYERS]
    rows.append((f"{T:,}", *(f"{one.mean():.1f} ± {one.std(ddof=1):.1f}" for one in times), f"{16 * T * T / 1e6:,.1f}"))
lesson.table("cost", rows, ["words", "attention, ms", "LSTM, ms", "all weights, MB"])

# %% tags=["hide-cell"]
at = {T: {name: measured[name][:, column] for name in LAYERS} for column, T in enumerate(LENGTHS)}
note = "fastest of seven, three rounds"
for key, T in (("256_words", 256), ("the_longest_text", LENGTHS[-1])):
    lesson.record_mean(f"lstm_time_over_attention_time_{key}", at[T]["LSTM"] / at[T]["attention"], "", None, note)
lesson.record("longest_text", LENGTHS[-1], "words", None, at_least=1)
for name in LAYERS:
    lesson.record_mean(f"{name.lower()}_time_2048_over_1024_words", at[2048][name] / at[1024][name], "", None, note)
lesson.record("weights_megabytes_at_4096_words", 4 * 4096 * 4096 * 4 / 1e6, "MB", 1e-9, note="one block, 4 heads")

# %% [markdown]
# On 256 words the LSTM takes [[lstm_time_over_attention_time_256_words .1]] times as long as attention on this machine,
# and on the longest text ([[longest_text]] words) [[lstm_time_over_attention_time_the_longest_text .1]] times; below 1
# the LSTM is the faster one. By the count above, twice the length should cost attention at most four times the time and
# the LSTM twice. From 1,024 to 2,048 words we measured a factor of [[attention_time_2048_over_1024_words .1]] for
# attention and [[lstm_time_2048_over_1024_words .1]] for the LSTM. The ± in the table says how far to trust such
# figures: not far, for other programs ran on the machine as well, and another machine will give others. The memory is
# computed, not measured. FlashAttention ({cite:t}`dao2022`) computes the weights piece by piece and never holds them
# all; the number of products stays a square.
#
# A model that *writes* has another thing to hold: the keys and values of all earlier words, so that it need not compute
# them again for each new word (the **key-value cache**). With a pencil, for a large model of 32 blocks, keys and values
# of 4,096 numbers each, 2 bytes a number, and a text of 8,192 tokens: 32 · 2 · 4096 · 2 · 8192 bytes = 4.3 billion
# bytes. If every four heads of queries share one head of keys and values (**grouped-query attention**), it is a quarter
# of that.
#
# ## What this lesson cannot show
#
# - The maps are those of a tiny model on simple stories. What is said of them need not hold for larger ones.
# - Three seeds are few, and the 100 stories that we counted on are also those on which we picked the strongest head.
# - Switching off one head at a time misses heads that stand in for each other. A fall of 0 does not mean "useless". And
#   a head that is missing disturbs the model in general, not only where we look.
# - The times are of one layer, on a CPU, reading only. On a GPU, and in training, the ratios are others.
#
# ## Summary
#
# An attention map is the table of weights of one head. It shows where a head takes from, and means something only
# beside an even map and an untrained model. It does not prove that the model needs what is dark: that is tested by
# changing the model, for example by switching a head off. The number of weights grows with the square of the length,
# and so does the memory that holds them.
#
# ## Exercises
#
# 1. With a pencil: what does an even map give to "the word before" on average over the rows 2, 3 and 4?
# 2. Print `all_shares[1]` (full profile). Which heads of that model share the work on the tree?
# 3. Switch off two heads at once: the two with the largest falls. Is the fall the sum of the two?
# 4. Draw the maps of a story without the opening `<end>` token. What changes in the first rows, and why?
# 5. Train on a text of your own with `--text FILE`, and draw the map of a line that you know well.
#
# <details>
# <summary>Answer to 1</summary>
#
# The rows give 1/2, 1/3 and 1/4 to the word before; the mean is 13/36, or 0.361.
#
# </details>
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
