from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbook.errors import LmbookError
from lmbook.pipelines.causal import CausalWindows, padded_documents, spans
from lmbook.tokenizers.tokenizer import SpecialIds

DOCUMENTS = [[10, 11, 12, 13, 14], [20, 21], [30, 31, 32], [40], list(range(50, 63))]
STREAM = [id for document in DOCUMENTS for id in [2, *document]] + [2]


def batches(data, start=0, steps=None):
    return [tuple(part.numpy() for part in batch) for batch in data.dataset(start, steps)]


def same(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a, b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("align", ["window", "document"])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("context", [1, 7, 28])
def test_labels_are_the_stream_one_token_later(align, shuffle, context):
    data = CausalWindows(DOCUMENTS, SpecialIds(), context=context, batch_size=3, align=align, shuffle=shuffle)
    successors = {(a, b) for a, b in zip(STREAM, STREAM[1:], strict=False)}
    for x, y, w in batches(data, steps=2 * data.steps_per_epoch):
        assert x.shape == y.shape == w.shape == (3, context)
        assert (x.dtype, y.dtype, w.dtype) == (np.int32, np.int32, np.float32)
        assert set(zip(x[w == 1].tolist(), y[w == 1].tolist(), strict=True)) <= successors
        both = (w[:, 1:] == 1) & (w[:, :-1] == 1)
        assert np.array_equal(x[:, 1:][both], y[:, :-1][both])
        assert not x[w == 0].any() and not y[w == 0].any()


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("context", [3, 10])
def test_windows_cover_every_label_exactly_once_per_epoch(shuffle, context):
    data = CausalWindows(DOCUMENTS, SpecialIds(), context=context, batch_size=1, shuffle=shuffle, seed=4)
    for epoch in range(3):
        steps = batches(data, epoch * data.steps_per_epoch, data.steps_per_epoch)
        seen = Counter(int(label) for _, y, w in steps for label in y[w == 1])
        assert seen == Counter(STREAM[1:])
        assert sum(seen.values()) == data.tokens == len(STREAM) - 1


def test_batches_run_on_across_epochs_without_losing_a_window():
    data = CausalWindows(DOCUMENTS, SpecialIds(), context=3, batch_size=4, align="document")
    rows = [tuple(row) for x, _, _ in batches(data, 0, data.windows) for row in x]
    assert len(rows) == 4 * data.windows
    for epoch in range(4):
        assert len(set(rows[epoch * data.windows : (epoch + 1) * data.windows])) == data.windows


def test_a_window_starts_at_every_document_and_goes_on_where_the_former_ended():
    data = CausalWindows(DOCUMENTS, SpecialIds(), context=6, batch_size=1, align="document", shuffle=False)
    starts = [x[0].tolist() for x, _, _ in batches(data)]
    assert [row[:2] for row in starts] == [[2, 10], [2, 20], [2, 30], [2, 40], [2, 50], [55, 56], [61, 62]]
    assert starts[1] == [2, 20, 21, 2, 30, 31]  # runs on into the next document
    x, y, w = batches(data)[-1]
    assert x[0].tolist() == [61, 62, 0, 0, 0, 0] and y[0].tolist() == [62, 2, 0, 0, 0, 0]
    assert w[0].tolist() == [1, 1, 0, 0, 0, 0]


def test_unshuffled_epochs_begin_with_the_text_and_end_with_empty_rows():
    data = CausalWindows(DOCUMENTS, SpecialIds(), context=5, batch_size=4, shuffle=False)
    steps = batches(data, 0, 2 * data.steps_per_epoch)
    assert same(steps[: data.steps_per_epoch], steps[data.steps_per_epoch :])
    assert np.concatenate([x[w == 1] for x, _, w in steps[: data.steps_per_epoch]]).tolist() == STREAM[:-1]
    x, y, w = steps[data.steps_per_epoch - 1]
    assert not x[-1].any() and not w[-1].any()


@pytest.mark.parametrize("align", ["window", "document"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_resuming_gives_the_tail_of_the_uninterrupted_run(align, shuffle):
    def make(seed=3):
        return CausalWindows(DOCUMENTS, SpecialIds(), context=4, batch_size=3, align=align, shuffle=shuffle, seed=seed)

    whole = batches(make(), 0, 12)
    for step in (1, 5, 8):
        assert same(whole[step:], batches(make(), step, 12 - step))
    assert same(whole, batches(make(seed=8), 0, 12)) is not shuffle


def test_shuffling_differs_by_epoch():
    data = CausalWindows([range(3, 203)], SpecialIds(), context=10, batch_size=1, align="document")
    epochs = [tuple(int(x[0, 0]) for x, _, _ in batches(data, e * data.windows, data.windows)) for e in range(5)]
    assert len(set(epochs)) == 5 and len({frozenset(epoch) for epoch in epochs}) == 1


def test_each_epoch_of_windows_begins_at_another_place():
    data = CausalWindows([range(3, 203)], SpecialIds(), context=10, batch_size=1)
    cuts = [{int(x[0, 0]) for x, _, _ in batches(data, e * data.windows, data.windows)} for e in range(4)]
    assert all(first.isdisjoint(second) or first != second for first, second in zip(cuts, cuts[1:], strict=False))
    assert len({frozenset(cut) for cut in cuts}) == 4


def test_every_order_of_a_small_epoch_is_about_equally_frequent():
    data = CausalWindows([[5, 6], [7], [8, 9]], SpecialIds(), context=3, batch_size=3, align="document")
    orders = Counter(tuple(x[:, 1].tolist()) for x, _, _ in batches(data, 0, 1200))
    assert len(orders) == 6 and min(orders.values()) > 150


def test_cardinality_is_known():
    data = CausalWindows(DOCUMENTS, SpecialIds(), context=4, batch_size=3)
    assert data.steps_per_epoch == 3 and data.windows == 8
    assert int(data.dataset().cardinality()) == 3
    assert int(data.dataset(7, 11).cardinality()) == 11 == len(batches(data, 7, 11))


def test_empty_documents_are_left_out():
    data = CausalWindows([[], [5, 6], [], [7]], SpecialIds(), context=2, batch_size=1, shuffle=False)
    assert data.stream.tolist() == [2, 5, 6, 2, 7, 2]


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_an_empty_text_is_refused(documents):
    with pytest.raises(LmbookError, match="empty"):
        CausalWindows(documents, SpecialIds(), context=2, batch_size=1)
    with pytest.raises(LmbookError, match="empty"):
        padded_documents(documents, SpecialIds(), 2)


def test_a_text_shorter_than_the_context_is_refused_naming_both_and_the_fix():
    CausalWindows([[5, 6, 7]], SpecialIds(), context=4, batch_size=1)
    with pytest.raises(LmbookError, match=r"5 tokens.*context of 5.*at least 6.*at most 4"):
        CausalWindows([[5, 6, 7]], SpecialIds(), context=5, batch_size=1)


@pytest.mark.parametrize("wrong", [{"context": 0}, {"batch_size": 0}, {"align": "line"}])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(LmbookError, match=next(iter(wrong))):
        CausalWindows(DOCUMENTS, SpecialIds(), **{"context": 2, "batch_size": 1, **wrong})


@pytest.mark.parametrize("closed", [True, False])
def test_padded_documents_hold_each_document_once(closed):
    rows = []
    for x, y, w in padded_documents(DOCUMENTS + [[]], SpecialIds(), 2, closed=closed, multiple_of=4):
        assert x.shape[1] % 4 == 0
        for ids, labels, weights in zip(x, y, w, strict=True):
            length = int(weights.sum())
            assert weights[:length].all() and ids[0] == 2 and ids[1:length].tolist() == labels[: length - 1].tolist()
            assert not ids[length:].any() and not labels[length:].any()
            rows.append(labels[:length].tolist())
    assert sorted(rows) == sorted(document + [2] * closed for document in DOCUMENTS)
    assert [len(row) for row in rows] == sorted(map(len, rows), reverse=True)


@settings(deadline=None)
@given(tokens=st.integers(1, 200), longest=st.integers(1, 40), share=st.floats(0, 0.99))
def test_spans_count_every_token_once_with_a_lead_in(tokens, longest, share):
    lead_in = int(share * longest)
    pieces = spans(tokens, longest, lead_in)
    assert [token for _, counted, last in pieces for token in range(counted, last)] == list(range(tokens))
    assert all(last - first <= longest for first, _, last in pieces)
    assert all(counted - first == lead_in for first, counted, _ in pieces[1:])
    assert len(pieces) == 1 or tokens > longest
