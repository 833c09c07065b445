from __future__ import annotations

from lmbook.book.chapters import LessonFile
from lmbook.book.contents import Chapter, LessonEntry
from lmbook.book.site.chapter_page import chapter_page
from lmbook.files import write_json

README = """# 5. The Transformer

An introduction.

<!-- lessons -->
| lesson | what it answers | quick run |
| --- | --- | ---: |
| [Attention](attention.ipynb) | How? | 43 s |
<!-- end -->

More of it.

## attention

A value of <!-- value: attention loss -->0.5<!-- end --> nats, and [the lesson](attention.py).

<!-- figure: attention maps -->
![Four maps](figures/attention_maps.png)

*Four maps.*
<!-- end -->

<!-- table: attention rows -->
|  | loss |
| --- | ---: |
| first | 0.5 |
<!-- end -->
"""


def page(tmp_path):
    lesson = LessonFile("attention", tmp_path / "05_x" / "attention.py", {"Title": "Attention"})
    (tmp_path / "05_x").mkdir()
    (tmp_path / "05_x" / "measured.md").write_text("# Measured\n", encoding="utf-8")
    write_json(tmp_path / "05_x" / "results" / "attention.quick.json", {"seconds": 43.2})
    chapter = Chapter("05_x", "X", "P", "What changes?", ("do this", "do that"), (LessonEntry("attention", "How?"),))
    return chapter_page(chapter, README, [lesson])


def test_the_page_opens_with_question_abilities_map_and_lessons(tmp_path):
    text = page(tmp_path)
    assert text.startswith("# 5. The Transformer\n\n:::{container} chapter-question\nWhat changes?\n:::")
    assert "- do this;\n- do that.\n" in text
    assert '<svg class="chapter-map"' in text
    assert "| [Attention](/chapters/05_x/attention.ipynb) | How? | 43 s |  |" in text
    assert "/chapters/05_x/attention\n/chapters/05_x/measured\n```" in text  # the sidebar
    order = ["An introduction.", "More of it.", "## Afterwards", "## Lessons", "## attention"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)


def test_the_readme_s_parts_become_parts_of_the_page(tmp_path):
    text = page(tmp_path)
    assert "<!--" not in text and text.count("| How? |") == 1
    assert "A value of 0.5 nats, and [the lesson](/chapters/05_x/attention.ipynb)." in text
    assert ":::{figure} figures/attention_maps.png\n:alt: Four maps\n:name: attention-maps\n\nFour maps.\n:::" in text
    assert "\n|  | loss |\n| --- | ---: |\n| first | 0.5 |" in text
