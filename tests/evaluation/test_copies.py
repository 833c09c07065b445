from __future__ import annotations

import random

import pytest

from lmbook.errors import LmbookError
from lmbook.evaluation.copies import CopyFinder


def brute(documents, ids):
    best = (0, 0)
    for start in range(len(ids)):
        for end in range(start + 1, len(ids) + 1):
            run = ids[start:end]
            if end - start > best[1] and any(
                document[i : i + len(run)] == run for document in documents for i in range(len(document))
            ):
                best = start, end - start
    return best


@pytest.mark.parametrize("seed", range(20))
def test_the_longest_run_is_that_of_an_exhaustive_search(seed):
    rng = random.Random(seed)
    draw = lambda n: [rng.choice((0, 3, 10, 55_000, 60_000)) for _ in range(n)]  # noqa: E731
    documents, ids = [draw(8) for _ in range(4)], draw(12)
    assert CopyFinder(documents).longest(ids) == brute(documents, ids)


def test_no_run_reaches_into_the_next_document():
    finder = CopyFinder([[1, 2], [3, 4]])
    assert finder.longest([1, 2, 3, 4]) == (0, 2) and finder.longest([7]) == (0, 0) and finder.longest([]) == (0, 0)
    assert finder.mean_length([[1, 2], [9]]) == 1.0


def test_nothing_to_compare_is_refused():
    with pytest.raises(LmbookError, match="training text is empty"):
        CopyFinder([[]])
    with pytest.raises(LmbookError, match="no texts"):
        CopyFinder([[1]]).mean_length([])
