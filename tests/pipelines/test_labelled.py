from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.tokenizers.tokenizer import SpecialIds

TEXTS = st.lists(st.tuples(st.lists(st.integers(3, 9), max_size=30), st.integers(0, 2)), min_size=1, max_size=14)


def make(examples, **changes):
    texts, classes = zip(*examples, strict=True)
    return LabelledTexts(texts, classes, SpecialIds(), **{"tokens_per_batch": 48, **changes})


def examples_in(batches):
    for ids, classes, weights in batches:
        assert len(ids) == len(classes) == len(weights) == 48 // ids.shape[1]
        for row, number, weight in zip(ids.numpy(), classes.numpy(), weights.numpy(), strict=True):
            if weight:
                text = row[row != 0]
                assert text[0] == text[-1] == 2
                yield tuple(text[1:-1].tolist()), int(number)
            else:
                assert not row.any()


@settings(max_examples=20, deadline=None)
@given(TEXTS, st.integers(0, 3))
def test_each_epoch_has_every_text_once_with_its_class(examples, seed):
    data = make(examples, seed=seed)
    expected = sorted((tuple(text), number) for text, number in examples)
    for epoch in range(2):
        assert sorted(examples_in(data.dataset(epoch * data.steps_per_epoch, data.steps_per_epoch))) == expected


@settings(max_examples=20, deadline=None)
@given(TEXTS)
def test_each_keeps_the_order_of_the_texts(examples):
    sums = make(examples).each(lambda ids: np.stack([ids.sum(axis=1), (ids != 0).sum(axis=1)], axis=1))
    assert sums.tolist() == [[sum(text) + 4, len(text) + 2] for text, _ in examples]


def test_long_texts_lose_their_end():
    data = make([(list(range(3, 20)), 0)], max_length=10)
    assert data.cut == 1 and make([(list(range(3, 11)), 0)], max_length=10).cut == 0
    ((ids, _, _),) = data.dataset()
    assert ids.shape[1] == 10  # a model of 10 places can read it
    (example,) = examples_in(data.dataset())
    assert example == (tuple(range(3, 11)), 0)


def test_a_run_that_was_stopped_goes_on_where_it_was():
    rng = np.random.default_rng(0)
    examples = [(rng.integers(3, 9, n).tolist(), n % 2) for n in rng.integers(1, 30, 20).tolist()]
    whole, rest = list(make(examples).dataset(0, 25)), list(make(examples).dataset(9, 16))
    for one, other in zip(whole[9:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_description_tells_data_apart():
    examples = [([3, 4], 0), ([5] * 20, 1)]
    data = make(examples)
    assert (data.batch_size, data.context) == (48 // 24, 24) and data.description == make(examples).description
    others = make([([3, 4], 1), examples[1]]), make(examples, seed=1), make(examples, tokens_per_batch=96)
    assert len({other.description for other in (data, *others)}) == 4


@pytest.mark.parametrize(
    ("texts", "classes", "changes"),
    [
        ([], [], {}),
        ([[3]], [0, 1], {}),
        ([[3]], [-1], {}),
        ([[3]], [0], {"max_length": 2}),
        ([[3] * 60], [0], {"tokens_per_batch": 48}),
    ],
)
def test_what_is_no_labelled_text_is_said(texts, classes, changes):
    with pytest.raises(LmbookError) as caught:
        LabelledTexts(texts, classes, SpecialIds(), **{"tokens_per_batch": 48, **changes})
    assert caught.value.fix
