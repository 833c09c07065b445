from __future__ import annotations

import json

import pytest

from lmbook.book import pages
from lmbook.book.chapters import chapters_dir
from lmbook.book.results import figure_entry
from lmbook.errors import LmbookError

LESSON = """# %% [markdown]
# # A tiny lesson
#
# - Article section: §0
# - Shows: that pages are made
# - Headline: loss

# %%
print("hello")
"""


def figures(loss):
    return {
        "loss": figure_entry("loss", loss, "nats per token", 0.1, 0.01, 3, "held-out"),
        "text": figure_entry("text", "a | b\nc", "", 0.0, None, None, ""),
        "models/LSTM/steps": figure_entry("s", 100, "", 0.0, None, None, ""),
        "models/LSTM/loss": figure_entry("l", 1.25, "", 0.0, None, None, ""),
        "picture/curve": figure_entry("p", "figures/tiny_curve.png", "", None, None, None, "The loss curve"),
    }


def write_results(chapter, profile, loss, suffix):
    result = {
        "lesson": "tiny",
        "profile": profile,
        "seed": 0,
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "device": "2 cores",
        "seconds": 300.0 if profile == "full" else 30.0,
        "peak_memory_mb": 1234,
        "figures": figures(loss),
    }
    (chapter / "results").mkdir(exist_ok=True)
    (chapter / "results" / f"tiny{suffix}.json").write_text(json.dumps(result), encoding="utf-8")


@pytest.fixture
def chapter(tmp_path):
    folder = tmp_path / "chapters" / "01_first"
    folder.mkdir(parents=True)
    (folder / "tiny.py").write_text(LESSON, encoding="utf-8")
    (tmp_path / "README.md").write_text("# Book\n\n<!-- chapters -->\n<!-- end -->\n", encoding="utf-8")
    return folder


def page(chapter, text):
    (chapter / "README.md").write_text(text, encoding="utf-8")
    pages.update(chapter.parent)
    return (chapter / "README.md").read_text(encoding="utf-8")


def test_results_become_a_table_with_both_profiles(chapter):
    write_results(chapter, "full", 1.5, "")
    write_results(chapter, "quick", 2.5, ".quick")
    text = page(chapter, "Before\n<!-- results: tiny -->\nold\n<!-- end -->\nAfter\n")
    assert "| `loss` | 1.5 ± 0.01 (n = 3) | 2.5 ± 0.01 (n = 3) | nats per token | held-out |" in text
    assert "a \\| b<br>c" in text
    assert "models/" not in text and "old" not in text
    assert "5.0 min" in text and "keras 3.15.1" in text
    assert text.startswith("Before\n") and text.endswith("<!-- end -->\nAfter\n")


def test_chosen_keys_tables_values_and_pictures(chapter):
    write_results(chapter, "full", 1.5, "")
    text = page(
        chapter,
        "<!-- results: tiny loss --><!-- end -->\n<!-- table: tiny models --><!-- end -->\n"
        "It is <!-- value: tiny loss --><!-- end --> nats.\n<!-- figure: tiny curve --><!-- end -->\n",
    )
    assert "`text`" not in text
    assert "| LSTM | 100 | 1.25 |" in text
    assert "It is <!-- value: tiny loss -->1.5<!-- end --> nats." in text
    assert "![The loss curve](figures/tiny_curve.png)" in text


CONTENTS = """[[chapter]]
folder = "01_first"
title = "First"
part = "One"
question = "What comes first?"
afterwards = []
lessons = [{ name = "tiny", question = "Why?" }]
"""


def test_all_lessons_are_listed_with_their_headline(chapter):
    write_results(chapter, "full", 1.5, "")
    docs = chapter.parent.parent / "docs"
    docs.mkdir()
    (docs / "results.md").write_text("<!-- figures -->\n<!-- end -->\n", encoding="utf-8")
    pages.update(chapter.parent)
    text = (docs / "results.md").read_text(encoding="utf-8")
    link = "(../chapters/01_first/tiny.ipynb)"
    assert f"{link} | §0 | that pages are made | `loss` 1.5 ± 0.01 (n = 3) nats per token" in text
    assert "full 5.0 min, 1.2 GB" in text


def test_the_main_page_lists_the_chapters_and_a_chapter_its_lessons(chapter):
    (chapter.parent / "contents.toml").write_text(CONTENTS, encoding="utf-8")
    write_results(chapter, "quick", 1.5, ".quick")
    text = page(chapter, "<!-- lessons -->\n<!-- end -->\n")
    assert "](tiny.ipynb) | Why? | 30 s |" in text
    main = (chapter.parent.parent / "README.md").read_text(encoding="utf-8")
    assert "| [1. First](chapters/01_first/README.md) | What comes first? | [" in main
    assert "](chapters/01_first/tiny.ipynb) |" in main


def test_before_any_run_pages_say_so(chapter):
    text = page(chapter, "<!-- results: tiny --><!-- end --> <!-- value: tiny loss --><!-- end -->")
    assert "lmbook run tiny --full --record" in text and "(not recorded yet)" in text


def test_what_only_a_full_run_records_is_not_missing_after_a_quick_one(chapter):
    write_results(chapter, "quick", 2.5, ".quick")
    markers = ["value: tiny later", "table: tiny rows", "results: tiny loss later", "value: tiny loss"]
    text = page(chapter, "\n".join(f"· <!-- {marker} --><!-- end -->" for marker in markers))
    assert text.count("(not recorded yet)") == 1 and text.count("lmbook run tiny --full --record") == 2
    assert "<!-- value: tiny loss -->2.5<!-- end -->" in text


def test_a_benchmark_becomes_a_table(chapter):
    folder = chapter.parent.parent / "benchmarks"
    (folder / "results").mkdir(parents=True)
    result = {"device": "2 cores", "versions": {"keras": "3.15.1"}, "figures": {"ratio": 0.25, "reached": True}}
    (folder / "results" / "race.json").write_text(json.dumps(result), encoding="utf-8")
    (folder / "README.md").write_text("<!-- benchmark: race -->\n<!-- end -->\n", encoding="utf-8")
    pages.update(chapter.parent)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "| `ratio` | 0.25 |\n| `reached` | yes |" in text and "*2 cores; keras 3.15.1.*" in text
    (folder / "slow.py").write_text("", encoding="utf-8")
    (folder / "README.md").write_text("<!-- benchmark: slow -->\n<!-- end -->\n", encoding="utf-8")
    pages.update(chapter.parent)
    assert "Not recorded yet: `python benchmarks/slow.py" in (folder / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text("<!-- benchmark: other -->\n<!-- end -->\n", encoding="utf-8")
    with pytest.raises(LmbookError, match=r"other\.json"):
        pages.update(chapter.parent)


def test_update_twice_changes_nothing_and_a_new_result_is_noticed(chapter):
    write_results(chapter, "full", 1.5, "")
    page(chapter, "<!-- results: tiny --><!-- end -->\n")
    assert pages.update(chapter.parent) == []
    assert pages.out_of_step(chapter.parent) == []
    write_results(chapter, "full", 1.75, "")
    stale = {path.relative_to(chapter.parent.parent).as_posix() for path in pages.out_of_step(chapter.parent)}
    assert stale == {"chapters/01_first/README.md", "chapters/01_first/tiny.ipynb"}


def test_a_changed_lesson_or_an_edited_notebook_is_noticed(chapter):
    pages.update(chapter.parent)
    (chapter / "tiny.py").write_text(LESSON.replace("hello", "world"), encoding="utf-8")
    assert pages.out_of_step(chapter.parent) == [chapter / "tiny.ipynb"]
    pages.update(chapter.parent)
    notebook = chapter / "tiny.ipynb"
    notebook.write_text(notebook.read_text(encoding="utf-8").replace("world", "typed"), encoding="utf-8")
    assert pages.out_of_step(chapter.parent) == [notebook]


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("<!-- results: other -->", "other"),
        ("<!-- results: tiny lost -->", "'lost'"),
        ("It is <!-- value: tiny lost -->", "'lost'"),
        ("It is\n<!-- value: tiny loss -->", "begins a line"),
        ("<!-- table: tiny nothing -->", "'nothing'"),
        ("<!-- table: tiny -->", "one table"),
    ],
)
def test_a_wrong_marker_names_the_page_and_the_word(chapter, marker, said):
    write_results(chapter, "full", 1.5, "")
    with pytest.raises(LmbookError, match=said) as caught:
        page(chapter, f"{marker}<!-- end -->")
    assert "README.md" in str(caught.value)


def test_the_books_own_pages_and_notebooks_are_in_step():
    root = chapters_dir().parent
    stale = [path.relative_to(root).as_posix() for path in pages.out_of_step()]
    assert stale == [], "run: lmbook pages"
