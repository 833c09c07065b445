from __future__ import annotations

import numpy as np
import pytest

from lmbook.book.chapters import LessonFile
from lmbook.book.results import differences, figure_entry, format_figure, format_value, scratch_dir, table_rows


def entry(value, tolerance=0.0, **options):
    return figure_entry("key", value, tolerance=tolerance, **options)


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


@pytest.mark.parametrize(
    ("measured", "agrees"), [(0.5, True), (0.49, False), (0.9, True), (0.91, False), (True, False), ("0.6", False)]
)
def test_the_books_limits_hold_whatever_the_tolerance(measured, agrees):
    for tolerance in (None, 10.0):
        book = result(share=entry(0.6, tolerance, at_least=0.5, at_most=0.9))
        found = differences(result(share=entry(measured)), book)
        assert (found == []) is agrees
        assert agrees or any(said in found[-1] for said in ("at least 0.5", "at most 0.9"))


def test_a_limit_does_not_widen_the_tolerance():
    book = result(share=entry(0.6, 0.05, at_least=0.1, at_most=0.9))
    assert differences(result(share=entry(0.7)), book) == ["share: 0.7 measured, 0.6 in the book, tolerance 0.05"]


@pytest.mark.parametrize(
    ("value", "tolerance", "limits"),
    [
        (0.2, 0.5, {"at_least": 0.02}),
        (0.2, 0.2, {"at_least": 0.02}),
        (-2, 3.0, {"at_most": -0.2}),
        (0.2, 0.19, {}),
        (0.2, None, {}),
        (0.009, 0.5, {}),
        (True, 1.0, {}),
    ],
)
def test_a_figure_whose_tolerance_is_as_large_as_itself_keeps_a_tenth(value, tolerance, limits):
    made = entry(value, tolerance)
    assert {name: made[name] for name in ("at_least", "at_most") if name in made} == pytest.approx(limits)


def test_whoever_gives_a_limit_says_what_is_to_be_kept():
    small = entry(0.02, 0.1, at_most=0.08)
    assert small["at_most"] == 0.08 and "at_least" not in small
    assert differences(result(error=entry(0.0)), result(error=small)) == []


@pytest.mark.parametrize("limits", [{"at_least": 2.0, "at_most": 1.0}, {"at_least": float("nan"), "at_most": 1.0}])
def test_limits_that_no_value_keeps_are_refused(limits):
    with pytest.raises(ValueError, match="key"):
        entry(1.5, **limits)


@pytest.mark.parametrize("value", ["text", True])
def test_what_is_no_number_has_no_limits(value):
    with pytest.raises(ValueError, match="key"):
        entry(value, at_least=0.0)


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


@pytest.mark.parametrize(
    ("lesson", "folder"),
    [("book/chapters/01_words/words.py", "book"), ("Downloads/words.py", "here"), ("a/b/Downloads/words.py", "here")],
)
def test_results_lie_beside_the_chapters_or_where_one_is(lesson, folder, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("LMBOOK_RESULTS", raising=False)
    assert scratch_dir(LessonFile("words", tmp_path / lesson)) == tmp_path / folder / "runs" / "lessons"
