from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from lmbook import __version__
from lmbook.cli.app import app
from lmbook.cli.friendly import FriendlyCommand, in_options
from lmbook.errors import LmbookError


def lmbook(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def commands(group=None, before=()):
    """(its words, the command) of every command."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name), command


COMMANDS = list(commands())


def test_every_command_takes_its_values_in_one_way():
    assert {words for words, command in COMMANDS if not isinstance(command, FriendlyCommand)} == {("launch",)}


@pytest.mark.parametrize(
    ("words", "command"), COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_number_has_bounds(words, command):
    for parameter in command.params:
        if getattr(parameter, "min", None) is None and getattr(parameter, "max", None) is None:
            assert "int" not in str(_type(parameter)) and "float" not in str(_type(parameter)), (words, parameter.name)
        else:
            assert parameter.min is not None and parameter.max is not None, (words, parameter.name)


def _type(parameter):
    return getattr(parameter, "type_descriptor", None) or parameter


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--text", "", "--output", "x"),
        ("train", "--text= ", "--output", "x"),
        ("train", "--corpus", "greentree", "--output", ""),
        ("train", "--corpus", "", "--output", "x"),
        ("train", "--corpus", "greentree", "--model=", "--output", "x"),
        ("evaluate", "", "--corpus", "greentree"),
        ("run", "attention", "--text", ""),
        ("classify", "run", "--text", " "),
        ("rate", "merge", "key.json", ""),
        ("data", "info", ""),
    ],
    ids=" ".join,
)
def test_an_empty_value_is_refused(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "diary.txt").write_text("private\n" * 200, encoding="utf-8")
    result = lmbook(*arguments)
    assert result.exit_code == 2 and "is empty" in result.output, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


LONG = "Cleo hides a boat. Then Eve paints the gate. " * 9


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--text", LONG, "--output", "x"),
        ("train", "--task", "classification", "--data", LONG, "--output", "x"),
        ("train", "--corpus", "greentree", "--output", LONG),
        ("train", "--corpus", "greentree", "--resume", LONG, "--output", "x"),
        ("evaluate", "run", "--text", LONG),
        ("evaluate", LONG, "--corpus", "greentree"),
        ("generate", LONG),
        ("chat", LONG),
        ("classify", LONG, "--text", "words"),
        ("translate", LONG, "--text", "words"),
        ("rate", "make", LONG, "b", "--output", "f.html"),
        ("rate", "merge", LONG, "b"),
        ("run", "attention", "--text", LONG),
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_a_text_given_for_a_path_is_told(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = lmbook(*arguments)
    assert result.exit_code == 2 and "There is no file Cleo" in result.output, result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--corpus", "greentree", "--output", "x", "--minutes", "inf"),
        ("train", "--corpus", "greentree", "--output", "x", "--minutes", "nan"),
        ("train", "--corpus", "greentree", "--output", "x", "--seed", "1719838234123"),
        ("train", "--corpus", "greentree", "--output", "x", "--batch-size", "1000000"),
        ("train", "--corpus", "greentree", "--output", "x", "--steps", "9" * 30),
        ("run", "attention", "--seed", "1719838234123"),
        ("generate", "run", "--temperature", "1e39"),
        ("generate", "run", "--temperature", "nan"),
        ("generate", "run", "--max-new-tokens", "1000000000"),
    ],
    ids=" ".join,
)
def test_a_number_out_of_bounds_is_told(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = lmbook(*arguments)
    assert result.exit_code == 2 and arguments[-2] in result.output, result.output
    assert not list(tmp_path.iterdir())


def test_bytes_that_are_no_utf_8(tmp_path):
    result = lmbook("generate", tmp_path, "--prompt", "gr\udcfcn")
    assert result.exit_code == 2 and "--prompt is not UTF-8" in result.output


def test_version_and_short_help():
    assert lmbook("--version").output == f"lmbook {__version__}\n"
    for words, _ in [((), None), *COMMANDS]:
        result = lmbook(*words, "-h")
        assert result.exit_code == 0 and "Usage" in result.output, words


def test_errors_of_the_file_system_have_no_traceback(monkeypatch):
    def broken():
        raise PermissionError(13, "Permission denied", "x [/old]")

    monkeypatch.setattr("lmbook.cli.examination.examine", broken)
    result = lmbook("doctor")
    assert result.exit_code == 2 and "Cannot use x [/old]: permission denied" in result.output


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes")
def test_a_reader_that_goes_away_ends_a_command_quietly():
    command = f"{sys.executable} -m lmbook data list | {sys.executable} -c 'import sys; sys.stdin.readline()'; echo $?"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("start afresh with resume='never'.", "start afresh with --resume never."),
        ("batch_size=6 cannot be shared out.", "--batch-size 6 cannot be shared out."),
        ("8 tokens and max_new_tokens=400 are more", "8 tokens and --max-new-tokens 400 are more"),
        ("batch_size is 0.", "--batch-size is 0."),
        ("its data is batch_size=4, seed=1, yours", "its data is --batch-size 4, --seed 1, yours"),
        ("There is no file runs/batch_size/x_seed=3.txt.", "There is no file runs/batch_size/x_seed=3.txt."),
        ("The model has vocabulary_size=300.", "The model has vocabulary_size=300."),
        ("The seed grows, and hidden_dim=3.", "The seed grows, and hidden_dim=3."),
    ],
)
def test_messages_of_the_library_name_options_not_values_of_python(text, shown):
    names = ("resume", "batch_size", "max_new_tokens", "seed", "vocabulary_size", "text")
    assert in_options(text, names) == shown


def test_a_command_says_it_in_its_options(tmp_path, monkeypatch):
    def refused(*_):
        raise LmbookError("It is another run.", "Start afresh with resume='never'.")

    monkeypatch.setattr("lmbook.cli.train.read_text_source", refused)
    result = lmbook("train", "--corpus", "greentree", "--output", tmp_path / "run")
    assert result.exit_code == 2 and "Start afresh with --resume never." in result.output
