from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.pipelines.buckets import BUCKETS
from lmbook.pipelines.pairs import SentencePairs, padded_sources
from lmbook.tokenizers.tokenizer import SpecialIds

SIDE = st.lists(st.integers(3, 9), min_size=1, max_size=14)


def batches(data, start_step=0, steps=None):
    return [
        (source.numpy(), target.numpy(), labels.numpy(), weights.numpy())
        for (source, target), labels, weights in data.dataset(start_step, steps)
    ]


def pairs_in(batch):
    """The real pairs of a batch, read off its arrays."""
    for source, target, labels, weights in zip(*batch, strict=True):
        real = int(weights.sum())
        if real:
            assert weights[:real].all() and target[0] == 2 and labels[real - 1] == 2
            np.testing.assert_array_equal(target[1:real], labels[: real - 1])
            yield tuple(source[source != 0].tolist()), tuple(labels[: real - 1].tolist())


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=12), st.integers(0, 3))
def test_each_epoch_has_every_pair_once(pairs, seed):
    data = SentencePairs(pairs, SpecialIds(), tokens_per_batch=32, seed=seed)
    expected = sorted((tuple(source), tuple(target)) for source, target in pairs)
    for epoch in range(2):
        found = batches(data, epoch * data.steps_per_epoch, data.steps_per_epoch)
        assert sorted(pair for batch in found for pair in pairs_in(batch)) == expected
        assert sum(float(batch[3].sum()) for batch in found) == data.tokens
    for source, _, _, _ in found:
        assert source.shape[1] in BUCKETS and source.size <= 32 < source.size + source.shape[1]


def many():
    rng = np.random.default_rng(0)
    return [(rng.integers(3, 9, n).tolist(), rng.integers(3, 9, m).tolist()) for n, m in rng.integers(1, 20, (40, 2))]


def test_a_run_that_was_stopped_goes_on_where_it_was():
    whole = batches(SentencePairs(many(), SpecialIds(), tokens_per_batch=48, seed=1), steps=25)
    rest = batches(SentencePairs(many(), SpecialIds(), tokens_per_batch=48, seed=1), start_step=9, steps=16)
    for one, other in zip(whole[9:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_epochs_and_seeds_differ_in_order_and_the_description_tells_data_apart():
    data = SentencePairs(many(), SpecialIds(), tokens_per_batch=48, seed=1)
    first, second = (batches(data, epoch * data.steps_per_epoch, data.steps_per_epoch) for epoch in (0, 1))
    assert [list(pairs_in(batch)) for batch in first] != [list(pairs_in(batch)) for batch in second]
    other = SentencePairs(many(), SpecialIds(), tokens_per_batch=48, seed=2)
    assert [list(pairs_in(batch)) for batch in batches(other)] != [list(pairs_in(batch)) for batch in first]
    assert (
        len(
            {
                data.description,
                other.description,
                SentencePairs(many()[1:], SpecialIds(), tokens_per_batch=48).description,
            }
        )
        == 3
    )


def test_pairs_that_cannot_be_used_are_left_out():
    data = SentencePairs(
        [([5], [6]), ([], [6]), ([5], []), ([5] * 9, [6])], SpecialIds(), tokens_per_batch=8, max_length=8
    )
    assert data.left_out == 3 and len(data) == 1 and list(pairs_in(batches(data)[0])) == [((5,), (6,))]


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        ([([], [3])], {"tokens_per_batch": 8}, "None of the 1 pairs"),
        ([([3] * 9, [3])], {"tokens_per_batch": 8}, "tokens_per_batch=8"),
        ([([3], [3])], {"tokens_per_batch": 8, "max_length": 999}, "max_length is 999"),
    ],
)
def test_what_cannot_be_used_is_refused(pairs, options, message):
    with pytest.raises(LmbookError, match=message):
        SentencePairs(pairs, SpecialIds(), **options)


def test_sources_are_filled_up_to_the_width_of_a_bucket():
    padded = padded_sources([[3, 4], [5] * 9], SpecialIds())
    assert padded.shape == (2, 12) and padded[0].tolist() == [3, 4] + [0] * 10
    with pytest.raises(LmbookError, match="300 tokens"):
        padded_sources([[3] * 300], SpecialIds())
