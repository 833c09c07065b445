# %% [markdown]
# # Parameters and loss
#
# - Article section: §4.1–4.3, §4.5
# - Needs: tokens, one_training_step
# - Data: greentree (built in)
# - Minutes: quick 1, full 3
# - Memory: 0.9 GB
# - Shows: where every parameter of a model sits, what its loss means in several units, and what they start from
# - Headline: parameters_by_formula, loss_error, article_loss_after, book_loss_after
#
# The article names a model's parameters, writes down the cross-entropy, and draws the first weights from a normal
# distribution of variance $1/V$. Each of the three deserves a closer look: how many parameters are there, what does a
# loss of 2 mean, why do models give logits and not probabilities, and does it matter where the weights begin?

# %%
from __future__ import annotations

import math

from lmbook import (
    BytePairTokenizer,
    CausalWindows,
    CharacterTokenizer,
    Lesson,
    RecurrentConfig,
    RecurrentLanguageModel,
    WordTokenizer,
    evaluate,
    mean_sd,
    reproducible,
)
from lmbook.book import plots
from lmbook.corpora.greentree import log_probability, tell_stories

import numpy as np

lesson = Lesson("parameters_and_loss")
reproducible(lesson.seed)
train_texts, validation_texts, test_texts = (
    [story.english for story in tell_stories(count, seed)]
    for count, seed in ((4000, 30), (200, 31), (lesson.choose(quick=150, full=500), 32))
)
tokenizer = WordTokenizer.train(train_texts)
V = tokenizer.vocabulary_size

# %% [markdown]
# ## Every parameter, counted and named
#
# A recurrent language model with embedding width $E$ and memory width $H$ has
#
# - the embedding: a row of $E$ numbers for each word, $V E$;
# - the cell. The plain RNN makes its new memory from the word ($E H$ weights), the old memory ($H^2$) and a bias ($H$):
#   $H(E + H + 1)$. The LSTM does so four times, for three gates and a candidate: $4H(E + H + 1)$. The GRU three times,
#   and Keras gives it two biases: $3H(E + H + 2)$;
# - the logits: $H V$ weights and $V$ biases.
#
# Nothing here depends on the length of the text: the same weights are used at every position.

# %%
E, H = 32, 64


def by_formula(cell: str) -> int:
    """All parameters of a recurrent language model with one layer."""
    inside = {"rnn": H * (E + H + 1), "lstm": 4 * H * (E + H + 1), "gru": 3 * H * (E + H + 2)}
    return V * E + inside[cell] + (H + 1) * V


rows, agree = [], True
for cell in ("rnn", "gru", "lstm"):
    model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=E, hidden_dim=H, cell=cell))
    for variable in model.trainable_variables:
        name = variable.path
        rows.append((f"{cell}: {name}", "×".join(map(str, variable.shape)), math.prod(variable.shape)))
    rows.append((f"{cell}: all", "formula", by_formula(cell)))
    agree &= by_formula(cell) == model.count_params()
lesson.table("parameters", rows, ["weights", "shape", "count"])
lesson.record("parameters_by_formula", by_formula("lstm"), note=f"LSTM: V = {V}, E = {E}, H = {H}")
lesson.record("formula_equals_count_params", agree, note="RNN, GRU and LSTM")

# %% [markdown]
# A Transformer block of width $D$ (chapter 05) has four $D \times D$ matrices with biases for the attention (query,
# key, value, output), a feed-forward part that widens to $F = 4D$ and comes back, and two normalisations of $2D$ each:
#
# $$4(D^2 + D) + (2DF + F + D) + 4D \;=\; 12D^2 + 13D .$$
#
# The number of heads does not appear: they share the width out among themselves. With a table of words, a table of
# positions and a last normalisation, this gives the size of the smallest GPT-2 to the last weight.


# %%
def block_parameters(D: int) -> int:
    return 12 * D**2 + 13 * D


import keras

D = 48
queries = keras.Input((None, D))
layers = [
    keras.layers.MultiHeadAttention(num_heads=4, key_dim=D // 4),
    keras.layers.Dense(4 * D),
    keras.layers.Dense(D),
    keras.layers.LayerNormalization(),
    keras.layers.LayerNormalization(),
]
layers[0](queries, queries)
layers[2](layers[1](queries))
for layer in layers[3:]:
    layer(queries)
counted = sum(layer.count_params() for layer in layers)
lesson.record("block_formula_equals_keras", counted == block_parameters(D), note=f"a Transformer block, D = {D}")
gpt2 = 50_257 * 768 + 1024 * 768 + 12 * block_parameters(768) + 2 * 768
lesson.record("gpt2_parameters_by_formula", gpt2, note="V = 50,257, 1,024 positions, 12 blocks of width 768")

# %% [markdown]
# ## Cross-entropy by hand
#
# The article's $L = -\sum_i y_i \log \hat y_i$ looks like a sum over the vocabulary. But the label $y$ is 1 for one
# word and 0 for all others, so one term is left: $-\log\hat y_{\text{the word that came}}$. From logits $z$:
#
# $$-\ln p_y = \ln\sum_v e^{z_v} - z_y .$$
#
# The mean is taken over the words that are there. Padding has the weight 0 in the sum **and in the count**.


# %%
def log_sum_exp(z: np.ndarray) -> np.ndarray:
    """ln of the sum of exp along the last axis; the largest is taken out first, so that nothing overflows."""
    top = z.max(axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(z - top).sum(axis=-1))


def cross_entropy(z: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Mean loss in nats of logits [B, T, V] on labels [B, T], where weights [B, T] are not 0."""
    chosen = np.take_along_axis(z, labels[..., None], axis=-1)[..., 0]
    return float(((log_sum_exp(z) - chosen) * weights).sum() / weights.sum())


rng = np.random.default_rng(lesson.seed)
z = rng.normal(size=(4, 10, V)).astype("float32") * 3
labels = rng.integers(0, V, size=(4, 10))
lengths = np.array([10, 7, 3, 1])
weights = (np.arange(10) < lengths[:, None]).astype("float32")
keras_sum = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
by_keras = float(keras_sum(labels, z, sample_weight=weights)) / weights.sum()
lesson.record(
    "loss_error", abs(cross_entropy(z, labels, weights) - by_keras), tolerance=1e-5, note="masked, against Keras"
)
diluted = float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, z, sample_weight=weights))
lesson.record(
    "loss_divided_by_all_positions",
    diluted,
    "nats",
    0.01,
    note=f"Keras' own mean counts the padding: {by_keras:.3f} is right",
)

# %% [markdown]
# ## Softmax without overflow
#
# $e^{89}$ is more than a 32-bit number can hold. Written as in the books, softmax gives "not a number" as soon as a
# logit passes 88, and one such number spoils all weights in the next update. Since $\text{softmax}(z) =
# \text{softmax}(z - c)$ for any $c$, take away the largest logit first: then the largest exponent is $e^0$. The
# logarithm of the sum is treated the same way.


# %%
def naive_softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


rows = []
for top in (10, 80, 88, 89, 1000):
    z = np.array([top, top - 1, 0], dtype="float32")
    with np.errstate(over="ignore", invalid="ignore"):
        naive = naive_softmax(z)
    shown = ["  ".join("not a number" if np.isnan(p) else f"{p:.3f}" for p in ps) for ps in (naive, softmax(z))]
    rows.append((f"{top}, {top - 1}, 0", *shown))
lesson.table("softmax", rows, ["logits", "as in the books", "largest taken away first"])
with np.errstate(over="ignore", invalid="ignore"):
    first_broken = next(top for top in range(1, 1000) if not np.isfinite(naive_softmax(np.float32([top, 0]))).all())
lesson.record("naive_softmax_breaks_at", first_broken, note="largest logit, 32-bit numbers")

# %% [markdown]
# ## Units: nats, bits, perplexity, bits per byte
#
# A loss is a mean of $-\ln p$, counted in nats. Divide by $\ln 2$ and it is in bits. The **perplexity** $e^{\mathcal
# L}$ says the same as a number of choices: the model is as uncertain as if it had to guess among so many equally likely
# tokens.
#
# All three depend on what a token is. Below are the held-out stories with their *exact* probability, so the total
# surprise is the same in every row; per token it is not. What can be compared is the surprise per byte of text. It is
# the length to which the best possible compressor could shrink the text.

# %%
nats = -sum(log_probability(text) for text in test_texts)
size = sum(len(text.encode("utf-8")) for text in test_texts)
rows = []
for name, kind in {
    "characters": CharacterTokenizer.train(train_texts),
    "byte pairs": BytePairTokenizer.train(train_texts, 512),
    "words": tokenizer,
}.items():
    tokens = sum(len(kind.encode(text)) + 1 for text in test_texts)  # + 1: the end of each story
    per_token = nats / tokens
    rows.append((name, tokens, per_token, per_token / math.log(2), math.exp(per_token), nats / math.log(2) / size))
columns = ["the same stories in", "tokens", "nats per token", "bits per token", "perplexity", "bits per byte"]
lesson.table("units", rows, columns, tolerance=1e-6)
lesson.record("floor_bits_per_byte", rows[0][-1], "bits per byte", 1e-6, note="exact, of the test stories")

# %% [markdown]
# ## Why logits
#
# The article's program ends in a softmax, and its loss takes the logarithm of the probabilities. In exact arithmetic
# this is the same. In 32-bit numbers it is not: a probability below $10^{-45}$ is 0, its logarithm minus infinity. So
# Keras cuts probabilities off at $10^{-7}$, and beyond that point the loss is flat: the gradient is 0, and the model
# cannot learn from its worst mistakes. From logits the loss goes on, and the gradient stays at its full size.
#
# In the picture, the model prefers a wrong word over the right one by a growing gap of logits.

# %%
import tensorflow as tf

gaps, right = np.arange(0.0, 31.0), tf.constant([1])
from_logits = {True: [], False: []}
for gap in gaps:
    for logits_given in (True, False):
        z = tf.constant([[gap, 0.0]])
        with tf.GradientTape() as tape:
            tape.watch(z)
            shown = z if logits_given else tf.nn.softmax(z)
            loss = keras.losses.sparse_categorical_crossentropy(right, shown, from_logits=logits_given)[0]
        from_logits[logits_given].append((float(loss), abs(float(tape.gradient(loss, z)[0, 1]))))
figure, [[above, slope]] = plots.new_panels(1, 2, size=(10.0, 3.8))
for index, (logits_given, name) in enumerate(((True, "from logits"), (False, "from probabilities"))):
    values = np.array(from_logits[logits_given])
    above.plot(gaps, values[:, 0], label=name, **plots.line_style(index))
    slope.plot(gaps, values[:, 1], label=name, **plots.line_style(index))
above.set(xlabel="logit of the wrong word above the right one", ylabel="loss (nats)")
slope.set(xlabel="logit of the wrong word above the right one", ylabel="size of the gradient")
above.legend(frameon=False)
lesson.figure(figure, "logits", "Loss and gradient from logits and from probabilities, in 32-bit numbers")
lesson.record("gradient_from_logits", from_logits[True][-1][1], tolerance=1e-6, note=f"{gaps[-1]:.0f} logits wrong")
lesson.record("gradient_from_probabilities", from_logits[False][-1][1], tolerance=1e-6, note="the same mistake")
lesson.record("loss_from_probabilities_stops_at", from_logits[False][-1][0], "nats", 0.01, note="the true loss is 30")

# %% [markdown]
# ## Label smoothing
#
# The loss above is content only when the right word has probability 1, which needs an infinite logit. Label smoothing
# asks for a little less: the target is $q = (1-\varepsilon)$ on the right word plus $\varepsilon/V$ on every word,
#
# $$\mathcal L_\varepsilon = (1-\varepsilon)(-\ln p_y) + \frac{\varepsilon}{V}\sum_v (-\ln p_v) .$$
#
# Cross-entropy with a target $q$ is lowest at $p = q$, where it is the entropy of $q$, not 0. There the logit of the
# right word stands above the others by $\ln\bigl((1-\varepsilon)V/\varepsilon + 1\bigr)$: finite, and the same for
# every mistake.


# %%
def smoothed_loss(z: np.ndarray, labels: np.ndarray, smoothing: float) -> np.ndarray:
    """Loss of logits [N, V] on labels [N] in nats, [N]."""
    log_p = z - log_sum_exp(z)[..., None]
    chosen = np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]
    return -(1 - smoothing) * chosen - smoothing * log_p.mean(axis=-1)


SMOOTHING = 0.1
z, labels = rng.normal(size=(50, V)).astype("float32"), rng.integers(0, V, size=50)
by_keras = keras.losses.categorical_crossentropy(
    keras.ops.one_hot(labels, V), z, from_logits=True, label_smoothing=SMOOTHING
)
lesson.record(
    "smoothed_loss_error",
    np.abs(smoothed_loss(z, labels, SMOOTHING) - by_keras).max(),
    tolerance=1e-5,
    note="against Keras",
)
gap = math.log((1 - SMOOTHING) * V / SMOOTHING + 1)
at_optimum = np.zeros((1, V))
at_optimum[0, 0] = gap
q = np.full(V, SMOOTHING / V)
q[0] += 1 - SMOOTHING
entropy = float(-(q * np.log(q)).sum())
lesson.record("smoothing_best_gap", gap, "logits", 1e-6, note=f"smoothing {SMOOTHING}, V = {V}")
lesson.record("smoothing_lowest_loss", entropy, "nats", 1e-6, note="the entropy of the target")
lesson.record(
    "smoothing_optimum_error",
    abs(float(smoothed_loss(at_optimum, np.array([0]), SMOOTHING)[0]) - entropy),
    tolerance=1e-9,
    note="the loss at that gap against that entropy",
)

# %% [markdown]
# ## Where the weights begin
#
# The article draws the table of words from $\mathcal N(0, 1/V)$ and the layers from $\mathcal N(0, 1/(V+1))$, which is
# the same. The size of a first weight should have nothing to do with the number of words: what matters is how many
# inputs are **added up** at a unit (see also `slips_of_the_text`, where six such layers leave nothing of the signal).
# Compared here, in the same small LSTM:
#
# | start | rule |
# |---|---|
# | article | all matrices $\mathcal N(0, 1/V)$ |
# | Glorot | uniform in $\pm\sqrt{6/(n_{in} + n_{out})}$ (Glorot and Bengio 2010) |
# | GPT-2 | all matrices $\mathcal N(0, 0.02^2)$ (Radford et al. 2019) |
# | book | words $\mathcal N(0, 1)$, Glorot for the inputs and logits, an orthogonal matrix for the memory |
# | too large | all matrices $\mathcal N(0, 1)$ |
#
# Biases begin as in Keras everywhere. At step 0 every sensible start has a loss near $\ln V$; the loss at step 0 tells
# only whether the *last* matrix is small enough. What the other matrices do is seen while it learns. All five learn for
# 200 steps on the same batches; in the full profile with three seeds, and the learning rate of each chosen on the
# validation stories.

# %%
STEPS = 200
RATES = lesson.choose(quick=(0.01,), full=(0.003, 0.01, 0.03, 0.1))
SEEDS = [lesson.seed + index for index in range(lesson.choose(quick=2, full=3))]
model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=E, hidden_dim=H))
variables = model.trainable_variables
optimizer = keras.optimizers.Adam()
optimizer.build(variables)
documents = {
    name: [tokenizer.encode(text) for text in texts]
    for name, texts in (("train", train_texts), ("validation", validation_texts), ("test", test_texts))
}


def first_weights(start: str, seed: int) -> list[np.ndarray]:
    """Every weight of the model as `start` draws it."""
    reproducible(seed)
    own = [v.numpy() for v in RecurrentLanguageModel(model.config).trainable_variables]
    rng = np.random.default_rng(seed)
    scale = {"article": V**-0.5, "GPT-2": 0.02, "too large": 1.0}
    drawn = []
    for value in own:
        if start == "book" or value.ndim < 2:
            drawn.append(value)
        elif start == "Glorot":
            limit = math.sqrt(6 / sum(value.shape))
            drawn.append(rng.uniform(-limit, limit, value.shape))
        else:
            drawn.append(rng.normal(scale=scale[start], size=value.shape))
    return drawn


@tf.function(jit_compile=True)
def step(x, y, w, smoothing):
    """One update; gives the loss without smoothing."""
    with tf.GradientTape() as tape:
        log_p = tf.nn.log_softmax(model(x, training=True))
        losses = -tf.gather(log_p, y, batch_dims=2)
        smoothed = (1 - smoothing) * losses - smoothing * tf.reduce_mean(log_p, axis=-1)
        loss = tf.reduce_sum(smoothed * w) / tf.reduce_sum(w)
    optimizer.apply(tape.gradient(loss, variables), variables)
    return tf.reduce_sum(losses * w) / tf.reduce_sum(w)


def train(start: str, seed: int, rate: float, smoothing: float = 0.0) -> list[float]:
    """Train the model from this start; gives the loss of each batch."""
    for variable, value in zip(variables, first_weights(start, seed), strict=True):
        variable.assign(value)
    for variable in optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    optimizer.learning_rate = rate
    data = CausalWindows(documents["train"], tokenizer, context=20, batch_size=16, align="document", seed=seed)
    smoothing = tf.constant(smoothing)
    return [float(loss) for loss in [step(*batch, smoothing) for batch in data.dataset(0, STEPS)]]


held_out = CausalWindows(documents["test"], tokenizer, context=20, batch_size=64, align="document", shuffle=False)


@tf.function(jit_compile=True)
def favourites(x, w):
    """The sum of the probabilities of each position's favourite word."""
    return tf.reduce_sum(tf.reduce_max(tf.nn.softmax(model(x)), axis=-1) * w)


def confidence() -> float:
    """The mean probability that the model gives to its favourite word, on the test stories."""
    return sum(float(favourites(x, w)) for x, _, w in held_out.dataset()) / held_out.tokens


def several(start: str, smoothing: float = 0.0) -> dict:
    """All seeds at the rate that is best on the validation stories; figures on the test stories."""
    by_rate = {}
    for rate in RATES:
        runs = []
        for seed in SEEDS:
            curve = train(start, seed, rate, smoothing)
            validated = (
                evaluate(model, documents["validation"], tokenizer, batch_size=256).nats_per_token
                if len(RATES) > 1
                else 0.0
            )
            runs.append({"curve": curve, "weights": [v.numpy() for v in variables], "validated": validated})
        by_rate[rate] = runs
    best = min(RATES, key=lambda rate: np.mean([run["validated"] for run in by_rate[rate]]))
    runs = by_rate[best]
    for run in runs:
        for variable, value in zip(variables, run.pop("weights"), strict=True):
            variable.assign(value)
        run["test"], run["confidence"] = (
            evaluate(model, documents["test"], tokenizer, batch_size=256).nats_per_token,
            confidence(),
        )
    return {
        "rate": best,
        "curve": np.mean([run["curve"] for run in runs], axis=0),
        **{key: np.array([run[key] for run in runs]) for key in ("test", "confidence")},
        "first": np.array([run["curve"][0] for run in runs]),
    }


STARTS = ("article", "Glorot", "GPT-2", "book", "too large")
results = {start: several(start) for start in STARTS}
rows = []
for start, result in results.items():
    first, test = result["first"], result["test"]
    rows.append((start, result["rate"], *mean_sd(first), *mean_sd(test)))
    key = start.lower().replace(" ", "_").replace("-", "_")
    for name, values, note in (
        ("before", first, f"first batch; ln V = {math.log(V):.3f}"),
        ("after", test, f"test stories after {STEPS} steps"),
    ):
        tolerance = 2.0 if start == "too large" else 0.1
        lesson.record_mean(f"{key}_loss_{name}", values, "nats per word", tolerance, note)
columns = ["start", "learning rate", "loss at step 0", "± s.d.", f"test loss after {STEPS} steps", "± s.d. of it"]
allowed = {start: 2.0 if start == "too large" else 0.1 for start in STARTS}  # as above
chosen = {start: result["rate"] for start, result in results.items()}  # the next of the rates tried may do as well
lesson.table(
    "starts",
    rows,
    columns,
    tolerance={"learning rate": None, **dict.fromkeys(columns[2:], allowed)},
    at_least={"learning rate": {start: rate / 4 for start, rate in chosen.items()}},
    at_most={
        "learning rate": {start: rate * 4 for start, rate in chosen.items()},
        **dict.fromkeys(columns[3::2], {start: 0.5 if start == "too large" else 0.1 for start in STARTS}),
    },
)
figure, axes = plots.new_figure("The same LSTM from five starts (mean over the seeds)", "step", "loss (nats per word)")
for index, (start, result) in enumerate(results.items()):
    axes.plot(plots.smooth(result["curve"], 0.7), label=start, **plots.line_style(index))
axes.axhline(math.log(V), color=plots.FLOOR_COLOUR, linestyle=":", label=f"ln V = {math.log(V):.3f}")
axes.set_ylim(1.0, 9.0)
axes.legend(frameon=False)
lesson.figure(figure, "starts", "Training loss from five starts")

# %% [markdown]
# A start that is too large has a loss far above $\ln V$ and spends its steps on unlearning. Starts that are too small
# have a perfect loss at step 0 and then learn slowly: with such words all inputs look alike, and the gradient that
# could tell them apart is as small as the words are. A larger learning rate makes up for much of it, not for all. That
# is why the book's models begin with words of size 1.
#
# ## What label smoothing does to the model
#
# The same LSTM from the book's start, with and without. Trained to be less sure, it is: the probability of its
# favourite word is lower. Its cross-entropy is worse here, because on a text with many words that are certain the right
# thing is to be certain. Where the labels are noisy, as in translation (one of many right answers is called right), it
# helps; chapter 08 uses it there.

# %%
with_smoothing = several("book", SMOOTHING)
rows = []
for name, result in (("no smoothing", results["book"]), (f"smoothing {SMOOTHING}", with_smoothing)):
    rows.append((name, *mean_sd(result["test"]), *mean_sd(result["confidence"])))
columns = ["trained with", "test cross-entropy", "± s.d.", "mean probability of the favourite", "± s.d. of it"]
lesson.table("smoothing", rows, columns, tolerance=0.1, at_most={columns[2]: 0.1, columns[4]: 0.1})
costs = with_smoothing["test"] - results["book"]["test"]
note = "cross-entropy with smoothing minus without, seed by seed"
lesson.record_mean("smoothing_costs", costs, "nats per word", 0.1, note)

# %%
lesson.finish()
