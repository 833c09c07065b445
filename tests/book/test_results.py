from __future__ import annotations

import numpy as np
import pytest

from lmbook.book.results import differences, figure_entry, format_figure, format_value, table_rows


def entry(value, tolerance=0.0, sd=None, n=None, unit=""):
    return figure_entry("key", value, unit, tolerance, sd, n, "")


def result(**figures):
    return {"figures": figures}


def test_figures_within_their_tolerance_agree():
    book = result(loss=entry(1.0, 0.1), count=entry(3), seconds=entry(5.0, None), text=entry("a tree"))
    assert differences(result(loss=entry(1.1), count=entry(3), seconds=entry(99.0), text=entry("a tree")), book) == []


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (result(loss=entry(1.11)), "loss: 1.11 measured"),
        (result(), "not measured any more"),
        (result(loss=entry(1.0), new=entry(1)), "new: measured, but not in the book"),
        (result(loss=entry("1.0")), "loss"),
    ],
)
def test_each_kind_of_difference_is_named(measured, said):
    [only] = differences(measured, result(loss=entry(1.0, 0.1)))
    assert said in only


def test_the_books_tolerance_counts_not_the_new_one():
    assert differences(result(loss=entry(2.0, 10.0)), result(loss=entry(1.0, 0.1)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [1.0], np.float32("nan")])
def test_what_is_not_a_figure_is_refused(value):
    with pytest.raises(ValueError, match="key"):
        entry(value)


def test_negative_tolerance_is_refused():
    with pytest.raises(ValueError, match="tolerance"):
        entry(1.0, -0.1)


def test_numpy_scalars_become_plain_values():
    value = entry(np.float32(0.5))["value"]
    assert type(value) is float
    assert type(entry(np.int64(7))["value"]) is int
    assert type(entry(np.bool_(True))["value"]) is bool


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (12345.6, "12,346"),
        (7, "7"),
        (1234567, "1,234,567"),
        (True, "yes"),
        ("a", "a"),
        (0.0, "0"),
    ],
)
def test_values_are_formatted_for_reading(value, text):
    assert format_value(value) == text


def test_spread_and_unit_are_shown():
    assert format_figure(entry(0.5, sd=0.02, n=3, unit="nats")) == "0.5 ± 0.02 (n = 3) nats"
    assert format_figure(entry(13.25, sd=3.6e-15, n=3)) == "13.25 ± 0 (n = 3)"


def test_table_rows_keep_labels_with_slashes():
    figures = {"speed/a/b/steps": entry(1), "speed/a/b/loss": entry(2.0), "other": entry(1)}
    columns, rows = table_rows(figures, "speed")
    assert columns == ["steps", "loss"]
    assert list(rows) == ["a/b"]
    assert rows["a/b"]["loss"]["value"] == 2.0
