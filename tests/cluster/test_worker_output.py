from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from lmbook.cluster import worker_output
from lmbook.cluster.worker_output import Output, lines


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("one\n\nno end", ["one", "", "no end"]),
        ("", []),
        ("10 %\r20 %\r100 %\n", ["10 %", "100 %"]),
        ("\r10 %\r20 %\r100 %\n", ["10 %", "100 %"]),
    ],
)
def test_lines_and_the_states_of_a_progress_bar(written, shown):
    assert list(lines(io.BytesIO(written.encode()))) == shown


def test_a_progress_bar_is_seen_from_time_to_time(monkeypatch):
    monkeypatch.setattr(worker_output, "PROGRESS_EVERY", 0.0)
    assert list(lines(io.BytesIO(b"1\r2\r3\r"))) == ["1", "2", "3"]


def test_bytes_that_are_not_utf8_do_not_end_the_output():
    assert list(lines(io.BytesIO(b"caf\xe9\nnext\n"))) == ["caf\N{REPLACEMENT CHARACTER}", "next"]


def start(code):
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=pipe, stderr=pipe, env=os.environ | {"PYTHONIOENCODING": "utf-8"}
    )


def follow(code):
    with start(code) as process:
        for thread in Output().follow(1, process):
            thread.join(timeout=30)


def test_each_stream_goes_to_its_own_with_the_writer_before_each_line(capsys):
    follow("import sys; print('größer\\t[bold]' + 300 * '—'); print('bad', file=sys.stderr)")
    seen = capsys.readouterr()
    assert seen.out == f"[worker 1] größer\t[bold]{300 * '—'}\n"  # neither wrapped nor read as markup
    assert seen.err == "[worker 1] bad\n"


def test_colours_only_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    follow("print('text')")
    seen = capsys.readouterr().out
    assert "\x1b[" in seen and seen.endswith("text\n")


def test_letters_that_the_stream_cannot_write_are_replaced(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    follow("print('größer')")
    stream.flush()
    assert stream.buffer.getvalue().decode().splitlines() == ["[worker 1] gr??er"]
