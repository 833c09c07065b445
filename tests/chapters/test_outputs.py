"""The outputs in the notebooks are those of the run whose figures are in `results/`."""

from __future__ import annotations

import html
import json
import re

import pytest

from lmbook.book.chapters import lessons
from lmbook.book.notebooks import STALE
from lmbook.book.results import format_figure, format_value, read_results

LESSONS = lessons()


def recorded(lesson):
    """The lesson's notebook, and the results of the run that it shows."""
    notebook = json.loads(lesson.path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    run = notebook["metadata"].get("lmbook")
    if not run:
        pytest.skip("no run was recorded with its outputs yet")
    return notebook, run, read_results(lesson, run["profile"])


def outputs(notebook):
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def texts(notebook):
    """What stands in the outputs: printed text, and the cells of tables."""
    printed = "".join("".join(output.get("text", [])) for output in outputs(notebook))
    tables = "".join("".join(output.get("data", {}).get("text/html", [])) for output in outputs(notebook))
    return printed, {html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", tables, re.S)}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_notebook_and_the_results_are_of_one_run(lesson):
    _, run, results = recorded(lesson)
    assert {key: results[key] for key in run} == run


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_each_recorded_figure_stands_in_the_outputs_as_it_was_recorded(lesson):
    notebook, _, results = recorded(lesson)
    if any(STALE in "".join(output.get("data", {}).get("text/markdown", [])) for output in outputs(notebook)):
        pytest.skip("some cells have changed since; each says so")
    printed, cells = texts(notebook)
    for key, entry in results["figures"].items():
        if key.startswith("picture/"):
            continue
        if "/" in key:  # of a table
            assert format_value(entry["value"]) in cells, key
        else:
            assert f"{key}: {format_figure(entry)}" in printed, key


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_each_picture_of_the_run_is_in_the_notebook(lesson):
    notebook, _, results = recorded(lesson)
    pictures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert len(pictures) >= sum(key.startswith("picture/") for key in results["figures"])
