from __future__ import annotations

from lmbook.corpora.loaders.vectors import analogies, wordsim353


def test_sections_and_questions(tmp_path):
    file = tmp_path / "test/test_data/questions-words.txt"
    file.parent.mkdir(parents=True)
    file.write_text(": family\nboy girl king queen\n: gram8-plural\ncat cats dog dogs\n", encoding="utf-8")
    assert analogies(tmp_path)["test"] == [
        {"section": "family", "a": "boy", "b": "girl", "c": "king", "d": "queen"},
        {"section": "gram8-plural", "a": "cat", "b": "cats", "c": "dog", "d": "dogs"},
    ]


def test_pairs_and_scores(tmp_path):
    file = tmp_path / "test/test_data/wordsim353.tsv"
    file.parent.mkdir(parents=True)
    file.write_text("# a comment\n# Word 1\tWord 2\tHuman (mean)\ntiger\tcat\t7.35\n", encoding="utf-8")
    assert wordsim353(tmp_path)["test"] == [{"first": "tiger", "second": "cat", "score": 7.35}]
