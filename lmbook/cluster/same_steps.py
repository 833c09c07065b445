"""Twenty training steps that must give the same weights under every strategy.

They contain what can go wrong when devices share a batch: repeated tokens under AdamW, a schedule, clipping,
gradient accumulation, rows of different lengths, a last batch of fewer rows.

Example::

    python -m lmbook.cluster.same_steps one.npz --strategy default
    lmbook launch --workers 2 -- python -m lmbook.cluster.same_steps two.npz
    python -m lmbook.cluster.same_steps --compare one.npz two.npz
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from lmbook.files import write_atomically
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.pipelines.batches import NumberedBatches
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.distributed.strategy import make_strategy
from lmbook.training.fit import fit
from lmbook.training.optimizers import OptimizerConfig

VOCABULARY, STEPS, LAST_ROWS = 30, 20, 7
ADAMW = OptimizerConfig(learning_rate=0.01, warmup_steps=4, clip_norm=0.5)


@dataclass(frozen=True)
class UnevenBatches(NumberedBatches):
    """Batches of B rows of 2 to T tokens from a small vocabulary; the last has only `LAST_ROWS` rows."""

    batch_size: int = 12
    context: int = 10
    steps_per_epoch: int = STEPS
    description: str = "uneven batches"

    @property
    def signature(self):
        return tuple(tf.TensorSpec((None, self.context), kind) for kind in ("int32", "int32", "float32"))

    def _batches(self, start_step: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        return map(self._batch, range(start_step, start_step + steps))

    def _batch(self, step: int) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(step)
        rows = LAST_ROWS if step % STEPS == STEPS - 1 else self.batch_size
        ids = np.minimum(rng.geometric(0.2, size=(rows, self.context + 1)) + 2, VOCABULARY - 1).astype("int32")
        real = np.arange(self.context) < rng.integers(2, self.context + 1, size=(rows, 1))
        return ids[:, :-1] * real, ids[:, 1:] * real, real.astype("float32")


def same_steps(
    strategy: tf.distribute.Strategy,
    gradient_accumulation_steps: int = 1,
    precision: str = "float32",
    optimizer: OptimizerConfig = ADAMW,
) -> dict[str, np.ndarray]:
    """Make the twenty steps under a strategy.

    Returns:
        "losses" [20] in nats per token, and the weights by their numbers.
    """
    keras.utils.set_random_seed(3)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with strategy.scope():
            model = RecurrentLanguageModel(RecurrentConfig(VOCABULARY, 16, 24, num_layers=2, cell="gru"))
    finally:
        keras.config.set_dtype_policy(before)
    history = fit(
        model,
        UnevenBatches(),
        steps=STEPS,
        optimizer=optimizer,
        gradient_accumulation_steps=gradient_accumulation_steps,
        report_every=10,
        steps_per_execution=1,
        checks=(),
        quiet=True,
    )
    return {"losses": np.array(history.loss), **{f"weight_{i}": v.numpy() for i, v in enumerate(model.weights)}}


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> tuple[float, float, float]:
    """The largest difference of a weight, absolute and relative to the largest weight, and of a loss in nats."""
    names = [name for name in one if name != "losses"]
    weights = max(float(np.abs(one[name] - other[name]).max()) for name in names)
    largest = max(float(np.abs(one[name]).max()) for name in names)
    return weights, weights / largest, float(np.abs(one["losses"] - other["losses"]).max())


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays that `same_steps` returned."""

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    write_atomically(path, fill)


def load(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays that `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def main() -> None:
    parser = argparse.ArgumentParser(description="Twenty training steps that any strategy must make alike.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="where to write; or two to --compare")
    parser.add_argument("--compare", action="store_true", help="compare two files")
    parser.add_argument("--strategy", default="auto", help="auto, default, mirrored or multi_worker")
    parser.add_argument("--cpu-devices", type=int, help="divide the CPU into so many devices")
    parser.add_argument("--gradient-accumulation-steps", type=int, default=1)
    parser.add_argument("--precision", default="float32", help="float32, mixed_bfloat16 or mixed_float16")
    options = parser.parse_args()
    if options.compare:
        weights, relative, losses = difference(*map(load, options.files))
        print(f"largest difference of a weight {weights:.2e} (relative {relative:.2e}), of a loss {losses:.2e} nats")
        return
    strategy = make_strategy(options.strategy, cpu_devices=options.cpu_devices)
    arrays = same_steps(strategy, options.gradient_accumulation_steps, options.precision)
    if is_chief():
        save(options.files[0], arrays)


if __name__ == "__main__":
    main()
