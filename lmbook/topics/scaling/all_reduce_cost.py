"""The seconds that devices need to add up their gradients, from the bandwidth and latency of what joins them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class Link:
    """What joins devices in a ring; each sends to its neighbour at the same time as the others.

    Args:
        bandwidth: bytes that a device sends in a second.
        latency: seconds that a message takes however short it is.

    Raises:
        LmbookError: a value is out of its range.
    """

    bandwidth: float
    latency: float = 0.0

    def __post_init__(self):
        if not self.bandwidth > 0 or not self.latency >= 0:
            raise LmbookError(
                f"A link of {self.bandwidth} bytes per second and {self.latency} s does not exist.",
                "The bandwidth must be above 0 and the latency not below.",
            )


def ring_seconds(size: float, devices: int, link: Link) -> float:
    """Seconds until each of `devices` has the sum of all their gradients of `size` bytes.

    The gradient is cut into one piece for each of the n devices. In n - 1 messages every device hands on a piece and
    adds its own to it, in n - 1 further ones the sums go round: each device sends 2 (n - 1) / n times `size`.

    Reference:
        Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations".
    """
    return 2 * (devices - 1) * (size / devices / link.bandwidth + link.latency)


def all_reduce_seconds(size: float, devices: int, per_machine: int, inside: Link, between: Link) -> float:
    """The same where `per_machine` devices share a machine, and each has a port of its own to the other machines.

    A machine's devices add their gradients piece by piece, each device takes its piece round the machines, and the
    sums go round the machine: a ring of `size` inside, one of `size` / `per_machine` between.

    Raises:
        LmbookError: the devices do not fill machines.
    """
    local = min(devices, per_machine)
    if devices % local:
        raise LmbookError(f"{devices} devices do not fill machines of {per_machine}.", "Choose a multiple.")
    return ring_seconds(size, local, inside) + ring_seconds(size / local, devices // local, between)


def fit_link(sizes: Sequence[float], seconds: Sequence[float], devices: int) -> Link:
    """The link for which `ring_seconds` is nearest (least squares) to what was measured.

    Args:
        sizes: bytes.
        seconds: what the sum of so many bytes took.
        devices: between how many.

    Raises:
        LmbookError: there are not two sizes, or the larger did not take longer.
    """
    sent, messages = 2 * (devices - 1) / devices * np.asarray(sizes, "float64"), 2 * (devices - 1)
    seconds = np.asarray(seconds, "float64")
    if len(set(sent.tolist())) < 2:
        raise LmbookError(f"The sizes {list(sizes)} are not two different ones.", "Measure several sizes.")
    slope, start = np.polyfit(sent, seconds, 1)
    if start < 0:  # noise: without any latency then
        slope, start = float(sent @ seconds / (sent @ sent)), 0.0
    if not slope > 0:
        raise LmbookError(
            f"Larger sums did not take longer: {[float(f'{s:.3g}') for s in seconds]} s.",
            "Measure again on a quiet machine, or with larger sizes.",
        )
    return Link(float(1 / slope), float(start / messages))
