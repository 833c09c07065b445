"""Measuring how long workers need to add up their gradients, for models of several sizes.

Each worker keeps to one core and one thread, so that they do not disturb each other. Linux alone lets a program choose
its core.

Example::

    lmbook launch --workers 2 -- python -m lmbook.cluster.all_reduce_time found.json --widths 256 1024
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from lmbook.files import write_json
from lmbook.pipelines.causal import CausalWindows
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.training.distributed.cluster import read_cluster
from lmbook.training.distributed.feeding import distribute_batches
from lmbook.training.distributed.strategy import make_strategy
from lmbook.training.step import TrainingStep

VOCABULARY, CONTEXT, STEPS = 256, 16, 2


def time_all_reduce(strategy: tf.distribute.Strategy, width: int, rounds: int, rows: int = 4) -> dict[str, float]:
    """Time steps of a model on one device of each worker (all at once) and on all devices together, in turn.

    Args:
        strategy: of the devices together.
        width: D, of the model's two dense layers; it has about 2 D² + 512 D weights.
        rounds: how often; the medians are given.
        rows: of each device, alone and together.

    Returns:
        "bytes" of the gradient, and the seconds of a step "alone" and "together".
    """
    alone = _training_step(tf.distribute.get_strategy(), width, rows)
    together = _training_step(strategy, width, rows * strategy.num_replicas_in_sync)
    for each in (alone, together):
        _seconds_per_step(*each)  # the first steps are traced
    times = [(_seconds_per_step(*alone), _seconds_per_step(*together)) for _ in range(rounds)]
    seconds = [statistics.median(column) for column in zip(*times, strict=True)]
    return {"bytes": 4 * alone[0].model.count_params(), "alone": seconds[0], "together": seconds[1]}


def _training_step(strategy: tf.distribute.Strategy, width: int, rows: int) -> tuple[TrainingStep, Iterator]:
    """A training step of a model under a strategy, and batches of random tokens."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        layers = [keras.layers.Dense(width, activation="gelu"), keras.layers.Dense(width, activation="gelu")]
        table, logits = keras.layers.Embedding(VOCABULARY, width), keras.layers.Dense(VOCABULARY)
        model = keras.Sequential([keras.Input((None,), dtype="int32"), table, *layers, logits])
        optimizer = keras.optimizers.AdamW(1e-3)
        optimizer.build(model.trainable_variables)
    ids = np.random.default_rng(0).integers(3, VOCABULARY, size=5_000)
    batches = distribute_batches(
        CausalWindows([ids], SpecialIds(), context=CONTEXT, batch_size=rows), strategy, 0, 1_000
    )
    return TrainingStep(model, optimizer, strategy=strategy, clip_norm=1.0), batches


def _seconds_per_step(step: TrainingStep, batches: Iterator) -> float:
    """The mean duration of `STEPS` steps."""
    began = time.perf_counter()
    step.run(batches, STEPS)
    step.loss  # noqa: B018  reading it waits until all is computed
    return (time.perf_counter() - began) / STEPS


def _take_one_core() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[read_cluster().index % len(cores)]})


def main() -> None:
    parser = argparse.ArgumentParser(description="How long workers need for the sum of their gradients.")
    parser.add_argument("file", type=Path, metavar="FILE", help="where the chief writes, as JSON, one entry a width")
    parser.add_argument("--widths", type=int, nargs="+", required=True, metavar="D", help="of the models")
    parser.add_argument("--rounds", type=int, default=15, help="how often each is timed")
    options = parser.parse_args()
    cluster = read_cluster()
    if cluster is not None:
        _take_one_core()
    strategy = make_strategy("multi_worker")  # says what to do where there is no cluster
    found = [time_all_reduce(strategy, width, options.rounds) for width in options.widths]
    if cluster.is_chief:
        write_json(options.file, found)


if __name__ == "__main__":
    main()
