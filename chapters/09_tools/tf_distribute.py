# %% [markdown]
# # Many devices, one model
#
# - Article section: §5.1, §7.2
# - Needs: one_training_step, lstm_baseline
# - Data: greentree (built in)
# - Minutes: quick 2, full 10
# - Memory: 1.5 GB
# - Shows: the same training on one device, on several and on two processes; what goes silently wrong; what it costs
# - Headline: mirrored_weight_error, multi_worker_weight_error, core_against_fit
#
# The article says that a GPU should be used, and stops there. With `tf.distribute` a program for one device becomes one
# for eight, or for four machines, by a word: the **strategy**. This lesson shows on any laptop what a strategy does,
# that the model learns the same under each, where Keras does something else without saying so, and what a
# thousand GPUs would do with a real model.
#
# A processor can be divided into several *logical* devices. They share its cores, so nothing becomes faster; but every
# line of the program is the one that several GPUs run. This must be the first thing that is asked of TensorFlow. (GPUs
# are hidden from this lesson, so that it gives the same figures everywhere; the last part is about them.)

# %%
from __future__ import annotations

import os

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from lmbook import plots
from lmbook.cluster import read_cluster
from lmbook.corpora.greentree import Grammar, floor, generate
from lmbook.errors import LmbookError
from lmbook.evaluation.language_modelling import evaluate
from lmbook.files import read_json, write_json
from lmbook.lesson import Lesson
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training import checkpoint
from lmbook.training.cost import (
    GptShape,
    Link,
    all_reduce_seconds,
    fit_link,
    ring_seconds,
    training_flops,
    training_memory,
)
from lmbook.training.feeding import feed
from lmbook.training.fit import fit
from lmbook.training.same_steps import difference, load, same_steps
from lmbook.training.step import TrainingStep
from lmbook.training.strategy import divide_cpu, make_strategy

lesson = Lesson("tf_distribute")
worker = read_cluster()  # None, but in the two processes that the lesson starts of itself further down
if worker is None:
    divide_cpu(4)
    print(*tf.config.list_logical_devices("CPU"), sep="\n")


def on_devices(count: int) -> tf.distribute.Strategy:
    """The strategy for the first `count` logical devices."""
    return make_strategy("default") if count == 1 else make_strategy("mirrored", [f"CPU:{i}" for i in range(count)])


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
def read_texts() -> tuple[list[str], list[str], list[str]]:
    """Texts for training, validation and the test."""
    if lesson.text is not None:
        from lmbook.corpora.files import text_corpus

        corpus = text_corpus(lesson.text, (0.8, 0.1, 0.1))
    else:
        from lmbook.corpora.catalogue import load_corpus

        corpus = load_corpus(lesson.corpus)
    held_out = [name for name in ("validation", "test") if name in corpus.splits]
    return corpus.texts("train"), corpus.texts(held_out[0])[:200], corpus.texts(held_out[-1])[:200]


own_text = lesson.text is not None or lesson.corpus not in (None, "greentree")
grammar = Grammar(split="seen", max_sentences=4)
if own_text:
    texts = read_texts()
    tokenizer = CharacterTokenizer.train(texts[0])
else:
    counts = (lesson.choose(quick=3_000, full=12_000), 200, 200)
    texts = [[s.english for s in generate(n, 10 + i, grammar=grammar)] for i, n in enumerate(counts)]
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
    data = CausalWindows(train, context=CONTEXT, batch_size=batch_size, seed=seed)
    history = fit(
        model,
        data,
        steps=steps,
        learning_rate=learning_rate,
        warmup_steps=steps // 10,
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
# In those processes `TF_CONFIG` names the cluster, and they take the following turn: train the same model, measure how
# long the sum of a gradient takes between them (for the part on costs), and end. The chief writes what they found.
# Each keeps to one core and one thread, so that they do not disturb each other and that the measurement means
# something. Linux alone lets a program choose its core.


# %%
WORKERS_FILE = "LMBOOK_TF_DISTRIBUTE_FILE"  # the environment variable that tells the workers where to write
WIDTHS = lesson.choose(quick=(256, 768, 1024, 1280), full=(256, 512, 768, 1024, 1536, 2048))
LEFT_OUT = 1024  # this size is not shown to the model of cost, which has to predict it


class Windows(CausalWindows):
    """Batches of random tokens, `rows` rows of 16 tokens."""

    def __init__(self, rows: int):
        ids = np.random.default_rng(0).integers(3, 256, size=5_000)
        super().__init__([ids], context=16, batch_size=rows)


def wide_model(width: int) -> keras.Model:
    """A model whose number of weights grows with `width`: two dense layers between a table of words and logits."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(width, activation="gelu"), keras.layers.Dense(width, activation="gelu")]
    return keras.Sequential(
        [keras.Input((None,), dtype="int32"), keras.layers.Embedding(256, width), *layers, keras.layers.Dense(256)]
    )


def training_step(strategy, width: int, rows: int):
    """A step of the wide model under a strategy, and its batches."""
    with strategy.scope():
        model = wide_model(width)
        optimizer = keras.optimizers.AdamW(1e-3)
        optimizer.build(model.trainable_variables)
    return TrainingStep(model, optimizer, strategy=strategy, clip=1.0), feed(Windows(rows), strategy, 0, 1_000)


def seconds_per_step(step, batches, steps: int) -> float:
    """What a step takes, the mean of `steps`."""
    began = time.perf_counter()
    step.run(batches, steps)
    step.loss  # noqa: B018  reading it waits until all is computed
    return (time.perf_counter() - began) / steps


def time_all_reduce(strategy, width: int, rows: int = 4) -> dict[str, float]:
    """Median seconds of a step by each worker alone (at the same time), and of one with both; in turn, in one run."""
    alone = training_step(tf.distribute.get_strategy(), width, rows)
    together = training_step(strategy, width, rows * strategy.num_replicas_in_sync)
    for each in (alone, together):
        seconds_per_step(*each, 2)  # traced here
    rounds, steps = lesson.choose(quick=7, full=15), 2
    times = [(seconds_per_step(*alone, steps), seconds_per_step(*together, steps)) for _ in range(rounds)]
    seconds = [statistics.median(column) for column in zip(*times, strict=True)]
    return {"bytes": 4 * alone[0].model.count_params(), "alone": seconds[0], "together": seconds[1]}


if worker is not None:
    if WORKERS_FILE not in os.environ:
        raise LmbookError("This lesson starts its own workers.", "Run it without `lmbook launch`.")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[worker.index % len(cores)]})
    strategy = make_strategy("multi_worker")
    found = {"curve": curve(strategy), "steps": [time_all_reduce(strategy, width) for width in WIDTHS]}
    if worker.is_chief:
        write_json(os.environ[WORKERS_FILE], found)
    sys.exit()


# %%
folder = tempfile.TemporaryDirectory(prefix="lmbook-")  # goes when the lesson ends
scratch = Path(folder.name)


def start_workers(*command: str, file: Path | None = None) -> subprocess.Popen:
    """Start `python COMMAND` in two worker processes, `file` being for what this lesson's own code finds in them."""
    launch = [sys.executable, "-m", "lmbook", "launch", "--workers", "2", "--", "python", *command]
    environment = {**os.environ, WORKERS_FILE: str(file)} if file else None
    with (scratch / "said.txt").open("w") as said:
        return subprocess.Popen(launch, env=environment, stdout=said, stderr=subprocess.STDOUT)


def wait_for(workers: subprocess.Popen, may_fail: bool = False) -> str:
    """What the workers said, once they have ended."""
    workers.wait(timeout=1_200)
    said = (scratch / "said.txt").read_text(encoding="utf-8", errors="replace")
    if workers.returncode and not may_fail:
        raise RuntimeError(f"The workers failed:\n{said[-3000:]}")
    return said


# %% [markdown]
# ## The same steps
#
# Twenty steps with everything that makes sharing difficult: AdamW and repeated tokens, a learning rate that
# changes, clipping, rows of different lengths, a last batch of 7 rows that no number of devices divides. In one case
# each device works through its share in two parts (`micro_batches=2`). Then the weights are compared.
#
# Sums of floating-point numbers depend on their order, so the last bits differ. In float32 that is all that may
# differ. bfloat16 has 8 bits instead of 24, and rounds after every operation, so there the order is seen more: it is
# compared with one device in bfloat16.


# %%
def arguments(precision: str, path: Path) -> list[str]:
    return ["-m", "lmbook.training.same_steps", str(path), "--micro-batches", "2", "--precision", precision]


rows, errors = [], {}
for precision in ("float32", "mixed_bfloat16"):
    everywhere = lesson.full or precision == "float32"
    path = scratch / f"{precision}.npz"
    if everywhere:  # they work while this process does the same
        workers = start_workers(*arguments(precision, path))
    one = same_steps(on_devices(1), precision=precision)
    runs = {"mirrored, 2 devices": same_steps(on_devices(2), micro_batches=2, precision=precision)}
    if everywhere:
        runs["mirrored, 3 devices"] = same_steps(on_devices(3), precision=precision)
        wait_for(workers)
        runs["multi_worker, 2 processes"] = load(path)
    for name, run in runs.items():
        errors[precision, name] = difference(one, run)
        rows.append((f"{name}, {precision}", *errors[precision, name]))
lesson.table(
    "same_steps",
    rows,
    ["against one device", "weights, largest difference", "relative to the largest weight", "loss, nats"],
    tolerance=None,
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
curves = {f"{count} device{'s' if count > 1 else ''}": curve(on_devices(count)) for count in (1, 2, 4)}
workers_file = scratch / "workers.json"
options = ["--seed", str(lesson.seed), *(["--full"] if lesson.full else [])]
options += ["--corpus", lesson.corpus] if lesson.corpus else []
options += ["--text", str(lesson.text)] if lesson.text else []
wait_for(start_workers(str(lesson.file.path), *options, file=workers_file))
by_workers = read_json(workers_file)
curves["2 processes"] = by_workers["curve"]

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
if not own_text:
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
# ## Traps
#
# Each of the following is how Keras 3 does it, beside how `TrainingStep` of this book does, each run here. Few of them
# raise an error. What Keras does is compared with what Keras itself does on one device, or with arithmetic.
#
# A bigram model, a table with one row of logits for each token, is all that is needed.

# %%
traps = []
TOKENS = np.array([[1, 2, 3, 4, 5, 6]] * 4 + [[1, 1, 2, 3, 3, 4]] * 4, "int32")
LABELS = np.array([[2, 3, 4, 5, 6, 7]] * 4 + [[5, 2, 2, 7, 1, 1]] * 4, "int32")
EVERY = np.ones((8, 6), "float32")


def trap(key, title, *, keras_does, book_does, right, what, tolerance=1e-3):
    """Note what Keras and what the book give for `what`, where `right` is right."""
    if abs(book_does - right) > tolerance:
        raise AssertionError(f"{title}: the book's own step gives {book_does}, not {right}")
    if not isinstance(keras_does, str):
        lesson.record(f"{key}_keras", keras_does, "", tolerance, note=what)
        if abs(keras_does - right) <= tolerance:
            print(f"Keras {keras.__version__} has mended this: {title}")
    lesson.record(f"{key}_book", book_does, "", tolerance, note=f"{what}; right: {right:g}")
    seen = keras_does if isinstance(keras_does, str) else f"{keras_does:.3g}"
    traps.append((title, what, seen, f"{book_does:.3g}", f"{right:g}"))


class Batches:
    """The same batch at every step, as `feed` takes it."""

    def __init__(self, *batch):
        self.batch = batch

    def dataset(self, start_step: int, steps: int) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(self.batch).repeat(steps)


def bigrams() -> keras.Model:
    keras.utils.set_random_seed(1)
    start = keras.initializers.RandomNormal(stddev=1.0)
    return keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(8, 8, start)])


def step_of_keras(strategy, make_optimizer, tokens=TOKENS, labels=LABELS, weights=EVERY) -> np.ndarray:
    """How far a step of `Model.fit` moves the weights."""
    with strategy.scope():
        model = bigrams()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        model.compile(make_optimizer(), loss)
    before = model.get_weights()[0]
    model.fit(tokens, labels, sample_weight=weights, batch_size=len(tokens), shuffle=False, verbose=0)
    return model.get_weights()[0] - before


def step_of_the_book(strategy, make_optimizer, tokens=TOKENS, labels=LABELS, weights=EVERY, **options) -> np.ndarray:
    """How far a `TrainingStep` moves them."""
    with strategy.scope():
        model = bigrams()
        optimizer = make_optimizer()
        optimizer.build(model.trainable_variables)
    before = model.get_weights()[0]
    batches = feed(Batches(tokens, labels, weights), strategy, 0, 1, options.get("micro_batches", 1))
    TrainingStep(model, optimizer, **options).run(batches, 1)
    return model.get_weights()[0] - before


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference, as a share of the largest movement on one device."""
    return float(np.abs(one - other).max() / np.abs(one).max())


def sgd():
    return keras.optimizers.SGD(1.0)


# %% [markdown]
# **Adam meets a repeated token.** Adam divides the gradient by the root of its mean square, so its first step moves
# every weight that has a gradient by exactly the learning rate, here 0.1. Keras keeps the gradient of an embedding as a
# list of rows, one for each token of the batch, adds the rows of a repeated token, but squares them one by one: the
# denominator is too small. Token 1 stands three times in this batch. One device is enough to see it; every language
# model repeats its tokens.

# %%
repeated = dict(tokens=np.array([[1, 1, 1, 2]], "int32"), labels=np.array([[3, 3, 3, 4]], "int32"))
repeated["weights"] = np.ones((1, 4), "float32")
trap(
    "adam_repeated",
    "Adam on a token that comes three times",
    what="largest movement of a weight in the first step",
    keras_does=float(np.abs(step_of_keras(on_devices(1), lambda: keras.optimizers.Adam(0.1), **repeated)).max()),
    book_does=float(np.abs(step_of_the_book(on_devices(1), lambda: keras.optimizers.Adam(0.1), **repeated)).max()),
    right=0.1,
)

# %% [markdown]
# **A mean of means.** Rows of different lengths: the first device has 24 real tokens, the second 4. Keras takes the
# mean on each device and then the mean of the means, so a token of the second weighs six times as much as one of
# the first. (With Keras' default reduction the padding is counted as tokens instead: wrong too, but equally so on each
# device.)

# %%
lengths = np.array([6, 6, 6, 6, 1, 1, 1, 1])
padded = (np.arange(6) < lengths[:, None]).astype("float32")
trap(
    "mean_of_means",
    "Rows of different lengths, 2 devices",
    what="difference of the step from one device's",
    keras_does=apart(*(step_of_keras(on_devices(n), sgd, weights=padded) for n in (1, 2))),
    book_does=apart(*(step_of_the_book(on_devices(n), sgd, weights=padded) for n in (1, 2))),
    right=0.0,
)

# %% [markdown]
# **Clipping too early.** Clipping shortens the gradient of the batch when it is longer than a limit. Keras clips each
# device's share before the shares are added: they are shorter (nothing is clipped that should be), and point elsewhere.

# %%
trap(
    "clipping",
    "Clipping by global norm, 2 devices",
    what="difference of the step from one device's",
    keras_does=apart(
        *(step_of_keras(on_devices(n), lambda: keras.optimizers.SGD(1.0, global_clipnorm=0.05)) for n in (1, 2))
    ),
    book_does=apart(*(step_of_the_book(on_devices(n), sgd, clip=0.05) for n in (1, 2))),
    right=0.0,
)

# %% [markdown]
# **One mask for all.** Dropout sets random activations to zero. Keras hands the same random state to every device, so
# all drop the same units for their rows, and the rows of a batch are less different than they should be. Two
# independent masks agree in half of their places.


# %%
def masks_agree(by_the_book: bool) -> float:
    """The share of places in which the dropout masks of two devices agree."""
    keras.utils.set_random_seed(1)
    strategy = on_devices(2)
    with strategy.scope():
        model = keras.Sequential([keras.Input((10_000,)), keras.layers.Dropout(0.5)])
    if by_the_book:
        TrainingStep(model, sgd())
    draw = tf.function(lambda: strategy.run(lambda: model(tf.ones((1, 10_000)), training=True)))
    one, other = strategy.experimental_local_results(draw())
    return float(np.mean((one.numpy() > 0) == (other.numpy() > 0)))


trap(
    "dropout_masks",
    "Dropout on 2 devices",
    what="share of places in which their masks agree",
    keras_does=masks_agree(False),
    book_does=masks_agree(True),
    right=0.5,
    tolerance=0.03,
)

# %% [markdown]
# **The phantom step.** A data set made by a generator does not know its length. At the end of each epoch Keras begins
# one more step, finds no data, and has counted it all the same: the learning rate's schedule runs ahead, and
# weight decay is applied once more. Three epochs of four batches:

# %%
endless = tf.data.Dataset.from_generator(
    lambda: ((TOKENS, LABELS) for _ in range(4)),
    output_signature=(tf.TensorSpec((8, 6), "int32"), tf.TensorSpec((8, 6), "int32")),
)
model = bigrams()
model.compile(sgd(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(endless, epochs=3, shuffle=False, verbose=0)
step = TrainingStep(bigrams(), sgd())
step.run(feed(Batches(TOKENS, LABELS, EVERY), on_devices(1), 0, 12), 12)
trap(
    "phantom_steps",
    "Data of unknown length, 3 epochs of 4 batches",
    what="steps that the optimizer counts",
    keras_does=int(model.optimizer.iterations.numpy()),
    book_does=int(step.optimizer.iterations.numpy()),
    right=12,
)


# %% [markdown]
# **Accumulating gradients.** A batch that does not fit into memory is worked through in parts. Keras' optimizers
# have a setting for it that fails under several devices; the book's step does it inside the step.


# %%
def message(error: Exception) -> str:
    """The sentence of an error that says what is wrong."""
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = next((line for line in lines if "`" in line or "merge" in line), lines[-1])
    return f"{type(error).__name__}: {words[:110]}{'…' if len(words) > 110 else ''}"


try:
    accumulating = step_of_keras(on_devices(2), lambda: keras.optimizers.SGD(1.0, gradient_accumulation_steps=2))
    seen = "no error"
except RuntimeError as error:
    seen = message(error)
trap(
    "accumulation",
    "Gradients accumulated over 2 parts, 2 devices",
    what="difference of the step from one device's",
    keras_does=seen,
    book_does=apart(step_of_the_book(on_devices(1), sgd), step_of_the_book(on_devices(2), sgd, micro_batches=2)),
    right=0.0,
)


# %% [markdown]
# **Dropout begins again.** A run is stopped and resumed. The state of dropout's random numbers is in neither of Keras'
# two files, so that the resumed run draws other masks than the one that was not stopped would have. The book's
# checkpoints hold all variables of the model.


# %%
def dropping(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((10_000,)), keras.layers.Dropout(0.5)])


def mask(model: keras.Model) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(np.ones((1, 10_000), "float32"), training=True)) > 0


def masks_go_on(save, restore) -> float:
    """The share of places in which the next mask agrees, with and without a stop after three masks."""
    model = dropping(1)
    for _ in range(3):
        mask(model)
    saved = save(model)
    return float(np.mean(mask(model) == mask(restore(saved))))


def saved_whole(model):
    model.save(scratch / "dropping.keras")


def restored_whole(_):
    return keras.saving.load_model(scratch / "dropping.keras")


def saved_weights(model):
    model.save_weights(scratch / "dropping.weights.h5")


def restored_weights(_):
    model = dropping(1)
    model.load_weights(scratch / "dropping.weights.h5")
    return model


def saved_by_the_book(model):
    return checkpoint.values("model", model.variables)


def restored_by_the_book(arrays):
    model = dropping(1)
    checkpoint.assign("model", model.variables, arrays)
    return model


book = masks_go_on(saved_by_the_book, restored_by_the_book)
for name, save, restore in (
    (".keras", saved_whole, restored_whole),
    (".weights.h5", saved_weights, restored_weights),
):
    trap(
        f"resumed{name.replace('.', '_')}",
        f"Dropout after a resume from {name}",
        what="share of places in which the next mask agrees",
        keras_does=masks_go_on(save, restore),
        book_does=book,
        right=1.0,
        tolerance=0.03,
    )

# %% [markdown]
# **Devices that are not there.** On a machine without GPUs, TensorFlow makes a strategy of two of them and says
# nothing; all is computed on the CPU. The book asks first.

# %%
absent = tf.distribute.MirroredStrategy(["GPU:0", "GPU:1"])
try:
    make_strategy("mirrored", ["GPU:0", "GPU:1"])
    said = "nothing"
except LmbookError as error:
    said = str(error)
lesson.record("absent_gpus_replicas", absent.num_replicas_in_sync, "replicas", note="MirroredStrategy without any GPU")
if "There is no device GPU:0" not in said:
    raise AssertionError(f"make_strategy said: {said}")
traps.append(
    ("2 GPUs named, none there", "what is said", f"{absent.num_replicas_in_sync} replicas, no error", said, "an error")
)

# %% [markdown]
# **`Model.fit` and several processes.** `MultiWorkerMirroredStrategy` and Keras 3's own `fit` do not go together at all
# (tried in the full profile). The two processes above went through `TrainingStep`.

# %%
FIT_WITH_WORKERS = """
import keras, numpy as np, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
model.fit(np.ones((8, 4)), np.ones((8, 1)), batch_size=8, verbose=0)
"""
if lesson.full:
    workers = start_workers("-c", FIT_WITH_WORKERS)
    said = wait_for(workers, may_fail=True)
    errors_said = [line.split("] ", 1)[-1] for line in said.splitlines() if "Error: " in line and "[worker" in line]
    seen = f"{errors_said[-1][:110]}…" if workers.returncode else "no error"
    weights = f"weights within {largest('float32', 'multi'):.1e} of one device"
    traps.append(("Model.fit with 2 processes", "20 steps", seen, weights, "equal weights"))
lesson.table("traps", traps, ["trap", "measured", "Keras", "the book", "right"])

# %% [markdown]
# ## What being right costs
#
# The same model, data and optimizer by `keras.Model.fit` and by `TrainingStep`, on one device, ten steps to an
# execution for both. Epochs of Keras and stretches of ours take turns in one run, so both have the same
# machine; the figure is the ratio of the medians. (Keras chooses by itself whether XLA compiles; for a recurrent model
# `fit` of the book does not let it, because it is slower with Keras' loop.)

# %%
STRETCH, ROUNDS = 40, lesson.choose(quick=9, full=21)
data = CausalWindows(train, context=CONTEXT, batch_size=32, seed=lesson.seed)


def adamw():
    return keras.optimizers.AdamW(1e-3, weight_decay=0.01)


by_keras = language_model(lesson.seed)
by_keras.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    steps_per_execution=10,
)
ours = TrainingStep(language_model(lesson.seed), adamw(), clip=1.0)
our_batches = feed(data, on_devices(1), 0, STRETCH * (ROUNDS + 1))
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
    "core_against_fit", medians["keras"] / medians["book"], "", None, n=ROUNDS, note="steps per second, ours / Keras'"
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
batches = feed(CausalWindows(train, context=CONTEXT, batch_size=32), on_devices(4), 0, 1)
shares = on_devices(4).experimental_local_results(next(batches)[0])
lesson.record("rows_on_each_device", shares[0].shape[0], "rows", note="of a batch of 32 on 4 devices")

SMALL, GROWTH = 16, 4
tokens_read = lesson.choose(quick=160, full=480) * SMALL * CONTEXT


def held_out_loss(documents, *, batch_size: int, learning_rate: float, seed: int) -> float:
    """The loss after a training of `tokens_read` tokens."""
    model, _ = train_model(
        on_devices(1),
        batch_size=batch_size,
        steps=tokens_read // (batch_size * CONTEXT),
        learning_rate=learning_rate,
        seed=seed,
    )
    return evaluate(model, documents, closed=not own_text).nats_per_token


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
lesson.table("batches", rows, ["run", "rate", "steps", "test loss", "s.d. over seeds"], 0.1)

# %% [markdown]
# ## A model of cost
#
# With n devices a step takes
#
# $$t(n) = \underbrace{\frac{\text{compute}}{n}}_{\text{each its share}} + \underbrace{2\,\frac{n-1}{n}\,
# \frac{\text{bytes}}{\text{bandwidth}} + 2 (n-1)\,\text{latency}}_{\text{all-reduce in a ring}}$$
#
# The ring: the gradient is cut into n pieces; in n − 1 messages the pieces are added up on their way round, in n − 1
# more the sums go round (Patarasuk and Yuan 2009). Each device sends less than twice the gradient, however many there
# are. So the second term hardly grows with n, but it does not shrink either, while the first does.
#
# Is it true here? The two workers trained models of several sizes, each alone (both at the same time) and together with
# the same rows for each. What together takes longer is the all-reduce. Bandwidth and latency are fitted to the sizes
# but one, and that one is predicted. (Both processes are on one machine: what is measured is how fast TensorFlow moves
# numbers between processes, not a network.)

# %%
measured = dict(zip(WIDTHS, by_workers["steps"], strict=True))
shown = [run for width, run in measured.items() if width != LEFT_OUT]
link = fit_link([run["bytes"] for run in shown], [run["together"] - run["alone"] for run in shown], 2)
lesson.record("bandwidth_here", link.bandwidth / 1e6, "MB/s", None, note="between two processes of this machine")
lesson.record("latency_here", 1e3 * link.latency, "ms per message", None)
rows, predicted = [], {}
for width, run in measured.items():
    predicted[width] = run["alone"] + ring_seconds(run["bytes"], 2, link)
    name = f"width {width}" + (", not in the fit" if width == LEFT_OUT else "")
    rows.append([name, run["bytes"] / 1e6, run["together"] / run["alone"], predicted[width] / run["alone"]])
columns = ["model", "gradient, MB", "step with both, times alone", "predicted, times alone"]
lesson.table("all_reduce", rows, columns, tolerance={"gradient, MB": 1e-6, columns[2]: None, columns[3]: None})
error = abs(predicted[LEFT_OUT] / measured[LEFT_OUT]["together"] - 1)
lesson.record("prediction_error", error, "", None, note="of a step's seconds, for the size that was not in the fit")

# %% [markdown]
# ## From 8 to 1,024 GPUs
#
# The same formula with the figures of a real machine. Every number that goes in stands here; change them.
#
# The GPUs are NVIDIA's H200 (SXM), 8 to a machine. Inside a machine NVLink carries 450 GB/s each way, between machines
# each GPU has a port of 400 Gbit/s. An all-reduce then has two levels: a ring inside each machine, and 8 rings side by
# side between machines, each for an eighth of the gradient. The models are GPT-3's (Brown et al. 2020, table 2.1) small
# and 6.7 B ones with its batches in tokens; the small one with the vocabulary and context of GPT-2, which makes it the
# 124 M model that everybody trains first.
#
# What the formula leaves out: an all-reduce that runs while the backward pass is still computing (it can hide most of
# the second term: this is the worst case), attention's own products, input, the wait for the slowest device, failures,
# and that a GPU with little to do does not reach its share of the peak.

# %%
PEAK_FLOPS = 989e12  # per second and GPU, bfloat16 without sparsity (NVIDIA's data sheet of the H200 SXM)
SHARE_OF_PEAK = 0.40  # what a well-kept program reaches (Llama 3: 0.38 to 0.43; Grattafiori et al. 2024, table 4)
SHARE_OF_BANDWIDTH = 0.80  # of the nominal ones below
INSIDE = Link(bandwidth=SHARE_OF_BANDWIDTH * 450e9, latency=3e-6)  # NVLink 4, one way; latency assumed
BETWEEN = Link(bandwidth=SHARE_OF_BANDWIDTH * 50e9, latency=10e-6)  # 400 Gbit/s; latency assumed
GPUS_PER_MACHINE = 8
GPU_MEMORY = 141e9  # bytes
GRADIENT_BYTES = 4  # per weight: Keras' gradients are float32 under mixed_bfloat16 too
GPUS = (8, 16, 32, 64, 128, 256, 512, 1024)
MODELS = {  # shape, tokens in a step
    "124 M": (GptShape(12, 768, 12, vocabulary_size=50_257, max_sequence_length=1024), 2**19),
    "7 B": (GptShape(32, 4096, 32, vocabulary_size=50_257, max_sequence_length=2048), 2**21),
}


def predict(shape: GptShape, tokens: int, gpus: int) -> tuple[float, float]:
    """Seconds of a step that compute, and seconds that wait for the sum."""
    computing = training_flops(shape.parameters, tokens) / (gpus * PEAK_FLOPS * SHARE_OF_PEAK)
    summing = all_reduce_seconds(GRADIENT_BYTES * shape.parameters, gpus, GPUS_PER_MACHINE, INSIDE, BETWEEN)
    return computing, summing


rows = []
figure, axes = plots.new_figure("Predicted: no overlap, a fixed batch", "GPUs", "tokens per second")
for index, (name, (shape, tokens)) in enumerate(MODELS.items()):
    speeds = []
    for gpus in GPUS:
        computing, summing = predict(shape, tokens, gpus)
        speeds.append(tokens / (computing + summing))
        each = tokens / shape.max_sequence_length / gpus
        rows.append([f"{name} on {gpus}", each, computing + summing, computing / (computing + summing), speeds[-1]])
    style = plots.line_style(index)
    ideal = [PEAK_FLOPS * SHARE_OF_PEAK * gpus / training_flops(shape.parameters, 1) for gpus in GPUS]
    axes.plot(GPUS, speeds, marker="o", label=f"{name}, {tokens:,} tokens in a step", **style)
    axes.plot(GPUS, ideal, linewidth=1.0, label=f"{name}, if sums took no time", **{**style, "linestyle": ":"})
axes.set_xscale("log", base=2)
axes.set_yscale("log")
axes.set_xticks(GPUS, [f"{gpus:,}" for gpus in GPUS])
axes.legend(frameon=False)
lesson.figure(figure, "scaling", "Tokens per second against GPUs, predicted by the model of cost")
COLUMNS = ["GPUs", "rows of each", "seconds per step", "share that computes", "tokens per second"]
lesson.table("scaling", rows, COLUMNS, {"rows of each": 0.0, COLUMNS[2]: 1e-4, COLUMNS[3]: 1e-4, COLUMNS[4]: 1e3})
for key, name in (("124m", "124 M"), ("7b", "7 B")):
    computing, summing = predict(*MODELS[name], 1024)
    lesson.record(f"computing_share_{key}", computing / (computing + summing), "", 1e-4, note="1,024 GPUs, predicted")

# %% [markdown]
# The small model stops growing early: its step is over so quickly that the sum is most of it, and on 1,024 GPUs there
# is not even one row of text for each. The large one computes longer for every byte of gradient. This is why small
# models are trained on few GPUs, and why the batch grows with their number where they are many.
#
# ## Does it fit?
#
# Under a strategy every device holds the whole model. For each weight: 4 bytes, 4 of gradient, 8 of AdamW's two means;
# under `mixed_bfloat16` 2 more for the copy with which it computes. On top come the activations that wait for the
# backward pass (Korthikanti et al. 2022; for float32 the same numbers at twice the width), here for a single row. The
# `micro_batches` of `fit` keep it at that. *Recomputed* means that only the input of each block is kept
# (`keras.remat` around a block), for about a third more computing.

# %%
rows = []
for name, (shape, _) in MODELS.items():
    for policy, mixed, recomputed in (
        ("float32", False, False),
        ("mixed_bfloat16", True, False),
        ("mixed_bfloat16, recomputed", True, True),
    ):
        held = training_memory(shape, 1, mixed=mixed, recomputed=recomputed)
        parts = (held.parameters, held.gradients, held.optimizer, held.activations, held.total)
        rows.append([f"{name}, {policy}", *(part / 1e9 for part in parts), held.total < GPU_MEMORY])
lesson.table(
    "memory",
    rows,
    ["GB on each device", "weights", "gradients", "AdamW", "activations", "together", "fits into 141 GB"],
    tolerance=1e-3,
)

# %% [markdown]
# Weights, gradients and AdamW's means of the 7 B model take most of an H200 and more than a GPU with 80 GB has; nothing
# that `tf.distribute` does makes them smaller, because every device holds all. Programs for larger models divide them
# among the devices (ZeRO, Rajbhandari et al. 2020).
#
# ## What one would do
#
# **One GPU.** Nothing: `auto` takes it.
#
# ```
# lmbook train --corpus tiny_shakespeare --output model --precision mixed_bfloat16
# ```
#
# Batch 64, the model's own rate. If the memory is too small, `--micro-batches 4`: the same model, in more time.
#
# **One machine, 8 GPUs.** The same command: `auto` sees them and becomes `mirrored`. The batch of 64 is shared out, 8
# rows to each, and the model is the one of before. To choose some of the GPUs:
#
# ```
# lmbook train --corpus tiny_shakespeare --output model --strategy mirrored --devices GPU:0,GPU:1,GPU:2,GPU:3
# ```
#
# When the GPUs are not busy, let the batch grow, to 8 × 64 = 512 rows, with √8 ≈ 2.8 times the rate to begin with, and
# try half and twice that:
#
# ```
# lmbook train --corpus tiny_shakespeare --output model --batch-size 512
# ```
#
# (The rate of `lmbook train` is the model's own; in a program it is `fit(…, learning_rate=…)`.)
#
# **4 machines of 8 GPUs.** On each machine the same command, with its own number K from 0:
#
# ```
# lmbook launch --hosts node0:12345,node1:12345,node2:12345,node3:12345 --index K -- \
#     lmbook train --corpus tiny_shakespeare --output model --batch-size 2048
# ```
#
# 32 GPUs share 2,048 rows, 64 each. The square root would be 5.7 times the rate; whether this little model bears it
# nobody knows: measure, as above, on a part of the text. Without `--index` the command prints what to type where.
# What each machine needs, and files for Slurm and Kubernetes, are in [docs/clusters.md](../../docs/clusters.md).
#
# **Without GPUs**, to see it work: `lmbook train … --cpu-devices 2`, or
# `lmbook launch --workers 2 -- lmbook train …`.

# %%
lesson.record("quick_seconds" if not lesson.full else "full_seconds", lesson.seconds, "s", None)
lesson.finish()
