from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.topics.interpretability.heads import (
    ablation,
    highest,
    induction_scores,
    loss_without,
    other_heads,
    pairs_said_again,
    repeated_rows,
    weight_on,
    without_heads,
    words_said_again,
)
from lmbook.topics.interpretability.losses import next_tokens, token_losses

IDS = np.array([[2, 7, 1, 8, 3]])


def test_without_a_head_the_model_is_another_and_afterwards_the_same(gpt):
    before = gpt.get_weights()
    logits = np.asarray(gpt(IDS))
    with without_heads(gpt, [(1, 0)]):
        kernel = gpt.blocks[1].attention.output_projection.kernel.numpy()
        assert np.all(kernel[:8] == 0.0) and np.all(kernel[8:] != 0.0)
        assert np.abs(np.asarray(gpt(IDS)) - logits).max() > 1e-4
    with pytest.raises(ZeroDivisionError), without_heads(gpt, [(0, 0), (0, 1), (2, 1)]):
        raise ZeroDivisionError
    for old, new in zip(before, gpt.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_head_whose_values_are_zero_is_not_missed(gpt):
    model = GPT(gpt.config)
    model.set_weights(gpt.get_weights())
    values = model.blocks[2].attention.value_projection
    for weight in values.weights:
        changed = weight.numpy()
        changed[..., 8:] = 0.0
        weight.assign(changed)
    logits = np.asarray(model(IDS))
    with without_heads(model, [(2, 1)]):
        np.testing.assert_allclose(np.asarray(model(IDS)), logits, atol=1e-6)


def test_rows_say_the_same_twice():
    rows = repeated_rows(range(3, 13), 5, rows=4, seed=0, first=2)
    assert rows.shape == (4, 11) and np.all(rows[:, 0] == 2)
    np.testing.assert_array_equal(rows[:, 1:6], rows[:, 6:])
    assert all(len(set(row[1:6])) == 5 for row in rows.tolist())
    assert repeated_rows(range(3, 13), 5, rows=4, seed=0).shape == (4, 10)
    with pytest.raises(LmbookError, match="2 tokens are too few"):
        repeated_rows([3, 4], 5, rows=1, seed=0)


class Looking:
    """A model of one head that looks `back` places back."""

    def __init__(self, back):
        self.back = back

    def __call__(self, rows, return_weights):
        length = rows.shape[1]
        seen = np.eye(length, k=-self.back)[None, None]
        return None, [np.repeat(seen, len(rows), axis=0)]


def test_the_score_is_that_of_the_place_after_the_former_one():
    rows = repeated_rows(range(3, 13), 5, rows=2, seed=0, first=2)
    assert induction_scores(Looking(4), rows, 5).tolist() == [[1.0]]
    assert induction_scores(Looking(5), rows, 5).tolist() == [[0.0]]


def test_a_random_model_has_no_induction_heads(gpt):
    rows = repeated_rows(range(3, 13), 5, rows=8, seed=0, first=2)
    scores = induction_scores(gpt, rows, 5)
    assert scores.shape == (3, 2) and np.all(scores < 0.4)


def test_heads_that_are_not_there_are_named(gpt):
    with pytest.raises(LmbookError, match="no head 2 in block 0"), without_heads(gpt, [(0, 2)]):
        pass


def test_the_weights_of_the_pairs_that_are_asked_for(gpt):
    _, maps = gpt(IDS, return_weights=True)
    pairs = np.zeros((1, 5, 5), bool)
    pairs[0, 4, [0, 2]] = pairs[0, 3, 1] = True
    for block, row in enumerate(weight_on(gpt, IDS, pairs)):
        seen = np.asarray(maps[block])[0]
        np.testing.assert_allclose(row, (seen[:, 4, 0] + seen[:, 4, 2] + seen[:, 3, 1]) / 2, rtol=1e-5)
    with pytest.raises(LmbookError, match="no position"):
        weight_on(gpt, IDS, np.zeros((1, 5, 5), bool))


def test_the_highest_and_others(gpt):
    scores = np.array([[0.1, 0.9], [0.2, 0.0], [0.5, 0.3]])
    assert highest(scores, 3) == [(0, 1), (2, 0), (2, 1)]
    for drawn in other_heads(gpt, [(0, 1), (2, 0)], draws=5, seed=0):
        assert len(set(drawn)) == 2 and not {(0, 1), (2, 0)} & set(drawn)


def test_what_is_lost_is_counted_where_the_measure_says(gpt):
    ids = np.array([[2, 7, 1, 8, 3], [2, 4, 4, 9, 5]])
    labels, counted = next_tokens(ids, SpecialIds()), np.zeros(ids.shape, bool)
    counted[0, 1] = counted[1, 3] = True
    measure, losses = (ids, labels, counted), token_losses(gpt, ids, labels)
    whole = (losses[0, 1] + losses[1, 3]) / 2
    assert loss_without(gpt, [], measure) == pytest.approx(whole, abs=1e-5)
    name, found, lost, others, spread = ablation(gpt, [(1, 0)], {"two": measure}, draws=4, seed=0)[0]
    assert (name, found) == ("two", pytest.approx(whole, abs=1e-5))
    assert lost == pytest.approx(loss_without(gpt, [(1, 0)], measure) - whole, abs=1e-5)
    drawn = [loss_without(gpt, heads, measure) - whole for heads in other_heads(gpt, [(1, 0)], 4, 0)]
    assert (others, spread) == (pytest.approx(np.mean(drawn), abs=1e-5), pytest.approx(np.std(drawn, ddof=1), abs=1e-5))


def test_words_and_pairs_that_are_said_again():
    ids = np.array([[2, 5, 6, 5, 6, 7], [2, 6, 7, 7, 8, 6]])
    again, source = words_said_again(ids, {6, 8})
    assert np.argwhere(again).tolist() == [[0, 3], [1, 4]]
    assert np.argwhere(source).tolist() == [[0, 3, 2], [1, 4, 1]]
    again, earlier = pairs_said_again(ids)
    assert np.argwhere(again).tolist() == [[0, 3]] and np.argwhere(earlier).tolist() == [[0, 3, 2]]
