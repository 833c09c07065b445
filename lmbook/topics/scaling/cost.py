"""What training on many devices costs: seconds of a step and bytes of memory, from a few assumptions."""

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


def training_flops(parameters: float, tokens: float) -> float:
    """Floating-point operations of a step: 6 for each weight and token, 2 forward and 4 backward.

    The products inside attention, which grow with the context, are left out.

    Reference:
        Kaplan et al. 2020, "Scaling laws for neural language models", section 2.1.
    """
    return 6.0 * parameters * tokens


@dataclass(frozen=True)
class GptShape:
    """A Transformer as GPT-2 is made, large or small.

    Args:
        num_layers: L.
        hidden_dim: D.
        num_heads: H.
        vocabulary_size: V.
        max_sequence_length: T.
    """

    num_layers: int
    hidden_dim: int
    num_heads: int
    vocabulary_size: int
    max_sequence_length: int

    @property
    def parameters(self) -> int:
        """Weights: 12 D^2 + 13 D in each block, the embeddings of tokens (shared with the logits) and positions."""
        width = self.hidden_dim
        blocks = self.num_layers * (12 * width**2 + 13 * width)
        return blocks + (self.vocabulary_size + self.max_sequence_length) * width + 2 * width


@dataclass(frozen=True)
class Memory:
    """Bytes on one device."""

    parameters: float
    gradients: float
    optimizer: float
    activations: float

    @property
    def total(self) -> float:
        return self.parameters + self.gradients + self.optimizer + self.activations


def training_memory(shape: GptShape, rows: int, *, mixed: bool, recomputed: bool = False) -> Memory:
    """What a device holds that trains the whole model with AdamW on `rows` rows of full length at a time.

    Weights, gradients and Adam's two means are float32, as Keras keeps them under a mixed policy too; mixed adds a
    16-bit copy of the weights and halves the activations.

    Args:
        shape: the model.
        rows: of a micro-batch, B.
        mixed: a policy such as mixed_bfloat16, else float32.
        recomputed: keep the input of each block only, and compute one block at a time again in the backward pass.
    """
    count = shape.parameters
    width = 2 if mixed else 4
    positions = rows * shape.max_sequence_length
    block = _block_bytes(shape, positions, width)
    entrance = positions * shape.hidden_dim * width
    blocks = shape.num_layers * entrance + block if recomputed else shape.num_layers * block
    logits = 4 * positions * shape.vocabulary_size
    return Memory(
        parameters=count * (4 + 2 if mixed else 4),
        gradients=count * 4,
        optimizer=count * 8,
        activations=blocks + logits,
    )


def _block_bytes(shape: GptShape, positions: int, width: int) -> float:
    """What one block keeps for its backward pass; with `width` = 2 the paper's s b h (34 + 5 a s / h).

    Reference:
        Korthikanti et al. 2022, "Reducing activation recomputation in large Transformer models", equation 1: 16 numbers
        and 2 masks of a byte for each position and unit; 2 numbers and a mask for each pair of positions and head.
    """
    pairs = shape.num_heads * shape.max_sequence_length / shape.hidden_dim
    return positions * shape.hidden_dim * (16 * width + 2 + (2 * width + 1) * pairs)
