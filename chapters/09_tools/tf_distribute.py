# %% [markdown]
# # Many devices, one model
#
# - Article section: §5.1, §7.2
# - Needs: one_training_step, lstm_baseline
# - Data: greentree (built in)
# - Minutes: quick 1.5, full 3
# - Memory: 1.5 GB
# - Shows: the same training on one device, on several and on two processes, and what becomes of the batch
# - Headline: mirrored_weight_error, multi_worker_weight_error, steps_per_second_vs_keras
#
# The article says that a GPU should be used, and stops there. With `tf.distribute` a program for one device becomes one
# for eight, or for four machines, by a word: the **strategy**. This lesson shows on any laptop what a strategy does,
# that the model learns the same under each, and what batch and learning rate become. Where Keras does something else
# without saying so is the lesson `distribution_traps`; what a thousand GPUs would do with a real model, `scaling_out`.
#
# A processor can be divided into several *logical* devices. They share its cores, so nothing becomes faster; but every
# line of the program is the one that several GPUs run. This must be the first thing that is asked of TensorFlow. (GPUs
# are hidden from this lesson, so that it gives the same figures everywhere.)

# %%
from __future__ import annotations

import os

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lmbook import (
    CausalWindows,
    CharacterTokenizer,
    Lesson,
    LmbookError,
    OptimizerConfig,
    RecurrentConfig,
    RecurrentLanguageModel,
    TrainingStep,
    WordTokenizer,
    evaluate,
    fit,
    make_strategy,
)
from lmbook.book import plots
from lmbook.cluster import BackgroundWorkers, difference, load
from lmbook.cluster.same_steps import same_steps
from lmbook.corpora.greentree import Grammar, floor, tell_stories
from lmbook.files import read_json, write_json
from lmbook.training import cpu_strategy, distribute_batches, divide_cpu, read_cluster

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("tf_distribute")
worker = read_cluster()  # None, but in the two processes that the lesson starts of itself further down
if worker is None:
    divide_cpu(4)
    print(*tf.config.list_logical_devices("CPU"), sep="\n")

# %% [markdown]
# ## What a strategy is
#
# ```
#                    a batch of 32 rows
#          rows 0–7 /  8–15 |     | 16–23 \ 24–31
#                  v        v     v        v
#               device 0    1     2        3        each with a copy of all weights
#                  |        |     |        |        forward, backward: a gradient of its own rows
#                  +--------+--+--+--------+
#                     all-reduce: the sum            every device gets the same sum
#                  +--------+--+--+--------+
#                  v        v     v        v
#               update   update  update  update      the same update, so the copies stay equal
# ```
#
# The loss of a batch is a mean over its N real tokens, and its gradient is a sum over them,
#
# $$\nabla L = \frac1N \sum_{i=1}^{N} \nabla \ell_i
# = \sum_{\text{device } d} \Bigl( \frac1N \sum_{i \in d} \nabla \ell_i \Bigr),$$
#
# so it does not matter which device adds up which tokens, as long as everybody divides by the N of the *whole* batch.
# `mirrored` does this with the devices of one machine, `multi_worker` with several processes, on one machine or many.
# What must be the same is the model after each update. That is the claim, and it can be measured.

# %% [markdown]
# ## The model of this lesson
#
# A small recurrent language model reads the stories of greentree, or any text with `--corpus NAME` or `--text FILE`.
# (A Transformer may take its place: nothing below depends on what is inside the model.)

# %%
grammar = Grammar(split="seen", max_sentences=4)
if lesson.own_text:
    from lmbook import load_corpus, text_corpus

    corpus = text_corpus(lesson.text, (0.8, 0.1, 0.1)) if lesson.text else load_corpus(lesson.corpus)
    held_out = [name for name in ("validation", "test") if name in corpus.splits]
    texts = [corpus.texts("train"), corpus.texts(held_out[0])[:200], corpus.texts(held_out[-1])[:200]]
    tokenizer = CharacterTokenizer.train(texts[0])
else:
    counts = (lesson.choose(quick=3_000, full=12_000), 200, 200)
    texts = [[s.english for s in tell_stories(n, 10 + i, grammar=grammar)] for i, n in enumerate(counts)]
    tokenizer = WordTokenizer.train(texts[0])
train, validation, test = ([tokenizer.encode(text) for text in part] for part in texts)
CONTEXT = 24


def language_model(seed: int) -> RecurrentLanguageModel:
    """The model as it is at the start."""
    keras.utils.set_random_seed(seed)
    return RecurrentLanguageModel(RecurrentConfig(tokenizer.vocabulary_size, 32, 64, cell="gru"))


def train_model(strategy, *, batch_size, steps, learning_rate, seed):
    """Train it under a strategy; gives the model and its history. Nothing but `strategy` says on how many devices."""
    with strategy.scope():
        model = language_model(seed)
    data = CausalWindows(train, tokenizer, context=CONTEXT, batch_size=batch_size, seed=seed)
    history = fit(
        model,
        data,
        steps=steps,
        optimizer=OptimizerConfig(learning_rate=learning_rate, warmup_steps=steps // 10),
        report_every=steps,
        steps_per_execution=10,
        checks=(),
        quiet=True,
    )
    return model, history


def curve(strategy) -> list[float]:
    """The training loss under a strategy, at ten points."""
    steps = lesson.choose(quick=80, full=200)
    return train_model(strategy, batch_size=32, steps=steps, learning_rate=1e-2, seed=lesson.seed)[1].loss


# %% [markdown]
# ## Two processes
#
# The second kind of strategy needs several processes. The lesson starts this very file twice, by
#
# ```
# lmbook launch --workers 2 -- python tf_distribute.py
# ```
#
# In those processes `TF_CONFIG` names the cluster, and they take the following turn: train the same model and end. The
# chief writes the curve.

# %%
WORKERS_FILE = "LMBOOK_TF_DISTRIBUTE_FILE"  # the environment variable that tells the workers where to write

if worker is not None:
    if WORKERS_FILE not in os.environ:
        raise LmbookError("This lesson starts its own workers.", "Run it without `lmbook launch`.")
    found = curve(make_strategy("multi_worker"))
    if worker.is_chief:
        write_json(os.environ[WORKERS_FILE], found)
    sys.exit()

# %% [markdown]
# ## The same steps
#
# Twenty steps with everything that makes sharing difficult: AdamW and repeated tokens, a learning rate that
# changes, clipping, rows of different lengths, a last batch of 7 rows that no number of devices divides. In one case
# each device works through its share in two parts (`gradient_accumulation_steps=2`). Then the weights are compared.
#
# Sums of floating-point numbers depend on their order, so the last bits differ. In float32 that is all that may
# differ. bfloat16 has 8 bits instead of 24, and rounds after every operation, so there the order is seen more: it is
# compared with one device in bfloat16.


# %%
folder = tempfile.TemporaryDirectory(prefix="lmbook-")  # goes when the lesson ends
scratch = Path(folder.name)


def arguments(precision: str, path: Path) -> list[str]:
    parts = ["--gradient-accumulation-steps", "2"]
    return ["-m", "lmbook.cluster.same_steps", str(path), *parts, "--precision", precision]


rows, errors = [], {}
for precision in ("float32", "mixed_bfloat16"):
    everywhere = lesson.full or precision == "float32"
    path = scratch / f"{precision}.npz"
    if everywhere:  # they work while this process does the same
        workers = BackgroundWorkers(*arguments(precision, path))
    one = same_steps(cpu_strategy(1), precision=precision)
    runs = {"mirrored, 2 devices": same_steps(cpu_strategy(2), 2, precision=precision)}
    if everywhere:
        runs["mirrored, 3 devices"] = same_steps(cpu_strategy(3), precision=precision)
        workers.wait()
        runs["multi_worker, 2 processes"] = load(path)
    for name, run in runs.items():
        errors[precision, name] = difference(one, run)
        rows.append((f"{name}, {precision}", *errors[precision, name]))
RULERS = {  # and what it may at most be: in bfloat16, in float32
    "weights, largest difference": (0.05, 1e-5),
    "relative to the largest weight": (0.015, 1e-5),
    "loss, nats": (0.01, 1e-6),
}
lesson.table(
    "same_steps",
    rows,
    ["against one device", *RULERS],
    tolerance=None,
    at_most={ruler: {row[0]: limits["float32" in row[0]] for row in rows} for ruler, limits in RULERS.items()},
)


def largest(precision: str, kind: str, place: int = 0) -> float:
    return max(error[place] for (p, name), error in errors.items() if p == precision and name.startswith(kind))


lesson.record("mirrored_weight_error", largest("float32", "mirrored"), "", 1e-5, note="20 steps, 2 and 3 devices")
lesson.record("multi_worker_weight_error", largest("float32", "multi"), "", 1e-5, note="20 steps, 2 processes")
lesson.record("mirrored_loss_error", largest("float32", "mirrored", 2), "nats per token", 1e-6)
lesson.record("multi_worker_loss_error", largest("float32", "multi", 2), "nats per token", 1e-6)
lesson.record("bfloat16_relative_error", largest("mixed_bfloat16", "", 1), "", 0.01, note="of the largest weight")

# %% [markdown]
# ## The same curve
#
# Now a whole training, on 1, 2 and 4 devices and on two processes. The curves lie on top of each other; below is
# their distance from the first.

# %%
workers_file = scratch / "curve.json"
options = ["--seed", str(lesson.seed), *(["--full"] if lesson.full else [])]
options += ["--corpus", lesson.corpus] if lesson.corpus else []
options += ["--text", str(lesson.text)] if lesson.text else []
workers = BackgroundWorkers(str(lesson.file.path), *options, environment={WORKERS_FILE: str(workers_file)})
curves = {f"{count} device{'s' if count > 1 else ''}": curve(cpu_strategy(count)) for count in (1, 2, 4)}
workers.wait()
curves["2 processes"] = read_json(workers_file)

figure, [[top], [bottom]] = plots.new_panels(2, 1, (7.0, 6.4))
first = np.array(curves["1 device"])
steps = np.linspace(0, lesson.choose(quick=80, full=200), len(first) + 1)[1:]
for index, (name, loss) in enumerate(curves.items()):
    style = {**plots.line_style(index), "linestyle": plots.DASHES[index]}
    top.plot(
        steps, loss, label=name, linewidth=(8.0, 5.0, 3.0, 1.6)[index], alpha=(0.35, 0.7, 0.9, 1.0)[index], **style
    )
    if index:
        distance = np.maximum(np.abs(np.array(loss) - first), 1e-9)
        bottom.semilogy(
            steps, distance, label=name, marker="o", linewidth=5 - index, markersize=10 - 2 * index, **style
        )
if not lesson.own_text:
    plots.draw_floor(top, floor(texts[1], tokenizer, grammar=grammar))
top.set(ylabel="training loss, nats per token", title="The same training on different devices")
bottom.set(xlabel="training step", ylabel="distance from 1 device (none: 10⁻⁹)", ylim=(5e-10, 1e-2))
top.legend(frameon=False)
bottom.legend(frameon=False, loc="upper left")
lesson.figure(
    figure, "curves", "The training loss on 1, 2 and 4 devices and 2 processes, and how far the curves are apart"
)
distance = max(float(np.abs(np.array(loss) - first).max()) for loss in curves.values())
lesson.record("curve_distance", distance, "nats per token", 1e-3, note="largest, of all curves and points")

# %% [markdown]
# ## What being right costs
#
# `fit` of the book makes its steps with `TrainingStep`, which adds up what the formula above says, where
# `keras.Model.fit` does not always (see `distribution_traps`). Does this cost time? Here are the same model, data and
# optimizer by both, on one device, ten steps to an execution. Epochs of Keras and stretches of ours take turns in one
# run, so both have the same machine; the figure is the ratio of the medians. (Keras chooses by itself whether XLA
# compiles; for a recurrent model `fit` of the book does not let it, because it is slower with Keras' loop.)

# %%
STRETCH, ROUNDS = 40, lesson.choose(quick=9, full=21)
data = CausalWindows(train, tokenizer, context=CONTEXT, batch_size=32, seed=lesson.seed)


def adamw():
    return keras.optimizers.AdamW(1e-3, weight_decay=0.01)


by_keras = language_model(lesson.seed)
by_keras.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    steps_per_execution=10,
)
ours = TrainingStep(language_model(lesson.seed), adamw(), clip_norm=1.0)
our_batches = distribute_batches(data, cpu_strategy(1), 0, STRETCH * (ROUNDS + 1))
seconds = {"keras": [], "book": []}


class TakeTurns(keras.callbacks.Callback):
    """Times each epoch of Keras, and runs as many steps of the book after it."""

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds["keras"].append(time.perf_counter() - self.began)
        began = time.perf_counter()
        for _ in range(STRETCH // 10):
            ours.run(our_batches, 10)
            ours.loss  # noqa: B018  looked at after every execution, as `fit` does
        seconds["book"].append(time.perf_counter() - began)


by_keras.fit(
    data.dataset(steps=STRETCH * (ROUNDS + 1)),
    steps_per_epoch=STRETCH,
    epochs=ROUNDS + 1,
    callbacks=[TakeTurns()],
    shuffle=False,
    verbose=0,
)
medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}  # the first were traced
lesson.record(
    "steps_per_second_vs_keras",
    medians["keras"] / medians["book"],
    "",
    None,
    n=ROUNDS,
    note="steps per second, ours / Keras'",
)

# %% [markdown]
# ## The batch: of all, or of each?
#
# In this book, as in `tf.data` under a strategy, a batch size is **global**: that of all devices together. With 32 rows
# on 4 devices each sees 8. So a program gives the same model on any number of devices, and each device has the less to
# do the more there are, until it has too little to be busy.
#
# To keep devices busy, people let the batch grow with their number: each keeps its rows. Then there are fewer steps
# for the same text, and the model is *not* the same. What should become of the learning rate?
#
# - **Linear**: k times the batch, k times the rate. Goyal et al. (2017) trained ResNet-50 by SGD with momentum this way
#   on up to 8,192 images at a time, with a warm-up. If the weights hardly move during k small steps, one large step
#   of k times the size is nearly the same.
# - **Square root**: k times the batch, √k times the rate. Adam divides by the gradient's own size, noise included. As
#   long as noise is most of it, a mean over k times the tokens has √k times less, and Malladi et al. (2022) derive that
#   the rate should grow by √k (and the two memories of Adam become shorter, 1 − β growing k-fold).
# - Both end somewhere. Beyond a **critical batch size**, when the noise is no longer most of the gradient, a larger
#   batch needs more text for the same loss, whatever the rate (McCandlish et al. 2018).
#
# Here are 16 and 64 rows at equal tokens. The rate of the small batch is the best of the grid on validation text (the
# full profile searches, the quick one takes what it found); the large batch is not tuned, as it would not be where one
# run costs a month. Scored on the test text, once.

# %%
batches = distribute_batches(CausalWindows(train, tokenizer, context=CONTEXT, batch_size=32), cpu_strategy(4), 0, 1)
shares = cpu_strategy(4).experimental_local_results(next(batches)[0])
lesson.record("rows_on_each_device", shares[0].shape[0], "rows", note="of a batch of 32 on 4 devices")

SMALL, GROWTH = 16, 4
tokens_read = lesson.choose(quick=160, full=480) * SMALL * CONTEXT


def held_out_loss(documents, *, batch_size: int, learning_rate: float, seed: int) -> float:
    """The loss after a training of `tokens_read` tokens."""
    model, _ = train_model(
        cpu_strategy(1),
        batch_size=batch_size,
        steps=tokens_read // (batch_size * CONTEXT),
        learning_rate=learning_rate,
        seed=seed,
    )
    return evaluate(model, documents, tokenizer, closed=not lesson.own_text).nats_per_token


base_rate = 2e-2
if lesson.full:
    grid = {
        rate: held_out_loss(validation, batch_size=SMALL, learning_rate=rate, seed=lesson.seed)
        for rate in (5e-3, 1e-2, 2e-2, 4e-2, 8e-2)
    }
    base_rate = min(grid, key=grid.get)
    lesson.table("rates", [[f"{rate:g}", loss] for rate, loss in grid.items()], ["rate", "validation loss"], 0.05)
lesson.record("small_batch_rate", base_rate, note=f"batch {SMALL}")
settings = {
    "small": (f"batch {SMALL}", SMALL, base_rate),
    "same": (f"batch {SMALL * GROWTH}, the same rate", SMALL * GROWTH, base_rate),
    "square_root": (f"batch {SMALL * GROWTH}, rate × 2 (square root)", SMALL * GROWTH, base_rate * math.sqrt(GROWTH)),
    "linear": (f"batch {SMALL * GROWTH}, rate × 4 (linear)", SMALL * GROWTH, base_rate * GROWTH),
}
seeds = range(lesson.seed, lesson.seed + lesson.choose(quick=1, full=3))
rows = []
for key, (name, batch_size, rate) in settings.items():
    losses = [held_out_loss(test, batch_size=batch_size, learning_rate=rate, seed=seed) for seed in seeds]
    spread = statistics.stdev(losses) if len(losses) > 1 else None
    lesson.record(f"loss_{key}", statistics.mean(losses), "nats per token", 0.1, sd=spread, n=len(losses), note=name)
    rows.append([name, rate, tokens_read // (batch_size * CONTEXT), statistics.mean(losses), spread or 0.0])
tolerances = {"rate": 1e-9, "steps": 0.0, "test loss": 0.1, "s.d. over seeds": 0.1}
lesson.table("batches", rows, ["run", *tolerances], tolerances)

# %%
lesson.finish()
