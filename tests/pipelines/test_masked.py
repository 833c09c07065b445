from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.pipelines.masked import MaskedTokens
from lmbook.tokenizers.tokenizer import SpecialIds

V, MASK = 20, 20
DOCUMENTS = st.lists(st.lists(st.integers(1, V - 1).filter(lambda id: id != 2), max_size=23), min_size=1, max_size=9)


def make(documents, **changes):
    return MaskedTokens(
        documents, SpecialIds(), **{"context": 8, "batch_size": 3, "vocabulary_size": V, "mask_id": MASK, **changes}
    )


def batches(data, *steps):
    return [[part.numpy() for part in batch] for batch in data.dataset(*steps)]


@settings(max_examples=25, deadline=None)
@given(DOCUMENTS.filter(lambda documents: any(documents)), st.booleans(), st.integers(0, 3))
def test_an_epoch_holds_every_token_once_and_hides_the_share_asked_for(documents, shuffle, seed):
    data = make(documents, shuffle=shuffle, seed=seed, mask_selection_rate=0.3, batch_size=1 if shuffle else 3)
    found = batches(data)
    assert len(found) == data.steps_per_epoch
    x, y, w = (np.concatenate(part) for part in zip(*found, strict=True))
    assert sorted(y[y > 2].tolist() + [1] * int((y == 1).sum())) == sorted(id for d in documents for id in d)
    if not shuffle:
        assert [id for id in y.ravel().tolist() if id not in (0, 2)] == [id for d in documents for id in d]
    np.testing.assert_array_equal(x[w == 0], y[w == 0])  # what does not count is shown as it is
    ordinary = y > 2
    assert not w[~ordinary].any()
    expected = np.where(ordinary.any(axis=1), np.maximum(np.round(0.3 * ordinary.sum(axis=1)), 1), 0)
    np.testing.assert_array_equal(w.sum(axis=1), expected)
    for row in y[y.any(axis=1)]:
        real = row[row != 0]
        assert real[0] == real[-1] == 2 and not row[len(real) :].any()


def test_eight_of_ten_are_masked_one_is_replaced_and_one_stays():
    rng = np.random.default_rng(0)
    documents = [rng.integers(3, V, 60).tolist() for _ in range(600)]
    (x, y, w), *_ = batches(make(documents, context=62, batch_size=600))
    chosen = w == 1
    assert chosen.sum() == 600 * 9  # 15 % of 60
    x, y = x[chosen], y[chosen]
    shares = np.array([(x == MASK).mean(), ((x != MASK) & (x != y)).mean(), (x == y).mean()])
    drawn = 1 / (V - 3)  # a random token can be the one that stood there
    np.testing.assert_allclose(shares, [0.8, 0.1 * (1 - drawn), 0.1 + 0.1 * drawn], atol=0.012)
    counts = np.bincount(x[(x != MASK) & (x != y)], minlength=V)
    assert not counts[:3].any() and counts[3:].min() > 0.5 * counts[3:].mean()
    # Every place of the row is as likely to be chosen as any other.
    np.testing.assert_allclose(w[:, 1:61].mean(axis=0), 0.15, atol=0.06)


def test_nothing_but_masks_where_asked_for():
    (x, _, w), *_ = batches(
        make([[5, 6, 7, 8, 9]] * 20, batch_size=20, mask_token_rate=1.0, random_token_rate=0.0, mask_selection_rate=0.5)
    )
    assert (x[w == 1] == MASK).all() and (x[w == 0] != MASK).all()


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_run_that_was_stopped_goes_on_where_it_was(shuffle):
    documents = [[3 + (i + j) % 17 for j in range(9)] for i in range(7)]
    whole, rest = batches(make(documents, shuffle=shuffle), 0, 20), batches(make(documents, shuffle=shuffle), 8, 12)
    for one, other in zip(whole[8:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_epochs_hide_other_tokens_and_seeds_differ():
    data = make([[3, 4, 5, 6, 7, 8]] * 12, batch_size=12)
    (first,), (second,) = batches(data, 0, 1), batches(data, 1, 1)
    assert (first[2] != second[2]).any()
    (other,) = batches(make([[3, 4, 5, 6, 7, 8]] * 12, batch_size=12, seed=1), 0, 1)
    assert (first[2] != other[2]).any()
    assert data.description != make([[3, 4, 5, 6, 7, 8]] * 12, batch_size=12, seed=1).description


@pytest.mark.parametrize(
    ("documents", "changes"),
    [
        ([], {}),
        ([[]], {}),
        ([[5]], {"context": 2}),
        ([[5]], {"batch_size": 0}),
        ([[5]], {"mask_selection_rate": 0.0}),
        ([[5]], {"mask_token_rate": 0.8, "random_token_rate": 0.3}),
        ([[5]], {"vocabulary_size": 3}),
    ],
)
def test_what_cannot_be_hidden_is_said(documents, changes):
    with pytest.raises(LmbookError) as caught:
        make(documents, **changes)
    assert caught.value.fix


def test_negative_steps_are_refused():
    with pytest.raises(LmbookError, match="negative"):
        make([[5]]).dataset(-1)
