"""A small GPT trained only to repeat, in which induction heads can be watched as they form."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lmbook.models.gpt import GPT
from lmbook.models.registry import make_config
from lmbook.topics.interpretability.heads import induction_scores, repeated_rows
from lmbook.topics.interpretability.periodic import PeriodicRows
from lmbook.training.fit import fit, reproducible
from lmbook.training.optimizers import OptimizerConfig

FIRST = 3  # token of the rows; before it stand the special ones


class Repeater(NamedTuple):
    """A trained model of two blocks with two heads each.

    Attributes:
        model: the GPT.
        twice: rows whose halves are the same, to test it with, [B, 2 half].
        course: (step, loss, the highest induction score of its heads) along the training.
    """

    model: GPT
    twice: np.ndarray
    course: list[tuple[int, float, float]]


def train_repeater(*, vocabulary_size: int = 35, half: int = 16, rows: int, steps: int, seed: int = 0) -> Repeater:
    """Train it on rows that repeat themselves after 6 to `half` tokens, a number drawn for each row.

    Args:
        vocabulary_size: tokens, the special ones included.
        half: tokens of half a test row.
        rows: test rows.
        steps: of training.
        seed: of the weights and rows.
    """
    reproducible(seed)
    sizes = {"num_layers": 2, "hidden_dim": 64, "num_heads": 2, "intermediate_dim": 128, "max_sequence_length": 40}
    plain = {"zero_projections": False, "qk_norm": False, "logit_soft_cap": None}
    model = GPT(make_config("gpt", vocabulary_size, **sizes, **plain))
    twice, course = repeated_rows(range(FIRST, vocabulary_size), half, rows=rows, seed=seed), []
    fit(
        model,
        PeriodicRows(range(FIRST, vocabulary_size), 40, periods=(6, half), batch_size=64, seed=seed),
        steps=steps,
        optimizer=OptimizerConfig("muon", learning_rate=1e-2, warmup_steps=20, weight_decay=0.0),
        checks=(),
        callbacks=[lambda step, loss: course.append((step, loss, float(induction_scores(model, twice, half).max())))],
        quiet=True,
    )
    return Repeater(model, twice, course)
