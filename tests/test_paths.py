from __future__ import annotations

import errno
import os

import pytest

from lmbook.errors import LmbookError
from lmbook.files import read_json, write_atomically, write_text
from lmbook.paths import check_writable, explained, is_file_error, missing, reader_path, shown_path

LONG = "Cleo hides a boat. " * 30
NAMES = ("ENOSPC", "EDQUOT", "EPERM", "EACCES", "EROFS", "ENAMETOOLONG", "ENOENT", "EIO", "ESTALE", "ELOOP")


def test_the_home_folder_is_meant_by_a_tilde_unless_something_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert reader_path("~/a.txt") == tmp_path / "a.txt"
    assert str(reader_path("~nobody-is-called-so/a")) == os.path.join("~nobody-is-called-so", "a")
    (tmp_path / "~a").write_text("", encoding="utf-8")
    assert str(reader_path("~a")) == "~a"


@pytest.mark.parametrize(
    ("text", "message"), [("", "empty"), (" \t", "empty"), (LONG, "name is too long"), ("a\0b", "no path")]
)
def test_what_can_be_no_path_is_refused(text, message):
    with pytest.raises(LmbookError, match=message):
        reader_path(text)


def test_a_name_in_a_message_is_one_line_of_bounded_length():
    assert shown_path("my [draft]/$x.txt") == "my [draft]/$x.txt"
    assert len(shown_path(LONG)) <= 120 and "\n" not in shown_path("a\nb") and "\x1b" not in shown_path("\x1b[2J")


def test_a_name_that_is_too_long_is_missing():
    assert missing(LONG) and not missing(".")


@pytest.mark.parametrize("name", NAMES)
def test_every_error_of_writing_is_one_message_and_leaves_nothing(tmp_path, name):
    number = getattr(errno, name)

    def fail(path):
        raise OSError(number, os.strerror(number))

    with pytest.raises(LmbookError, match="Cannot write .*x.txt") as error:
        write_atomically(tmp_path / "x.txt", fail)
    assert error.value.fix and not list(tmp_path.iterdir())


def test_an_error_that_is_no_files_is_none_of_these():
    assert is_file_error(FileNotFoundError(errno.ENOENT, "no", "x.txt")) and is_file_error(
        OSError(errno.EDQUOT, "full")
    )
    assert not is_file_error(OSError("something")) and not is_file_error(ValueError())
    assert not is_file_error(ConnectionResetError(errno.ECONNRESET, "reset"))
    assert "x.txt" in explained(FileNotFoundError(errno.ENOENT, "no", "x.txt")).message


def test_a_folder_where_a_file_is_meant(tmp_path):
    with pytest.raises(LmbookError, match="it is a folder|permi"):
        read_json(tmp_path)
    (tmp_path / "a").write_text("", encoding="utf-8")
    with pytest.raises(LmbookError, match="not a folder|no such file|There is no file"):
        read_json(tmp_path / "a" / "config.json")


def test_a_try_to_write_leaves_nothing(tmp_path):
    check_writable(tmp_path / "new" / "deep")
    check_writable(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(LmbookError, match="Cannot write to"):
        check_writable(tmp_path / "file" / "run")
    if os.path.isdir("/proc/self"):
        with pytest.raises(LmbookError, match="Cannot write to /proc/run"):
            check_writable("/proc/run")


def test_half_a_sign_does_not_spoil_a_file(tmp_path):
    assert write_text(tmp_path / "a.txt", "cut \ud83d here").read_text(encoding="utf-8") == "cut ? here"


def test_json_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.json").write_text('\ufeff{"a": 1}', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"a": 1}
