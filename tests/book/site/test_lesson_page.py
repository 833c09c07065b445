from __future__ import annotations

import json
from pathlib import Path

from lmbook.book.chapters import LessonFile, read_header
from lmbook.book.contents import Chapter, Contents, LessonEntry
from lmbook.book.site.lesson_page import STALE, lesson_page
from lmbook.files import write_json

HEADER = """# Attention

- Article section: §3
- Needs: tokens
- Data: greentree (built in)
- Minutes: quick 1, full 3
- Memory: 2.0 GB
- Shows: a sentence
  that goes on
- Headline: loss

The lesson begins. See [tokens](../02_concepts/tokens.py).

- Data: this list is no header
"""
CONTENTS = Contents(
    (Chapter("05_x", "X", "P", "?", (), (LessonEntry("attention", "How does a word attend to others?"),)),)
)


def page(tmp_path, cells=(), metadata=None):
    source = "# %% [markdown]\n" + "".join(f"# {line}".rstrip() + "\n" for line in HEADER.splitlines())
    lesson = LessonFile("attention", tmp_path / "chapters" / "05_x" / "attention.py", read_header(source))
    for profile, seconds in (("", 205), (".quick", 43.2)):
        write_json(lesson.path.parent / "results" / f"attention{profile}.json", {"seconds": seconds})
    tokens = LessonFile("tokens", Path("chapters/02_concepts/tokens.py"), {"Title": "Tokens"})
    first = {"cell_type": "markdown", "metadata": {}, "source": HEADER.splitlines(keepends=True)}
    text = json.dumps({"cells": [first, *cells], "metadata": metadata or {}})
    return json.loads(lesson_page(text, lesson, CONTENTS, [tokens, lesson]))["cells"]


def test_the_header_becomes_a_box_with_the_question_the_times_and_links(tmp_path):
    (first,) = page(tmp_path)
    box, _, rest = first["source"].partition("\n:::\n")
    assert box.startswith("# Attention\n\n:::{container} lesson-facts\n**How does a word attend to others?**")
    assert ":Takes: 43 s (quick) or 3.4 min (full), 2.0 GB of memory" in box
    assert ":Read before: [Tokens](/chapters/02_concepts/tokens.ipynb)" in box
    assert "`lmbook run attention`" in box and "{download}`notebook <attention.ipynb>`" in box
    assert ":Outputs here: none were recorded yet" in box
    assert "Headline" not in first["source"] and "that goes on" not in first["source"]
    assert rest.strip().startswith("The lesson begins. See [tokens](/chapters/02_concepts/tokens.ipynb).")
    assert "- Data: this list is no header" in rest


def test_the_box_says_where_the_outputs_come_from(tmp_path):
    recorded = {"profile": "full", "seed": 0, "device": "2 cores of X", "recorded": "2026-01-02"}
    (first,) = page(tmp_path, metadata={"lmbook": recorded})
    assert ":Outputs here: full profile, seed 0, 2 cores of X, 2026-01-02\n" in first["source"]


def test_an_output_that_is_out_of_date_is_marked_and_stays(tmp_path):
    def code(**metadata):
        return {"cell_type": "code", "metadata": metadata, "source": "x", "outputs": [{"name": "stdout"}]}

    cells = page(tmp_path, [code(), code(tags=["stale"]), code(lmbook={"stale": True}), code(lmbook={"stale": False})])
    marks = [STALE in "".join(cell["source"]) for cell in cells]
    assert marks == [False, False, True, False, True, False, False]
    assert all(cell["outputs"] for cell in cells if cell["cell_type"] == "code")
