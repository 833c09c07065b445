"""Distributing batches among the replicas of a strategy."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

from lmbook.pipelines.batches import Batches
from lmbook.training.step import in_parts


def distribute_batches(
    data: Batches, strategy: tf.distribute.Strategy, start_step: int, steps: int, gradient_accumulation_steps: int = 1
) -> Iterator:
    """An iterator over the batches of `data` from number `start_step` on, as `TrainingStep.run` takes them.

    A batch [B, …] is the global one: replica r of R trains on its rows r B/R … (r + 1) B/R - 1. Where B does not
    divide by R x `gradient_accumulation_steps` (a last, smaller batch), rows of weight 0 are added. Every worker makes
    the whole batch and keeps its own rows: batches are cheap to make, and nothing depends on how many workers there
    are.

    Args:
        data: with batches (x, y, w), each of leading axis B.
        strategy: where they go.
        start_step: number of the first batch.
        steps: how many batches.
        gradient_accumulation_steps: see `TrainingStep`.
    """
    replicas = strategy.num_replicas_in_sync
    parts = replicas * gradient_accumulation_steps
    dataset = without_autotune(data.dataset(start_step, steps))
    if parts > 1:
        dataset = dataset.map(lambda *batch: _fill_up(batch, parts))
    if replicas == 1:
        return iter(dataset)

    def of_one_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        here = replicas // context.num_input_pipelines
        first = here * context.input_pipeline_id

        def shares(*batch):
            return tf.nest.map_structure(lambda value: in_parts(value, replicas)[first : first + here], batch)

        return dataset.map(shares).unbatch().prefetch(2 * here)

    return iter(strategy.distribute_datasets_from_function(of_one_worker))


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same data set without the thread that tunes its pipeline.

    Where TensorFlow keeps to operations that give the same result every time, that thread sleeps on when the iterator
    is deleted, and the program waits for it: up to a minute after a training run of some minutes.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _fill_up(batch: tuple, multiple: int) -> tuple:
    """Add rows of zeros, which have weight 0, until the number of rows is a multiple of `multiple`."""
    rows = batch[-1].shape[0]
    missing = -tf.shape(batch[-1])[0] % multiple if rows is None else -rows % multiple

    def filled(value):
        return tf.pad(value, [[0, missing]] + [[0, 0]] * (value.shape.rank - 1))

    return tf.nest.map_structure(filled, batch)
