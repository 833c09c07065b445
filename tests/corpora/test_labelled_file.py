from __future__ import annotations

import csv
import gzip

import pytest

from lmbook.corpora.labelled_file import labelled_corpus
from lmbook.errors import LmbookError

TEXTS = [(f"message number {n}", "spam" if n % 4 == 0 else "ham") for n in range(200)]


def tabs(folder, rows=TEXTS, encoding="utf-8"):
    path = folder / "mine.tsv"
    path.write_bytes("".join("\t".join(row) + "\r\n" for row in rows).encode(encoding))
    return path


def commas(folder, rows):
    path = folder / "mine.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_every_text_is_in_one_split_and_its_copies_too(tmp_path):
    corpus = labelled_corpus(tabs(tmp_path, [*TEXTS, ("Message, number 7!", "ham")]))
    assert (corpus.name, corpus.task) == ("mine", "text_classification")
    counts = {name: len(part) for name, part in corpus.splits.items()}
    assert sum(counts.values()) == 201 and counts["train"] > 5 * counts["test"] > 0
    home = [{record["text"] for record in part} for part in corpus.splits.values()]
    assert any({"Message, number 7!", "message number 7"} <= texts for texts in home)
    assert {"text": "message number 4", "label": "spam"} in sum(corpus.splits.values(), [])


def test_cells_in_quotes_may_hold_commas_quotes_and_line_ends(tmp_path):
    odd = 'He said: "Come,\nnow", and left.'
    rows = [("label", "id", "text"), ("ham", "0", odd), *((label, "1", text) for text, label in TEXTS)]
    corpus = labelled_corpus(commas(tmp_path, rows), ("text", "label"))
    assert {"text": odd, "label": "ham"} in sum(corpus.splits.values(), [])
    with pytest.raises(LmbookError, match="no column 'class'; its first line has: label, id, text"):
        labelled_corpus(commas(tmp_path, rows), ("text", "class"))


def test_a_gzipped_file(tmp_path):
    path = commas(tmp_path, TEXTS)
    (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    assert labelled_corpus(tmp_path / "mine.csv.gz") == labelled_corpus(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*TEXTS, ("no tab here",)], "line 201: 1 column, where at least 2 are needed: 'no tab here'"),
        ([("a", "  "), *TEXTS], "line 1: the label is empty"),
        ([("", "ham"), *TEXTS], "line 1: the text is empty"),
        (TEXTS[:20], "has 20 texts; at least 50"),
        ([(text, "ham") for text, _ in TEXTS], "1 different labels, such as 'ham'"),
        ([(label, text) for text, label in TEXTS], "200 different labels"),
        ([("the same", label) for _, label in TEXTS], "none is left for"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, rows, message):
    with pytest.raises(LmbookError, match=message):
        labelled_corpus(tabs(tmp_path, rows))


def test_a_label_that_only_the_test_would_have_is_named(tmp_path):
    splits = labelled_corpus(tabs(tmp_path)).splits
    rows = [*TEXTS, (splits["test"][0]["text"].upper(), "rare")]
    with pytest.raises(LmbookError, match="label 'rare', 1: none of them is for training"):
        labelled_corpus(tabs(tmp_path, rows))


def test_a_quote_that_does_not_close_and_a_wrong_encoding_are_told(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('fine,ham\n"never closed,spam\n', encoding="utf-8")
    with pytest.raises(LmbookError, match="line 2"):
        labelled_corpus(path)
    with pytest.raises(LmbookError, match="not UTF-8.*line 1"):
        labelled_corpus(tabs(tmp_path, [("grün", "ham")], "latin-1"))


def test_labels_that_a_reader_might_mistake_for_each_other_are_named(tmp_path, capsys):
    labelled_corpus(commas(tmp_path, [*TEXTS, *((f"more {text}", "Ham") for text, label in TEXTS if label == "ham")]))
    assert "'Ham' and 'ham' are taken for different labels" in capsys.readouterr().err
