# %% [markdown]
# # One training step, box by box
#
# - Article section: §2.3–2.4
# - Needs: tokens
# - Data: greentree (built in)
# - Minutes: quick 1, full 1
# - Memory: 0.8 GB
# - Shows: the article's flowchart executed one box at a time on a real batch, every tensor's shape and a picture of it
# - Headline: loss_before, loss_after, adam_error
#
# The article draws the work of a language model as a circle: input (A), encoding (B), attention (C), output (D), loss
# (E), optimisation (F), and round again (G). Here the circle is walked once, slowly. Each box is a line or two of
# code; after each we look at the tensor that came out.
#
# The numbers in the next cell are yours. Change one, run the lesson again, and see what moves.

# %%
from __future__ import annotations

import math

from lmbook import CausalWindows, Lesson, RecurrentConfig, RecurrentLanguageModel, WordTokenizer, reproducible
from lmbook.book import plots
from lmbook.corpora.greentree.corpus import load

import numpy as np

BATCH = 16  # B: pieces of text read side by side
CONTEXT = 20  # T: words in each
EMBEDDING_DIM = 24  # D: width of a word's vector
HIDDEN_DIM = 48  # H: width of the memory
LEARNING_RATE = 0.01
RATES = (0.001, 0.03, 1.0)  # compared at the end

lesson = Lesson("one_training_step")
STEPS = lesson.choose(quick=100, full=600)  # of box G
reproducible(lesson.seed)

# %% [markdown]
# ## A. Input
#
# Text becomes numbers. The tokenizer gives each word its id; `CausalWindows` cuts the ids into pieces of T and adds the
# **labels**: the same text one word later. That is the whole task: at every position, predict the next word. The third
# array holds a weight for each position, 1 for a word and 0 where the text has ended.

# %%
texts = load().texts("train")
tokenizer = WordTokenizer.train(texts)
V = tokenizer.vocabulary_size
data = CausalWindows(
    [tokenizer.encode(text) for text in texts],
    tokenizer,
    context=CONTEXT,
    batch_size=BATCH,
    align="document",
    seed=lesson.seed,
)
x, y, w = next(iter(data.dataset(0, 1)))
row = next(row for row in range(BATCH) if x[row, 0] == tokenizer.end_id)  # a piece that begins a story
words = [tokenizer.tokens[id] for id in x[row].numpy()]
print(f"x {x.shape}, y {y.shape}, w {w.shape}; the vocabulary has V = {V} words")
for name, ids in (("x", x), ("y", y)):
    print(name, " ".join(f"{tokenizer.tokens[id]}={id}" for id in ids[row].numpy()))

# %% [markdown]
# ## B. Encoding: a vector for each word
#
# The embedding is a table with a row of D numbers for each word of the vocabulary. Looking a word up is all there is to
# it; at the beginning the numbers are random, and training will move them. The same word has the same vector wherever
# it stands: up to here the model knows no order and no context.

# %%
model = RecurrentLanguageModel(RecurrentConfig(V, embedding_dim=EMBEDDING_DIM, hidden_dim=HIDDEN_DIM))
embedded = model.embedding(x)
print(f"table {model.embedding.embeddings.shape}, embedded [B, T, D] = {embedded.shape}")

# %% [markdown]
# ## C. Context: recurrence here, attention in chapter 05
#
# To predict the next word, a position must know what stood before it. The article's box says attention: each position
# looks back at all earlier ones and takes a weighted mean of them. The small model of this lesson does it with
# a recurrence: an LSTM reads from left to right and carries a memory along. Both are the same kind of box, vectors
# [B, T, …] in, vectors [B, T, …] out, and position t may depend on positions 0 … t alone. Chapter 05 puts attention in
# its place, and nothing else in this lesson has to change.

# %%
memory, *_ = model.recurrent[0](embedded)
print(f"memory [B, T, H] = {memory.shape}")

# %% [markdown]
# ## D. Output: logits, then probabilities
#
# A last matrix turns each position's memory into V numbers, one for each word that might come next: the **logits**.
# The softmax makes probabilities of them,
#
# $$p_{b,t,v} = \frac{e^{z_{b,t,v}}}{\sum_u e^{z_{b,t,u}}} .$$
#
# The model has learned nothing yet, so its probabilities are close to $1/V$ everywhere.

# %%
logits = model.head(memory).numpy()
assert np.allclose(logits, model(x), atol=1e-6)  # the boxes one by one are the model


def softmax(z: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis; the largest logit is taken away first, so that nothing overflows."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


probabilities = softmax(logits)
print(f"logits [B, T, V] = {logits.shape}; the probabilities of a position add up to {probabilities[0, 0].sum():.6f}")

# %% [markdown]
# ## E. Loss
#
# How surprised is the model by the word that really came? At each position $-\ln p_{b,t,y_{b,t}}$, and the mean over
# the real words (weight 1):
#
# $$\mathcal L = \frac{\sum_{b,t} w_{b,t}\,(-\ln p_{b,t,y_{b,t}})}{\sum_{b,t} w_{b,t}} .$$
#
# A model that knows nothing gives every word $1/V$ and has the loss $\ln V$. An untrained model that is far from it
# has a mistake in it; this is the cheapest test there is.

# %%
import keras
import tensorflow as tf

labels, weights = y.numpy(), w.numpy()
losses = -np.log(np.take_along_axis(probabilities, labels[..., None], axis=-1)[..., 0])  # [B, T]
loss = float((losses * weights).sum() / weights.sum())
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")


def loss_of(x, y, w):
    """Keras' own mean loss of a batch, in nats per word."""
    return cross_entropy(y, model(x, training=True), sample_weight=w) / tf.reduce_sum(w)


lesson.record("ln_V", math.log(V), "nats per word", 1e-9, note="the loss of a guess")
lesson.record("loss_before", loss, "nats per word", 0.02)
lesson.record("loss_error", abs(loss - float(loss_of(x, y, w))), "nats per word", 1e-6, note="by hand against Keras")

# %% [markdown]
# ## F. Optimisation, first half: the gradient
#
# Which way should each of the weights move? The gradient says how the loss changes with each of them. It begins at the
# logits, where it has a form worth knowing by heart: what the model said, minus what was so,
#
# $$\frac{\partial\mathcal L}{\partial z_{b,t,v}} = \frac{w_{b,t}}{\sum w}\,\bigl(p_{b,t,v} - [v = y_{b,t}]\bigr).$$
#
# From there the chain rule carries it back through the boxes; TensorFlow's tape does that, and chapter 03 does it by
# hand. In the embedding only the rows of words that occur in the batch have a gradient at all.

# %%
by_hand = probabilities.copy()
np.put_along_axis(by_hand, labels[..., None], np.take_along_axis(by_hand, labels[..., None], -1) - 1.0, axis=-1)
by_hand *= (weights / weights.sum())[..., None]
with tf.GradientTape() as tape:
    z = tf.constant(logits)
    tape.watch(z)
    value = cross_entropy(y, z, sample_weight=w) / tf.reduce_sum(w)
lesson.record(
    "logit_gradient_error",
    np.abs(by_hand - tape.gradient(value, z)).max(),
    tolerance=1e-6,
    note="by hand against Keras",
)


def gradients_of(x, y, w) -> list[np.ndarray]:
    """The gradient of the loss for each of the model's weights."""
    with tf.GradientTape() as tape:
        value = loss_of(x, y, w)
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(value, model.trainable_variables)]


gradients = gradients_of(x, y, w)
names = [variable.path for variable in model.trainable_variables]
norms = [float(np.linalg.norm(gradient)) for gradient in gradients]
rows = [
    (name, "×".join(map(str, gradient.shape)), gradient.size, norm)
    for name, gradient, norm in zip(names, gradients, norms, strict=True)
]
lesson.table("gradients", rows, ["weights", "shape", "count", "norm of the gradient"], tolerance=0.02)
lesson.record("gradient_norm", math.hypot(*norms), tolerance=0.02, note="of all weights together")
seen = int((np.abs(gradients[0]).max(axis=1) > 0).sum())
lesson.record("embedding_rows_with_gradient", seen, f"of {V}", note="the words of this batch")

# %% [markdown]
# ## F. Optimisation, second half: the update
#
# The article gives the rule of gradient descent, $\theta \leftarrow \theta - \alpha\,\nabla_\theta\mathcal L$. What is
# used in practice is nearly always Adam. It keeps two running means, of the gradient ($m$) and of its square ($s$), and
# moves each weight by about the learning rate whatever the size of its gradient:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g,\quad s \leftarrow \beta_2 s + (1-\beta_2)\,g^2,\quad
#   \theta \leftarrow \theta - \alpha\,\frac{\sqrt{1-\beta_2^k}}{1-\beta_1^k}\,\frac{m}{\sqrt s + \varepsilon} .$$
#
# The factor corrects the means in step k for having begun at zero. Below, three steps of it in NumPy and in Keras.


# %%
def adam(theta, g, m, s, k, rate=LEARNING_RATE, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Step k = 1, 2, … of Adam (Kingma and Ba 2015): (theta, m, s) after it."""
    m = beta_1 * m + (1 - beta_1) * g
    s = beta_2 * s + (1 - beta_2) * g**2
    return theta - rate * math.sqrt(1 - beta_2**k) / (1 - beta_1**k) * m / (np.sqrt(s) + epsilon), m, s


start = [variable.numpy() for variable in model.trainable_variables]


def put(values) -> None:
    """Give the model these weights."""
    for variable, value in zip(model.trainable_variables, values, strict=True):
        variable.assign(value)


optimizer = keras.optimizers.Adam(LEARNING_RATE)
states = [(theta, np.zeros_like(theta), np.zeros_like(theta)) for theta in start]
for k in (1, 2, 3):
    now = gradients_of(x, y, w)
    optimizer.apply([tf.constant(g) for g in now], model.trainable_variables)
    states = [adam(theta, g, m, s, k) for (theta, m, s), g in zip(states, now, strict=True)]
    if k == 1:
        after_one = [theta for theta, _, _ in states]
        lesson.record(
            "loss_after", float(loss_of(x, y, w)), "nats per word", 0.02, note="the same batch after one step"
        )
error = max(np.abs(theta - v.numpy()).max() for (theta, _, _), v in zip(states, model.trainable_variables, strict=True))
lesson.record(
    "adam_error", error, tolerance=1e-6, note="largest difference of a weight after three steps, NumPy against Keras"
)
moved = np.concatenate([np.abs(a - b).ravel() for a, b in zip(after_one, start, strict=True)])
print(f"The weights moved by at most {moved.max():.2g}; {np.mean(moved == 0):.0%} of them did not move at all.")

# %% [markdown]
# ## What the learning rate does
#
# One step from the same start with many learning rates, in the direction of the gradient and in Adam's. Solid: the
# loss of the batch that the gradient came from; dashed: of another batch. A step too small changes nothing, one too
# large jumps over the valley. The best rate for gradient descent lies far to the right of Adam's: its step is the rate
# times the gradient, and the gradient is small. And the other batch gains less, which is why one step is not training.

# %%
x2, y2, w2 = next(iter(data.dataset(1, 1)))
compiled_loss = tf.function(loss_of)
directions = {
    "gradient descent": gradients,
    "Adam": [adam(theta, g, 0.0, 0.0, 1, rate=1.0)[0] - theta for theta, g in zip(start, gradients, strict=True)],
}
directions["Adam"] = [-direction for direction in directions["Adam"]]
rates = np.logspace(-4, 2, 19)
figure, axes = plots.new_figure("One step from the same start", "learning rate", "loss after it (nats per word)")
for index, (name, direction) in enumerate(directions.items()):
    curve = []
    for rate in rates:
        put([theta - rate * d for theta, d in zip(start, direction, strict=True)])
        curve.append((float(compiled_loss(x, y, w)), float(compiled_loss(x2, y2, w2))))
    colour = plots.COLOURS[index]
    axes.plot(rates, [same for same, _ in curve], color=colour, marker=".", label=f"{name}, this batch")
    axes.plot(rates, [other for _, other in curve], color=colour, linestyle="--", label=f"{name}, another batch")
axes.axhline(math.log(V), color=plots.FLOOR_COLOUR, linewidth=1, linestyle=":", label="ln V")
axes.set(xscale="log", ylim=(loss - 2.2, loss + 2.2))
axes.legend(frameon=False, fontsize=8)
lesson.figure(figure, "learning_rate", "Loss after one step against the learning rate")

# %% [markdown]
# ## G. Iterate
#
# Round again with the next batch, and again. Three learning rates, the same start and the same batches for all: too
# small, fair, too large.


# %%
def train(rate: float, seed: int) -> list[float]:
    """The loss of each of STEPS batches, before its update."""
    reproducible(seed)
    fresh = RecurrentLanguageModel(model.config)
    put([variable.numpy() for variable in fresh.trainable_variables])
    adam_of_keras = keras.optimizers.Adam(rate)
    adam_of_keras.build(model.trainable_variables)

    @tf.function
    def step(x, y, w):
        with tf.GradientTape() as tape:
            value = loss_of(x, y, w)
        adam_of_keras.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return [float(step(*batch)) for batch in data.dataset(0, STEPS)]


def losses_of_row() -> np.ndarray:
    """The loss at each position of the row that is shown, [T]."""
    p = softmax(model(x).numpy())[row]
    return -np.log(np.take_along_axis(p, labels[row][:, None], axis=-1)[:, 0])


seeds = [lesson.seed + index for index in range(lesson.choose(quick=1, full=3))]
curves = {rate: [] for rate in RATES}
for rate in RATES:
    for seed in seeds:
        curves[rate].append(train(rate, seed))
    if rate == RATES[1]:
        losses_after = losses_of_row()
for rate, runs in curves.items():
    ends = [float(np.mean(run[-20:])) for run in runs]
    note = f"mean of the last 20 of {STEPS} steps"
    if np.mean(ends) < math.log(V):
        lesson.record_mean(f"loss_at_rate_{rate}", ends, "nats per word", 0.15, note)
    else:  # what diverges goes its own way on every machine, but stays worse than a guess
        lesson.record_mean(f"loss_at_rate_{rate}", ends, "nats per word", None, note, at_least=math.log(V))

# %% [markdown]
# ## The whole circle in one picture
#
# One row of the batch, from its words to the change of the weights, and the loss of the steps that follow. In E each
# bar is a word to be predicted: at first all are equally hard. After training the easy ones (a full stop, "the") cost
# nearly nothing, and what is left is what the past does not tell: which name, which colour.

# %%
figure, panels = plots.new_panels(2, 4, size=(16.0, 8.4))
a, b, c, d, e, f1, f2, g = panels.flat
for axes, title in zip(
    panels.flat,
    (
        f"A  input  x, y [B, T] = [{BATCH}, {CONTEXT}]",
        f"B  embedding [B, T, D] = {list(embedded.shape)}",
        f"C  recurrence [B, T, H] = {list(memory.shape)}",
        f"D  logits [B, T, V] = {list(logits.shape)}",
        f"E  loss, its mean {loss:.3f} (ln V = {math.log(V):.3f})",
        f"F  gradient, for example [V, D] = {list(gradients[0].shape)}",
        "F  update: Adam's first step",
        "G  iterate",
    ),
    strict=True,
):
    axes.set_title(title, fontsize=11)
for axes in (a, b, c, d, f1):
    axes.grid(False)
a.set(
    xlim=(0, 3), ylim=(CONTEXT - 0.5, -0.5), xticks=[0.5, 1.6, 2.5], xticklabels=["x: word", "id", "y: id"], yticks=[]
)
for position, (word, id, label) in enumerate(zip(words, x[row].numpy(), y[row].numpy(), strict=True)):
    for place, text in ((0.5, word), (1.6, id), (2.5, label)):
        a.text(place, position, str(text), ha="center", va="center", fontsize=9)


def show(axes, values: np.ndarray, label: str) -> None:
    """A matrix as colours: blue negative, white 0, red positive."""
    top = np.abs(values).max()
    image = axes.imshow(values, aspect="auto", cmap="RdBu_r", interpolation="nearest", vmin=-top, vmax=top)
    figure.colorbar(image, ax=axes, shrink=0.7)
    axes.set_xlabel(label)


show(b, embedded[row].numpy(), label="D")
show(c, memory[row].numpy(), label="H")
show(d, logits[row], label="V")
for axes in (b, c, d):
    axes.set_yticks(range(CONTEXT), words if axes is b else [], fontsize=8)
e.barh(range(CONTEXT), losses[row], color="#cccccc", height=0.8, label="now")
e.barh(range(CONTEXT), losses_after, color=plots.COLOURS[1], height=0.4, label=f"after G, rate {RATES[1]}")
e.axvline(math.log(V), color=plots.FLOOR_COLOUR, linestyle=":")
e.set(ylim=(CONTEXT - 0.5, -0.5), xlabel="nats", xlim=(0, 9))
e.set_yticks(range(CONTEXT), [tokenizer.tokens[id] for id in labels[row]], fontsize=8)
e.legend(facecolor="white", framealpha=1, fontsize=8, loc="lower right")
show(f1, gradients[0][:60], label="D (rows: the first 60 words of V)")
f2.hist(moved[moved > 0], bins=40, color=plots.COLOURS[2])
f2.set(xlabel=f"how far a weight moved (learning rate {LEARNING_RATE})", ylabel="weights", yscale="log")
for index, (rate, runs) in enumerate(curves.items()):
    g.plot(plots.smooth(runs[0], 0.7), label=f"learning rate {rate}", **plots.line_style(index))
g.axhline(math.log(V), color=plots.FLOOR_COLOUR, linestyle=":")
g.set(xlabel="step", ylabel="loss (nats per word)")
g.legend(frameon=False, fontsize=8)
lesson.figure(figure, "circle", "The article's flowchart, executed: A to G on one batch")

# %% [markdown]
# ## What to try
#
# - `RATES`: which is the largest that still learns? Compare it with the valley in the picture of one step.
# - `BATCH = 1`: what becomes of the distance between this batch and another after one step?
# - `HIDDEN_DIM = 4`: which box loses what the next one would need? Look at E.

# %%
lesson.finish()
