"""What a GPT costs: weights, operations and memory counted from its configuration, and the machine's peak rate."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lmbook.models.gpt import GPTConfig


def gpt_parameters(config: GPTConfig) -> int:
    """Weights of a `GPT`, from its configuration alone.

    In each block its matrices and the gains of two normalisations; then the table V D, once more where the logits share
    none, and the last gains; and what the configuration has besides (biases, vectors of positions, shares of smeared
    keys).
    """
    c = config
    width, shared = c.hidden_dim, _shared_width(c)
    norm = width * (2 if c.normalization == "layer" and c.use_bias else 1)
    gates = 2 if c.activation == "swiglu" else 1
    biases = 2 * (width + shared) + gates * c.intermediate_dim + width if c.use_bias else 0
    shares = (c.num_key_value_heads or c.num_heads) if c.smear_keys else 0
    tables = c.vocabulary_size * width * (1 if c.tie_embeddings else 2)
    tables += c.max_sequence_length * width if c.positions == "learned" else 0
    first = norm if c.normalize_embedding else 0
    return tables + first + c.num_layers * (_block_matrices(c) + biases + shares + 2 * norm) + norm


def forward_flops(config: GPTConfig, length: int) -> float:
    """Floating-point operations of reading one text of `length` tokens: the products of matrices, 2 for each pair.

    For each token 2 for every weight of the blocks' matrices and of the logits, and in each block 4 D T for attention:
    queries by keys, weights by values (of all T places: what the mask hides is computed too).

    Reference:
        Kaplan et al. 2020, "Scaling laws for neural language models", table 1.
    """
    c = config
    weights = c.num_layers * _block_matrices(c) + c.vocabulary_size * c.hidden_dim
    return float(length * (2 * weights + 4 * c.num_layers * c.hidden_dim * length))


def _block_matrices(c: GPTConfig) -> int:
    """Queries and the output D^2 each, keys and values D G K each, two matrices D F (three with SwiGLU)."""
    matrices = 3 if c.activation == "swiglu" else 2
    return 2 * c.hidden_dim * (c.hidden_dim + _shared_width(c)) + matrices * c.hidden_dim * c.intermediate_dim


def _shared_width(c: GPTConfig) -> int:
    """G K, the width of all keys."""
    return c.hidden_dim // c.num_heads * (c.num_key_value_heads or c.num_heads)


def training_step_flops(config: GPTConfig, batch_size: int, length: int) -> float:
    """Floating-point operations of an update: `forward_flops`, and twice as many backward."""
    return 3 * batch_size * forward_flops(config, length)


def training_flops(parameters: float, tokens: float) -> float:
    """Floating-point operations of a step: 6 for each weight and token, 2 forward and 4 backward.

    The products inside attention, which grow with the context, are left out.

    Reference:
        Kaplan et al. 2020, "Scaling laws for neural language models", section 2.1.
    """
    return 6.0 * parameters * tokens


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


def training_memory(config: GPTConfig, rows: int, *, mixed: bool, recomputed: bool = False) -> Memory:
    """What a device holds that trains the whole model with AdamW on `rows` rows of full length at a time.

    Weights, gradients and Adam's two means are float32, as Keras keeps them under a mixed policy too; mixed adds a
    16-bit copy of the weights and halves the activations.

    Args:
        config: of the model. Its blocks are counted as GPT-2 has them (F = 4 D, no shared heads).
        rows: of a micro-batch, B.
        mixed: a policy such as mixed_bfloat16, else float32.
        recomputed: keep the input of each block only, and compute one block at a time again in the backward pass.
    """
    count = gpt_parameters(config)
    width = 2 if mixed else 4
    positions = rows * config.max_sequence_length
    block = _block_bytes(config, positions, width)
    entrance = positions * config.hidden_dim * width
    blocks = config.num_layers * entrance + block if recomputed else config.num_layers * block
    logits = 4 * positions * config.vocabulary_size
    return Memory(
        parameters=count * (4 + 2 if mixed else 4),
        gradients=count * 4,
        optimizer=count * 8,
        activations=blocks + logits,
    )


def _block_bytes(config: GPTConfig, positions: int, width: int) -> float:
    """What one block keeps for its backward pass; with `width` = 2 the paper's s b h (34 + 5 a s / h).

    Reference:
        Korthikanti et al. 2022, "Reducing activation recomputation in large Transformer models", equation 1: 16 numbers
        and 2 masks of a byte for each position and unit; 2 numbers and a mask for each pair of positions and head.
    """
    pairs = config.num_heads * config.max_sequence_length / config.hidden_dim
    return positions * config.hidden_dim * (16 * width + 2 + (2 * width + 1) * pairs)


def median_seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Median of the seconds that `call` takes, after one call that does not count."""
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def matmul_rate(size: int = 1024, dtype: str = "float32", repeats: int = 5) -> float:
    """Floating-point operations a second in a product of two matrices [size, size]: the best a model can hope for."""
    rng = np.random.default_rng(0)
    a, b = (tf.constant(rng.normal(size=(size, size)), dtype) for _ in range(2))
    return 2 * size**3 / median_seconds(lambda: tf.matmul(a, b).numpy(), repeats)
