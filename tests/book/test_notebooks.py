from __future__ import annotations

import json

import nbformat
import pytest

from lmbook.book.chapters import LessonFile
from lmbook.book.notebooks import STALE, notebook, stale_cells, with_outputs
from lmbook.book.results import figure_entry
from lmbook.errors import LmbookError

SOURCE = "# %% [markdown]\n# # Title\n# Prose.\n\n# %%\nx = 1\n\n# %%\nprint(x)\n"
RUN = {"profile": "quick", "seed": 0, "device": "2 cores", "versions": {}, "seconds": 1.0}


def printed(text):
    return {"name": "stdout", "output_type": "stream", "text": [text]}


@pytest.fixture
def lesson(tmp_path):
    path = tmp_path / "a_lesson.py"
    path.write_text(SOURCE, encoding="utf-8")
    return LessonFile("a_lesson", path)


@pytest.fixture
def recorded(lesson):
    """Its notebook after a run, written down."""

    def write():
        lesson.path.with_suffix(".ipynb").write_text(notebook(lesson), encoding="utf-8")

    lesson.path.with_suffix(".ipynb").write_text(with_outputs(lesson, [[], [printed("1\n")]], RUN), encoding="utf-8")
    write()
    return write


def read(lesson):
    made = nbformat.reads(notebook(lesson), as_version=4)
    nbformat.validate(made)
    return made


def test_before_a_run_a_notebook_has_the_lessons_cells_and_no_outputs(lesson):
    made = read(lesson)
    assert [(cell.cell_type, cell.source) for cell in made.cells] == [
        ("markdown", "# Title\nProse."),
        ("code", "x = 1"),
        ("code", "print(x)"),
    ]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in made.cells if cell.cell_type == "code")
    assert [cell.id for cell in made.cells] == ["a_lesson-000", "a_lesson-001", "a_lesson-002"]
    assert stale_cells(lesson) == [6, 9]


def test_after_a_run_each_cell_has_its_outputs_and_the_notebook_says_which_run(lesson, recorded):
    made = read(lesson)
    assert made.metadata.lmbook == RUN and made.cells[2].outputs[0].text == "1\n"
    assert stale_cells(lesson) == []
    text = notebook(lesson)
    recorded()
    assert notebook(lesson) == text


def test_outputs_stay_with_their_cells_and_a_changed_cell_says_so(lesson, recorded):
    source = SOURCE.replace("print(x)", "print(x + 0)").replace("# %%\nx = 1", "# %%\nnew = 0\n\n# %%\nx = 1")
    lesson.path.write_text(source, encoding="utf-8")
    for _ in range(2):  # made again from the notebook that says so, it says so once
        new, same, changed = [cell for cell in read(lesson).cells if cell.cell_type == "code"]
        assert new.outputs == [] and same.outputs == [] and "stale" not in same.metadata.get("tags", [])
        assert [output.output_type for output in changed.outputs] == ["display_data", "stream"]
        assert changed.outputs[0].data["text/markdown"] == STALE and "stale" in changed.metadata.tags
        recorded()
    lesson.path.write_text(SOURCE, encoding="utf-8")
    assert len(read(lesson).cells[2].outputs) == 1 and stale_cells(lesson) == []


def test_folded_cells_are_folded_in_a_notebook_too(lesson):
    lesson.path.write_text('# %% tags=["hide-cell"]\nx = 1\n', encoding="utf-8")
    [cell] = read(lesson).cells
    assert cell.metadata.tags == ["hide-cell"]
    assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}


def test_marks_in_the_text_are_filled(lesson):
    lesson.path.write_text("# %% [markdown]\n# It is [[loss]].\n", encoding="utf-8")
    results = lesson.path.parent / "results" / "a_lesson.quick.json"
    results.parent.mkdir()
    figure = figure_entry("loss", 0.5, "nats", 0.1, note="of nothing")
    results.write_text(json.dumps(RUN | {"peak_memory_mb": 90, "figures": {"loss": figure}}), encoding="utf-8")
    first, last = read(lesson).cells
    assert first.source == "It is 0.5."
    assert last.source.startswith("<details>") and "| `loss` | 0.5 | nats | of nothing |" in last.source


def test_the_library_s_source_stands_where_it_is_named(lesson):
    lesson.path.write_text(
        "# %% [markdown]\n# The library does the same:\n#\n# [[source lmbook.attend]]\n", encoding="utf-8"
    )
    assert "```python\ndef attend(" in read(lesson).cells[0].source


def test_the_first_cell_says_which_run_it_shows_and_leaves_out_what_only_authors_need(lesson, recorded):
    text = "# %% [markdown]\n# # Title\n#\n# - Shows: a sum\n# - Headline: loss,\n#   other\n#\n# Prose.\n"
    lesson.path.write_text(text + SOURCE.partition("# Prose.\n")[2], encoding="utf-8")
    first = read(lesson).cells[0].source
    assert first == "# Title\n\n- Shows: a sum\n- Outputs: from the quick profile, seed 0, 1 s on 2 cores\n\nProse."


def test_a_file_that_is_no_notebook_is_named(lesson):
    lesson.path.with_suffix(".ipynb").write_text("no JSON", encoding="utf-8")
    with pytest.raises(LmbookError, match=r"a_lesson\.ipynb"):
        notebook(lesson)
