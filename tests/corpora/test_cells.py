from __future__ import annotations

import unicodedata

from lmbook.corpora.cells import are_names, look_alike, without_unseen


def test_signs_that_nobody_sees_are_taken_away_at_the_ends_alone():
    assert without_unseen("\ufeff\u200b caf\u00e9\u200b\xa0") == "café"
    assert without_unseen(unicodedata.normalize("NFD", "über")) == "über"
    assert without_unseen("a\u200db") == "a\u200db" and without_unseen("\u200b") == ""


def test_labels_that_differ_in_case_width_or_spacing_look_alike():
    assert look_alike("Very  Good") == look_alike("very good") == look_alike("ｖｅｒｙ good")
    assert look_alike("good") != look_alike("goods")


def test_names_of_columns():
    assert are_names("Text", "label", ("text", "label")) and are_names("en", "FR", ("source", "target"))
    assert not are_names("good", "bad", ("text", "label")) and not are_names("hello", "world", ("source", "target"))
    assert not are_names("text", "text", ("text", "label"))
