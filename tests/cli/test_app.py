from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.cli.train_classification import MODELS
from lmbook.models.registry import LANGUAGE_MODELS

# Runs the command line, then reports on the last line whether TensorFlow or Keras was loaded.
WATCHED = """
import sys
from lmbook.__main__ import main
sys.argv[0] = "lmbook"
try:
    main()
finally:
    print("LOADED", sorted({"tensorflow", "keras", "matplotlib"} & set(sys.modules)))
"""


def lmbook(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "COLUMNS": "200"},
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["train", "--help"], 0),
        (["lessons"], 0),
        (["data", "list"], 0),
        (["data", "info", "tiny_shakespeare"], 0),
        (["nonsense"], 2),
        (["train", "--nonsense"], 2),
        (["train", "--output", "x"], 2),
        (["train", "--model", "lstn", "--corpus", "greentree", "--output", "x"], 2),
        (["train", "--tokenizer", "letters", "--corpus", "greentree", "--output", "x"], 2),
        (["train", "--corpus", "tiny_shakespear", "--output", "x"], 2),
        (["train", "--text", "missing.txt", "--output", "x"], 2),
        (["train", "--corpus", "greentree", "--minutes", "1", "--steps", "5", "--output", "x"], 2),
        (["train", "--corpus", "greentree", "--minutes", "0", "--output", "x"], 2),
        (["train", "--corpus", "greentree", "--text", "x", "--output", "x"], 2),
        (["run", "lstm_baselin"], 2),
        (["evaluate", "missing_folder"], 2),
        (["export", "missing_folder"], 2),
        (["export", ".", "--to", "onnx"], 2),
        (["export", "--help"], 0),
        (["generate", "missing_folder", "--temperature", "-1"], 2),
        (["data", "get", "tiny_shakespear"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_listings_and_errors_in_arguments_load_nothing_heavy(arguments, code, tmp_path):
    done = lmbook(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.rstrip().splitlines()[-1] == "LOADED []"
    assert "Traceback" not in done.stderr
    if code:
        assert done.stderr.strip()
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_train_names_every_model(tmp_path):
    words = re.findall(r"\w+", lmbook("train", "--help", cwd=tmp_path).stdout)
    assert {*LANGUAGE_MODELS, *MODELS} <= {*words}


@pytest.mark.parametrize("text", [b"", b"too short", b"caf\xe9 " * 200, b"%PDF-1.4 " * 100, b"a\0b" * 400])
def test_a_text_that_cannot_be_used_is_refused_before_anything_is_written(text, tmp_path):
    (tmp_path / "text.txt").write_bytes(text)
    done = lmbook("train", "--text", "text.txt", "--output", "model", cwd=tmp_path)
    assert done.returncode == 2
    assert "text.txt" in done.stderr and "Traceback" not in done.stderr
    assert done.stdout.rstrip().endswith("LOADED []")
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_the_wrong_byte_is_named(tmp_path):
    (tmp_path / "text.txt").write_bytes(b"a" * 600 + b"\xe9")
    assert "600" in lmbook("train", "--text", "text.txt", "--output", "model", cwd=tmp_path).stderr


def test_an_interrupt_is_one_sentence_and_exit_code_130(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("lmbook.cli.examination.examine", interrupted)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 130
    assert "Stopped at your request." in result.output


def test_a_bug_keeps_its_traceback(monkeypatch):
    def broken():
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("lmbook.cli.examination.examine", broken)
    result = CliRunner().invoke(app, ["doctor"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_every_command_has_help():
    commands = typer.main.get_command(app).commands
    assert {"lessons", "run", "train", "generate", "evaluate", "launch", "data", "doctor", "pages"} <= set(commands)
    assert all(command.help for command in commands.values())
