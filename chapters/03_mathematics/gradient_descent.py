# %% [markdown]
# # Gradient descent by hand
#
# - Article section: §4.4–4.5
# - Needs: one_training_step, parameters_and_loss
# - Data: greentree (built in)
# - Minutes: quick 1, full 9
# - Memory: 0.8 GB
# - Shows: a neural language model in NumPy, its gradients derived line by line, and seven ways down the slope compared
# - Headline: gradient_error, mini_batch_test_loss, adam_test_loss, muon_test_loss
#
# The article's optimisation is one formula, $\theta_{t+1} = \theta_t - \alpha\,\nabla_\theta L(\theta)$. Two things are
# hidden in it: where the gradient comes from, and how many examples it is taken of. Here we do both by hand, for the
# first neural language model that there was (Bengio et al. 2003): it looks at the last few words through a table of
# vectors, mixes them in one hidden layer, and gives a logit to every word.

# %%
from __future__ import annotations

import math
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: these matrices are too small to share among threads

from lmbook import Lesson, WordTokenizer, mean_sd
from lmbook.book import plots
from lmbook.corpora.greentree import floor, tell_stories

import numpy as np

CONTEXT = 4  # n: words that the model sees
EMBEDDING_DIM = 16  # D
HIDDEN_DIM = 48  # H

lesson = Lesson("gradient_descent")
TRAINING = lesson.choose(quick=4_000, full=20_000)  # examples in the training set
EPOCHS = lesson.choose(quick=4, full=8)
stories = {
    name: [story.english for story in tell_stories(count, seed)]
    for name, count, seed in (
        ("train", TRAINING // 50, 40),
        ("validation", lesson.choose(quick=40, full=100), 41),
        ("test", lesson.choose(quick=100, full=300), 42),
    )
}
tokenizer = WordTokenizer.train([story.english for story in tell_stories(1000, 43)])
V = tokenizer.vocabulary_size


def examples(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Every word and the n words before it: ids [N, n] and labels [N]. Before a story there is only `<end>`."""
    contexts, labels = [], []
    for text in texts:
        ids = [tokenizer.end_id] * CONTEXT + tokenizer.encode(text) + [tokenizer.end_id]
        contexts += [ids[place - CONTEXT : place] for place in range(CONTEXT, len(ids))]
        labels += ids[CONTEXT:]
    return np.array(contexts), np.array(labels)


data = {name: examples(texts) for name, texts in stories.items()}
data["train"] = tuple(part[:TRAINING] for part in data["train"])
for context, label in zip(*(part[:6] for part in data["train"]), strict=True):
    print(" ".join(tokenizer.tokens[id] for id in context), "->", tokenizer.tokens[label])

# %% [markdown]
# ## Forward
#
# For $N$ examples at once, with $x$ the vectors of the $n$ words side by side:
#
# $$x = [E_{c_1}, …, E_{c_n}]\ \ [N, nD], \qquad a = x W_1 + b_1, \quad h = \tanh a\ \ [N, H], \qquad
#   z = h W_2 + b_2\ \ [N, V],$$
# $$p = \text{softmax}(z), \qquad \mathcal L = -\frac1N \sum_i \ln p_{i, y_i} .$$

# %%
Weights = dict[str, np.ndarray]


def first_weights(seed: int, dtype: str = "float32") -> Weights:
    """Small random numbers, scaled by how many of them are added up; biases 0."""
    rng = np.random.default_rng(seed)
    inputs = CONTEXT * EMBEDDING_DIM
    return {
        "embedding": rng.normal(size=(V, EMBEDDING_DIM)).astype(dtype),
        "W1": (rng.normal(size=(inputs, HIDDEN_DIM)) / math.sqrt(inputs)).astype(dtype),
        "b1": np.zeros(HIDDEN_DIM, dtype),
        "W2": (rng.normal(size=(HIDDEN_DIM, V)) / math.sqrt(HIDDEN_DIM) * 0.1).astype(dtype),
        "b2": np.zeros(V, dtype),
    }


def forward(w: Weights, ids: np.ndarray):
    """ids [N, n] -> (x [N, nD], h [N, H], log p [N, V])."""
    x = w["embedding"][ids].reshape(len(ids), -1)
    h = np.tanh(x @ w["W1"] + w["b1"])
    z = h @ w["W2"] + w["b2"]
    z -= z.max(axis=1, keepdims=True)
    return x, h, z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def loss(w: Weights, ids: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats per word."""
    log_p = forward(w, ids)[2]
    return float(-log_p[np.arange(len(labels)), labels].mean())


# %% [markdown]
# ## Backward, line by line
#
# The chain rule from the loss to the first layer. Each line takes the gradient of the line before and passes it on.
# Write $d_z$ for $\partial\mathcal L/\partial z$, and so on.
#
# 1. **Logits.** $\ln p_y = z_y - \ln\sum_v e^{z_v}$, and the derivative of the second part by $z_v$ is $p_v$. So
#    $d_z = (p - [\,v = y\,])/N$: what was said minus what was so.
# 2. **Output layer.** $z = hW_2 + b_2$. Each weight $W_{2,jv}$ multiplies $h_{ij}$ into $z_{iv}$ in every example $i$:
#    $d_{W_2} = h^\top d_z$, $\ d_{b_2} = \sum_i d_{z,i}$, and what goes on to the hidden layer is $d_h = d_z W_2^\top$.
# 3. **Tanh.** $\tanh' a = 1 - \tanh^2 a$, element by element: $d_a = d_h \odot (1 - h^2)$. Where $h$ is near $\pm 1$
#    nothing passes.
# 4. **Hidden layer.** As in 2: $d_{W_1} = x^\top d_a$, $\ d_{b_1} = \sum_i d_{a,i}$, $\ d_x = d_a W_1^\top$.
# 5. **Table of words.** A row of $E$ was copied to every place where its word stands, so the gradients of all these
#    places are added up in it. Rows of words that do not occur get 0.


# %%
def gradients(w: Weights, ids: np.ndarray, labels: np.ndarray) -> tuple[float, Weights]:
    """Loss and its gradient for every weight."""
    N = len(labels)
    x, h, log_p = forward(w, ids)
    dz = np.exp(log_p)  # [N, V]
    dz[np.arange(N), labels] -= 1.0
    dz /= N
    dh = dz @ w["W2"].T
    da = dh * (1.0 - h**2)  # [N, H]
    dx = da @ w["W1"].T  # [N, nD]
    d_embedding = np.zeros_like(w["embedding"])
    np.add.at(d_embedding, ids.ravel(), dx.reshape(-1, EMBEDDING_DIM))
    return -float(log_p[np.arange(N), labels].mean()), {
        "embedding": d_embedding,
        "W1": x.T @ da,
        "b1": da.sum(axis=0),
        "W2": h.T @ dz,
        "b2": dz.sum(axis=0),
    }


# %% [markdown]
# ## Two checks
#
# Nobody should believe a derivation before it is checked. First against TensorFlow, which derives by itself, in
# 64-bit numbers. Then against the definition of a derivative: move one weight by a little to both sides, and see what
# the loss does. This second check needs no other program; use it for whatever you derive.

# %%
import tensorflow as tf

w = first_weights(lesson.seed, "float64")
ids, labels = (part[:200] for part in data["train"])
by_hand = gradients(w, ids, labels)[1]
variables = {name: tf.Variable(value) for name, value in w.items()}
with tf.GradientTape() as tape:
    x = tf.reshape(tf.gather(variables["embedding"], ids), (len(ids), -1))
    h = tf.tanh(x @ variables["W1"] + variables["b1"])
    z = h @ variables["W2"] + variables["b2"]
    value = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=z))
by_tape = {name: tf.convert_to_tensor(g).numpy() for name, g in tape.gradient(value, variables).items()}


def relative(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


lesson.record(
    "gradient_error",
    max(relative(by_hand[name], by_tape[name]) for name in w),
    tolerance=1e-6,
    note="largest relative difference from TensorFlow's gradients, of five arrays",
)
rng = np.random.default_rng(lesson.seed)
worst, STEP = 0.0, 1e-5
for name, value in w.items():
    biggest = np.abs(by_hand[name]).max()
    for _ in range(10):
        place = np.unravel_index(rng.integers(value.size), value.shape)
        sides = []
        for sign in (1, -1):
            moved = {**w, name: value.copy()}
            moved[name][place] += sign * STEP
            sides.append(loss(moved, ids, labels))
        worst = max(worst, abs((sides[0] - sides[1]) / (2 * STEP) - by_hand[name][place]) / biggest)
lesson.record("finite_difference_error", worst, tolerance=1e-6, note="50 weights, relative to the largest of its array")

# %% [markdown]
# ## Seven ways down
#
# **How many examples for one step?** *Batch* descent takes all of the training set: the true gradient, and very few
# steps. *Stochastic* descent takes one example: a very noisy gradient, and very many steps. *Mini-batches* lie between,
# and let the machine work on many examples at once.
#
# **What is done with the gradient?** $g$ is the gradient of a mini-batch, $\theta$ the weights, $\alpha$ the learning
# rate:
#
# | | |
# |---|---|
# | descent | $\theta \leftarrow \theta - \alpha g$ |
# | momentum (Polyak 1964) | $m \leftarrow 0.9\,m + g,\quad \theta \leftarrow \theta - \alpha m$ |
# | Adam (Kingma and Ba 2015) | running means of $g$ and $g^2$; each weight moves by about $\alpha$ |
# | AdamW (Loshchilov and Hutter 2019) | Adam; matrices also shrink, $\theta \leftarrow (1 - \alpha\lambda)\,\theta$ |
# | Muon (Jordan et al. 2024) | momentum, made orthogonal: a matrix moves equally far in every direction |
#
# Muon is for matrices between layers, here $W_1$ alone; AdamW updates the rest, as in `keras.optimizers.Muon`.

# %%
DECAY = 0.1  # λ of AdamW


def descent(theta, g, state, rate, name):
    theta -= rate * g


def momentum(theta, g, state, rate, name):
    state["m"] = 0.9 * state.get("m", 0.0) + g
    theta -= rate * state["m"]


def adam(theta, g, state, rate, name, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    k = state["k"] = state.get("k", 0) + 1
    state["m"] = beta_1 * state.get("m", 0.0) + (1 - beta_1) * g
    state["s"] = beta_2 * state.get("s", 0.0) + (1 - beta_2) * g**2
    corrected = rate * math.sqrt(1 - beta_2**k) / (1 - beta_1**k)
    theta -= corrected * state["m"] / (np.sqrt(state["s"]) + epsilon)


def adamw(theta, g, state, rate, name):
    if theta.ndim == 2 and name != "embedding":
        theta *= 1 - rate * DECAY
    adam(theta, g, state, rate, name)


def orthogonal(matrix, steps=5):
    """The matrix with its singular values moved near 1, by the Newton–Schulz iteration."""
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


def muon(theta, g, state, rate, name):
    if name != "W1":
        adam(theta, g, state, rate, name)
        return
    state["m"] = 0.95 * state.get("m", 0.0) + g
    update = orthogonal(g + 0.95 * state["m"])  # looks ahead, as Nesterov does
    theta -= rate * 0.2 * math.sqrt(max(theta.shape)) * update


# %% [markdown]
# The same Muon as that of Keras, which `fit` takes? Three steps of both from the same weights, with the same gradients.

# %%
import keras

w = first_weights(lesson.seed)
names = {"embedding": "embedding", "W1": "hidden", "b1": "hidden_bias", "W2": "logits", "b2": "logits_bias"}
theirs = {name: keras.Variable(value, name=names[name]) for name, value in w.items()}
library = keras.optimizers.Muon(0.01, weight_decay=None, adam_weight_decay=None, exclude_layers=["logits"])
library.build(list(theirs.values()))
states = {name: {} for name in w}
for first in (0, 200, 400):
    g = gradients(w, *(part[first : first + 200] for part in data["train"]))[1]
    library.apply([keras.ops.convert_to_tensor(g[name]) for name in w])
    for name, theta in w.items():
        muon(theta, g[name], states[name], 0.01, name)
lesson.record(
    "muon_error",
    max(relative(w[name], theirs[name].numpy()) for name in w),
    tolerance=1e-5,
    note="largest relative difference of the weights after three steps, NumPy against Keras",
)

# %% [markdown]
# ## At equal numbers of examples
#
# Every method sees the same number of examples: the training set several times over. That is the fair currency where
# the arithmetic per example is what costs. Each method gets a sweep of learning rates, and the best is chosen by the
# validation stories; the test stories are scored once, at the end. The learning rate stays constant in a run.

# %%
MINI_BATCH = 32
METHODS = {  # name -> (update, batch size, the middle of the sweep)
    "batch": (descent, TRAINING, 10.0),
    "stochastic": (descent, 1, 0.03),
    "mini-batch": (descent, MINI_BATCH, 1.0),
    "momentum": (momentum, MINI_BATCH, 0.1),
    "Adam": (adam, MINI_BATCH, 0.01),
    "AdamW": (adamw, MINI_BATCH, 0.01),
    "Muon": (muon, MINI_BATCH, 0.01),
}
SWEEP = lesson.choose(quick=(0.316, 1.0, 3.16), full=(0.1, 0.316, 1.0, 3.16, 10.0))  # times the middle
SEEDS = [lesson.seed + index for index in range(lesson.choose(quick=1, full=3))]
POINTS = 10  # of each curve


def train(update, batch_size: int, rate: float, seed: int) -> tuple[Weights, list[int], list[float]]:
    """Train from the weights of `seed`; gives the weights, and the validation loss after so many examples.

    A run that diverges ends there, with an infinite loss.
    """
    w, dealer = first_weights(seed), np.random.default_rng(seed)
    states = {name: {} for name in w}
    ids, labels = data["train"]
    total = EPOCHS * TRAINING
    order = np.concatenate([dealer.permutation(TRAINING) for _ in range(EPOCHS)])
    seen, losses = [0], [loss(w, *data["validation"])]
    for start in range(0, total, batch_size):
        chosen = order[start : start + batch_size]
        value, g = gradients(w, ids[chosen], labels[chosen])
        if not math.isfinite(value):
            return w, [*seen, start], [*losses, math.inf]
        for name, theta in w.items():
            update(theta, g[name], states[name], rate, name)
        done = start + len(chosen)
        if done // (total // POINTS) > seen[-1] // (total // POINTS):
            seen.append(done)
            losses.append(loss(w, *data["validation"]))
    return w, seen, losses


def sweep(update, batch_size: int, middle: float) -> dict:
    """Validation loss at each learning rate; then the curves and test losses of all seeds at the best one."""
    rates = [middle * times for times in SWEEP]
    began = time.perf_counter()
    first = [train(update, batch_size, rate, SEEDS[0]) for rate in rates]
    seconds = (time.perf_counter() - began) / len(rates)
    final = [losses[-1] if math.isfinite(losses[-1]) else math.inf for _, _, losses in first]
    best = int(np.argmin(final))
    runs = [first[best], *(train(update, batch_size, rates[best], seed) for seed in SEEDS[1:])]
    return {
        "rates": rates,
        "final": final,
        "rate": rates[best],
        "seen": runs[0][1],
        "curve": np.mean([losses for _, _, losses in runs], axis=0),
        "validation": np.array([losses[-1] for _, _, losses in runs]),
        "test": np.array([loss(w, *data["test"]) for w, _, _ in runs]),
        "seconds": seconds,
    }


with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
    results = {name: sweep(*method) for name, method in METHODS.items()}

# %% [markdown]
# ## What came out
#
# The floor of greentree holds for a model that knows the whole story so far. This one sees four words, so its own
# floor is higher, and nobody knows how high; the distance to the line is only partly the optimiser's fault.

# %%
lowest = floor(stories["test"], tokenizer)
lesson.record("floor_nats_per_word", lowest, "nats per word", 1e-6, note="exact, for the whole past")
rows = []
for name, result in results.items():
    updates = math.ceil(EPOCHS * TRAINING / METHODS[name][1])
    test, validation = result["test"], result["validation"]
    losses = validation.mean(), *(number for number in mean_sd(test) if number is not None)
    rows.append((name, METHODS[name][1], updates, result["seconds"], result["rate"], *losses))
    key, note = f"{name.lower().replace('-', '_')}_test_loss", f"learning rate {result['rate']:.3g}"
    lesson.record_mean(key, test, "nats per word", 0.05, note)
columns = ["method", "examples in a step", "steps", "seconds", "best learning rate", "validation loss", "test loss"]
columns += ["± s.d."] if lesson.full else []
chosen = {name: result["rate"] for name, result in results.items()}  # the next of the rates tried may do as well
lesson.table(
    "methods",
    rows,
    columns,
    tolerance={"seconds": None, "best learning rate": None, **dict.fromkeys(columns[5:], 0.05)},
    at_least={"best learning rate": {name: rate / 4 for name, rate in chosen.items()}},
    at_most={"best learning rate": {name: rate * 4 for name, rate in chosen.items()}},
)

figure, [[left, right]] = plots.new_panels(1, 2, size=(11.0, 4.6))
for index, (name, result) in enumerate(results.items()):
    style = {"marker": ".", **plots.line_style(index)}
    left.plot(np.array(result["seen"]) / 1000, result["curve"], label=name, **style)
    right.plot(result["rates"], np.minimum(result["final"], 7.0), label=name, **style)
for axes in (left, right):
    plots.draw_floor(axes, lowest, "whole past (exact)")
    axes.set(yscale="log", ylim=(0.95 * lowest, 6.9), ylabel="validation loss (nats per word)")
    axes.set_yticks([0.8, 1, 1.2, 1.5, 2, 3, 4, 6])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
left.set_xlabel("thousand examples seen")
right.set(xscale="log", xlabel="learning rate")
left.set_title("Each at its best learning rate", fontsize=11)
right.set_title("After all examples, at every learning rate", fontsize=11)
figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=9, ncols=8)
lesson.figure(figure, "descent", "Seven ways down at equal numbers of examples, and their sweeps of learning rates")

# %% [markdown]
# Batch descent has hardly begun: a handful of perfect steps is worth less than many noisy ones. Stochastic descent gets
# as far as the mini-batches with the same examples, but its steps cannot be done side by side, so in seconds it is by
# far the slowest. Between lies the bargain that everybody takes: a mini-batch. Momentum goes no further here when its
# learning rate is tuned: a step of it is like a step of descent ten times as large, and the sweep finds that out. What
# does go further is Adam, which gives rare words, with their rare and small gradients, steps as large as the others'.
# AdamW's shrinking helps again, since the same few stories are read several times and could be learned by heart.
#
# Every valley on the right has a gentle slope on one side and a cliff on the other: too small a learning rate costs
# time, too large a one everything.
#
# With one hidden matrix Muon has little to do, and is as good as Adam; chapter 04 trains its LSTM with it.

# %%
lesson.finish()
