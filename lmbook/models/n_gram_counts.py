"""Counts n-grams, every run of 1 to n tokens of a text, by sorting instead of by a loop over the tokens.

An n-gram of order k is its first k - 1 tokens, which are themselves a counted (k - 1)-gram with a number of its own,
and a last token. So one integer, `number of the context * V + last token`, names it, whatever its order, and sorting
these integers brings equal n-grams together. Because the rows of one context stand together too, the tables of all
orders form a tree: from a context one reads off all tokens that followed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import check_ids
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


@dataclass(frozen=True)
class NGramTable:
    """All different n-grams of one order, k.

    Attributes:
        keys: int64 [N], ascending: `context * V + token`, `context` being the row of the first k - 1 tokens in the
            table of order k - 1 (0, the empty context, for k = 1). The table of order 1 has a row for each token of the
            vocabulary, counted or not.
        counts: int64 [N], how often each occurs.
        continuations: int64 [N], how many different tokens stand before it; where it begins a document, and nothing
            can stand before it, its occurrences instead. None in the table of the highest order.
    """

    keys: np.ndarray
    counts: np.ndarray
    continuations: np.ndarray | None

    def find(self, keys: np.ndarray) -> np.ndarray:
        """The rows of `keys` (int64, any shape); -1 for those that are not in the table."""
        rows = np.searchsorted(self.keys, keys)
        rows[rows == len(self.keys)] = 0
        return np.where(self.keys[rows] == keys, rows, -1)


@dataclass(frozen=True)
class NGramCounts:
    """The tables of the orders 1 to n of one text. `count_n_grams` makes them.

    Attributes:
        tables: n of them; `tables[k - 1]` holds order k.
        vocabulary_size: V.
        end_id: the id that opens and closes documents.
    """

    tables: tuple[NGramTable, ...]
    vocabulary_size: int
    end_id: int

    @property
    def order(self) -> int:
        return len(self.tables)

    @property
    def tokens(self) -> int:
        """How many tokens were counted, each document's closing `<end>` among them."""
        return int(self.tables[0].counts.sum())

    def follow(self, tokens: np.ndarray, depth: np.ndarray, order: int) -> list[np.ndarray]:
        """Where the n-grams of another text stand in the tables.

        Args:
            tokens, depth: from `token_stream`, [T].
            order: the highest order to look up.

        Returns:
            for each order from 0 to `order` the rows [T] of the n-grams that end at each position; -1 where there is
            no such n-gram in the table, or where the document has not so many tokens yet.
        """
        rows = [np.zeros(len(tokens), np.int64)]
        for k, table in enumerate(self.tables[:order], start=1):
            places = _places(depth, k, rows[-1])
            keys = _keys(rows[-1][places - 1], tokens[places], self.vocabulary_size)
            ascending = np.argsort(keys)  # neighbours in the table are then looked up one after the other: faster
            found = np.full(len(tokens), -1)
            found[places[ascending]] = table.find(keys[ascending])
            rows.append(found)
        return rows


def count_n_grams(
    documents: Sequence[Sequence[int]],
    tokenizer: Tokenizer | SpecialIds,
    order: int,
    vocabulary_size: int | None = None,
    *,
    closed: bool = True,
) -> NGramCounts:
    """Count all n-grams of the orders 1 to `order`.

    A document is read as `<end> d1 … dn <end>`. The opening `<end>` is context only: it is not counted as a token.
    No n-gram runs from one document into the next.

    Args:
        documents: ids of each document, without `<end>`; lists or arrays. Empty ones are left out.
        tokenizer: its `end_id` is that of `<end>`.
        order: n, the length of the longest n-grams.
        vocabulary_size: V; None: the tokenizer's.
        closed: each document is followed by `<end>`, which is counted too. False for a part of a longer text.

    Raises:
        LmbookError: there is no token to count, an id is not in the vocabulary, or the order is below 1.
    """
    if order < 1:
        raise LmbookError(f"The order of n-grams is {order}.", "It must be at least 1 (single tokens).")
    vocabulary_size = tokenizer.vocabulary_size if vocabulary_size is None else vocabulary_size
    tokens, depth = token_stream(documents, vocabulary_size, closed=closed, end_id=tokenizer.end_id)
    rows = tokens  # of the (k - 1)-gram that ends at each position
    counted: list[tuple[np.ndarray, np.ndarray]] = []  # (keys, counts) of each order
    continuations: list[np.ndarray] = []
    for k in range(1, order + 1):
        if k == 1:
            keys, counts = np.arange(vocabulary_size), np.bincount(tokens[depth > 0], minlength=vocabulary_size)
        else:
            places = np.flatnonzero(depth >= k - 1)
            keys, numbers, first = _different(_keys(rows[places - 1], tokens[places], vocabulary_size))
            counts = np.bincount(numbers)
            continuations.append(_continuations(rows, depth, places[first], k - 1, len(counted[-1][0])))
            rows = np.full(len(tokens), -1, np.int32)
            rows[places] = numbers
        counted.append((keys, counts))
    tables = [
        NGramTable(keys, counts, before) for (keys, counts), before in zip(counted, [*continuations, None], strict=True)
    ]
    return NGramCounts(tuple(tables), vocabulary_size, tokenizer.end_id)


def token_stream(
    documents: Sequence[Sequence[int]], vocabulary_size: int, *, closed: bool, end_id: int
) -> tuple[np.ndarray, np.ndarray]:
    """All documents in one row, `<end> d1 … dn <end>` each (the last `<end>` only if `closed`).

    Returns:
        tokens int32 [T] and depth int32 [T]: how many tokens of its document stand before each; 0 for the opening
        `<end>`, which is not to be predicted.

    Raises:
        LmbookError: there is no token, or an id is not in the vocabulary.
    """
    check_ids(documents)
    parts = [np.asarray(document, np.int32) for document in documents if len(document)]
    if not parts:
        raise LmbookError("The documents hold no token.", "Give a text with some words.")
    lengths = np.array([len(part) for part in parts]) + 1 + closed
    starts = np.cumsum(lengths) - lengths
    depth = np.arange(lengths.sum(), dtype=np.int32) - np.repeat(starts.astype(np.int32), lengths)
    inside = depth > 0
    if closed:
        inside[starts + lengths - 1] = False
    tokens = np.full(len(depth), end_id, np.int32)
    tokens[inside] = np.concatenate(parts)
    for id in (tokens.min(), tokens.max()):
        if not 0 <= id < vocabulary_size:
            raise LmbookError(
                f"The text has id {id}, but the vocabulary has {vocabulary_size} tokens.",
                "Give the vocabulary_size of the tokenizer that made the ids.",
            )
    return tokens, depth


def _keys(contexts: np.ndarray, tokens: np.ndarray, vocabulary_size: int) -> np.ndarray:
    return contexts.astype(np.int64) * vocabulary_size + tokens


def _places(depth: np.ndarray, order: int, before: np.ndarray) -> np.ndarray:
    """The positions at which an n-gram of `order` ends whose context has a row in `before`, the order below's."""
    if order == 1:
        return np.arange(len(depth))  # the opening <end> too: it is a context
    places = np.flatnonzero(depth >= order - 1)
    return places[before[places - 1] >= 0]


def _different(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different keys in ascending order, the number of each key among them, and where each of them stands once.

    As `np.unique` does, but with one unstable sort, which is several times faster.
    """
    ascending = np.argsort(keys)
    ordered = keys[ascending]
    new = np.ones(len(keys), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    numbers = np.empty(len(keys), np.int32)
    numbers[ascending] = np.cumsum(new, dtype=np.int32) - 1
    return ordered[new], numbers, ascending[new]


def _continuations(rows: np.ndarray, depth: np.ndarray, once: np.ndarray, order: int, size: int) -> np.ndarray:
    """Continuation counts of the n-grams of `order`.

    Args:
        rows: [T], the row of the n-gram of `order` that ends at each position.
        depth: [T].
        once: a position at which each different n-gram of the order above ends, once each.
        order: k.
        size: rows of the table of order k.
    """
    counts = np.bincount(rows[once], minlength=size)
    if order > 1:  # n-grams that begin with the opening <end>
        counts += np.bincount(rows[depth == order - 1], minlength=size)
    return counts
