# %% [markdown]
# # Attention maps
#
# - Article section: §3.1.2
# - Needs: attention, attention_heads, transformer_block
# - Data: greentree (built in); the full profile also tiny_shakespeare
# - Minutes: quick 1, full 4
# - Memory: 1.5 GB
# - Shows: what the heads of a trained model attend to, and how to test what such a picture suggests
# - Headline: loss_of_the_model, cases_where_the_map_names_the_most_needed_head
#
# The weights of a trained model can be drawn: a dark square where one word attends to another. Such pictures are often
# shown as the reason why a model answered as it did. Can you believe them, and how would you test one?
#
# Afterwards you can
#
# - read the weights out of a trained model and draw them as a map;
# - say how much a weight means, by comparing it with an even map and with an untrained model;
# - test whether the model needs a head, by switching it off.
#
# You need [attention](attention.py), [attention heads](attention_heads.py) and [the Transformer
# block](transformer_block.py). In short: a **head** compares each word's query with the keys of the words up to it,
# makes **weights** of the scores (softmax: each row adds up to 1), and takes the mean of their values with these
# weights. A **block** is several heads side by side, mixed by a matrix $W_O$, and a small network after them. The model
# here is a stack of two blocks.

# %%
from __future__ import annotations

import textwrap

from lmbook import GPT, CharacterTokenizer, GPTConfig, Lesson, WordTokenizer, causal_mask, reproducible
from lmbook.book import diagrams, plots
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.layers import apply_rotary
from lmbook.topics.interpretability import self_attention

import keras
import numpy as np
from keras import ops

lesson = Lesson("attention_maps")
reproducible(lesson.seed)

# %% [markdown]
# ## The idea in one picture
#
# An **attention map** is the table of weights of one head for one text. Each row is a word that asks, each column a
# word that it may attend to. The larger the weight, the fuller the colour.

# %%
small = [[1, 0, 0], [0.3, 0.7, 0], [0.15, 0.63, 0.22]]
diagrams.attention_weights(["the", "cat", "sat"], small)

# %% [markdown]
# ## With a pencil
#
# **Reading.** The row of "sat" says: 15 % of what it takes comes from "the", 63 % from "cat", 22 % from itself. Each
# row adds up to 1. The upper right corner is empty, because no word may attend to a later one (the causal mask).
#
# **A share.** Does this head attend to the word just before? "cat" takes 0.30 from the word before it, "sat" takes
# 0.63. The mean is 0.465. Is that much? A head that attends *evenly* to all it may see would give 1/2 in the row of
# "cat" and 1/3 in that of "sat": 0.417 on average. So 0.465 is only a little more than even. A share means something
# only beside that of an even map.
#
# **What a weight does not say.** A weight is multiplied with a value. A weight of 0.9 on the value (0.1, 0) brings in
# (0.09, 0). A weight of 0.1 on the value (4, 0) brings in (0.4, 0), more than four times as much. The darker square has
# brought in less.
#
# **The formula.** Take one kind of place, such as "the word before". The **share** that a head gives to it is a mean
# over rows. Let $w_{ts}$ be the weight in row $t$ and column $s$, $R$ the set of rows that are counted, $|R|$ their
# number, and $P(t)$ the columns of that kind as seen from row $t$. Then
#
# $$\mathrm{share} = \frac{1}{|R|} \sum_{t \in R} \; \sum_{s \in P(t)} w_{ts}$$
#
# In our example $R$ has two rows, "cat" and "sat", and $P(t)$ is the one column before $t$. In code:

# %%
even = np.tri(3) / np.array([[1], [2], [3]])  # 1; 1/2, 1/2; 1/3, 1/3, 1/3
before = np.eye(3, k=-1)  # 1 where the column stands just before the row
for name, weights in {"head": small, "even": even}.items():
    print(name, (weights * before).sum(axis=1)[1:].mean().round(3))

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
# changes the model after each batch, and 0.003, the **learning rate**, says how much. (In the code, `starts` says how
# widely the first random numbers are spread; `None` is Keras's own choice. With `tie_embeddings=False` the last layer
# has numbers of its own and does not use those of the words.) `lesson.choose` takes its first value in the quick
# profile and its second in the full one. The full profile, which this page shows, trains the model five times, with
# five **seeds**: each seed starts the random numbers elsewhere.

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
    sizes = {"hidden_dim": 64, "intermediate_dim": 128, "num_heads": 4, "num_layers": 2}
    sizes["max_sequence_length"] = 64
    starts = {"stddev": None, "embedding_stddev": 0.05}
    config = GPTConfig(vocabulary_size, **sizes, **starts, positions="rotary", tie_embeddings=False)
    model = GPT(config)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)  # filling is not text
    model.compile(keras.optimizers.Adam(0.003), loss)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size=batch_size, epochs=epochs, verbose=0)
    return model


train, test = as_rows(train_stories), as_rows(test_stories)
SEEDS = [lesson.seed + n for n in range(lesson.choose(quick=1, full=5))]
EPOCHS = lesson.choose(quick=5, full=6)
models = [trained(train, tokenizer.vocabulary_size, seed, EPOCHS) for seed in SEEDS]
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
# keys, cut into heads and turned by their positions, scores, mask, softmax. In the comments, H is the number of heads
# (4) and T the number of words. Each head has 64 / 4 = 16 numbers for a word.


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

# %% tags=["hide-cell"]
lesson.record("difference_to_library", difference, tolerance=None, at_most=1e-5, note="weights of block 1")

# %% [markdown]
# The library's `self_attention` gives the weights of all blocks and heads, for block 1 the same as ours. It asks the
# model for them:
#
# [[source lmbook.topics.interpretability.self_attention]]
#
# ## What do the heads attend to?
#
# One map of one story shows little, since the eye finds patterns everywhere. So we count over many stories, with two
# questions. Which share does each head give
#
# - to **the word before**? (We leave out the first eight rows of a story, where few words share the weight.)
# - to **the tree, when asked**? In the story above, "under the" is followed by "tree", which stood in the story before.
#   We read the row of this "the": how much weight is on the earlier tree?
#
# The stories are an array of **ids** (the number of a word in the tokenizer's list). We write a place to look at as the
# number of the story, the row `t`, and the columns whose weights count.

# %%
TREES = [tokenizer.tokens.index(word) for word in "tree oak maple willow birch palm pine".split()]
texts, answers = test[:, :-1], test[:, 1:]  # a row's answer is its next word
BEFORE, ASKED = "the word before", "the tree, when asked"
PLACES = {BEFORE: [], ASKED: []}
for number, t in np.argwhere(answers):  # every row that has a next word
    read, answer = texts[number, : t + 1], answers[number, t]
    if t >= 8:
        PLACES[BEFORE].append((number, t, [t - 1]))
    stood = np.flatnonzero(read == answer)  # columns where the answer stood before
    if answer in TREES and len(stood):
        PLACES[ASKED].append((number, t, stood))

# %% [markdown]
# As an example, here is the place in the story above, with the last three words that were read. (It is story 1;
# stories, rows and columns count from 0. Column 0 is the `<end>` that opens each story.)

# %%
for number, t, columns in PLACES[ASKED]:
    if number == 1:
        last = " ".join(tokenizer.tokens[id] for id in texts[1, t - 2 : t + 1])
        print(f'row {t}, after "{last}": columns {columns.tolist()}')

# %% [markdown]
# The row has 28 places, so an even map puts 1/28, or 3.6 %, on the tree.
#
# Now the counting. We pick the strongest head on the first 100 stories, and report what it does on the other 100. If we
# picked and reported on the same stories, the largest of eight numbers would be too large by luck.
#
# We ask the model for the weights of all stories at once. Short stories are filled up at their ends, which changes
# nothing, because no word attends to a later one. The even map is a triangle of ones, each row divided by the number of
# its places.

# %%
FIRST, SECOND = range(100), range(100, 200)


def weights_of(model, texts=texts):
    """All maps: [stories, blocks, heads, T, T]."""
    _, weights = model(texts, return_weights=True)
    return np.stack([np.asarray(block) for block in weights], axis=1)


def shares(weights, stories):
    """Kind of place -> its share in each head [blocks, heads]."""
    found = {}
    for kind, places in PLACES.items():
        each = []
        for number, t, columns in places:
            if number in stories:
                row = weights[number, :, :, t]  # [blocks, heads, T]
                each.append(row[:, :, columns].sum(axis=-1))
        found[kind] = np.mean(each, axis=0)
    return found


def strongest_heads(model):
    """Kind -> the head picked on the first stories; shares on the second."""
    weights, picked = weights_of(model), {}
    for kind, share in shares(weights, FIRST).items():
        picked[kind] = np.unravel_index(share.argmax(), share.shape)  # block, head
    return picked, shares(weights, SECOND)


T = texts.shape[1]
even_map = np.tri(T) / np.arange(1, T + 1)[:, None]
even = shares(np.broadcast_to(even_map, (200, 1, 1, T, T)), SECOND)
all_picked, all_shares = zip(*map(strongest_heads, models), strict=True)
for kind in PLACES:
    print(f"{kind}:")
    for seed, picked, share in zip(SEEDS, all_picked, all_shares, strict=True):
        b, h = picked[kind]
        print(f"  seed {seed}: block {b + 1}, head {h + 1}: {share[kind][b, h]:.0%}")

# %% [markdown]
# That is the strongest of the eight heads, seed by seed. The table has all eight heads of the first seed and the even
# map. Its last line says how many rows were counted.

# %% tags=["hide-input"]
rows = [(f"{b + 1}, {h + 1}", *(f"{share[b, h]:.0%}" for share in all_shares[0].values())) for b, h in np.ndindex(2, 4)]
rows.append(("even map", *(f"{share[0, 0]:.0%}" for share in even.values())))
counted = [sum(n in SECOND for n, _, _ in places) for places in PLACES.values()]
rows.append(("rows counted", *(f"{count:,}" for count in counted)))
lesson.table("shares", rows, ["block, head", *PLACES])


# %% tags=["hide-cell"]
KEYS = {BEFORE: "the_word_before", ASKED: "the_tree_when_asked"}


def of_picked(kind, pairs):
    """The share of the picked head, seed by seed, on the stories that it was not picked on."""
    return [float(share[kind][picked[kind]]) for picked, share in pairs]


def with_spread(values):
    """As "59 % ± 10 %"; the one number where there is one seed."""
    spread = [np.std(values, ddof=1)] if len(values) > 1 else []
    digits = 1 if spread and spread[0] < 0.01 else 0
    return " ± ".join(f"{100 * value:.{digits}f} %" for value in [np.mean(values), *spread])


def record_spread(key, values, note, at_least=None):
    lesson.record_mean(key, values, "", None, note, at_least=at_least)
    lesson.record(f"{key}_with_spread", with_spread(values), tolerance=None, note="mean ± standard deviation")


trained_pairs = list(zip(all_picked, all_shares, strict=True))
note = "of the head picked on the first 100 stories, counted on the others"
for kind, key in KEYS.items():
    record_spread(f"largest_share_{key}", of_picked(kind, trained_pairs), note, 0.03)
    lesson.record(f"even_share_{key}", float(even[kind][0, 0]), tolerance=0.01, note="of an even map")

# %% [markdown]
# Compare each column with its even map. On the word before, the strongest head puts
# [[largest_share_the_word_before_with_spread]] of its weight, an even map [[even_share_the_word_before %]] (± is the
# standard deviation over the five seeds: about how far one run lies from their mean). On the tree, when asked, it is
# [[largest_share_the_tree_when_asked_with_spread]], with an even map [[even_share_the_tree_when_asked %]]. Which head
# is the strongest differs by seed: a head's number means nothing.
#
# So the strongest head attends to the tree far more than an even map does. Does it do so *because* the tree is asked
# for? We need a **control**: the same rows with one thing changed. In each we put "looks at" in the place of the two
# words before "the". In these stories "looks at the" is followed by "stars", so nothing asks for a tree any more. To be
# careful we compute the share twice: among all words, and among the unchanged ones alone (the weight on the tree
# divided by the weight of all columns but the two changed).

# %%
changed = texts.copy()
LOOKS_AT = [tokenizer.tokens.index(word) for word in ("looks", "at")]
for number, t, _ in PLACES[ASKED]:
    changed[number, t - 2 : t] = LOOKS_AT  # "down under the" becomes "looks at the"


def tree_share(model, head, texts, left_out):
    """The head's share of the tree when asked, with all columns or with the changed ones left out."""
    weights, each = weights_of(model, texts), []
    for number, t, columns in PLACES[ASKED]:
        if number in SECOND:
            row = weights[number, *head, t] * ~left_out[number]
            each.append(row[columns].sum() / row.sum())
    return np.mean(each)


def probability(model, texts=texts):
    """Of the right tree, where it is named again; a mean."""
    p = np.asarray(ops.softmax(model(texts)))
    return np.mean([p[n, t, answers[n, t]] for n, t, _ in PLACES[ASKED] if n in SECOND])


# %% [markdown]
# An arrow leads from the true stories to the changed ones; p is the probability of the right tree.

# %%
none, differs = np.zeros(texts.shape, bool), changed != texts
results = []  # for each seed: share, share among the unchanged, p
for seed, one, picked in zip(SEEDS, models, all_picked, strict=True):
    head, both = picked[ASKED], (texts, changed)
    share = [tree_share(one, head, x, none) for x in both]
    unchanged = [tree_share(one, head, x, differs) for x in both]
    p = [probability(one, x) for x in both]
    results.append((share, unchanged, p))
    print(f"seed {seed}: share {share[0]:.0%} → {share[1]:.0%};", end=" ")
    print(f"among the unchanged {unchanged[0]:.1%} → {unchanged[1]:.1%};", end=" ")
    print(f"p {p[0]:.2f} → {p[1]:.2f}")

# %% tags=["hide-cell"]
record_spread(
    "share_of_the_tree_with_changed_words", [float(share[1]) for share, _, _ in results], "same heads and rows", 0.03
)
of_block_1 = [abs(np.diff(r[1])[0]) for r, picked in zip(results, all_picked, strict=True) if picked[ASKED][0] == 0]
note = "largest difference that the change makes to the share among the unchanged words; heads of block 1"
lesson.record("change_among_the_unchanged_words", float(max(of_block_1)), tolerance=None, note=note, at_most=1e-4)
lesson.record("picked_heads_in_block_1", len(of_block_1), tolerance=None, n=len(models), note="when asked", at_least=1)
lesson.record_mean("p_of_the_tree", [float(p[0]) for _, _, p in results], "", None, "where named again", at_least=0.3)
note = "the same rows, with looks at before the; mean of the seeds"
p_after = float(np.mean([p[1] for _, _, p in results]))
lesson.record("p_of_the_tree_with_changed_words", p_after, tolerance=None, note=note, at_most=0.5)

# %% [markdown]
# The model notices the change: p falls from [[p_of_the_tree .2]] to [[p_of_the_tree_with_changed_words .2]] (means of
# the seeds). And the head? In seeds 3 and 4 its share does not fall; in the other three it does (mean of all:
# [[share_of_the_tree_with_changed_words_with_spread]]). But in all five the share among the unchanged words stays what
# it was. So where the share falls, "looks" and "at" have taken weight away; "the" looks for the tree as much as before.
#
# It cannot be otherwise. All five heads are in block 1, as the first list shows. There a query is made of the word's
# own vector and its place, and of nothing else, and so is a key. The score of "the" with "tree" depends on these two
# words and their distance, whatever stands between. So the score is the same whether a tree is asked for or not. The
# weight is not, since the other words of the row compete for it.
#
# Here is the map of that head in the first seed. Look at the row "the" after "under": this is where the model must say
# "tree". Follow the row to the left, to its darkest square. Then do the same with the "the" before "stars", which has
# two trees before it. (`plots.matrix` draws numbers as coloured cells.)

# %%
block, head = all_picked[0][ASKED]
names = [tokenizer.tokens[id] for id in ids_of(story)]
figure, axes = plots.new_figure(size=(7.0, 7.2))
plots.matrix(axes, maps[block, head], names, names, top=1.0)
axes.set(xlabel="the word that is attended to", ylabel="the word that asks")
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
# the row before "stars", where no tree is asked for, puts [[weight_on_the_tree_in_the_row_the_after_at %]] on the two
# places of the tree together. If you saw the first row alone, you would believe too much.
#
# ## What a map does not prove
#
# A dark square says where a head takes from. It does not say that the model *needs* it: the value may be small, or
# other heads may do the same. To know, we must change something and see what happens. We **switch a head off**. The
# mixing matrix $W_O$ has 16 rows for each head: rows 0 to 15 for the first, rows 16 to 31 for the second, and so on.
# They say what becomes of the head's 16 numbers. If we set the 16 rows of a head to zero, the head adds nothing:

# %% tags=["hide-input"]
diagrams.head_off(off=2, heads=4, size=16)

# %% [markdown]
# How far does p fall when a head is switched off? If the map told us which head is needed, the largest fall would come
# from the head with the largest weight on the tree. Does it? Again we measure on the second 100 stories.


# %%
def when_switched_off(model, *heads):
    """The probability with these heads (block, head) switched off for a moment."""
    kernels = [b.attention.output_projection.kernel for b in model.blocks]  # the W_O
    before = [np.asarray(kernel) for kernel in kernels]
    for block, head in heads:
        changed = np.asarray(kernels[block]).copy()
        changed[16 * head : 16 * (head + 1)] = 0  # the rows of this head
        kernels[block].assign(changed)
    found = probability(model)
    for kernel, values in zip(kernels, before, strict=True):
        kernel.assign(values)
    return found


heads = list(np.ndindex(2, 4))  # (0, 0), (0, 1), … (1, 3)
whole = [p[0] for _, _, p in results]
falls = []  # for each model eight numbers
for one, p in zip(models, whole, strict=True):
    falls.append(np.array([p - when_switched_off(one, head) for head in heads]))
on_map = [share[ASKED].ravel() for share in all_shares]

for seed, picked, fall in zip(SEEDS, all_picked, falls, strict=True):
    by_map, needed = picked[ASKED], heads[fall.argmax()]
    names_of = [f"block {b + 1}, head {h + 1}" for b, h in (by_map, needed)]
    print(f"seed {seed}: the map picks {names_of[0]}; most needed is {names_of[1]}")

# %% tags=["hide-input"]
figure, axes = plots.new_figure(size=(7.0, 4.2))
for index, seed in enumerate(SEEDS):
    style = {"color": plots.COLOURS[index], "marker": "os^Dv"[index], "label": f"seed {seed}"}
    axes.scatter(on_map[index], falls[index], **style)
axes.axvline(even[ASKED][0, 0], color="#555555", linestyle=":", label="an even map")
axes.set(xlabel="weight on the tree when asked, by the map", ylabel="fall of p when switched off")
axes.legend(frameon=False)
caption = "A point for each head of each model: what its map shows, and what its absence does"
lesson.figure(figure, "switched_off", caption)

# %% tags=["hide-cell"]
agree = [heads[fall.argmax()] == picked[ASKED] for picked, fall in zip(all_picked, falls, strict=True)]
note = "the head picked by the map on the first stories is the one with the largest fall on the others"
key = "cases_where_the_map_names_the_most_needed_head"
lesson.record(key, int(np.sum(agree)), tolerance=None, n=len(agree), note=note, at_least=1)
lesson.record("cases", len(agree), tolerance=None, note="one for each seed", at_least=1)
low = even[ASKED][0, 0]
unseen = max(float(fall[weight < low].max(initial=0)) for weight, fall in zip(on_map, falls, strict=True))
note = "the largest fall by a head with less weight on the tree than an even map"
lesson.record("largest_fall_by_a_head_that_hardly_attends_to_it", unseen, tolerance=None, note=note, at_least=0.02)
first, second = falls[0].argsort()[-2:]
both = float(whole[0] - when_switched_off(models[0], heads[first], heads[second]))
note = "seed 0, the two heads with the largest falls"
lesson.record("fall_with_two_heads_off", both, tolerance=None, note=note, at_least=0.02)
both = float(falls[0][[first, second]].sum())
lesson.record("sum_of_the_two_falls", both, tolerance=None, note=note, at_least=0.05)

# %% [markdown]
# Each point is one head of one model; the dotted line is the weight that an even map gives.
#
# In [[cases_where_the_map_names_the_most_needed_head]] of [[cases]] seeds the head that the map picked was also the one
# that was missed most. Is that much? All these heads are in block 1, so we compare with guessing one of its four heads:
# three or more hits in five then happen by luck about one time in ten. It is a weak hint. In the other seeds the map
# picked the wrong head; the list above shows which.
#
# Now look at the points left of the dotted line that stand high. Such a head puts less weight on the tree than an even
# map would, and yet p falls without it, in one model by [[largest_fall_by_a_head_that_hardly_attends_to_it .2]]. It may
# tell that a tree is to be named at all, or the model is only disturbed. We have not tested which.
#
# So a map is a good place to *find* a guess, and never the proof of it.
# [Interpretability](../11_challenges/interpretability.py) has more such tests.
#
# ## What goes wrong: a map of nothing
#
# A common mistake with maps is to show them without a comparison. To see how far it leads, we look at models that have
# not been trained at all. They know nothing. We pick their strongest heads in the same way. The table has the shares
# beside those of the trained models and the even map, as means ± standard deviations.

# %%
nothing = []
for seed in SEEDS:
    reproducible(seed)
    nothing.append(strongest_heads(GPT(model.config)))

# %% tags=["hide-input"]
rows = []
for kind in PLACES:
    spreads = [with_spread(of_picked(kind, pairs)) for pairs in (trained_pairs, nothing)]
    rows.append((kind, *spreads, f"{100 * even[kind][0, 0]:.0f} %"))
lesson.table("nothing", rows, ["largest share of a head", "trained", "untrained", "an even map"])

# %% tags=["hide-cell"]
for kind, key in KEYS.items():
    note = "of the head picked on the first 100 stories"
    record_spread(f"untrained_share_{key}", of_picked(kind, nothing), note, 0.01)
largest = max(of_picked(ASKED, nothing))
lesson.record("largest_untrained_share_the_tree", largest, tolerance=None, note="of the seeds", at_least=0.01)

# %% [markdown]
# On the tree, when asked, the strongest head of an untrained model gives up to [[largest_untrained_share_the_tree %]]
# of its weight, where an even map gives [[even_share_the_tree_when_asked %]]. It cannot have learned that. Among eight
# heads with random numbers one is always the largest, and if its numbers happen to favour these words, it does so on
# other stories, too. (We have not tested this explanation.)
#
# **How to notice:** put the even map *and* an untrained model beside every share that you report. Both rows of the
# table stand this test: training has made these shares larger.
#
# ## Real text
#
# Do heads of a model of real text find patterns too? The same model, trained once, learns the plays of Shakespeare (one
# million characters) letter by letter, and we ask for the share of the letter just before, in a part that it was not
# trained on.

# %%
corpus = None
if lesson.full or lesson.own_text:
    corpus = lesson.real_corpus("tiny_shakespeare")
if corpus:
    letters = CharacterTokenizer.train(corpus.texts("train"))
    ids = letters.encode("".join(corpus.texts("train")))
    windows = np.array([ids[n : n + 65] for n in range(0, len(ids) - 64, 64)], "int32")
    reader = trained(windows, letters.vocabulary_size, lesson.seed, epochs=1, batch_size=64)
    fresh = GPT(reader.config)  # not trained
    held_out = letters.encode(corpus.texts("validation")[0])
    t = np.arange(8, 64)  # rows with at least eight letters before them
    letter_shares = {}
    for name, one in {"trained": reader, "untrained": fresh}.items():
        weights = [self_attention(one, held_out[n : n + 64]) for n in range(0, 64 * 40, 64)]
        letter_shares[name] = np.stack(weights)[..., t, t - 1].mean(axis=(0, -1))
        print(f"share of the letter just before, {name}, blocks and heads:")
        print(letter_shares[name].round(2))
    print("an even map:", np.mean(1 / (t + 1)).round(2))

# %% tags=["hide-cell"]
if corpus and not lesson.own_text:
    for name, least in (("trained", 0.1), ("untrained", 0.01)):
        key, largest = f"shakespeare_share_letter_before_{name}", float(letter_shares[name].max())
        lesson.record(key, largest, tolerance=None, note="one run, the head with the largest", at_least=least)

# %% [markdown]
# Yes, in this one run: the strongest head gives [[shakespeare_share_letter_before_trained %]] of its weight to the
# letter just before; in the untrained model it is [[shakespeare_share_letter_before_untrained %]], and the even map is
# printed above. We did not switch this head off.
#
# ## What this lesson cannot show
#
# - The maps are those of a tiny model on simple stories. What is said of them need not hold for larger ones.
# - Five seeds are few, and Shakespeare was read by one trained model. A tree named again is one kind of question.
# - Switching off one head at a time misses heads that stand in for each other. A fall of 0 does not mean "useless". And
#   a head that is missing disturbs the model in general, not only where we look.
#
# ## Summary
#
# An attention map is the table of weights of one head. It shows where a head takes from, and means something only
# beside an even map and an untrained model. Here the strongest heads attend to a tree far more than either of them. It
# could seem that "the" looks for the tree because it is asked for; changing two words showed that its score is the
# same, asked or not, and that only the other words change its weight. Nor does a map prove that the model needs what is
# dark. We tested this by switching heads off: the darkest head was the most needed one in
# [[cases_where_the_map_names_the_most_needed_head]] of [[cases]] seeds only, and a head that hardly attended to the
# tree was needed, too.
#
# ## Exercises
#
# 1. *Calculate.* What does an even map give to "the word before" on average over the rows 2, 3 and 4 (the first row is
#    row 1)?
# 2. *Change a number.* In the notebook, switch off two heads of the first model at once: the two with the largest
#    falls. Is the fall the sum of the two?
# 3. *Your own text.* Run `lmbook run attention_maps --text my.txt`, with a plain text file in UTF-8 of at least 100,000
#    letters. How large is the largest share of the letter before? Then draw the map of a line that you know well.
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
# ```python
# first, second = falls[0].argsort()[-2:]
# both = whole[0] - when_switched_off(models[0], heads[first], heads[second])
# print(falls[0][first] + falls[0][second], both)
# ```
#
# In our full run the sum is [[sum_of_the_two_falls .2]] and the fall with both off is [[fall_with_two_heads_off .2]].
# The two are nearly the same, in this one seed. A fall much *larger* than the sum may mean that each head stood in for
# the other. But p was only [[p_of_the_tree .2]], so it had hardly further to fall, and no larger fall could show here.
#
# </details>
#
# <details>
# <summary>Answer to 3</summary>
#
# The run prints the shares of all heads, with those of an untrained model and an even map. For the map, write `lesson =
# Lesson("attention_maps", ["--text", "my.txt"])` in the first code cell of the notebook, run all cells, and add one.
# The line may have 64 letters at most.
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
# A dark diagonal just left of the main one is the letter before.
#
# </details>
#
# ## Further reading
#
# - {cite:t}`olsson2022`: heads that find what followed a word last time, tested by switching them off.
# - Jain and Wallace 2019, "Attention is not explanation": other maps can lead to the same answers.
# - Wiegreffe and Pinter 2019, "Attention is not not explanation": a reply, on what one would have to test.
#
# Before this lesson: [deep stacks](deep_stacks.py). Next: [what attention costs](attention_cost.py).

# %%
lesson.finish()
