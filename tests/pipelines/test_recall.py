from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.pipelines.recall import RecallTask


def batches(task, start=0, steps=3):
    return [tuple(part.numpy() for part in batch) for batch in task.dataset(start, steps)]


def test_the_symbol_is_asked_for_at_the_query():
    task = RecallTask(5, symbols=3, distractors=4, batch_size=6, seed=2)
    assert (task.context, task.vocabulary_size) == (7, 8)
    for x, y, w in batches(task):
        assert x.shape == y.shape == w.shape == (6, 7)
        assert (x[:, 0] < 3).all() and ((x[:, 1:-1] >= 3) & (x[:, 1:-1] < 7)).all() and (x[:, -1] == 7).all()
        np.testing.assert_array_equal(y[:, -1], x[:, 0])
        np.testing.assert_array_equal(y[:, :-1], x[:, 1:])
        np.testing.assert_array_equal(w, [[0] * 6 + [1]] * 6)


def test_a_batch_depends_on_seed_and_number_alone():
    task = RecallTask(4, batch_size=8, seed=1)
    for first, second in zip(batches(task, 0, 4)[2:], batches(task, 2, 2), strict=True):
        np.testing.assert_array_equal(first[0], second[0])
    x = [batch[0] for batch in batches(task)]
    assert not np.array_equal(x[0], x[1])
    assert not np.array_equal(x[0], batches(RecallTask(4, batch_size=8, seed=2))[0][0])
    assert len(task.dataset(0, 5)) == 5  # Keras and fit want to know the length


def test_nothing_but_the_first_token_tells_the_symbol():
    x, symbol = RecallTask(3, symbols=4, distractors=4, seed=3).sample(20_000)
    np.testing.assert_array_equal(x[:, 0], symbol)
    np.testing.assert_allclose(np.bincount(symbol) / len(symbol), 0.25, atol=0.015)
    for position in (1, 2, 3):
        table = np.histogram2d(symbol, x[:, position], bins=(4, 4))[0] / len(symbol)
        np.testing.assert_allclose(table, 1 / 16, atol=0.01)


@pytest.mark.parametrize("wrong", [{"distance": 0}, {"symbols": 1}, {"distractors": 0}, {"batch_size": 0}])
def test_a_wrong_value_is_named(wrong):
    (name,) = wrong
    with pytest.raises(LmbookError, match=f"{name}={wrong[name]}"):
        RecallTask(**{"distance": 3, **wrong})
