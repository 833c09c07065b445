from __future__ import annotations

import gzip

import pytest

from lmbook.corpora.pair_file import pair_corpus
from lmbook.errors import LmbookError

PAIRS = [(f"sentence number {n}", f"phrase numéro {n}") for n in range(300)]


def write(folder, pairs=PAIRS, names=None, encoding="utf-8"):
    lines = [] if names is None else ["\t".join(names)]
    lines += ["\t".join(pair) for pair in pairs]
    path = folder / "pairs.tsv"
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))
    return path


def test_the_first_two_columns_are_split_without_a_sentence_on_both_sides(tmp_path):
    more = [(*pair, "an author") for pair in PAIRS] + [(*PAIRS[0], "another"), ("sentence number 1", "autre chose")]
    corpus = pair_corpus(write(tmp_path, more))
    assert (corpus.name, corpus.task) == ("pairs", "translation")
    counts = {name: len(pairs) for name, pairs in corpus.splits.items()}
    assert sum(counts.values()) == 301 and counts["train"] > 6 * counts["test"] > 0 and counts["validation"]
    sources = [{pair["source"] for pair in pairs} for pairs in corpus.splits.values()]
    assert sum(map(len, sources)) == 300 == len(set.union(*sources))


def test_columns_are_found_by_name(tmp_path):
    path = write(tmp_path, [(t, "x", s) for s, t in PAIRS], ("fr", "note", "en"))
    pair = pair_corpus(path, ("en", "fr")).splits["train"][0]
    assert pair["source"].startswith("sentence") and pair["target"].startswith("phrase")
    with pytest.raises(LmbookError, match="no column 'de'; its first line has: fr, note, en"):
        pair_corpus(path, ("en", "de"))


def test_a_gzipped_file(tmp_path):
    path = write(tmp_path)
    (tmp_path / "pairs.tsv.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    assert pair_corpus(tmp_path / "pairs.tsv.gz") == pair_corpus(path)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([*PAIRS, ("no tab here",)], "line 301: 1 column, where at least 2 are needed: 'no tab here'"),
        ([("a", "  "), *PAIRS], "line 1: the target is empty"),
        ([("", "b"), *PAIRS], "line 1: the source is empty"),
        (PAIRS[:5] * 60, "5 different pairs; at least 100"),
        ([(source, "the same") for source, _ in PAIRS], "none is left for"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, pairs, message):
    with pytest.raises(LmbookError, match=message):
        pair_corpus(write(tmp_path, pairs))


def test_a_wrong_encoding_is_told(tmp_path):
    with pytest.raises(LmbookError, match="not UTF-8.*line 1"):
        pair_corpus(write(tmp_path, encoding="latin-1"))
