"""Whether the book's figures tell: what falls to nothing is noticed, and only the machine's own is not compared."""

from __future__ import annotations

import re

import pytest

from lmbook.book.chapters import lessons
from lmbook.book.results import AS_GOOD_AS_ZERO, PROFILES, differences, is_number, read_results

LESSONS = lessons()
# In a figure's unit, heading or note: it is seconds or memory, or computed from them.
OF_THE_MACHINE = re.compile(
    r"\b(seconds?|milliseconds|ms|s|[MG]B|megabytes|times alone|times as fast|tokens a second)\b"
    r"|/s\b|per second|speedup|slowdown|time grows|peak|medians|kJ|CO2|kWh|assumed: |fastest of "
)


def by_name(lesson):
    return lesson.name


def numbers(lesson, profile):
    """Key → entry of the numbers that a lesson has in the book."""
    book = read_results(lesson, profile)
    return {key: entry for key, entry in book["figures"].items() if is_number(entry["value"])} if book else {}


def result(key, entry, **changes):
    return {"figures": {key: entry | changes}}


def is_compared(entry):
    return entry["tolerance"] is not None or "at_least" in entry or "at_most" in entry


def is_said_to_be_small(entry):
    """Whether a limit holds the figure near 0, more tightly than its tolerance does: an error, a deviation."""
    value, tolerance = entry["value"], entry["tolerance"]
    limit = entry.get("at_most" if value > 0 else "at_least")
    return limit is not None and (tolerance is None or abs(limit) < abs(value) + tolerance)


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_a_quick_figure_that_falls_to_nothing_is_noticed(lesson):
    unnoticed = [
        key
        for key, entry in numbers(lesson, "quick").items()
        if is_compared(entry)
        and abs(entry["value"]) >= AS_GOOD_AS_ZERO
        and not differences(result(key, entry, value=0.0), result(key, entry))
        and not is_said_to_be_small(entry)
    ]
    assert unnoticed == []


@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_only_seconds_and_memory_are_not_compared(lesson):
    uncompared = [
        key
        for key, entry in numbers(lesson, "quick").items()
        if not is_compared(entry) and not OF_THE_MACHINE.search(f"{key}; {entry['unit']}; {entry['note']}")
    ]
    assert uncompared == []


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("lesson", LESSONS, ids=by_name)
def test_the_books_own_figures_keep_their_limits(lesson, profile):
    book = {"figures": numbers(lesson, profile)}
    assert differences(book, book) == []
