"""Making the `tf.distribute` strategy that says on which devices a model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.training.distributed.cluster import read_cluster

NAMES = ("auto", "default", "mirrored", "multi_worker")


def make_strategy(
    name: str = "auto", devices: Sequence[str] | None = None, cpu_devices: int | None = None
) -> tf.distribute.Strategy:
    """Make the `tf.distribute` strategy called `name`, before anything else; make the model inside its `scope()`.

    "default": TensorFlow's own choice, one GPU where there is one, otherwise the CPU.
    "mirrored": a copy of the model on each of several devices, each batch shared out among them.
    "multi_worker": the same over several machines (or processes), named by the environment variable `TF_CONFIG`.
    "auto": multi_worker when `TF_CONFIG` names several tasks; mirrored with several GPUs, or several `devices`, or
    `cpu_devices`; else default.

    Args:
        name: one of these.
        devices: the devices of "mirrored", such as ["GPU:0", "GPU:1"]; None: all GPUs, or the CPU devices made.
        cpu_devices: divide the CPU into so many devices, to see on a laptop what several devices do.

    Raises:
        LmbookError: the name is not known; a device is absent or there are too few; `TF_CONFIG` is wrong; a worker that
            it names does not answer; or it is too late, because TensorFlow has already computed something.
    """
    if name not in NAMES:
        raise LmbookError(f"There is no strategy called {name!r}.", f"Choose one of {', '.join(NAMES)}.")
    cluster = read_cluster()
    if name == "auto":
        several = len(devices or ()) > 1 or (cpu_devices or 1) > 1 or len(tf.config.list_physical_devices("GPU")) > 1
        name = "multi_worker" if cluster else "mirrored" if several else "default"
    if name != "mirrored" and (devices or cpu_devices):
        given = f"devices={','.join(devices)}" if devices else f"cpu_devices={cpu_devices}"
        raise LmbookError(
            f"{given} does not go with the strategy {name}.",
            "It chooses the devices of the strategy mirrored; leave it out.",
        )
    if name == "default":
        return tf.distribute.get_strategy()
    if name == "multi_worker":
        if cluster is None:
            raise LmbookError(
                "The strategy multi_worker needs TF_CONFIG with several workers; it is not set.",
                "Start the program with: lmbook launch --workers 2 -- COMMAND (see docs/clusters.md).",
            )
        return _multi_worker()
    if cpu_devices is not None:
        divide_cpu(cpu_devices)
    return _mirrored(tuple(_names(devices, cpu_devices)))


def divide_cpu(count: int) -> None:
    """Divide the CPU into `count` devices, CPU:0 and so on. They share its cores, so nothing becomes faster.

    Raises:
        LmbookError: `count` is less than 1, or TensorFlow has been started with another number.
    """
    if count < 1:
        raise LmbookError(f"cpu_devices={count} is less than 1.", "Choose for example 2.")
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError:
        there = len(tf.config.list_logical_devices("CPU"))
        if there != count:
            raise LmbookError(
                f"The CPU cannot be divided into {count} devices any more: TensorFlow has been started with {there}.",
                "Make the strategy at the beginning, before any tensor or model.",
            ) from None


def cpu_strategy(count: int) -> tf.distribute.Strategy:
    """The strategy for the first `count` devices that `divide_cpu` made: "default" for one, "mirrored" for several."""
    return make_strategy("default") if count == 1 else make_strategy("mirrored", [f"CPU:{i}" for i in range(count)])


def sum_over_replicas(values):
    """The sum of the values (any structure of tensors) of all replicas; called inside a replica."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def local_value(strategy: tf.distribute.Strategy, value):
    """The value of the first replica of this process."""
    return strategy.experimental_local_results(value)[0]


def _names(devices: Sequence[str] | None, cpu_devices: int | None) -> list[str]:
    """Full names of the devices to use; checked, since TensorFlow would put an absent GPU's part on the CPU unasked."""
    there = {device.name: device for kind in ("GPU", "CPU") for device in tf.config.list_logical_devices(kind)}
    if devices is None:
        kind = "CPU" if cpu_devices else "GPU"
        names = [name for name, device in there.items() if device.device_type == kind]
    else:
        names = [f"/device:{device.upper()}" for device in devices]
        for device, name in zip(devices, names, strict=True):
            if name not in there:
                shown = ", ".join(known.removeprefix("/device:") for known in there)
                raise LmbookError(f"There is no device {device}; TensorFlow finds {shown}.", "Name some of these.")
    if len(set(names)) < 2:
        found = ", ".join(name.removeprefix("/device:") for name in names) or "no GPU"
        raise LmbookError(
            f"The strategy mirrored needs at least two devices; there is {found}.",
            "Use the strategy auto or default, or several devices of the CPU (--cpu-devices 2) to try it.",
        )
    return names


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One object for each set of devices.

    CPU devices get a plain reduction: two strategies in one process disturb each other's collective ones.
    """
    on_cpu = all("CPU" in device for device in devices)
    return tf.distribute.MirroredStrategy(
        list(devices), cross_device_ops=tf.distribute.ReductionToOneDevice() if on_cpu else None
    )


@cache
def _multi_worker() -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise LmbookError(
            "The strategy multi_worker was made too late: TensorFlow has already computed something.",
            "Make the strategy at the beginning, before any tensor, model or data set.",
        ) from None
    except tf.errors.OpError as error:  # one of them ended, or does not answer, before all were there
        reason = error.message.splitlines()[0][:200]
        raise LmbookError(
            f"The workers did not come together: {reason}",
            "See what the others say, and start all of them again with the same command.",
        ) from error
