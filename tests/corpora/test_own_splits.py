from __future__ import annotations

import pytest

from lmbook.corpora.files import text_corpus, text_splits
from lmbook.corpora.labelled_file import labelled_corpus
from lmbook.corpora.own_splits import fractions_beside, write_split
from lmbook.corpora.pair_file import pair_corpus
from lmbook.corpora.splits import FRACTIONS
from lmbook.errors import LmbookError

CORPORA = {"label": labelled_corpus, "pair": pair_corpus}


@pytest.fixture
def table(tmp_path):
    """Function that writes rows number `first` to `last` into a table."""

    def write(kind, name, first, last):
        second = ("up", "down") if kind == "label" else ("eins", "zwei")
        rows = [f"text number {n}\t{second[n % 2]}{'' if kind == 'label' else n}\n" for n in range(first, last)]
        (tmp_path / name).write_text("".join(rows), encoding="utf-8")
        return tmp_path / name

    return write


def sizes(corpus):
    return {name: len(part) for name, part in corpus.splits.items()}


@pytest.mark.parametrize("kind", CORPORA)
def test_files_of_one_s_own_are_taken_as_they_are(kind, table):
    data, more, test = (table(kind, *part) for part in (("a.tsv", 0, 200), ("b.tsv", 200, 220), ("c.tsv", 300, 330)))
    make = CORPORA[kind]
    assert sizes(make(data, validation=more, test=test)) == {"train": 200, "validation": 20, "test": 30}
    found = sizes(make(data, test=test))
    assert found["test"] == 30 and found["train"] + found["validation"] == 200 and 5 < found["validation"] < 40
    found = sizes(make(data, validation=more))
    assert found["validation"] == 20 and found["train"] + found["test"] == 200 and 5 < found["test"] < 40


@pytest.mark.parametrize("kind", CORPORA)
def test_what_is_tested_is_not_trained_on_and_that_is_said(kind, table, capsys):
    data, more, test = (table(kind, *part) for part in (("a.tsv", 0, 200), ("b.tsv", 180, 220), ("c.tsv", 190, 230)))
    corpus = CORPORA[kind](data, validation=more, test=test)
    assert sizes(corpus) == {"train": 180, "validation": 10, "test": 40}
    said = capsys.readouterr().err
    assert "30 of 40 for validation" in said and "20 of 200 for train" in said
    with pytest.raises(LmbookError, match="Everything for validation is in another split too"):
        CORPORA[kind](data, validation=test, test=test)


def test_a_label_that_is_not_learned_is_refused(table, tmp_path):
    (tmp_path / "t.tsv").write_text("some text\tsideways\n", encoding="utf-8")
    with pytest.raises(LmbookError, match="'sideways', which one for test has"):
        labelled_corpus(table("label", "a.tsv", 0, 200), test=tmp_path / "t.tsv")


@pytest.mark.parametrize("kind", CORPORA)
def test_the_split_that_is_written_gives_the_same_again(kind, table, tmp_path):
    data = table(kind, "a.tsv", 0, 200)
    with data.open("a", encoding="utf-8") as file:
        file.write('"a ""quoted"" cell, with a\ttab"\tup\n')
    corpus = CORPORA[kind](data)
    write_split(tmp_path / "run", corpus)
    train, *others = (tmp_path / "run" / "split" / f"{name}.tsv" for name in FRACTIONS)
    assert CORPORA[kind](train, validation=others[0], test=others[1]).splits == corpus.splits


def test_texts_of_one_s_own(tmp_path):
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path, word in zip(paths, ("green ", "red ", "blue "), strict=True):
        path.write_text(word * 200, encoding="utf-8")
    a, b, c = paths
    assert text_splits(a, None, None) == text_corpus(a)
    splits = text_splits(a, b, c).splits
    assert [splits[name][0]["text"].split()[0] for name in FRACTIONS] == ["green", "red", "blue"]
    assert len(splits["train"][0]["text"]) == 1200
    splits = text_splits(a, None, c).splits
    assert [name for name in splits] == list(FRACTIONS) and "green" in splits["validation"][0]["text"]
    write_split(tmp_path / "run", text_splits(a, b, c))
    assert (tmp_path / "run" / "split" / "validation.txt").read_text(encoding="utf-8") == "red " * 200


def test_what_has_no_file_keeps_its_share():
    assert fractions_beside({}) == FRACTIONS
    assert fractions_beside({"test": 1}) == {"train": 0.9, "validation": 0.1}
    assert fractions_beside({"test": 1, "validation": 1}) == {"train": 1.0}
