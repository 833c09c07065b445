# %% [markdown]
# # Attention
#
# - Article section: §3.1.1–3.1.2
# - Needs: one_training_step, recurrent_networks
# - Data: greentree (built in)
# - Minutes: quick 1, full 3
# - Memory: 2.0 GB
# - Shows: query, key and value by hand on five words; heads, masks, positions; a trained model's maps; the cost
# - Headline: keras_difference, future_training_loss, future_loss, attention_exponent
#
# A recurrent network hands its memory on from word to word, and what a distant word had to say must survive every step
# in between (chapter 01). Attention lets each word look at every other directly. That is the whole idea. This lesson
# works it out by hand, finds the same in the library's layer, trains it, breaks it, and measures what it costs.

# %%
from __future__ import annotations

import time

from lmbook import Lesson, MultiHeadAttention, causal_mask, reproducible
from lmbook.book import plots

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("attention")
reproducible(lesson.seed)
rng = np.random.default_rng(lesson.seed)

# %% [markdown]
# ## Looking something up, softly
#
# A dictionary of Python finds the one key that equals what is asked for, and gives its value. Attention does the same
# softly. Each word asks for something (its **query**), says what it is (its **key**), and has something to give (its
# **value**). The product of a query and a key says how well they fit. Softmax makes shares of these scores, and the
# word takes from every value its share:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\Big(\frac{Q K^\top}{\sqrt{d}}\Big)\,V,
#   \qquad Q = X W_Q,\quad K = X W_K,\quad V = X W_V$$
#
# (Vaswani et al. 2017, equation 1; $d$ is the width of a query, which the library's shapes call K.) No word waits for
# another: all rows of $Q K^\top$ are computed at once. In code, with T words that look and S words that are looked at:


# %%
def softmax(z: np.ndarray) -> np.ndarray:
    """Shares along the last axis; the largest score is taken away first, so that nothing overflows."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attend(Q: np.ndarray, K: np.ndarray, V: np.ndarray, allowed=True) -> tuple[np.ndarray, np.ndarray]:
    """Queries [T, d], keys [S, d], values [S, d] -> what is taken [T, d], and the weights [T, S]."""
    scores = Q @ K.T / np.sqrt(Q.shape[-1])  # [T, S]
    weights = softmax(np.where(allowed, scores, -1e9))
    return weights @ V, weights


# %% [markdown]
# Five words, and for each a vector of D = 8 numbers. A model learns such vectors, and nobody can read them. Ours are
# made by hand so that we can: five numbers say what kind of word it is, three what it means.

# %%
words = ["a", "green", "tree", "stands", "tall"]
features = ["article", "adjective", "noun", "verb", "adverb", "GREEN", "TREE", "STANDS"]
X = np.zeros((5, 8), "float32")  # [T, D]
X[range(5), range(5)] = 1  # each of the five is a word of another kind
X[[1, 2, 3], [5, 6, 7]] = 1  # three of them mean something
print(f"X [T, D] = {X.shape}\n{X.astype(int)}")

# %% [markdown]
# The three matrices are made by hand too. A query says what kind of word is *sought*: articles, adjectives and verbs
# look for a noun, nouns for an adjective, adverbs for a verb. A key says what kind of word this *is*. The value is what
# it means. (The 6 is how much they want it; with less, the shares would be more even.)

# %%
kinds = ["noun", "adjective", "verb"]
seeks = {"article": "noun", "adjective": "noun", "noun": "adjective", "verb": "noun", "adverb": "verb"}
W_Q, W_K, W_V = (np.zeros((8, 3), "float32") for _ in range(3))  # [D, d]
for kind, sought in seeks.items():
    W_Q[features.index(kind), kinds.index(sought)] = 6
for kind in kinds:
    W_K[features.index(kind), kinds.index(kind)] = 1
W_V[[5, 6, 7], [0, 1, 2]] = 1

Q, K, V = X @ W_Q, X @ W_K, X @ W_V  # each [T, d]
taken, weights = attend(Q, K, V)
for name, values in {"Q": Q, "K": K, "V": V, "weights": weights, "taken": taken}.items():
    print(f"{name} {list(values.shape)}\n{values.round(2)}")

# %% [markdown]
# Read the picture along one row, that of "tree". Its query seeks an adjective. The key of "green" says that it is one:
# their score is high, all others are 0. Softmax gives "green" most of the weight, so what "tree" takes is mostly GREEN.
# A last matrix $W_O$ brings this back to the width of $x$, and it is added to what was there. The vector that said
# *noun, TREE* now says *noun, TREE, and something GREEN about it*. After one layer, every word knows the word that it
# belongs to.

# %%
W_O = W_V.T  # [d, D]: the meanings go back to their places
steps = [
    ("X: the words", X, features),
    ("Q = X W_Q: what is sought", Q, kinds),
    ("K = X W_K: what it is", K, kinds),
    ("V = X W_V: what it gives", V, features[5:]),
    ("scores = Q Kᵀ / √d", Q @ K.T / np.sqrt(3), words),
    ("weights = softmax of each row", weights, words),
    ("taken = weights V", taken, features[5:]),
    ("X + taken W_O", X + taken @ W_O, features),
]
figure, panels = plots.new_panels(2, 4, size=(15.0, 7.6))
for axes, (title, values, names) in zip(panels.flat, steps, strict=True):
    plots.matrix(axes, values, words, names)
    axes.set_title(f"{title} {list(values.shape)}", fontsize=11)
lesson.figure(figure, "by_hand", "Attention on five words, step by step; each row is a word")

# %% [markdown]
# The library's layer (`lmbook/layers/attention.py`), of which every Transformer of this book is made, has the same four
# matrices. With ours in it, it must give the same.

# %%
layer = MultiHeadAttention(num_heads=1, head_dim=3, use_bias=False)
layer.build((1, 5, 8))
layer.set_weights([W_Q, W_K, W_V, W_O])
y, layer_weights = layer(X[None], return_weights=True)  # [B, T, D], [B, H, T, S] with B = H = 1
difference = max(np.abs(y[0] - taken @ W_O).max(), np.abs(layer_weights[0, 0] - weights).max())
lesson.record("layer_difference", difference, tolerance=1e-6, note="NumPy against the layer, on the five words")

# %% [markdown]
# ## Why the scores are divided
#
# If the numbers in a query and a key have variance 1, their product is a sum of $d$ terms and has variance $d$: the
# wider the head, the larger the scores. Large scores drive softmax into a corner where one weight is 1 and all others
# are 0. In the corner its derivative,
#
# $$\frac{\partial w_i}{\partial z_j} = w_i\,([i = j] - w_j),$$
#
# is 0: whatever the loss has to say, the scores do not hear it, and the layer cannot learn to look elsewhere. Divided
# by $\sqrt d$, scores have variance 1 at any width. We draw random queries and keys, and look at 2,000 rows of weights
# over 16 keys.

# %%
HEAD_WIDTHS, KEYS = (1, 4, 16, 64, 256, 1024), 16
rows, slopes = [], {False: [], True: []}
for width in HEAD_WIDTHS:
    scores = (rng.normal(size=(2000, 1, width)) * rng.normal(size=(2000, KEYS, width))).sum(axis=-1)  # [2000, S]
    cells = [width, float(scores.std())]
    for divided in (False, True):
        w = softmax(scores / np.sqrt(width) if divided else scores)
        derivatives = w[:, :, None] * (np.eye(KEYS) - w[:, None, :])  # [2000, i, j]
        slope = np.linalg.norm(derivatives, axis=(1, 2))
        slopes[divided].append(np.percentile(slope, [25, 50, 75]))
        cells += [float(w.max(axis=-1).mean()), float(np.median(slope))]
    rows.append(cells)
columns = ["head width", "s.d. of scores", "largest weight", "slope", "largest weight, divided", "slope, divided"]
lesson.table("scale", rows, columns, tolerance={"s.d. of scores": 0.2, **dict.fromkeys(columns[2:], 0.02)})
figure, axes = plots.new_figure("Slope of softmax over 16 keys", "width d of query and key", "norm of its derivatives")
for index, (divided, label) in enumerate({False: "scores as they are", True: "divided by √d"}.items()):
    low, middle, high = np.array(slopes[divided]).T
    axes.plot(HEAD_WIDTHS, middle, marker="o", label=label, **plots.line_style(index))
    axes.fill_between(HEAD_WIDTHS, low, high, color=plots.COLOURS[index], alpha=0.2)
axes.set(xscale="log", yscale="log", ylim=(1e-6, 1))
axes.set_xticks(HEAD_WIDTHS, HEAD_WIDTHS)
axes.minorticks_off()
axes.legend(frameon=False, fontsize=9)
lesson.figure(figure, "scale", "What passes back through softmax: the median of 2,000 rows, shaded their middle half")

# %% [markdown]
# ## Masks: who may look at whom
#
# A mask says it: True = may look. Where it is False the score becomes $-10^9$ before softmax. Its weight is then
# exactly 0, and the others still add up to 1.
#
# - **Causal**: a language model predicts the next word from those before it. Row t may look at columns 0 … t. (The
#   article lets every word influence every other. So it is where a text is read, not where one is written.)
# - **Padding**: sentences of a batch have different lengths and are filled up. Nobody may look at the filling.
# - **Both**, where a batch of texts is learned by a language model. A `&` joins them.
# - **Cross**: a translation looks at its source. Rows are the one text, columns the other, and the mask is that of the
#   source's padding. The source is known as a whole, so nothing about it is causal.

# %%
source, target = ["a", "tree", "stands", "<pad>", "<pad>"], list("一棵树站着")
ids = np.array([[3, 7, 9, 0, 0]])  # [B, S]; 0 is padding
real = (ids != 0)[:, None, :]  # [B, 1, S]: the same for every row
causal = np.asarray(causal_mask(5))  # [T, S]
masks = {"causal": causal, "padding": real[0], "causal & padding": (causal & real)[0], "cross": real[0]}
figure, panels = plots.new_panels(1, 5, size=(15.0, 3.6))
for axes, (title, mask) in zip(panels.flat, masks.items(), strict=False):
    names = words if title == "causal" else source
    plots.matrix(axes, np.broadcast_to(mask, (5, 5)), target if title == "cross" else names, names)
    axes.set_title(title, fontsize=11)
plots.matrix(panels[0, 4], attend(Q, K, V, causal)[1], words, words)
panels[0, 4].set_title("our five words, causal", fontsize=11)
panels[0, 0].set(ylabel="who looks", xlabel="at whom")
lesson.figure(figure, "masks", "Masks: 1 = may look. Right: the weights of the five words under the causal mask")

# %% [markdown]
# In the last panel "a" has nobody left to look at but itself, and "green" cannot see "tree" any more. A row that may
# look nowhere at all (a text of nothing but padding) has only scores of $-10^9$: they are equal, the weights are even,
# and they are numbers. With $-\infty$ they would be 0 / 0.
#
# ## Several heads
#
# One softmax makes one mean, and a word has more than one thing to ask. So H heads look side by side, each with
# narrower queries, keys and values ($d = D / H$), and their results are put next to each other and mixed:
#
# $$\mathrm{MultiHead}(X) = [\mathrm{head}_1, \dots, \mathrm{head}_H]\,W_O, \qquad
#   \mathrm{head}_h = \mathrm{Attention}(X W_Q^h,\; X W_K^h,\; X W_V^h)$$
#
# The article says that the heads "share the same underlying parameters". They do not: each has matrices of its own,
# and what they share is the input. The layer keeps them side by side in one kernel, D × H d. Here we cut it apart and
# compute head by head:

# %%
D, H = 32, 4
d = D // H
layer = MultiHeadAttention(H, use_bias=False)
x = rng.normal(size=(1, 10, D)).astype("float32")
mask = np.asarray(causal_mask(10))
y = layer(x, attention_mask=mask)
kernels = layer.get_weights()  # W_Q, W_K, W_V [D, H d] and W_O [H d, D]
total = np.zeros((10, D))
for head in range(H):
    own = slice(head * d, (head + 1) * d)
    Q_h, K_h, V_h = (x[0] @ kernel[:, own] for kernel in kernels[:3])
    total += attend(Q_h, K_h, V_h, mask)[0] @ kernels[3][own]
lesson.record("heads_difference", np.abs(y[0] - total).max(), tolerance=1e-6, note="head by head against the layer")

# %% [markdown]
# Keras has a layer for this too, written independently. With the same weights, a causal mask and padding, the two must
# agree in their outputs and in the gradients of every weight and of the input.

# %%
theirs = keras.layers.MultiHeadAttention(H, d)
ours = MultiHeadAttention(H)
for one in (ours, theirs):
    one.build((2, 10, D), (2, 10, D))
ours.set_weights([rng.normal(0, 0.3, weight.shape) for weight in ours.weights])
theirs.set_weights([a.reshape(b.shape) for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True)])
x, direction = (tf.Variable(rng.normal(size=(2, 10, D)), dtype="float32") for _ in range(2))
mask = causal_mask(10) & (np.arange(10) < np.array([[10], [6]]))[:, None, :]  # the second text has 6 real tokens
outputs, gradients = [], []
for run, one in ((lambda: ours(x, attention_mask=mask), ours), (lambda: theirs(x, x, attention_mask=mask), theirs)):
    with tf.GradientTape() as tape:
        outputs.append(run())
        loss = tf.reduce_mean(outputs[-1] * direction)
    gradients.append([np.ravel(g) for g in tape.gradient(loss, [x, *one.trainable_weights])])
lesson.record("keras_difference", np.abs(outputs[0] - outputs[1]).max(), tolerance=1e-5, note="forward")
apart = max(np.abs(a - b).max() for a, b in zip(*gradients, strict=True))
lesson.record("keras_gradient_difference", apart, tolerance=1e-5, note="of all weights and the input")

# %% [markdown]
# ### What heads cost, and what can be shared
#
# More heads of less width: the same number of weights. But a model that writes must keep the keys and values of all
# tokens so far (the **cache**), or compute them again for every new token. Keys and values of a token do not depend on
# later ones, so they can be kept; queries need not be. The cache is what fills a GPU when texts are long.
#
# So let several heads of queries share one head of keys and values: **grouped-query attention** (Ainslie et al. 2023),
# with G such heads; G = 1 is **multi-query** (Shazeer 2019). The weights and bytes of the layer below are counted in
# it. The last column is arithmetic for a large model: 32 layers, 32 heads of width 128 (G = 32, 8, 1), 2 bytes a
# number, a text of 8,192 tokens.

# %%
rows = []
for name, groups, large_groups in (("multi-head", 8, 32), ("grouped-query", 2, 8), ("multi-query", 1, 1)):
    layer = MultiHeadAttention(8, num_key_value_heads=groups)
    layer.build((None, None, 512))
    kept = layer.project_kv(np.zeros((1, 1, 512), "float32"))  # of one token
    large = 32 * 2 * large_groups * 128 * 8192 * 2 / 1e9
    rows.append((name, groups, layer.count_params(), sum(part.numpy().nbytes for part in kept), large))
columns = ["D = 512, H = 8", "G", "weights of the layer", "cache, bytes a token", "cache of the large model, GB"]
lesson.table("sharing", rows, columns, tolerance=1e-6)

# %% [markdown]
# ## Where a word stands
#
# Nothing in the formula knows the order of the words. Shuffle the rows of X, and the rows of the result are shuffled
# the same way, each with the numbers that it had before. To attention, a sentence is a bag of words.

# %%
order = [4, 2, 0, 3, 1]
shuffled = [words[place] for place in order]
figure, panels = plots.new_panels(1, 2, size=(7.0, 3.8))
plots.matrix(panels[0, 0], weights, words, words)
plots.matrix(panels[0, 1], attend(Q[order], K[order], V[order])[1], shuffled, shuffled)
lesson.figure(
    figure, "order", "Weights of the five words, and of the same words shuffled: each looks where it looked before"
)

# %% [markdown]
# The same in the library's layer with random weights: shuffle first or shuffle afterwards, it makes no difference. With
# rotary positions, which come next, it does.

# %%
x = rng.normal(size=(1, 5, D)).astype("float32")
for name, kind in (("none", {}), ("rotary", {"rotary": True})):
    layer = MultiHeadAttention(H, **kind)
    moved = np.abs(layer(x[:, order]) - np.asarray(layer(x))[:, order]).max()
    note = f"positions: {name}; what shuffling words changes"
    if name == "none":
        lesson.record(f"shuffled_{name}", moved, tolerance=1e-6, note=note)
    else:  # how much an untrained layer is moved says nothing, but it is moved
        lesson.record(f"shuffled_{name}", moved, tolerance=None, note=note, at_least=0.01)

# %% [markdown]
# So positions must be put in. Three ways:
#
# - **Sinusoidal** (Vaswani et al. 2017): to the vector of the word at t, add the sines and cosines of $t\,\omega_i$ for
#   frequencies $\omega_i$ from 1 down to 1/10,000, like the hands of many clocks. No weights, and no longest text.
# - **Learned**: add row t of a table. Simple, and useless beyond the longest text of training.
# - **Rotary** (Su et al. 2021): add nothing. Turn each pair of numbers in queries and keys by the angle $t\,\omega_i$.
#   The product of a query turned by t and a key turned by s depends on $t - s$ alone:
#
# $$\langle R_t\, q,\; R_s\, k\rangle = \langle R_{t-s}\, q,\; k\rangle$$
#
# So a word can ask for "two words back", wherever it stands.

# %%
from lmbook.layers import apply_rotary, sinusoidal

PLACES = 64
waves = np.asarray(sinusoidal(np.arange(PLACES), PLACES))  # [T, D], here with D = T
q, k = (rng.normal(size=(1, 1, 1, 32)).astype("float32") for _ in range(2))


def rotary_scores(first: int) -> np.ndarray:
    """The scores of one query and one key at the places first, first + 1, …: [T, S]."""
    places = np.arange(first, first + PLACES)
    turned = [np.asarray(apply_rotary(np.repeat(part, PLACES, axis=2), places))[0, 0] for part in (q, k)]
    return turned[0] @ turned[1].T / (np.linalg.norm(q) * np.linalg.norm(k))


shift = np.abs(rotary_scores(100) - rotary_scores(0)).max()
lesson.record("rotary_shift_difference", shift, tolerance=1e-5, note="scores when both words stand 100 places later")

figure, panels = plots.new_panels(2, 2, size=(10.5, 9.0))
for axes, values, title, x_label, y_label in (
    (panels[0, 0], waves, "sinusoidal: what is added to the word", "number in the vector", "place"),
    (panels[0, 1], waves @ waves.T / (PLACES / 2), "sinusoidal: product of two places", "place", "place"),
    (
        panels[1, 1],
        rotary_scores(0),
        "rotary: one query, one key, all places",
        "place of the key",
        "place of the query",
    ),
):
    figure.colorbar(plots.matrix(axes, values, [], [], signed=True), ax=axes, shrink=0.8)
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
axes = panels[1, 0]
for pair, centre in enumerate(([0.0, 1.6], [3.0, 1.6], [1.5, -1.6])):
    for place in range(6):
        angle, colour = place * 10_000 ** (-pair / 16), plots.COLOURS[pair]
        tip = np.array([np.cos(angle), np.sin(angle)])
        axes.annotate("", centre + tip, centre, arrowprops={"arrowstyle": "->", "color": colour})
        axes.text(*(centre + 1.15 * tip), place, ha="center", va="center", fontsize=9, color=colour)
    axes.text(centre[0], centre[1] - 1.55, f"pair {pair + 1} of 16", ha="center", fontsize=10)
axes.set(title="rotary: how far pairs are turned at places 0 to 5", xlim=(-1.4, 4.4), ylim=(-3.3, 2.9), aspect="equal")
axes.axis("off")
lesson.figure(figure, "positions", "Sinusoidal positions, their products; rotary positions, and the scores they give")

# %% [markdown]
# In the last panel the colours run along diagonals: the same distance, the same score. No weights were needed for it.
#
# ## What heads look at in a trained model
#
# Enough by hand. A small Transformer, two blocks of four heads with rotary positions, learns to tell short stories of
# `greentree` (or, with `--text FILE` or `--corpus NAME`, to write your text letter by letter). The function also takes
# a switch for the causal mask, which we shall need.

# %%
from lmbook import (
    CausalWindows,
    CharacterTokenizer,
    LmbookError,
    OptimizerConfig,
    TransformerConfig,
    TransformerLanguageModel,
    Validation,
    WordTokenizer,
    continue_text,
    evaluate,
    fit,
    load_corpus,
    text_corpus,
)
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.pipelines import padded_documents
from lmbook.topics.interpretability import self_attention
from lmbook.training import ALL_CHECKS, token_losses

CONTEXT = 56
STEPS = lesson.choose(quick=100, full=200)
SEEDS = [lesson.seed + index for index in range(lesson.choose(quick=1, full=3))]
if lesson.own_text:
    corpus = text_corpus(lesson.text) if lesson.text else load_corpus(lesson.corpus)
    stories, held_out_stories = corpus.texts("train"), corpus.texts("validation")
    tokenizer, unit, lowest = CharacterTokenizer.train(stories), "nats per character", None
else:
    grammar = Grammar(split="seen", max_sentences=4)
    stories = [story.english for story in tell_stories(3000, 10, grammar=grammar)]
    held_out_stories = [story.english for story in tell_stories(200, 11, grammar=grammar)]
    held_out_stories = [text for text in held_out_stories if text not in set(stories)]
    tokenizer, unit = WordTokenizer.train(stories), "nats per word"
    lowest = floor(held_out_stories, tokenizer, grammar=grammar)


def encode(texts: list[str]) -> list[list[int]]:
    """Their ids, what is longer than the model reads at once in pieces."""
    size = CONTEXT - 1
    return [ids[i : i + size] for ids in map(tokenizer.encode, texts) for i in range(0, len(ids), size)]


documents, held_out = encode(stories), encode(held_out_stories)[:200]
# One table of vectors serves inputs and logits, so an untrained model guesses the word that it has just read: its loss
# need not be near ln V, and that check is left out.
CHECKS = [name for name in ALL_CHECKS if name != "initial_loss"]


def train(seed: int, causal: bool = True, positions: str = "rotary", checks=CHECKS):
    """A model with two blocks of four heads, and the history of its training."""
    reproducible(seed)
    config = TransformerConfig(
        tokenizer.vocabulary_size,
        hidden_dim=64,
        intermediate_dim=128,
        num_heads=4,
        num_layers=2,
        max_sequence_length=64,
        positions=positions,
        normalize_first=True,
        dropout=0.0,
    )
    model = TransformerLanguageModel(config)
    model.jit_compile_decoding = False
    for block in model.blocks:
        block.causal = causal
    data = CausalWindows(documents, tokenizer, context=CONTEXT, batch_size=32, align="document", seed=seed)
    history = fit(
        model,
        data,
        steps=STEPS,
        optimizer=OptimizerConfig(learning_rate=1e-2, warmup_steps=20),
        validation=Validation(held_out[:50], tokenizer, jit_compile=False),
        report_every=STEPS // 5,
        restore_best=False,
        checks=checks,
        jit_compile=False,  # XLA would compile longer than we run
        quiet=True,
    )
    return model, history


sound = [train(seed) for seed in SEEDS]
model = sound[0][0]

# %% [markdown]
# Now look. Each row is a word that looks back, the columns are what it looks at, and the darkest square is where it
# takes most from. Look for **diagonals** (a word at a fixed distance), **columns** (one word that many come back to),
# and heads that do both by turns. Nobody told the heads to share the work; they began as different random numbers.

# %%
shown = [tokenizer.end_id, *held_out[0]][:28]
names = [tokenizer.tokens[id].replace("\n", "\\n") for id in shown]
maps = self_attention(model, shown)  # [L, H, T, T]
for number, block in enumerate(maps, 1):
    figure = plots.attention_heads(block, names, names, f"Block {number}")
    lesson.figure(figure, f"block_{number}", f"Where the heads of block {number} look in a story they have not seen")

# %% [markdown]
# A picture shows one text. Over many: which share of its weight does each head put on what?


# %%
def by_distance(weights: np.ndarray) -> list[np.ndarray]:
    """Shares of weights [..., T, T] on parts that do not overlap, mean over the rows from the eighth on."""
    t, s = np.arange(weights.shape[-1])[:, None], np.arange(weights.shape[-1])[None, :]
    back = t - s
    parts = [s == 0, back == 0, back == 1, (back > 1) & (back < 5), back >= 5]
    parts = [parts[0], *((part & (s > 0)) for part in parts[1:])]
    return [(weights * part).sum(axis=-1)[..., 8:].mean(axis=-1) for part in parts]


texts = [[tokenizer.end_id, *document] for document in held_out[:50] if len(document) > 12]
shares = np.mean([by_distance(self_attention(model, ids)) for ids in texts], axis=0)  # [parts, L, H]
even = np.mean([by_distance(np.tri(len(ids)) / np.arange(1, len(ids) + 1)[:, None]) for ids in texts], axis=0)
columns = ["head", "the opening mark", "itself", "one back", "two to four back", "farther"]
rows = [(f"block {b + 1}, head {h + 1}", *map(float, shares[:, b, h])) for b, h in np.ndindex(shares.shape[1:])]
lesson.table("heads", [*rows, ("if it looked evenly", *map(float, even))], columns, tolerance=0.15)

# %% [markdown]
# A warning that will matter in chapter 11: a map shows where a head *looks*, not what it makes of what it finds. A
# head that needs nothing can look at a place whose value is close to zero.
#
# ## What the causal mask prevents
#
# Every position learns to predict its next word, all at once: that is what makes training fast. It works only as long
# as no position can see that word. What if the mask is forgotten? `fit` looks before the first step:

# %%
try:
    train(lesson.seed, causal=False)
except LmbookError as error:
    print(error.message, error.fix, sep="\n")

# %% [markdown]
# It changes the end of a text and sees whether the beginning's predictions change. They must not. We leave this one
# check out and train the same model with the same data all the same.

# %%
unsuspicious = [name for name in CHECKS if name != "future"]
broken = [train(seed, causal=False, checks=unsuspicious) for seed in SEEDS]


def loss_at_once(model: keras.Model) -> float:
    """The held-out loss as training computes it: each text read as a whole."""
    nats = words = 0.0
    for x, y, w in padded_documents(held_out, tokenizer, batch_size=64):
        nats += float(tf.reduce_sum(token_losses(y, model(x)) * w))
        words += float(w.sum())
    return nats / words


prompt = "There is a green tree" if not lesson.own_text else stories[0][:10]
rows = []
for label, (name, runs) in {"with": ("sound", sound), "without": ("future", broken)}.items():
    final = [history.loss[-1] for _, history in runs]
    lesson.record_mean(f"{name}_training_loss", final, unit, 0.05, f"{label} the mask: last steps of training")
    once = [loss_at_once(model) for model, _ in runs]
    note = f"{label} the mask: held-out stories, read as in training"
    lesson.record_mean(f"{name}_loss_at_once", once, unit, 0.1, note)
    word_by_word = [evaluate(model, held_out, tokenizer).nats_per_token for model, _ in runs]
    tolerance, note = 0.05 if label == "with" else 1.0, f"{label} the mask: held-out, word by word"
    lesson.record_mean(f"{name}_loss", word_by_word, unit, tolerance, note)
    written = continue_text(
        runs[0][0], tokenizer, prompt, count=20, max_new_tokens=40, temperature=1.0, seed=lesson.seed
    )
    pairs = [pair for ids in map(tokenizer.encode, written) for pair in zip(ids, ids[1:], strict=False)]
    repeats = float(np.mean([before == after for before, after in pairs]))
    note = f"{label} the mask: share of its words that only repeat the word before, in 20 texts"
    lesson.record(f"{name}_repeats", repeats, tolerance=0.2 if name == "future" else 0.02, note=note)
    print(*written[:3], sep="\n")
    means = [float(np.mean(losses)) for losses in (final, once, word_by_word)]
    rows.append((f"{label} the causal mask", *means, repeats))
columns = ["model", "training loss", "held-out, read as in training", "held-out, word by word", "repeated words"]
word_by_word = {"with the causal mask": 0.05, "without the causal mask": 1.0}  # as above
repeated = {"with the causal mask": 0.02, "without the causal mask": 0.2}
lesson.table("future", rows, columns, dict(zip(columns[1:], (0.05, 0.1, word_by_word, repeated), strict=True)))
lesson.record("ln_V", float(np.log(tokenizer.vocabulary_size)), unit, 1e-6, note="a blind guess")
if lowest is not None:
    lesson.record("floor", lowest, unit, 1e-6, note="no honest model is below it")

# %%
histories = {"with the mask": sound[0][1], "without": broken[0][1]}
figure = plots.loss_curve(histories, lowest, unit, title="The same model with and without the causal mask")
lesson.figure(figure, "future", "Training loss, and the loss on held-out stories word by word")

# %% [markdown]
# Without the mask the training loss falls through the floor, which no honest model can do. It learned one thing: look
# one place ahead and copy. **Held-out stories do not give it away**, as long as they are read the same way, with the
# answer in plain view. Only where the next word is really unknown, word by word, does the model turn out to know next
# to nothing: compare its loss with ln V, that of a blind guess among all words. So be suspicious of a loss that is too
# good; know the floor where you can; and test a model in the way in which it will be used.
#
# ### Which positions?
#
# The full profile trains the same model with each kind of positions. Rotary learns fastest, the one without any is the
# slowest; but it learns, and that is no mistake. Here the causal mask gives the order away: the first position sees
# one word, the second two, so a head that looks evenly can tell where it stands (Haviv et al. 2022). Take the mask
# away too, and order is gone, as shown above.
#
# The learned table shows what it was needed for. A story's first words stand at the same places in every story, and
# each of these places has become a thing of its own; later, only about where one is matters, and neighbours look alike.

# %%
if lesson.full:
    runs_of = {"rotary": sound}
    for kind in ("sinusoidal", "learned", "none"):
        runs_of[kind] = [train(seed, positions=kind) for seed in SEEDS]
    figure, [[left, right]] = plots.new_panels(1, 2, size=(11.5, 4.4))
    for index, (kind, runs) in enumerate(runs_of.items()):
        losses = np.mean([history.validation_loss for _, history in runs], axis=0)
        left.plot(runs[0][1].validation_steps, losses, marker="o", label=kind, **plots.line_style(index))
        final = [evaluate(model, held_out, tokenizer).nats_per_token for model, _ in runs]
        lesson.record_mean(f"positions_{kind}_loss", final, unit, 0.05, f"positions: {kind}; held-out, word by word")
    if lowest is not None:
        plots.draw_floor(left, lowest)
    left.set(title="Held-out loss, mean of the seeds", xlabel="training step", ylabel=f"loss ({unit})")
    left.legend(frameon=False, fontsize=9)
    table = runs_of["learned"][0][0].embedding.places.embeddings.numpy()[:CONTEXT]
    table /= np.linalg.norm(table, axis=-1, keepdims=True)
    figure.colorbar(plots.matrix(right, table @ table.T, [], [], signed=True, top=1.0), ax=right, shrink=0.8)
    right.set(title="learned: cosines of two places after training", xlabel="place", ylabel="place")
    lesson.figure(figure, "positions_trained", "Four kinds of positions, trained; and what a learned table has learned")

# %% [markdown]
# ## What it costs
#
# T words have T² scores, in each head. A layer needs about $8TD^2$ operations for its four projections and $4T^2D$ for
# scores and means: from T = 2 D on, the second part is the larger. And the weights must be somewhere: $T^2 H$ numbers
# of 4 bytes. An LSTM of the same width does $16 D^2$ for every word, so its cost grows with T alone; but it must do
# them one word after the other.
#
# One text, one layer of width 64 (4 heads), forward. Time is that of the fastest of several runs. Memory is what
# TensorFlow's own allocator had given out at most, beyond what was held before. (Not every build of TensorFlow tells,
# and on a CPU it does not count pieces of less than 256 kB.)

# %%
WIDTH, HEADS = 64, 4
LENGTHS = lesson.choose(quick=(64, 128, 256, 512, 1024, 2048), full=(64, 128, 256, 512, 1024, 2048, 4096))
attention = MultiHeadAttention(HEADS)
lstm = keras.layers.LSTM(WIDTH, return_sequences=True)
for layer in (attention, lstm):
    layer.build((None, None, WIDTH))
signature = [tf.TensorSpec((1, None, WIDTH))]
LAYERS = {
    "attention": tf.function(lambda x: attention(x, attention_mask=causal_mask(tf.shape(x)[1])), signature),
    "LSTM": tf.function(lambda x: lstm(x), signature),
}
device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"


def cost(layer, length: int) -> tuple[float, float | str]:
    """Milliseconds of a forward pass, and megabytes of the most that it held."""
    x = tf.constant(rng.normal(size=(1, length, WIDTH)), "float32")
    layer(x)
    seconds = []
    for _ in range(lesson.choose(quick=7, full=15)):
        began = time.perf_counter()
        layer(x).numpy()  # waits for the result
        seconds.append(time.perf_counter() - began)
    memory = tf.config.experimental
    try:
        before = memory.get_memory_info(device)["current"]
        memory.reset_memory_stats(device)
        layer(x).numpy()
        held = (memory.get_memory_info(device)["peak"] - before) / 1e6
    except ValueError:
        held = "not told"
    return 1000 * min(seconds), held


measured = {length: {name: cost(layer, length) for name, layer in LAYERS.items()} for length in LENGTHS}
rows = []
for length, found in measured.items():
    (attention_ms, attention_mb), (lstm_ms, lstm_mb) = found["attention"], found["LSTM"]
    rows.append((length, attention_ms, lstm_ms, length**2 * HEADS * 4 / 1e6, attention_mb, lstm_mb))
columns = ["words", "attention, ms", "LSTM, ms", "weights, MB (T T H 4)", "attention held, MB", "LSTM held, MB"]
lesson.table("cost", rows, columns, tolerance={**dict.fromkeys(columns), columns[3]: 1e-6})

long = [length for length in LENGTHS if length >= 512]
for name in LAYERS:
    exponent = np.polyfit(np.log(long), np.log([measured[length][name][0] for length in long]), 1)[0]
    note = f"time grows with this power of the length, from {long[0]} to {long[-1]} words"
    lesson.record(f"{name.lower()}_exponent", float(exponent), tolerance=None, note=note)

figure, [[left, right]] = plots.new_panels(1, 2, size=(11.5, 4.4))
for index, name in enumerate(LAYERS):
    style = {"marker": "o", "label": name, **plots.line_style(index)}
    left.plot(LENGTHS, [measured[length][name][0] for length in LENGTHS], **style)
    held = [measured[length][name][1] for length in LENGTHS]
    if "not told" not in held:
        right.plot(LENGTHS, [value or np.nan for value in held], **style)
right.plot(LENGTHS, [row[3] for row in rows], color="black", linestyle=":", label="weights alone, computed")
for axes, title, label in ((left, "Time of a forward pass", "ms"), (right, "Memory of a forward pass", "MB")):
    axes.set(title=title, xlabel="words in the text", ylabel=label, xscale="log", yscale="log")
    axes.set_xticks(LENGTHS, LENGTHS)
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)
lesson.figure(figure, "cost", "Time and memory of one layer against the length of the text")

# %% [markdown]
# Both axes are logarithmic: a power is a straight line, and its exponent is the slope. On short texts attention wins,
# since all words are computed at once where the LSTM has to wait for each. That is why Transformers train so fast. On
# long ones the square takes over, in memory first: one head over 100,000 words would need 40 GB for its weights.
# FlashAttention (Dao et al. 2022) computes them tile by tile and never holds them all; the time stays quadratic.
#
# ## What to try
#
# - The 6 in `W_Q`: make it 1, then 20. What becomes of the weights, and of what "tree" takes?
# - Let "stands" look for its adverb instead. Which numbers have to change?
# - `num_heads=1` or 16 in `train`: does the loss mind? What do the maps show?
# - 2,000 for `STEPS`: which heads change their habits?

# %%
lesson.finish()
