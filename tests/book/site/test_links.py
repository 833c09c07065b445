from __future__ import annotations

from pathlib import Path

import pytest

from lmbook.book.chapters import LessonFile
from lmbook.book.site.links import site_links

BOOK = [LessonFile("attention", Path("chapters/05_transformer/attention.py"))]


def test_a_word_in_angle_brackets_stays_a_word():
    text = "the <end> and </s>, <b>bold</b>, `<unk>` in code\n"
    assert site_links(text, "", BOOK) == "the \\<end> and \\</s>, <b>bold</b>, `<unk>` in code\n"


@pytest.mark.parametrize(
    ("folder", "link", "target"),
    [
        ("chapters/05_transformer", "attention.py", "/chapters/05_transformer/attention.ipynb"),
        ("chapters/06_x", "../05_transformer/attention.py#masks", "/chapters/05_transformer/attention.ipynb#masks"),
        ("chapters/06_x", "../05_transformer/README.md#attention", "/chapters/05_transformer/index.md#attention"),
        ("chapters/06_x", "../05_transformer/", "/chapters/05_transformer/index.md"),
        ("chapters/06_x", "../../lmbook/layers/attention.py", "/lmbook/layers/attention.py"),
        ("chapters/06_x", "figures/a.png", "/chapters/06_x/figures/a.png"),
        ("benchmarks", "nanogpt.py", "/benchmarks/nanogpt.py"),
        ("", "CONTRIBUTING.md", "/docs/contributing.md"),
        ("docs", "../data/greentree/README.md", "/data/greentree/index.md"),
    ],
)
def test_a_relative_link_leads_to_the_page_of_the_site(folder, link, target):
    assert site_links(f"see [this]({link}) and more", folder, BOOK) == f"see [this]({target}) and more"


@pytest.mark.parametrize(
    "text",
    [
        "[x](https://example.org/a.py)",
        "[x](#attention)",
        "`layers[1](a.b)`",
        "```\n[x](attention.py)\n```",
        "a list[1](queries)",
    ],
)
def test_other_links_and_code_stay_as_they_are(text):
    assert site_links(text, "chapters/05_transformer", BOOK) == text
