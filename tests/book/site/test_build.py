"""A small book with every kind of part, built in seconds."""

from __future__ import annotations

import base64
import re
import shutil
import zipfile
from html import unescape
from xml.etree import ElementTree

import pytest

from lmbook.errors import LmbookError
from lmbook.files import write_json, write_text

pytest.importorskip("myst_nb", reason="Sphinx and myst-nb are not installed: requirements-site.txt")

from lmbook.book.site.build import build_site  # noqa: E402
from lmbook.book.site.lesson_page import KEPT  # noqa: E402
from lmbook.book.site.spoken import PICTURE  # noqa: E402

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
CONTENTS = """
[[chapter]]
folder = "01_a"
title = "A"
part = "Beginning"
question = "What comes first?"
afterwards = ["begin"]
lessons = [{ name = "first", question = "What is first?" }, { name = "second", question = "And then?" }]

[home]
lesson = "first"
picture = "dot"
text = "One dot."
"""
TEXT = """# First

- Needs: nothing
- Data: none
- Shows: little

The gradient, and again the gradient; see {cite:t}`elman1990` and {eq}`law`.

$$
p(w_t \\mid w_{<t}) = \\frac{1}{2}
$$ (law)

```{literalinclude} /lmbook/things.py
:pyobject: twice
```
"""


def code(source, outputs=(), **metadata):
    made = {"cell_type": "code", "id": f"c{abs(hash(source)) % 10**8}", "execution_count": 1}
    return made | {"metadata": metadata, "source": source, "outputs": list(outputs)}


def shown(**data):
    return {"output_type": "display_data", "metadata": {}, "data": {key.replace("_", "/"): data[key] for key in data}}


def notebook(path, *cells, title=TEXT, recorded=None):
    first = {"cell_type": "markdown", "id": "c0", "metadata": {}, "source": title}
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    metadata |= {"lmbook": recorded} if recorded else {}
    write_json(path, {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [first, *cells]})
    write_text(path.with_suffix(".py"), "# %% [markdown]\n" + re.sub("^", "# ", title, flags=re.M) + "\n")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    chapter = folder / "chapters" / "01_a"
    write_text(folder / "chapters" / "contents.toml", CONTENTS)
    write_text(
        chapter / "README.md", "# 1. A\n\nThe first chapter. [First](first.py)\n\n## More\n\nMore of it. The <end>.\n"
    )
    write_text(folder / "docs" / "glossary.md", "# Glossary\n\n**gradient (梯度)**\n: A slope, 0.5 for example.\n")
    write_text(folder / "docs" / "references.bib", "@misc{elman1990, author={Elman, J}, title={Time}, year={1990}}\n")
    write_text(folder / "docs" / "references.md", "# References\n\n```{bibliography}\n```\n")
    write_text(folder / "CONTRIBUTING.md", "# Contributing\n")
    write_text(folder / "lmbook" / "things.py", "def once(x):\n    return x\n\n\ndef twice(x):\n    return 2 * x\n")
    (chapter / "figures").mkdir()
    (chapter / "figures" / "dot.png").write_bytes(base64.b64decode(PIXEL))
    figures = {"picture/dot": {"value": "figures/dot.png", "note": "A dot"}}
    write_json(chapter / "results" / "first.json", {"seconds": 90, "figures": figures})
    printed = {"output_type": "stream", "name": "stdout", "text": "printed text\n"}
    notebook(
        chapter / "first.ipynb",
        code("shown_code = 1", [printed]),
        code(
            "table", [shown(text_html='<table><tr><th style="text-align: left"></th><td>of a table</td></tr></table>')]
        ),
        code("picture", [shown(image_png=PIXEL, text_plain="<Figure>")]),
        code("folded_code = 2", tags=["hide-input"]),
        code("kept_code = 4", tags=["hide-cell"]),
        code("old_code = 3", [printed], lmbook={"stale": True}),
        recorded={"profile": "quick", "seed": 7, "device": "2 cores"},
    )
    notebook(chapter / "second.ipynb", title="# Second\n\n- Needs: first\n\nNo outputs, and a $2 price and $3.\n")
    return folder


@pytest.fixture(scope="module")
def built(book, tmp_path_factory):
    folder, warnings = build_site(book / "chapters", tmp_path_factory.mktemp("build"))
    assert warnings == []
    return folder


@pytest.fixture(scope="module")
def lesson(built):
    return (built / "chapters" / "01_a" / "first.html").read_text(encoding="utf-8")


def plain(page):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_recorded_outputs_are_shown_where_they_were_printed(built, lesson):
    text = plain(lesson)
    assert text.index("shown_code = 1") < text.index("printed text") < text.index("of a table")
    assert '<table><tr><td style="text-align: left"></td><td>of a table' in lesson  # an empty heading is none
    (picture,) = re.findall(r'<img [^>]*src="([^"]*_images/[^"]+\.png)"', lesson)
    assert (built / "chapters" / "01_a" / picture).exists()
    assert re.findall(r'<img [^>]*alt="([^"]*)"[^>]*_images', lesson) == [PICTURE]


def test_folded_and_out_of_date_cells_are_marked(lesson):
    folded = re.search(r"<details class=\"[^\"]*hide[^>]*>(.*?)</details>", lesson, re.S)
    assert "folded_code" in plain(folded[1]) and "shown_code" not in plain(folded[1])
    assert KEPT in plain(lesson)
    text = plain(lesson)
    assert text.count("Recorded from an earlier version of this cell.") == 1
    assert text.index("Recorded from an earlier version") < text.index("old_code")


def test_the_box_says_where_the_outputs_come_from(lesson):
    assert "quick profile, seed 7, 2 cores" in plain(lesson)
    assert "What is first?" in plain(lesson) and "90 s (full)" in plain(lesson)


def test_source_is_taken_from_the_file(lesson):
    assert "def twice ( x ): return 2 * x" in plain(lesson) and "once" not in plain(lesson)


def test_formulas_are_set_and_numbered_and_need_a_style_sheet_alone(lesson, built):
    (formula,) = re.findall(r'<div class="formula display" tabindex="0">(.*?)</div>', lesson, re.S)
    assert "<math" in formula and "<mfrac>" in formula and 'class="katex-html"' in formula
    assert "w_{&lt;t}" in formula  # the TeX, for those who copy it
    assert re.search(r'href="#equation-law">equation \d', lesson)
    assert "katex/katex.min.css" in lesson and not list(built.rglob("katex*.js"))
    assert "katex" not in (built / "chapters" / "01_a" / "second.html").read_text(encoding="utf-8")


def test_the_first_use_of_a_term_links_to_the_glossary(lesson):
    links = re.findall(r'<a class="first-use[^>]*href="([^"]*)" title="([^"]*)">gradient</a>', lesson)
    assert links == [("../../docs/glossary.html#term-gradient", "A slope, 0.5 for example.")]


def test_citations_lead_to_the_references(lesson, built):
    link = re.search(r'href="\.\./\.\./docs/references\.html#([^"]*)"', lesson)
    assert f'id="{link[1]}"' in (built / "docs" / "references.html").read_text(encoding="utf-8")


def test_the_notebook_and_the_script_can_be_taken_as_they_are(book, built, lesson):
    found = dict(re.findall(r'download="" href="\.\./\.\./(_downloads/[^"]*/(first\.\w+))"', lesson))
    assert len(found) == 2
    for path, name in found.items():
        assert (built / path).read_bytes() == (book / "chapters" / "01_a" / name).read_bytes()


def test_the_search_knows_sections_terms_and_code(built):
    index = (built / "_static" / "search-index.js").read_text(encoding="utf-8")
    assert index.startswith("window.lmbookSearch = [")
    assert "gradient · 梯度" in index and "shown_code" in index and '"heading":"More"' in index
    assert not (built / "searchindex.js").exists() and (built / "search.html").exists()


def test_an_epub_and_catalogues_for_translators_can_be_made(book, tmp_path):
    folder, warnings = build_site(book / "chapters", tmp_path, "epub")
    assert warnings == []
    with zipfile.ZipFile(folder / "lmbook.epub") as epub:
        pages = {name: epub.read(name).decode() for name in epub.namelist() if name.endswith((".xhtml", ".opf"))}
    for page in pages.values():
        ElementTree.fromstring(page)  # what is not well-formed, a reader refuses
    lesson = pages["chapters/01_a/first.xhtml"]
    assert "<mfrac>" in lesson and "\\frac" not in lesson
    assert re.search(r'href="chapters/01_a/first.xhtml"[^>]* properties="mathml"', pages["content.opf"])
    assert re.search(r'href="chapters/01_a/index.xhtml"[^>]* properties="svg"', pages["content.opf"])
    assert plain(pages["chapters/01_a/index.xhtml"]).count("The <end>.") == 1
    folder, warnings = build_site(book / "chapters", tmp_path, "gettext")
    assert warnings == [] and (folder / "chapters" / "01_a" / "first.pot").exists()


def test_a_formula_that_cannot_be_set_is_warned_of_and_stays_tex(book, tmp_path):
    shutil.copytree(book, tmp_path / "book")
    readme = tmp_path / "book" / "chapters" / "01_a" / "README.md"
    write_text(readme, readme.read_text(encoding="utf-8") + "\nA slip: $\\frac{1}$\n")
    folder, warnings = build_site(tmp_path / "book" / "chapters", tmp_path / "build")
    assert len(warnings) == 1 and r"\frac{1}" in warnings[0]
    assert r"<code>\frac{1}</code>" in (folder / "chapters" / "01_a" / "index.html").read_text(encoding="utf-8")


def test_what_no_build_has_made_is_not_deleted(book, tmp_path):
    write_text(tmp_path / "site" / "mine.txt", "mine")
    with pytest.raises(LmbookError, match="no earlier build"):
        build_site(book / "chapters", tmp_path)
    assert (tmp_path / "site" / "mine.txt").exists()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"second"', '"third"', "lessons that are not there: third"),
        ('"dot"', '"line"', "no picture of the lesson 'first'"),
        (CONTENTS, "", "There is no .*contents.toml"),
    ],
)
def test_contents_that_do_not_fit_the_book_are_said(book, tmp_path, before, after, said):
    shutil.copytree(book, tmp_path / "book")
    path = tmp_path / "book" / "chapters" / "contents.toml"
    if after:
        write_text(path, CONTENTS.replace(before, after))
    else:
        path.unlink()
    with pytest.raises(LmbookError, match=said):
        build_site(tmp_path / "book" / "chapters", tmp_path / "build")


def test_an_unknown_builder_is_said(book, tmp_path):
    with pytest.raises(LmbookError, match="no builder 'pdf'"):
        build_site(book / "chapters", tmp_path, "pdf")
