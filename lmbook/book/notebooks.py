"""Each lesson's notebook, made from its `.py` file by jupytext; never edited by hand."""

from __future__ import annotations

from lmbook.book.chapters import LessonFile
from lmbook.errors import LmbookError


def notebook(lesson: LessonFile) -> str:
    """The text of the lesson's `.ipynb`: no outputs, cell ids by position, so that the same lesson gives the same file.

    Raises:
        LmbookError: jupytext is not installed.
    """
    try:
        import jupytext
        import nbformat
    except ImportError:
        raise LmbookError(
            "Notebooks are made with jupytext, which is not installed.",
            "Run: python -m pip install -r requirements-test.txt",
        ) from None
    made = jupytext.reads(lesson.path.read_text(encoding="utf-8"), fmt="py:percent")
    cells = []
    for index, cell in enumerate(made.cells):
        new = nbformat.v4.new_markdown_cell if cell.cell_type == "markdown" else nbformat.v4.new_code_cell
        cells.append(new(cell.source, id=f"{lesson.name[:56]}-{index:03d}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    made.nbformat_minor = 5
    return nbformat.writes(made) + "\n"
