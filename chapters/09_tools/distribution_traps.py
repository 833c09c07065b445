# %% [markdown]
# # Traps of training on many devices
#
# - Article section: §5.1, §7.2
# - Needs: tf_distribute
# - Data: none; the batches are made by the lesson
# - Minutes: quick 0.3, full 0.5
# - Memory: 1 GB
# - Shows: how a training on several devices, or one that is resumed, goes silently wrong, and what is right
# - Headline: mean_of_means_keras, clipping_keras, dropout_masks_keras
#
# Under a `tf.distribute` strategy a model should learn what it learns on one device (the lesson `tf_distribute`
# measures that it does). Each of the following is how Keras 3 does it, beside how `TrainingStep` of this book does,
# each run here. Few of them raise an error. What Keras does is compared with what Keras itself does on one device, or
# with arithmetic.
#
# The devices are parts of the processor, which TensorFlow treats like several GPUs; real GPUs are hidden, so that the
# figures are the same everywhere. A bigram model, a table with one row of logits for each token, is all that is needed.

# %%
from __future__ import annotations

import os

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import re
import tempfile
from pathlib import Path

from lmbook import Lesson, LmbookError, TrainingStep, make_strategy
from lmbook.cluster import BackgroundWorkers, difference, load
from lmbook.cluster.same_steps import same_steps
from lmbook.training import checkpoint, cpu_strategy, distribute_batches, divide_cpu

import keras
import numpy as np
import tensorflow as tf

lesson = Lesson("distribution_traps")
divide_cpu(4)
folder = tempfile.TemporaryDirectory(prefix="lmbook-")  # goes when the lesson ends
scratch = Path(folder.name)

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
    """The same batch at every step, as `distribute_batches` takes it."""

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
    parts = options.get("gradient_accumulation_steps", 1)
    batches = distribute_batches(Batches(tokens, labels, weights), strategy, 0, 1, parts)
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
    keras_does=float(np.abs(step_of_keras(cpu_strategy(1), lambda: keras.optimizers.Adam(0.1), **repeated)).max()),
    book_does=float(np.abs(step_of_the_book(cpu_strategy(1), lambda: keras.optimizers.Adam(0.1), **repeated)).max()),
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
    keras_does=apart(*(step_of_keras(cpu_strategy(n), sgd, weights=padded) for n in (1, 2))),
    book_does=apart(*(step_of_the_book(cpu_strategy(n), sgd, weights=padded) for n in (1, 2))),
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
        *(step_of_keras(cpu_strategy(n), lambda: keras.optimizers.SGD(1.0, global_clipnorm=0.05)) for n in (1, 2))
    ),
    book_does=apart(*(step_of_the_book(cpu_strategy(n), sgd, clip_norm=0.05) for n in (1, 2))),
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
    strategy = cpu_strategy(2)
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
step.run(distribute_batches(Batches(TOKENS, LABELS, EVERY), cpu_strategy(1), 0, 12), 12)
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
    accumulating = step_of_keras(cpu_strategy(2), lambda: keras.optimizers.SGD(1.0, gradient_accumulation_steps=2))
    seen = "no error"
except RuntimeError as error:
    seen = message(error)
trap(
    "accumulation",
    "Gradients accumulated over 2 parts, 2 devices",
    what="difference of the step from one device's",
    keras_does=seen,
    book_does=apart(
        step_of_the_book(cpu_strategy(1), sgd),
        step_of_the_book(cpu_strategy(2), sgd, gradient_accumulation_steps=2),
    ),
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


def from_keras_file(model: keras.Model) -> keras.Model:
    """The model as a run has it that is resumed from a `.keras` file."""
    model.save(scratch / "dropping.keras")
    return keras.saving.load_model(scratch / "dropping.keras")


def from_weights_file(model: keras.Model) -> keras.Model:
    model.save_weights(scratch / "dropping.weights.h5")
    resumed = dropping(1)
    resumed.load_weights(scratch / "dropping.weights.h5")
    return resumed


def from_checkpoint(model: keras.Model) -> keras.Model:
    """The same from a checkpoint of the book."""
    arrays = checkpoint.values("model", model.variables)
    resumed = dropping(1)
    checkpoint.assign("model", resumed.variables, arrays)
    return resumed


def masks_go_on(resume) -> float:
    """The share of places in which the next mask agrees, with and without a stop after three masks."""
    model = dropping(1)
    for _ in range(3):
        mask(model)
    resumed = resume(model)
    return float(np.mean(mask(model) == mask(resumed)))


for name, resume in ((".keras", from_keras_file), (".weights.h5", from_weights_file)):
    trap(
        f"resumed{name.replace('.', '_')}",
        f"Dropout after a resume from {name}",
        what="share of places in which the next mask agrees",
        keras_does=masks_go_on(resume),
        book_does=masks_go_on(from_checkpoint),
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
# (tried in the full profile alone, since it starts processes). The book's own `fit` goes through `TrainingStep`; two
# processes make the twenty steps of `lmbook.cluster.same_steps` with it, and the weights are compared with one
# device's.

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
    workers = BackgroundWorkers("-c", FIT_WITH_WORKERS)
    said = workers.wait(may_fail=True)
    errors_said = [line.split("] ", 1)[-1] for line in said.splitlines() if "Error: " in line and "[worker" in line]
    seen = f"{errors_said[-1][:110]}…" if workers.failed else "no error"
    path = scratch / "two.npz"
    BackgroundWorkers("-m", "lmbook.cluster.same_steps", str(path), "--gradient-accumulation-steps", "2").wait()
    weights = f"weights within {difference(same_steps(cpu_strategy(1)), load(path))[0]:.1e} of one device"
    traps.append(("Model.fit with 2 processes", "20 steps", seen, weights, "equal weights"))
lesson.table("traps", traps, ["trap", "measured", "Keras", "the book", "right"])

# %% [markdown]
# What follows from it: compare a few steps on several devices with the same steps on one, before a long training, with
# everything on that it will use. `lmbook.cluster.same_steps` does it for the book:
#
# ```
# python -m lmbook.cluster.same_steps one.npz --strategy default
# lmbook launch --workers 2 -- python -m lmbook.cluster.same_steps two.npz
# python -m lmbook.cluster.same_steps --compare one.npz two.npz
# ```

# %%
lesson.finish()
