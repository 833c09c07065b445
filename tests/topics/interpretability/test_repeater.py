from __future__ import annotations

import numpy as np
import pytest

from lmbook.topics.interpretability import repeater
from lmbook.topics.interpretability.repeater import train_repeater


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    monkeypatch.setattr(repeater.GPT, "jit_compile_training", False, raising=False)  # compiling takes longest


def test_rows_are_said_twice_and_the_course_is_kept():
    made = train_repeater(vocabulary_size=12, half=7, rows=3, steps=2)
    np.testing.assert_array_equal(made.twice[:, :7], made.twice[:, 7:])
    assert made.twice.min() == 3 and made.twice.max() == 11
    step, loss, score = made.course[0]
    assert step >= 1 and loss > 1 and 0 <= score < 0.5
    assert (len(made.model.blocks), made.model.config.num_heads) == (2, 2)
