from __future__ import annotations

import warnings

import pytest

from lmbook.book import fonts, plots
from lmbook.corpora.catalogue import load_corpus
from lmbook.corpora.greentree import tell_stories


def characters_of_greentree():
    texts = [story.chinese for story in tell_stories(3000, 1, "all")]
    texts += [
        question.chinese + question.chinese_answer for s in tell_stories(500, 2, "all") for question in s.questions()
    ]
    return "".join(sorted(set("".join(texts))))


def draw(text, path):
    figure, axes = plots.new_figure(title=text[:20])
    axes.set_xlabel(text)
    axes.barh([text[:5], text[5:10]], [1, 2])
    axes.text(0, 0, text, family="monospace")
    return plots.save(figure, path)


def missing(text, path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        draw(text, path)
    return [str(warning.message) for warning in caught if "Glyph" in str(warning.message)]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_no_character_of_greentree_is_missing(tmp_path, no_installed_font, suffix):
    characters = characters_of_greentree()
    assert len(characters) > 450
    assert missing(characters, tmp_path / f"a{suffix}") == []


def test_a_character_without_a_glyph_would_be_noticed(tmp_path, no_installed_font):
    assert missing("\U0002a6d6" * 10, tmp_path / "a.png")


@pytest.mark.parametrize("name, lacking", [("tatoeba_eng_cmn", ""), ("chinese_poetry", "𧹁𨣧𪒶")])
def test_the_font_has_the_characters_of_the_chinese_corpora(mirror, monkeypatch, tmp_path, name, lacking):
    """But for three of the poems, which the font that it is cut from lacks too."""
    from fontTools.ttLib import TTFont

    monkeypatch.setenv("LMBOOK_MIRROR", mirror)
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path))
    known = TTFont(fonts.FILE).getBestCmap()
    texts = [value for records in load_corpus(name).splits.values() for record in records for value in record.values()]
    eastern = {sign for text in texts for sign in text if ord(sign) >= 0x2E80}
    assert {sign for sign in eastern if ord(sign) not in known} == set(lacking)


def test_a_font_that_was_chosen_comes_first():
    assert fonts.with_chinese(["monospace"])[:2] == ["monospace", fonts.FAMILY]
    once = fonts.with_chinese(["sans-serif"])
    assert fonts.with_chinese(once) == once
