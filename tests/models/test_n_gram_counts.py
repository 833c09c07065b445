from collections import Counter, defaultdict

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.n_gram_counts import count_n_grams, token_stream
from lmbook.tokenizers.tokenizer import SpecialIds

V, END = 7, 2


def random_documents(seed, count=40, longest=9):
    random = np.random.default_rng(seed)
    return [random.integers(3, V, random.integers(0, longest)).tolist() for _ in range(count)]


def counted_by_hand(documents, order, closed):
    """k -> Counter of k-grams, and k -> k-gram -> what stands before it."""
    counts, before = defaultdict(Counter), defaultdict(lambda: defaultdict(Counter))
    for document in filter(None, documents):
        stream = [END, *document, *([END] if closed else [])]
        for k in range(1, order + 1):
            for i in range(len(stream) - k + 1):
                if k == 1 and i == 0:
                    continue  # the opening <end>
                gram = tuple(stream[i : i + k])
                counts[k][gram] += 1
                before[k][gram][stream[i - 1] if i else f"nothing, {len(before[k][gram])}"] += 1
    return counts, before


def spelled_out(counts):
    """The tables as k -> {k-gram: (count, continuations)}."""
    spelled, grams = {}, [()]
    for k, table in enumerate(counts.tables, start=1):
        grams = [(*grams[key // V], int(key % V)) for key in table.keys]
        before = [None] * len(grams) if table.continuations is None else table.continuations.tolist()
        spelled[k] = {g: (c, b) for g, c, b in zip(grams, table.counts.tolist(), before, strict=True) if c}
    return spelled


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_counts_and_continuations_equal_a_loop_with_counters(seed, closed):
    documents, order = random_documents(seed), 4
    spelled = spelled_out(count_n_grams(documents, SpecialIds(), order, V, closed=closed))
    counts, before = counted_by_hand(documents, order, closed)
    for k in range(1, order + 1):
        assert {gram: count for gram, (count, _) in spelled[k].items()} == counts[k]
        if k < order:
            for gram, (_, continuations) in spelled[k].items():
                first = [c for token, c in before[k][gram].items() if isinstance(token, str)]
                others = [token for token in before[k][gram] if not isinstance(token, str)]
                assert continuations == sum(first) + len(others), gram


def test_the_tables_are_the_same_whatever_form_the_documents_have():
    documents = random_documents(5)
    lists = count_n_grams(documents, SpecialIds(), 3, V)
    arrays = count_n_grams([np.array(document, np.int32) for document in documents], SpecialIds(), 3, V)
    for a, b in zip(lists.tables, arrays.tables, strict=True):
        assert np.array_equal(a.keys, b.keys) and np.array_equal(a.counts, b.counts)
    assert lists.tokens == sum(len(document) + 1 for document in documents if document)


def test_orders_that_no_document_reaches_are_empty():
    counts = count_n_grams([[3], [4]], SpecialIds(), 5, V)
    assert [int(table.counts.sum()) for table in counts.tables] == [4, 4, 2, 0, 0]


def test_follow_finds_every_n_gram_of_the_text_and_no_other():
    documents = random_documents(1)
    counts = count_n_grams(documents, SpecialIds(), 3, V)
    spelled = spelled_out(counts)
    for text in (documents, random_documents(2)):
        tokens, depth = token_stream(text, V, closed=True, end_id=END)
        rows = counts.follow(tokens, depth, 3)
        for k in (2, 3):
            for place in range(len(tokens)):
                gram = tuple(tokens[place - k + 1 : place + 1].tolist()) if depth[place] >= k - 1 else None
                assert (rows[k][place] >= 0) == (gram in spelled[k])
                if rows[k][place] >= 0:
                    assert counts.tables[k - 1].counts[rows[k][place]] == spelled[k][gram][0]


def test_stream_of_documents():
    tokens, depth = token_stream([[3, 4], [], [5]], V, closed=True, end_id=END)
    assert tokens.tolist() == [2, 3, 4, 2, 2, 5, 2] and depth.tolist() == [0, 1, 2, 3, 0, 1, 2]
    tokens, depth = token_stream([[3, 4], [5]], V, closed=False, end_id=END)
    assert tokens.tolist() == [2, 3, 4, 2, 5] and depth.tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("documents", "order", "message"),
    [
        ([[3, V]], 2, f"id {V}"),
        ([[3, -1]], 2, "id -1"),
        ([[], []], 2, "no token"),
        ([[3]], 0, "order of n-grams is 0"),
    ],
)
def test_what_cannot_be_counted_is_named(documents, order, message):
    with pytest.raises(LmbookError, match=message):
        count_n_grams(documents, SpecialIds(), order, V)
