from __future__ import annotations

import ast
import errno
import io
import os
import subprocess
import sys
import threading
import time

import pytest

from lmbook.console import EXIT_ERROR, exit_code, shown, terminal
from lmbook.corpora.files import read_documents
from lmbook.errors import LmbookError


def test_a_readers_words_are_shown_as_they_are(capsys):
    from rich.table import Table

    table = Table("a [b]", title="run [v2] on [/old]:heart:")
    table.add_row("[red]1[/red]" + " " * 30)
    terminal(width=60).print(table)
    terminal(width=60).print("[/old]")
    out = capsys.readouterr().out
    assert "run [v2] on [/old]:heart:" in out and "[red]1[/red]" in out and "a [b]" in out


def test_everything_is_printed_through_it(root):
    """rich's own `Console` reads brackets as markup; the launcher shows bare segments, which have none."""
    allowed = {"console.py", "cluster/worker_output.py"}
    for path in (root / "lmbook").rglob("*.py"):
        if path.relative_to(root / "lmbook").as_posix() in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", None)
            assert called != "Console", f"{path}, line {node.lineno}: use lmbook.console.terminal"


def test_signs_that_a_terminal_would_obey_are_not_sent_to_it():
    assert shown("a\x1b[2J\x07b\r\x9bc\n\td 绿é") == "a�[2J�b��c\n\td 绿é"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LmbookError("wrong", "do that"), EXIT_ERROR),
        (FileNotFoundError(errno.ENOENT, "no such file", "x.txt"), EXIT_ERROR),
        (OSError(errno.EDQUOT, "quota"), EXIT_ERROR),
        (MemoryError(), EXIT_ERROR),
        (type("ResourceExhaustedError", (Exception,), {})("OOM"), EXIT_ERROR),
        (KeyboardInterrupt(), 130),
        (ValueError("a bug"), None),
        (OSError("a bug"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(error, code, capsys):
    assert exit_code(error) == code
    assert bool(capsys.readouterr().err) == (code is not None)


PRINTS = "from lmbook.console import let_streams_show_what_they_can as let, note, print_error\nlet()\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_stream_that_cannot_write_a_sign_writes_a_question_mark(encoding, root):
    program = PRINTS + r"print('caf\xe9 \u7eff\ud83d'); note('\u7eff')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        cwd=root,
        env={**_environment(), "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0, done.stderr
    expected = {"cp1252": "café ??", "ascii": "caf? ??", "utf-8": "café 绿?"}[encoding]
    assert done.stdout.decode(encoding).strip() == expected


def test_a_stream_without_a_way_to_change_it_stays(monkeypatch):
    from lmbook.console import let_streams_show_what_they_can

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)
    let_streams_show_what_they_can()


def _environment():
    import os

    return dict(os.environ)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such pipes")
def test_a_pipe_that_nobody_writes_to_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lmbook.console.PATIENCE", 0.05)
    pipe, file = tmp_path / "pipe", tmp_path / "file.txt"
    os.mkfifo(pipe)
    file.write_text("words", encoding="utf-8")

    def write():
        time.sleep(0.5)
        pipe.write_text("words", encoding="utf-8")

    writer = threading.Thread(target=write)
    writer.start()
    assert read_documents(pipe) == read_documents(file) == ["words"]
    writer.join()
    said = capsys.readouterr().err
    assert said.count("Waiting for") == 1 and str(pipe) in said
