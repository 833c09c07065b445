from __future__ import annotations

import jupytext
import pytest

from lmbook.book.cells import read_cells
from lmbook.book.chapters import lessons
from lmbook.errors import LmbookError

SOURCE = """# %% [markdown]
# # Title
#
# Prose.

# %% tags=["hide-cell"]
import numpy as np

# %%

x = 1


def f():
    return x


# %%
lesson.record("x", x)
lesson.finish()
"""


def test_the_cells_their_lines_and_what_is_folded():
    cells = read_cells(SOURCE)
    assert [(cell.kind, cell.line, cell.folded) for cell in cells] == [
        ("markdown", 2, ()),
        ("code", 7, ("hide-cell",)),
        ("code", 11, ()),
        ("code", 19, ("hide-cell",)),  # it only keeps figures
    ]
    assert cells[0].source == "# Title\n\nProse." and cells[0].headings == ["Title"]
    assert cells[2].source == "x = 1\n\n\ndef f():\n    return x"


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_they_are_those_that_jupytext_finds(lesson):
    source = lesson.path.read_text(encoding="utf-8")
    theirs = [(cell.cell_type, cell.source) for cell in jupytext.reads(source, fmt="py:percent").cells]
    assert [(cell.kind, cell.source) for cell in read_cells(source)] == theirs


@pytest.mark.parametrize(
    ("source", "named"),
    [('# %% tags=["hidden"]\nx = 1\n', "hidden"), ("# %% [markdown]\n# prose\nx = 1\n", "Line 3")],
)
def test_a_cell_that_cannot_be_read_is_named(source, named):
    with pytest.raises(LmbookError, match=named):
        read_cells(source)


def test_a_digest_changes_with_the_source_alone():
    one, moved, other = (read_cells(text)[-1] for text in ("# %%\nx = 1", "# %%\ny\n# %%\nx = 1", "# %%\nx = 2"))
    assert one.digest == moved.digest != other.digest
