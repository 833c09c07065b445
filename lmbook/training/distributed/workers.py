"""Communication between the workers of a cluster: where to begin, when to stop, whether they do the same work.

Without a cluster every function returns at once what it was given.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.checkpoint import Checkpoint, dump, read
from lmbook.training.distributed.cluster import is_chief, read_cluster
from lmbook.training.distributed.strategy import local_value

_PIECE = 16_000_000  # int32 numbers sent at once
# What TensorFlow raises in a worker when another one has gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)


def is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes train together under `strategy`."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and read_cluster() is not None


def sum_over_workers(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """The sum of the arrays of all workers, which have one shape and type. All workers must call it."""
    if not is_multi_worker(strategy):
        return values
    local_replicas = strategy.num_replicas_in_sync // read_cluster().size

    @tf.function
    def add(values):
        def in_replica(values):
            context = tf.distribute.get_replica_context()
            counts = tf.cast(context.replica_id_in_sync_group % local_replicas == 0, values.dtype)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, values * counts)

        return local_value(strategy, strategy.run(in_replica, args=(values,)))

    return add(tf.constant(values)).numpy()


def from_chief(strategy: tf.distribute.Strategy, content: bytes) -> bytes:
    """The chief's `content` on every worker; the others' is ignored. All workers must call it."""
    if not is_multi_worker(strategy):
        return content
    size = int(sum_over_workers(strategy, np.array([len(content) if is_chief() else 0], "int64"))[0])
    words = np.zeros(-(-size // 4), "int32")
    if is_chief():
        words.view("uint8")[:size] = np.frombuffer(content, "uint8")
    for first in range(0, len(words), _PIECE):
        words[first : first + _PIECE] = sum_over_workers(strategy, words[first : first + _PIECE])
    return words.tobytes()[:size]


def checkpoint_from_chief(strategy: tf.distribute.Strategy, found: Checkpoint | None) -> Checkpoint | None:
    """The chief's checkpoint on every worker, so that they need no common folder."""
    if not is_multi_worker(strategy):
        return found
    file = io.BytesIO()
    if found is not None:
        dump(file, found)
    content = from_chief(strategy, file.getvalue())
    return read(io.BytesIO(content)) if content else None


def check_same(strategy: tf.distribute.Strategy, fingerprints: dict[str, str]) -> None:
    """Check that this worker trains what the chief trains.

    Raises:
        LmbookError: on each worker whose fingerprints (of the model, the data, the settings) differ.
    """
    chiefs = json.loads(from_chief(strategy, json.dumps(fingerprints).encode()))
    for name, here in fingerprints.items():
        if chiefs.get(name) != here:
            raise LmbookError(
                f"Worker {read_cluster().index} differs from worker 0: its {name} is {here}, there it is "
                f"{chiefs.get(name)}.",
                "Start all workers with the same command, the same data and the same version of the book.",
            )


@contextmanager
def explain_lost_workers(strategy: tf.distribute.Strategy, advice: str) -> Iterator[None]:
    """Turn TensorFlow's errors about a lost worker into an `LmbookError` with `advice` on how to continue."""
    try:
        yield
    except _LOST as error:
        if not is_multi_worker(strategy):
            raise
        cluster = read_cluster()
        lost = sorted({int(task) for task in re.findall(r"task:(\d+)", str(error))} - {cluster.index})
        who = " and ".join(f"worker {task} ({cluster.workers[task]})" for task in lost if task < cluster.size)
        raise LmbookError(
            f"Worker {cluster.index} cannot go on: {who or 'another worker'} has stopped answering.", advice
        ) from error
