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
# The weights of a trained model can be drawn: a dark square where one word attends to another. Such pictures are often
# shown as the reason why a model answered as it did. Can you believe them, and how would you test one? And what does it
# cost, in time and in memory, that every word may attend to every other?
#
# Afterwards you can
#
# - read the weights out of a trained model and draw them as a map;
# - test what a map suggests, by comparing it with one that spreads its weight evenly, and by switching a head off;
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
diagrams.attention_weights(["the", "cat", "sat"], [[1, 0, 0], [0.3, 0.7, 0], [0.15, 0.63, 0.22]])

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
# (0.09, 0). A weight of 0.1 on the value (4, 0) brings in (0.4, 0), more than four times as much. The darker square has
# brought in less.
#
# **When asked.** A model that reads "tree under the" may have to predict "tree" next. It must do so in the row of
# "the", the last word that it has read. We call such a row *when asked*: its next word is one that stood before.
# Suppose that the rows of the three words are (1), (0.5, 0.5) and (0.7, 0.1, 0.2). Then the weight on the tree, when
# asked, is 0.7; an even map gives 1/3.
#
# As a formula, the share of a kind of place $P$ (as "the word before") in a map with weights $w_{ts}$, row $t$, column
# $s$, is
#
# $$\mathrm{share}(P) = \frac{1}{|R|} \sum_{t \in R} \; \sum_{s \in P(t)} w_{ts}$$
#
# The outer sum goes over the rows that are counted: $R$ is the set of them, $|R|$ their number. $P(t)$ are the places
# of that kind as seen from row $t$. Here $R$ has two rows, "cat" and "sat".

# %%
small = [[1, 0, 0], [0.3, 0.7, 0], [0.15, 0.63, 0.22]]  # the picture above
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
# changes the model after each batch, and 0.003, the **learning rate**, says how much. (`intermediate_dim` is the width
# of the feed-forward part, `tie_embeddings=False` gives the last layer a table of its own, and `stddev` and
# `embedding_stddev` set how large the first random numbers are.) `lesson.choose` takes its first value in the quick
# profile and its second in the full one. The full profile, which this page shows, trains the model three times, with
# three **seeds**: each seed starts the random numbers elsewhere.

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
# over many stories:
#
# - Which share does each head give to the word itself, to the word before, to full stops and commas? (Here we leave out
#   the first eight rows of a story, where few words can share the weight.)
# - Some words are named again: in the story above, the tree in "under the tree". We read the row of the last "the",
#   where "tree" must be predicted. As with the pencil, we call this *when asked*. Which weight does each head put on
#   the places where the tree stood before? And, where the name of a hero is named again, on that name?
# - The same story ends with "looks at the stars". This "the" is not followed by a tree. Which weight does it put on the
#   tree? We call this *at another "the"*. It is the control: a head that attends to the tree from every "the" does not
#   show that it answers a question.
#
# A place to look at is written as three numbers: the story, the row `t`, and the id of the word whose places count.


# %%
def ids_of_words(words):
    return {tokenizer.tokens.index(word) for word in words.split()}


ASKED = {
    "tree": ids_of_words("tree oak maple willow birch palm pine"),
    "name": ids_of_words(
        "anna max leo felix nora clara mia ben tom sam emma zoe",
    ),
}
THE = tokenizer.tokens.index("the")
MARKS = [tokenizer.tokens.index("."), tokenizer.tokens.index(",")]
texts, answers = test[:, :-1], test[:, 1:]  # a row's answer is its next word


def asked(kind):
    """(story, row, word): the next word is a tree or name that stood before."""
    found = []
    for (story, t), word in np.ndenumerate(answers):
        if word in ASKED[kind] and word in texts[story, : t + 1]:
            found.append((story, t, word))
    return found


def at_another_the():
    """(story, row, word): a "the" with no tree next; the word is a tree before."""
    found = []
    for story, t in zip(*np.nonzero(texts == THE), strict=True):
        if answers[story, t] not in ASKED["tree"]:
            for word in ASKED["tree"].intersection(texts[story, :t]):
                found.append((story, t, word))
    return found


again = {kind: asked(kind) for kind in ASKED}
PLACES = {
    "the tree, when asked": again["tree"],
    'the tree, at another "the"': at_another_the(),
    "the name, when asked": again["name"],
}

# %% [markdown]
# Now the counting. We pick the strongest head on stories 1 to 100, and report what it does on stories 101 to 200. If we
# picked and reported on the same stories, the largest of eight numbers would be too large by luck.
#
# To be fast, we ask the model for the weights of many stories at once, as `self_attention` does for one. The filling at
# their ends changes nothing, because no word attends to a later one.


# %%
def maps_of(model, stories):
    """Story -> its maps [blocks, heads, T, T]."""
    _, weights = model(texts[stories], return_weights=True)
    weights = np.stack([np.asarray(block) for block in weights])
    found = {}
    for index, n in enumerate(stories):
        T = (texts[n] > 0).sum()  # without the filling at the end
        found[n] = weights[:, index, :, :T, :T]
    return found


def even_maps(stories):
    found = {}
    for n in stories:
        T = (texts[n] > 0).sum()
        found[n] = np.tri(T)[None, None] / np.arange(1, T + 1)[:, None]
    return found


def weight_on(maps, places):
    """The mean weight that the rows put on their words [blocks, heads]."""
    found = []
    for story, t, word in places:
        if story in maps:
            row = maps[story][:, :, t]  # [blocks, heads, T]
            there = texts[story, : row.shape[-1]] == word
            found.append(row[:, :, there].sum(axis=-1))
    return np.mean(found, axis=0)


def shares(maps):
    """Kind of place -> shares [blocks, heads]."""
    found = {"itself": [], "the word before": [], "full stop, comma": []}
    for story, weights in maps.items():
        T = weights.shape[-1]
        marks = np.isin(texts[story, :T], MARKS)
        places = np.eye(T), np.eye(T, k=-1), marks
        for kind, place in zip(found, places, strict=True):
            found[kind].append((weights * place).sum(-1)[..., 8:].mean(-1))
    found = {kind: np.mean(each, axis=0) for kind, each in found.items()}
    return found | {kind: weight_on(maps, at) for kind, at in PLACES.items()}


FIRST, SECOND = range(100), range(100, 200)


def strongest_heads(model):
    """Kind -> the head picked on the first stories; shares on the second."""
    first = shares(maps_of(model, FIRST))
    picked = {kind: np.unravel_index(share.argmax(), share.shape) for kind, share in first.items()}
    return picked, shares(maps_of(model, SECOND))


all_picked, all_shares = zip(*map(strongest_heads, models), strict=True)
table, even = all_shares[0], shares(even_maps(SECOND))
for kind in table:
    print(f"{kind}:")
    for seed, picked, share in zip(SEEDS, all_picked, all_shares, strict=True):
        b, h = picked[kind]
        print(f"  seed {seed}: block {b + 1}, head {h + 1}: {share[kind][b, h]:.0%}")

# %% [markdown]
# For each kind of place, that is the strongest of the eight heads, seed by seed. The table has all eight heads of the
# first seed, and the even map, on stories 101 to 200:

# %% tags=["hide-input"]
rows = [(f"{b + 1}, {h + 1}", *(f"{share[b, h]:.0%}" for share in table.values())) for b, h in np.ndindex(2, 4)]
rows.append(("even", *(f"{share[0, 0]:.0%}" for share in even.values())))
lesson.table("shares", rows, ["block, head", *table])


# %% tags=["hide-cell"]
def key_of(kind):
    return kind.replace(", ", "_").replace('"', "").replace(" ", "_")


def of_picked(kind, all_picked, all_shares):
    """The share of the picked head, seed by seed, on the stories that it was not picked on."""
    return [float(share[kind][picked[kind]]) for picked, share in zip(all_picked, all_shares, strict=True)]


note = "of the head picked on stories 1 to 100, counted on 101 to 200"
for kind in table:
    strongest = of_picked(kind, all_picked, all_shares)
    lesson.record_mean(f"largest_share_{key_of(kind)}", strongest, "", None, note, at_least=0.03)
    lesson.record(f"even_share_{key_of(kind)}", float(even[kind][0, 0]), tolerance=0.01, note="of an even map")
control = [
    float(share['the tree, at another "the"'][picked["the tree, when asked"]])
    for picked, share in zip(all_picked, all_shares, strict=True)
]
note = "of the head picked for the tree when asked"
lesson.record_mean("share_the_tree_at_another_the_of_the_tree_head", control, "", None, note, at_least=0.001)

# %% [markdown]
# Compare each column with its last row. Where the tree is to be named again, the strongest head puts
# [[largest_share_the_tree_when_asked %]] of its weight on it (mean of the seeds), where an even map would put
# [[even_share_the_tree_when_asked %]]. At another "the" the same head puts
# [[share_the_tree_at_another_the_of_the_tree_head %]] on it (an even map: [[even_share_the_tree_at_another_the %]]).
# Only the difference can belong to the question. For the name it is [[largest_share_the_name_when_asked %]] against
# [[even_share_the_name_when_asked %]]. On "the word before" the strongest puts [[largest_share_the_word_before %]]
# against [[even_share_the_word_before %]].
#
# Which head gets the job differs by seed, as the list above shows. A head's number means nothing.
#
# Here is the map of the head that is strongest on the tree. Look at the row "the" after "under": this is where the
# model must say which tree it was. Follow the row to the left, to its darkest square. Then do the same with the "the"
# before "stars".

# %% tags=["hide-input"]
block, head = all_picked[0]["the tree, when asked"]
names = [tokenizer.tokens[id] for id in ids_of(story)]
figure, axes = plots.new_figure(size=(7.0, 7.0))
plots.matrix(axes, maps[block, head], names, names, top=1.0)
axes.set_title(f"block {block + 1}, head {head + 1}", fontsize=10)
caption = "What one head attends to in a story that the model has not seen: row by row, the darker, the more"
lesson.figure(figure, "strongest", caption)

# %% tags=["hide-cell"]
trees = [n for n, name in enumerate(names) if name == "tree"]
for after in ("under", "at"):
    row = names.index(after) + 1
    weight = float(maps[block, head, row, [n for n in trees if n < row]].sum())
    lesson.record(f"weight_on_the_tree_in_the_row_the_after_{after}", weight, tolerance=None, at_least=0.01)

# %% [markdown]
# The first of the two rows puts [[weight_on_the_tree_in_the_row_the_after_under %]] on the tree, as one would hope. But
# the row before "stars" puts [[weight_on_the_tree_in_the_row_the_after_at %]] on it, where no tree is asked for.
# Whoever sees the first row alone believes too much; this is why the table has the control.
#
# ## What a map does not prove
#
# A dark square says where a head takes from. It does not say that the model *needs* it: the value may be small, or
# other heads may do the same. To know, we must change something and see what happens. We **switch a head off**: its
# part of the mixing matrix $W_O$ is set to zero. Each head has 16 numbers for a word, and its own 16 rows of $W_O$:

# %% tags=["hide-input"]
figure, axes = plots.new_figure(size=(7.0, 3.2))
axes.set(xlim=(0, 10), ylim=(0, 4.4))
axes.axis("off")
for n in range(4):
    y, off = 3.5 - n, n == 1
    colour = "#999999" if off else plots.COLOURS[0]
    box = {"boxstyle": "round,pad=0.4", "facecolor": "#eeeeee" if off else "white", "edgecolor": colour}
    axes.text(1.3, y, f"head {n + 1}: 16 numbers", ha="center", va="center", bbox=box)
    rows = f"rows {16 * n}–{16 * n + 15}" + (": all 0" if off else "")
    axes.text(5.2, y, rows, ha="center", va="center", bbox=box)
    line = {"color": colour, "linestyle": ":" if off else "-", "arrowstyle": "->"}
    axes.annotate("", (4.0, y), (2.75, y), arrowprops=line)
    axes.annotate("", (8.0, 2.0), (6.4, y), arrowprops=line)
axes.text(5.2, 4.25, "the mixing matrix", ha="center", va="center")
box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": plots.COLOURS[0]}
axes.text(8.9, 2.0, "sum: goes on\ninto the model", ha="center", va="center", bbox=box)
lesson.figure(
    figure, "switch", "Head 2 is switched off: its rows of the mixing matrix are 0, so it adds nothing to the sum"
)

# %% [markdown]
# The test: which probability p does the model give to the right tree, wherever it is named again, and to the right
# name? How far does p fall when a head is switched off? If the map told us which head is needed, the largest fall would
# come from the head with the largest weight on the tree, or on the name. Does it? Again the map is counted on stories 1
# to 100 to pick the head, and the falls on 101 to 200. (A p of 1 is out of reach wherever the story might also go on
# with another word, as "she" for a name.)


# %%
def probabilities(model):
    """Of the right tree and of the right name, where they are named again."""
    p = np.asarray(ops.softmax(model(texts[SECOND])))
    means = []
    for places in again.values():
        right = [p[story - SECOND[0], t, word] for story, t, word in places if story in SECOND]
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

on_map = []  # what the map shows, in the same shape [8 heads, tree and name]
for share in all_shares:
    columns = [share[f"the {kind}, when asked"].ravel() for kind in ASKED]
    on_map.append(np.stack(columns, axis=1))

# %% tags=["hide-input"]
rows = []
for index, (b, h) in enumerate(heads):
    cells = [f"{on_map[0][index, kind]:.0%}" for kind in (0, 1)]
    changes = [f"{falls[0][index, kind]:.2f}" for kind in (0, 1)]
    cells += ["0.00" if float(one) == 0 else one.replace("-", "−") for one in changes]
    rows.append((f"{b + 1}, {h + 1}", *cells))
columns = ["weight on the tree", "weight on the name", "tree: fall of p", "name: fall of p"]
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
agree = [
    [heads[one[:, kind].argmax()] == picked[f"the {name}, when asked"] for kind, name in enumerate(ASKED)]
    for picked, one in zip(all_picked, falls, strict=True)
]
cases = int(np.size(agree))
lesson.record("cases_where_the_map_names_the_most_needed_head", int(np.sum(agree)), tolerance=None, n=cases, at_least=1)
below = np.array([even[f"the {kind}, when asked"][0, 0] for kind in ASKED])
unseen = max(float(np.where(a < below, b, 0).max()) for a, b in zip(on_map, falls, strict=True))
note = "the largest fall by a head with less weight on the tree or name than an even map has"
lesson.record("largest_fall_by_a_head_that_hardly_attends_to_it", unseen, tolerance=None, note=note, at_least=0.05)
worst = max(
    (float(one[head, kind]), not agree[n][kind], f"seed {SEEDS[n]}, the {list(ASKED)[kind]}")
    for n, one in enumerate(falls)
    for head in range(8)
    for kind in (0, 1)
    if on_map[n][head, kind] < below[kind]
)
lesson.record("the_largest_such_fall_is_in_a_case_where_the_map_fails", worst[1], tolerance=None)
lesson.record("the_largest_such_fall_is_of", worst[2], tolerance=None)
hardly = max(float(np.where(b < 0.05, a, 0).max()) for a, b in zip(on_map, falls, strict=True))
note = "the largest weight of a head without which p falls by less than 0.05"
lesson.record("largest_weight_of_a_head_that_is_hardly_missed", hardly, tolerance=None, note=note, at_least=0.01)
lesson.record("cases", cases, tolerance=None, note="tree and name, in each run", at_least=1)
for kind, name in enumerate(ASKED):
    lesson.record_mean(f"p_of_the_{name}", [one[kind] for one in whole], "", None, "where named again", at_least=0.1)
    lesson.record_mean(f"largest_fall_{name}", [one[:, kind].max() for one in falls], "", None, at_least=0.02)

# %% [markdown]
# The table shows the first seed, the picture all; below 0, p rose. With all heads the right tree has a p of
# [[p_of_the_tree .2]], the right name [[p_of_the_name .2]] (means over the seeds). First the good news: the head that
# the map picked was also the one that was missed most in [[cases_where_the_map_names_the_most_needed_head]] of
# [[cases]] cases (tree and name, in each seed). By chance alone it would be one in eight (one in four, if heads of only
# one block were ever picked). In these few cases the map was a good guide.
#
# Now look at the points at the left edge that stand high. Such a head puts less weight on the word than an even map
# would, and yet p falls without it, in one model by [[largest_fall_by_a_head_that_hardly_attends_to_it .2]]. This
# highest point ([[the_largest_such_fall_is_of]]) belongs to a case in which the map picked the wrong head. The head may
# do something else that the answer needs, for example tell that a tree is to be named at all; or the blocks behind it
# may only be disturbed. We have not tested which.
#
# Look at the bottom, too. Some heads with a weight of up to [[largest_weight_of_a_head_that_is_hardly_missed %]] are
# hardly missed: without them p falls by less than 0.05. No head with more weight than that was missed so little.
#
# So a map is a good place to *find* a guess, and never the proof of it.
# [Interpretability](../11_challenges/interpretability.py) has more such tests.
#
# ## What goes wrong: a map of nothing
#
# A common mistake with maps is to show them without a comparison. To see how far it leads, we look at models that have
# not been trained at all. They know nothing. Again we pick the head that gives most to a kind of place on stories 1 to
# 100. Here is what it gives on stories 101 to 200, seed by seed:

# %%
nothing = []
for seed in SEEDS:
    reproducible(seed)
    nothing.append(strongest_heads(GPT(model.config)))
for kind in even:
    found = [f"{share[kind][picked[kind]]:.0%}" for picked, share in nothing]
    print(f"{kind}:", ", ".join(found))

# %% tags=["hide-input"]
rows = []
for kind in table:
    values = of_picked(kind, all_picked, all_shares), of_picked(kind, *zip(*nothing, strict=True)), even[kind]
    means = [np.mean(each) for each in values]
    rows.append((kind, *(f"{mean:.0%}" for mean in means)))
lesson.table("nothing", rows, ["largest share of a head", "trained", "untrained", "an even map"])

# %% tags=["hide-cell"]
for kind in table:
    largest = of_picked(kind, *zip(*nothing, strict=True))
    note = "of the head picked on stories 1 to 100"
    lesson.record_mean(f"untrained_share_{key_of(kind)}", largest, "", None, note, at_least=0.01)
found = max(of_picked("the tree, when asked", *zip(*nothing, strict=True)))
lesson.record("largest_untrained_share_the_tree", found, tolerance=None, note="of the seeds", at_least=0.01)

# %% [markdown]
# The lines above have each seed, the table the means. On the tree the strongest head of an untrained model gives up to
# [[largest_untrained_share_the_tree %]] of its weight, where an even map gives [[even_share_the_tree_when_asked %]]. It
# cannot have learned that. Among eight heads with random numbers one is always the largest, and if its numbers happen
# to favour these words, it does so on other stories, too. (We have not tested this explanation.) At another "the",
# compare the trained models with the untrained ones in the table before you call their share a finding. And every map
# has weight on full stops, because stories have many. Shown alone, as a picture with a title, both could pass for a
# discovery. **How to notice:** put the even map *and* an untrained model beside every share that you report. Measured
# so, the trained model's shares for tree and name, when asked, remain a finding. (The name has no control like another
# "the".)
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
# Yes, in this one run; we did not test whether the head is needed. The strongest head gives
# [[shakespeare_largest_share_letter_before %]] of its weight to the letter just before; in the untrained model it is
# [[shakespeare_untrained_share_letter_before %]] (the even map is printed above).
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
# we take the fastest of seven tries. We do that three times and show the median (the middle one of the three), with the
# smallest and the largest in brackets. (`tf.function` makes one program
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
medians = {name: dict(zip(LENGTHS, np.median(each, axis=0), strict=True)) for name, each in measured.items()}
rows = []
for column, T in enumerate(LENGTHS):
    cells = []
    for name, each in measured.items():
        low, high = each[:, column].min(), each[:, column].max()
        cells.append(f"{medians[name][T]:.2f} ({low:.2f} to {high:.2f})")
    rows.append((f"{T:,}", *cells, f"{16 * T * T / 1e6:,.1f}"))
lesson.table("cost", rows, ["words", "attention, ms", "LSTM, ms", "all weights, MB"])

# %% tags=["hide-cell"]
note = "of the medians in the table"
longest = LENGTHS[-1]
for key, T in (("256_words", 256), ("the_longest_text", longest)):
    ratio = float(medians["LSTM"][T] / medians["attention"][T])
    lesson.record(f"lstm_time_over_attention_time_{key}", ratio, tolerance=None, note=note)
lesson.record("longest_text", longest, "words", None, at_least=1)
for name, each in medians.items():
    for T in LENGTHS[3:]:
        key = f"{name.lower()}_time_{T}_over_{T // 2}_words"
        lesson.record(key, float(each[T] / each[T // 2]), tolerance=None, note=note)
lesson.record("weights_megabytes_at_4096_words", 4 * 4096 * 4096 * 4 / 1e6, "MB", 1e-9, note="one block, 4 heads")

# %% [markdown]
# On 256 words attention is the faster one. On 4,096 words its lead is gone. Divide the medians of the table: the LSTM
# takes [[lstm_time_over_attention_time_256_words .2]] times as long as attention on 256 words, and
# [[lstm_time_over_attention_time_the_longest_text .2]] times as long on 4,096.
#
# By the count above, twice the length should cost attention at most four times the time, and the LSTM twice. From 1,024
# to 2,048 words we measured a factor of [[attention_time_2048_over_1024_words .1]] for attention and
# [[lstm_time_2048_over_1024_words .1]] for the LSTM. From 2,048 to 4,096 it was
# [[attention_time_4096_over_2048_words .1]] for attention and [[lstm_time_4096_over_2048_words .1]] for the LSTM. A
# factor above the count would mean that something else costs time as well, such as fetching from memory; one below it,
# that the smaller case carried a fixed cost.
#
# The brackets in the table say how far to trust such figures: not far, for other programs may run on the machine as
# well, and another machine will give others. The memory is computed, not measured. FlashAttention
# ({cite:t}`dao2022`) computes the weights piece by piece and never holds them all; the number of products stays a
# square.
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
# - Three seeds are few. A tree named again is one kind of question; other questions may use heads in other ways.
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
# 2. Print `all_shares[1]["the tree, when asked"]` (full profile). Which heads of that model share the work on the tree?
# 3. Switch off two heads at once: the two with the largest falls for the tree. Is the fall the sum of the two?
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
# <details>
# <summary>Answer to 2</summary>
#
# `print(all_shares[1]["the tree, when asked"].round(2))` prints a row of four heads for each block. They are the
# squares of seed 1 in the left picture: compare each with the even map's [[even_share_the_tree_when_asked %]]. The
# heads that stand far above it share the work; the others put on the tree about what an even map does, or less.
#
# </details>
#
# <details>
# <summary>Answer to 3</summary>
#
# Zero two ranges of rows, then compare:
#
# ```python
# def when_two_are_off(model, pair):
#     kernels = [b.attention.output_projection.kernel for b in model.blocks]
#     before = [np.array(kernel) for kernel in kernels]
#     for block, head in pair:
#         changed = np.array(kernels[block])
#         changed[16 * head : 16 * (head + 1)] = 0
#         kernels[block].assign(changed)
#     found = probabilities(model)
#     for kernel, old in zip(kernels, before):
#         kernel.assign(old)
#     return found
#
# first, second = falls[0][:, 0].argsort()[-2:]
# both = when_two_are_off(model, [heads[first], heads[second]])
# print(falls[0][first, 0] + falls[0][second, 0], whole[0][0] - both[0])
# ```
#
# The two numbers need not agree. A joint fall that is *smaller* than the sum is usual when each head alone breaks most
# of the answer: p cannot fall below 0. One that is *larger* means that each head stood in for the other.
#
# </details>
#
# <details>
# <summary>Answer to 4</summary>
#
# `maps = self_attention(model, tokenizer.encode(story))`, then the cell that draws the eight maps. The first row is now
# the first word, and it can attend only to itself: its weight is 1 in every head. The rows after it have one place
# less, and each must still add up to 1, so what lay on `<end>` moves to other words. Do not make too much of it: the
# model has never seen a story that begins without `<end>`.
#
# </details>
#
# <details>
# <summary>Answer to 5</summary>
#
# Add these lines after the cell that trains `reader`. The line may have 64 letters at most.
#
# ```python
# line = "To be, or not to be, that is the question"
# b, h = np.unravel_index(letter_shares["trained"].argmax(), (2, 4))
# line_maps = self_attention(reader, letters.encode(line))
# figure, axes = plots.new_figure(size=(7.0, 7.0))
# plots.matrix(axes, line_maps[b, h], list(line), list(line), top=1.0)
# lesson.figure(figure, "line", "My line, in the head that looks most at the letter before")
# ```
#
# A dark diagonal just left of the main one is the letter before. Draw the same with `fresh`, the untrained model.
#
# </details>
#
# ## Further reading
#
# - {cite:t}`olsson2022`: heads that find what followed a word last time, tested by switching them off.
# - {cite:t}`dao2022`: attention without holding all weights.
# - {cite:t}`ainslie2023`: heads that share keys and values, so that a model that writes has less to keep.
#
# Before this lesson: [deep stacks](deep_stacks.py). Next: [encoder and decoder](encoder_decoder.py).

# %%
lesson.finish()
