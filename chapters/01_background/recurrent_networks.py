# %% [markdown]
# # Recurrent networks
#
# - Article section: §1.2
# - Needs: n_grams
# - Data: none; the task is made by the lesson
# - Minutes: quick 1, full 11
# - Memory: 2.0 GB
# - Shows: RNN, LSTM and GRU cells in a few lines each, why gradients vanish, and what that costs
# - Headline: recall_60_lstm, recall_60_rnn, recall_chance
#
# An n-gram model sees the last few words. A recurrent network reads word after word and carries a memory along: a
# vector $h$ that a *cell* makes anew from the old one and the next word. Nothing limits how far back it can remember.
# Nothing but the training: this lesson measures how far that reaches, and what the LSTM changes.

# %%
from __future__ import annotations

from lmbook import Lesson, OptimizerConfig, RecurrentConfig, RecurrentLanguageModel, fit, mean_sd, reproducible
from lmbook.book import plots
from lmbook.layers import GRUCell, LSTMCell, RNNCell, read_sequence
from lmbook.models import ChronoBias
from lmbook.pipelines import RecallTask

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("recurrent_networks", corpora=())
if lesson.own_text:
    print("This lesson makes its own sequences: --corpus and --text are left aside.")
reproducible(lesson.seed)

# %% [markdown]
# ## Three cells
#
# The **RNN** (Elman 1990) writes its whole memory anew at every word:
#
# $$h' = \tanh(xW + hU + b)$$
#
# The **LSTM** (Hochreiter and Schmidhuber 1997) keeps a second memory $c$, and *adds* to it. Three gates, numbers
# between 0 and 1, say how much of each entry to write, to keep and to show:
#
# $$c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh(c'), \qquad i, f, o = \sigma(\ldots),\quad g = \tanh(\ldots)$$
#
# The **GRU** (Cho et al. 2014) makes do with one memory and two gates: $h' = z \odot h + (1 - z) \odot g$.
#
# `lmbook/layers/recurrent_cells.py` has each in a few lines. This is all that happens at one word:

# %%
import inspect

for cell in (RNNCell, LSTMCell, GRUCell):
    print(f"class {cell.__name__}\n{inspect.getsource(cell.call)}")

# %% [markdown]
# They are the same as Keras' own layers, which are faster. With the same weights the outputs must be equal, and so must
# the gradients of a loss with respect to every weight: the largest difference of any number is recorded.

# %%
LAYERS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
CELLS = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}


def differences(name: str) -> tuple[float, float]:
    """The largest difference between our cell and Keras' layer, of outputs and of gradients."""
    rng = np.random.default_rng(lesson.seed)
    x, direction = (tf.constant(rng.normal(size=(4, 20, 16)), tf.float32) for _ in range(2))
    layer = LAYERS[name](16, return_sequences=True)
    layer.build((None, None, 16))
    layer.set_weights([rng.normal(0, 0.3, weight.shape) for weight in layer.weights])
    cell = CELLS[name](16)
    cell.build((None, 16))
    cell.set_weights(layer.get_weights())
    outputs, gradients = [], []
    for run, weights in ((lambda: read_sequence(cell, x)[0], cell.weights), (lambda: layer(x), layer.weights)):
        with tf.GradientTape() as tape:
            outputs.append(run())
            loss = tf.reduce_mean(outputs[-1] * direction)
        gradients.append(tape.gradient(loss, weights))
    apart = [float(tf.reduce_max(tf.abs(a - b))) for a, b in zip(*gradients, strict=True)]
    return float(tf.reduce_max(tf.abs(outputs[0] - outputs[1]))), max(apart)


pairs = [differences(name) for name in CELLS]
lesson.record("forward_difference", max(pair[0] for pair in pairs), tolerance=1e-6, note="three cells against Keras")
lesson.record("gradient_difference", max(pair[1] for pair in pairs), tolerance=1e-5, note="of all their weights")

# %% [markdown]
# ## The gradient on its way back
#
# To learn that the first word matters for the last one, the loss at the end must tell the beginning what to change.
# The message passes through every step in between, and each multiplies it with the step's derivative. For the RNN
# that is
#
# $$\frac{\partial h_T}{\partial h_t} = \prod_{k=t+1}^{T} U \,\mathrm{diag}(1 - h_k^2)$$
#
# Every factor $1 - h^2$ is at most 1, mostly less. A hundred factors of 0.8 are 0.0000000002. In the LSTM the memory
# passes through $c' = f \odot c + \ldots$: its factor is the forget gate. Keras starts its bias at 1, so $f \approx
# 0.73$ at first. With the bias of `ChronoBias` (Tallec and Ollivier 2018) the units start with forget gates for
# distances spread over the given span, here 200: some keep almost everything.
#
# We measure it before any training. Random input, a loss at the last step: how large is the gradient with respect to
# the input of each step before, compared with that of the last step?

# %%
WIDTH, LENGTH = 64, 101


def gradient_by_distance(layer: keras.layers.Layer, seed: int) -> np.ndarray:
    """The norm of d loss / d input, by the number of steps between input and loss, as a share of that at distance 0."""
    rng = np.random.default_rng(seed)
    x = tf.constant(rng.normal(size=(16, LENGTH, WIDTH)), tf.float32)
    direction = tf.constant(rng.normal(size=(16, WIDTH)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) * direction)
    norm = np.linalg.norm(tape.gradient(loss, x), axis=-1).mean(axis=0)[::-1]
    return norm / norm[0]


span = {"unit_forget_bias": False, "bias_initializer": ChronoBias(200)}
KINDS = {
    "rnn": ("RNN", lambda: keras.layers.SimpleRNN(WIDTH)),
    "gru": ("GRU", lambda: keras.layers.GRU(WIDTH)),
    "lstm": ("LSTM, Keras' start", lambda: keras.layers.LSTM(WIDTH)),
    "lstm_span": ("LSTM, memory span 200", lambda: keras.layers.LSTM(WIDTH, **span)),
}
figure, axes = plots.new_figure(
    "What of the gradient reaches the past", "steps back", "gradient, share of the last step's"
)
for index, (key, (label, make)) in enumerate(KINDS.items()):
    curves = []
    for seed in range(lesson.seed, lesson.seed + 5):
        keras.utils.set_random_seed(seed)
        curves.append(np.log10(gradient_by_distance(make(), seed)))
    mean, spread = np.mean(curves, axis=0), np.std(curves, axis=0, ddof=1)
    style = plots.line_style(index)
    axes.plot(10**mean, label=label, **style)
    axes.fill_between(range(LENGTH), 10 ** (mean - spread), 10 ** (mean + spread), color=style["color"], alpha=0.2)
    lesson.record(
        f"gradient_100_{key}",
        float(mean[100]),
        "powers of ten",
        tolerance=1.0,
        sd=float(spread[100]),
        n=5,
        note=f"{label}: share of the gradient left after 100 steps",
    )
axes.set_yscale("log")
axes.legend(frameon=False, fontsize=9)
lesson.figure(
    figure,
    "gradient",
    "Gradient of a loss at the last step with respect to earlier inputs, five untrained networks each",
)

# %% [markdown]
# ## A task that asks for memory and nothing else
#
# One of eight symbols, then many tokens that do not matter, then a question: which symbol was it? Every sequence is
# drawn anew, so nothing can be learned by heart. Only the last position counts: all other labels have weight 0.

# %%
task = RecallTask(distance=10, batch_size=2)
for ids, labels, weights in task.dataset(steps=1):
    print("reads ", ids.numpy()[0].tolist())
    print("label ", labels.numpy()[0, -1], "with the weights", weights.numpy()[0].astype(int).tolist())

# %% [markdown]
# ## Who remembers?
#
# All models get about the same number of weights, the same batches and the same number of steps. In the full profile
# the learning rate is chosen for each model and each distance, by the loss of two runs on validation sequences; the
# quick one has one rate for both of its models. The accuracies are of test sequences, drawn with another seed. The
# LSTM comes twice: as Keras starts it, and with a memory span of twice the distance. The second is told something
# about the task that the others are not, how far it has to look, but not what to look for.

# %%
BUDGET, EMBEDDING = 13_600, 16
RATES = (3e-3, 1e-2, 3e-2)
QUICK_RATE = 1e-2
CONTENDERS = {  # name -> label, cell, memory span per step of distance
    "rnn": ("RNN", "rnn", 0),
    "gru": ("GRU", "gru", 0),
    "lstm": ("LSTM", "lstm", 0),
    "lstm_span": ("LSTM with memory span", "lstm", 2),
}


def make_model(name: str, distance: int, vocabulary: int) -> RecurrentLanguageModel:
    """The model whose number of weights is nearest to the budget."""
    _, cell, span = CONTENDERS[name]

    def config(width: int) -> RecurrentConfig:
        return RecurrentConfig(vocabulary, EMBEDDING, width, cell=cell, memory_span=span * distance)

    def off(width: int) -> float:
        gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell]
        biases = 2 if cell == "gru" else 1
        inside = gates * width * (EMBEDDING + width + biases)
        return abs(vocabulary * EMBEDDING + inside + (width + 1) * vocabulary - BUDGET)

    return RecurrentLanguageModel(config(min(range(8, 200), key=off)))


def train(name: str, distance: int, seed: int, rate: float) -> RecurrentLanguageModel:
    """A model trained on sequences of this distance."""
    reproducible(seed)
    data = RecallTask(distance, batch_size=64, seed=100 + seed)
    model = make_model(name, distance, data.vocabulary_size)
    steps = lesson.choose(quick=300, full=400)
    # The other checks of `fit` look at a few rows and positions: too few where one position in a row counts.
    checks = ("ids", "labels", "future")
    optimizer = OptimizerConfig(learning_rate=rate)
    fit(model, data, steps=steps, optimizer=optimizer, report_every=steps, checks=checks, quiet=True)
    return model


def score(model: RecurrentLanguageModel, examples: RecallTask) -> tuple[float, float]:
    """Accuracy and loss (nats) on 2,000 sequences."""
    x, symbol = examples.sample(2000)
    logits = model.predict(x, batch_size=500, verbose=0)[:, -1]
    loss = keras.losses.sparse_categorical_crossentropy(symbol, logits, from_logits=True)
    return float((logits.argmax(axis=-1) == symbol).mean()), float(np.mean(loss))


def choose_rate(name: str, distance: int) -> float:
    """The learning rate with the lowest mean loss of two models on validation sequences of this distance."""
    validation, seeds = RecallTask(distance, seed=2), (10 + lesson.seed, 11 + lesson.seed)
    losses = {
        rate: float(np.mean([score(train(name, distance, seed, rate), validation)[1] for seed in seeds]))
        for rate in RATES
    }
    print(f"{name} at {distance}: " + ", ".join(f"{rate:g} → {loss:.3f}" for rate, loss in losses.items()))
    return min(losses, key=losses.get)


names = lesson.choose(quick=("rnn", "lstm_span"), full=tuple(CONTENDERS))
DISTANCES = lesson.choose(quick=(60,), full=(10, 30, 60))
SEEDS = lesson.choose(quick=1, full=3)
rates, accuracy, trained = {}, {}, {}
for name in names:
    for distance in DISTANCES:
        place = name, distance
        rates[place] = choose_rate(name, distance) if lesson.full else QUICK_RATE
        trained[place] = [train(name, distance, lesson.seed + number, rates[place]) for number in range(SEEDS)]
        accuracy[place] = [score(model, RecallTask(distance, seed=3))[0] for model in trained[place]]
weights_of = {name: trained[name, 60][0].count_params() for name in names}
_, symbols = RecallTask(60, seed=3).sample(2000)
chance = float(np.bincount(symbols).max() / len(symbols))
lesson.record("recall_chance", chance, tolerance=1e-6, n=2000, note="always the test's most frequent symbol, of eight")
for key, name, tolerance, at_most in (("recall_60_lstm", "lstm_span", 0.02, None), ("recall_60_rnn", "rnn", 0.2, 0.3)):
    note = f"{CONTENDERS[name][0]}, {weights_of[name]:,} weights, accuracy at distance 60"
    lesson.record_mean(key, accuracy[name, 60], tolerance=tolerance, note=note, at_most=at_most)

# %%
if lesson.full:
    rows, chosen = [], []
    for name in names:
        cells = ["{:.3f} ± {:.3f}".format(*mean_sd(accuracy[name, distance])) for distance in DISTANCES]
        rows.append((CONTENDERS[name][0], weights_of[name], *cells))
        chosen.append((CONTENDERS[name][0], *(rates[name, distance] for distance in DISTANCES)))
    headings = [f"distance {distance}" for distance in DISTANCES]
    lesson.table("recall", rows, ["model", "weights", *headings])
    lesson.table("rates", chosen, ["learning rate chosen", *headings], tolerance=None)
    figure, axes = plots.new_figure("Naming the first symbol", "tokens in between", "share named rightly")
    for index, name in enumerate(names):
        style = plots.line_style(index)
        runs = np.array([accuracy[name, distance] for distance in DISTANCES])  # [distances, runs]
        axes.plot(DISTANCES, runs.mean(axis=1), label=CONTENDERS[name][0], **style)
        axes.plot(DISTANCES, runs, "o", markersize=5, alpha=0.6, color=style["color"])
    plots.draw_floor(axes, chance, "chance")
    axes.set(xticks=DISTANCES, ylim=(0, 1.05))
    axes.legend(frameon=False, fontsize=9)
    lesson.figure(figure, "recall", "Accuracy on the recall task: each point is a run, the lines join their means")

# %% [markdown]
# The RNN *could* hold a symbol for 60 steps: there are weights that do it. In these steps it finds at best a state that
# tells one symbol from some others. The LSTM as Keras starts it does no better: its gradient vanishes later, but it
# vanishes. With forget gates that start open it learns the task every time.
#
# And the GRU? Untrained, its gradient vanishes no less than the RNN's, and still it learns in many runs. A likely
# reason: its gates can learn something that needs no distant gradient, namely that the tokens in between only disturb.
# When they close to them, the memory lasts longer, and the gradient reaches farther. So look again after training at
# distance 60: how much does the logit of the right symbol depend on each position? Where the task was learned, the
# curve hardly falls, and rises at the symbol.

# %%
if lesson.full:

    def gradient_of_answer(model: RecurrentLanguageModel) -> np.ndarray:
        """The norm of d (logit of the right symbol at the end) / d (vector of each token), averaged over sequences."""
        x, symbol = RecallTask(60, seed=4).sample(200)
        with tf.GradientTape() as tape:
            vectors = model.embedding(x)
            tape.watch(vectors)
            answer = model.head(model.recurrent[0](vectors)[0][:, -1])
            total = tf.reduce_sum(tf.gather(answer, symbol, batch_dims=1))
        return np.linalg.norm(tape.gradient(total, vectors), axis=-1).mean(axis=0)

    figure, axes = plots.new_figure("After training at distance 60", "steps back (61: the symbol)", "gradient")
    for index, name in enumerate(names):
        for number, model in enumerate(trained[name, 60]):
            label = None if number else CONTENDERS[name][0]
            axes.plot(gradient_of_answer(model)[::-1] + 1e-30, label=label, **plots.line_style(index))
    axes.set_yscale("log")
    axes.legend(frameon=False, fontsize=9)
    lesson.figure(figure, "trained", "How much the answer depends on each position after training, three runs each")

# %% [markdown]
# Gates do not solve it for good, they move the distance at which it begins. Longer training and other starts move
# it too. The Transformer (chapter 05) takes another way: every position looks at every other directly, and no message
# has to pass through what lies between.

# %%
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
