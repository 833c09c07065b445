from __future__ import annotations

import gzip
import os
import threading

import pytest

from lmbook.corpora.files import SHORTEST_TEXT, corpus_name, read_documents, read_text, text_corpus
from lmbook.errors import LmbookError

STORY = "".join(f"Line {number}: a green tree stands here.\n" for number in range(100))


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Ein grüner Baum 绿树 🌳\n", "Ein grüner Baum 绿树 🌳\n"),
        (b"\xef\xbb\xbfwith a mark", "with a mark"),
        ("dos\r\nand old mac\rlines\n", "dos\nand old mac\nlines\n"),
        (gzip.compress("packed 绿".encode(), mtime=0), "packed 绿"),
    ],
)
def test_read_text(tmp_path, data, text):
    assert read_text(write(tmp_path / "a.txt", data)) == text


def test_gzip_is_told_by_its_content_also_with_a_byte_order_mark(tmp_path):
    assert read_text(write(tmp_path / "a.txt.gz", gzip.compress(b"\xef\xbb\xbfx", mtime=0))) == "x"


def test_a_folder_is_read_in_the_order_of_its_paths(tmp_path):
    (tmp_path / "deep").mkdir()
    write(tmp_path / "b.txt", "bee")
    write(tmp_path / "a.md", "ay")
    write(tmp_path / "deep" / "c.TXT.gz", gzip.compress(b"sea", mtime=0))
    write(tmp_path / "empty.txt", " \n")
    write(tmp_path / "picture.png", b"\x89PNG")
    assert read_documents(tmp_path) == ["ay", "bee", "sea"]
    assert read_text(tmp_path) == "ay\n\nbee\n\nsea"


def test_a_folder_without_text_is_named(tmp_path):
    write(tmp_path / "data.bin", b"x")
    with pytest.raises(LmbookError, match="holds no text.*.txt, .text, .md"):
        read_text(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"text\x00more", "is binary: the byte at offset 4 is 0"),
        ("line one\nline two\ncafé".encode("latin-1"), r"byte 0xe9 at offset 21 \(line 3\)"),
        ("绿树".encode("gb18030"), "not UTF-8: the byte 0x[0-9a-f]{2} at offset 0"),
        ("cut 绿".encode()[:-1], "at offset 4"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"PK\x03\x04....", "a zip archive or an office document"),
        (gzip.compress(b"hello" * 100, mtime=0)[:-12], "a damaged gzip file"),
    ],
)
def test_what_is_not_text_is_named(tmp_path, data, message):
    with pytest.raises(LmbookError, match=message):
        read_text(write(tmp_path / "a.txt", data))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_gives_every_byte(tmp_path, packed):
    lines = "".join(f"line {number:04}\n" for number in range(3000))
    data = gzip.compress(lines.encode()) if packed else lines.encode()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,), daemon=True)
    writer.start()
    assert read_text(tmp_path / "pipe") == lines
    assert corpus_name(tmp_path / "pipe") == "pipe"
    writer.join(timeout=10)


def test_a_text_given_for_a_path_is_no_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LmbookError, match="There is no file Cleo.*too long"):
        read_text("Cleo hides a boat. " * 30)
    with pytest.raises(LmbookError, match="path is empty"):
        read_text("")


def test_blank_lines_at_the_end_are_not_the_validation_text(tmp_path):
    corpus = text_corpus(write(tmp_path / "a.txt", STORY + "\n" * 1000))
    assert len(corpus.texts("validation")[0].strip()) > 300


def test_what_a_folder_leaves_out_is_said(tmp_path, capsys):
    write(tmp_path / "a.txt", "ay")
    write(tmp_path / "._a.txt", b"\0\5")
    assert read_text(tmp_path) == "ay"
    assert "1 of its files read; left out: 1 hidden file." in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LmbookError, match="There is no file .*nothing.txt"):
        read_text(tmp_path / "nothing.txt")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_named(tmp_path):
    path = write(tmp_path / "a.txt", "secret")
    path.chmod(0)
    with pytest.raises(LmbookError, match="Cannot read"):
        read_text(path)


def test_text_corpus_cuts_in_order_and_loses_nothing(tmp_path):
    corpus = text_corpus(write(tmp_path / "my.story.txt", STORY))
    assert (corpus.name, corpus.task) == ("my.story", "language_modelling")
    train, validation = corpus.texts("train"), corpus.texts("validation")
    assert "".join(train + validation) == STORY
    assert train[0].endswith("\n")  # no line is broken
    assert abs(len(train[0]) / len(STORY) - 0.9) < 0.01


def test_text_corpus_with_three_parts_and_a_gzipped_name(tmp_path):
    corpus = text_corpus(
        write(tmp_path / "tale.txt.gz", gzip.compress(STORY.encode(), mtime=0)), fractions=(0.5, 0.25, 0.25)
    )
    assert corpus.name == "tale" and list(corpus.splits) == ["train", "validation", "test"]
    assert "".join(text for split in corpus.splits for text in corpus.texts(split)) == STORY
    assert abs(len(corpus.texts("test")[0]) / len(STORY) - 0.25) < 0.02


def test_text_corpus_of_a_folder_keeps_documents_apart(tmp_path):
    for number in range(10):
        write(tmp_path / f"{number}.txt", f"{number} " * 100)
    corpus = text_corpus(tmp_path)
    assert corpus.name == tmp_path.name
    assert [text[0] for text in corpus.texts("train")] == list("012345678")
    assert [text[0] for text in corpus.texts("validation")] == ["9"]


def test_a_text_without_spaces_is_cut_too(tmp_path):
    corpus = text_corpus(write(tmp_path / "a.txt", "绿" * 5000))
    assert [len(corpus.texts(split)[0]) for split in ("train", "validation")] == [4500, 500]


def test_too_short_a_text_is_refused(tmp_path):
    with pytest.raises(LmbookError, match=f"too short: it has 9 characters.*At least {SHORTEST_TEXT}"):
        text_corpus(write(tmp_path / "a.txt", "too short"))


@pytest.mark.parametrize("fractions", [(1.0,), (0.9, 0.2), (1.1, -0.1), (0.25, 0.25, 0.25, 0.25)])
def test_wrong_fractions_are_refused(tmp_path, fractions):
    with pytest.raises(LmbookError, match="do not split a text"):
        text_corpus(write(tmp_path / "a.txt", STORY), fractions=fractions)
