from __future__ import annotations

import json

import nbformat
import pytest

from lmbook.book.chapters import find_lesson
from lmbook.book.notebooks import notebook
from lmbook.book.recording import record
from lmbook.errors import LmbookError

pytest.importorskip("ipykernel")

SOURCE = """# %% [markdown]
# # A small lesson
#
# - Needs: nothing

# %%
from lmbook.book import plots
from lmbook.book.lesson import Lesson

lesson = Lesson("small")
print("\\x1b[1mbegins\\x1b[0m")
print("step 1\\rstep 2")

# %% [markdown]
# ## Figures

# %%
lesson.table("sizes", [["one", 1.5], ["two", "none"]], ["", "size"])
lesson.figure(plots.bars({"a": 1.0}, "length"), "bars", "Two bars")

# %%
lesson.record("answer", lesson.choose(quick=42, full=43))
lesson.finish()
"""


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setenv("LMBOOK_CHAPTERS", str(tmp_path / "chapters"))
    monkeypatch.setenv("LMBOOK_RESULTS", str(tmp_path / "runs"))
    path = tmp_path / "chapters" / "01_first" / "small.py"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCE, encoding="utf-8")
    return find_lesson("small")


def cells(lesson):
    made = nbformat.reads(lesson.path.with_suffix(".ipynb").read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(made)
    return made, [cell for cell in made.cells if cell.cell_type == "code"]


def test_a_recorded_run_leaves_figures_outputs_and_pictures(lesson):
    said = []
    path = record(lesson, full=False, say=said.append)
    assert said == ["cell 1 of 3: A small lesson", "cell 2 of 3: Figures", "cell 3 of 3: Figures"]
    made, (first, shown, kept) = cells(lesson)
    assert made.metadata.lmbook.profile == "quick"
    assert [(output.name, output.text) for output in first.outputs] == [("stdout", "begins\nstep 2\n")]
    table, picture = shown.outputs
    assert "<td" in table.data["text/html"] and set(picture.data) == {"image/png"}
    assert "answer: 42" in kept.outputs[0].text and str(lesson.path.parent) not in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8") == notebook(lesson)  # `lmbook pages` changes nothing
    results = json.loads((lesson.path.parent / "results" / "small.quick.json").read_text(encoding="utf-8"))
    assert results["figures"]["answer"]["value"] == 42
    quick = json.loads((lesson.path.parent / "results" / "small.quick.outputs.json").read_text(encoding="utf-8"))
    assert [len(cell["outputs"]) for cell in quick["cells"]] == [1, 1, 1]  # without the picture

    record(lesson, full=True, say=said.append)
    assert "answer: 43" in cells(lesson)[1][2].outputs[0].text
    record(lesson, full=False, say=said.append)  # does not take the place of the full run
    assert cells(lesson)[0].metadata.lmbook.profile == "full"


def test_a_cell_that_fails_is_an_error_and_leaves_the_notebook_as_it_was(lesson):
    source = SOURCE.replace('print("step 1', 'raise ValueError("no such thing")\nprint("step 1')
    lesson.path.write_text(source, encoding="utf-8")
    with pytest.raises(LmbookError, match="no such thing"):
        record(lesson, full=False, say=lambda text: None)
    assert not lesson.path.with_suffix(".ipynb").exists()
