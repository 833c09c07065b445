from __future__ import annotations

import nbformat

from lmbook.book.chapters import LessonFile
from lmbook.book.notebooks import notebook

SOURCE = "# %% [markdown]\n# # Title\n# Prose.\n\n# %%\nx = 1\n\n# %%\nprint(x)\n"


def test_a_notebook_has_the_lessons_cells_no_outputs_and_is_valid(tmp_path):
    path = tmp_path / "a_lesson.py"
    path.write_text(SOURCE, encoding="utf-8")
    text = notebook(LessonFile("a_lesson", path))
    made = nbformat.reads(text, as_version=4)
    nbformat.validate(made)
    assert [(cell.cell_type, cell.source) for cell in made.cells] == [
        ("markdown", "# Title\nProse."),
        ("code", "x = 1"),
        ("code", "print(x)"),
    ]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in made.cells if cell.cell_type == "code")
    assert [cell.id for cell in made.cells] == ["a_lesson-000", "a_lesson-001", "a_lesson-002"]
    assert notebook(LessonFile("a_lesson", path)) == text
