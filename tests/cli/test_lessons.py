from __future__ import annotations

import re
import sys

import pytest
import tensorflow as tf
from typer.testing import CliRunner

from lmbook.book.listing import all_in_order
from lmbook.cli.app import app

LESSON = """# %% [markdown]
# # Echo
#
# - Article section: §0
# - Minutes: quick 0
# - Shows: its own settings

# %%
from lmbook.book.lesson import Lesson

lesson = Lesson("echo")
replicas = lesson.strategy.num_replicas_in_sync
print(lesson.profile, lesson.corpus, lesson.text and lesson.text.name, lesson.seed, replicas)
lesson.record("one", 1)
lesson.finish()
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    chapter = tmp_path / "chapters" / "01_first"
    chapter.mkdir(parents=True)
    (chapter / "echo.py").write_text(LESSON, encoding="utf-8")
    (tmp_path / "README.md").write_text("<!-- chapters -->\n<!-- end -->\n", encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "results.md").write_text("<!-- figures -->\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setenv("LMBOOK_CHAPTERS", str(tmp_path / "chapters"))
    monkeypatch.setenv("LMBOOK_RESULTS", str(tmp_path / "results"))
    return tmp_path


def lmbook(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_each_lesson_has_a_line_and_one_lesson_is_told_in_full(book):
    listed = lmbook("lessons").output
    assert re.search(r"^01_first\n  echo .* its own settings", listed, re.M) and "§0" not in listed
    one = lmbook("lessons", "echo").output
    assert "§0" in one and "lmbook run echo --full" in one and "not recorded yet" in one
    assert lmbook("lessons", "ecko").exit_code == 2


def test_a_line_is_cut_to_the_terminal_and_has_the_measured_seconds(book):
    results = book / "chapters" / "01_first" / "results"
    results.mkdir()
    (results / "echo.quick.json").write_text('{"seconds": 43.2, "figures": {}}', encoding="utf-8")
    [line] = [line for line in all_in_order(25).splitlines() if "echo" in line]
    assert "43 s" in line and len(line) <= 25 and line.endswith("…")


def test_run_hands_its_options_to_the_lesson(book):
    before = sys.argv, sys.path[:]
    assert "quick None None 0 1" in lmbook("run", "echo").output
    (book / "mine.txt").write_text("a text", encoding="utf-8")
    options = ["--full", "--text", book / "mine.txt", "--seed", 4, "--strategy", "default"]
    assert "full None mine.txt 4 1" in lmbook("run", "echo", *options).output
    assert "quick greentree None 0 1" in lmbook("run", "echo", "--corpus", "greentree").output
    assert (sys.argv, sys.path) == before


@pytest.mark.parametrize(
    "options, words",
    [(["--strategy", "tpu"], "'tpu'"), (["--devices", "GPU:7,CPU:0"], "GPU:7"), (["--cpu-devices", 77], "77 devices")],
)
def test_run_hands_its_devices_to_the_lesson(book, options, words, capfd):
    tf.constant(1.0)  # now the CPU can no longer be divided
    result = lmbook("run", "echo", *options)
    assert result.exit_code == 2 and words in result.output + capfd.readouterr().err


def test_run_lets_the_lesson_s_trainings_write_for_tensorboard(book):
    pytest.importorskip("tensorboard")
    (book / "results").mkdir()
    done = lmbook("run", "echo", "--tensorboard")
    folder = book / "results" / "tensorboard" / "echo"
    assert f"The losses as they come: tensorboard --logdir {folder}" in done.output.replace("\n", "")
    assert "For TensorBoard there is no training." in done.output
    trains = "from lmbook.training.tensorboard import next_board\nnext_board('GPT').close()\nlesson.finish()"
    lesson = book / "chapters" / "01_first" / "echo.py"
    lesson.write_text(LESSON.replace("lesson.finish()", trains), encoding="utf-8")
    assert "there is 1 training: tensorboard" in lmbook("run", "echo", "--tensorboard").output
    assert [path.name for path in folder.iterdir()] == ["01-GPT"]
    lesson.write_text(
        LESSON.replace(
            "lesson.finish()", "from lmbook.training.tensorboard import next_board\nassert not next_board('GPT')"
        ),
        encoding="utf-8",
    )
    assert lmbook("run", "echo").exit_code == 0  # the next command has not asked
    assert lmbook("run", "echo", "--tensorboard", "--record").exit_code == 2


def test_run_records_only_when_told(book):
    lmbook("run", "echo")
    assert (book / "results" / "echo.quick.json").exists()
    assert not (book / "chapters" / "01_first" / "results").exists()
    assert lmbook("run", "echo", "--record").exit_code == 0
    assert (book / "chapters" / "01_first" / "results" / "echo.quick.json").exists()


@pytest.mark.parametrize(
    "options", [["--corpus", "greentre"], ["--text", "missing.txt"], ["--corpus", "kjv", "--text", "x"]]
)
def test_run_checks_its_data_before_the_lesson_starts(book, options):
    result = lmbook("run", "echo", *options)
    assert result.exit_code == 2 and "quick" not in result.output


def test_pages_check_names_what_is_out_of_step_and_the_command(book):
    result = lmbook("pages", "--check")
    assert result.exit_code == 2
    assert "chapters/01_first/echo.ipynb" in result.output and "README.md" in result.output
    assert "lmbook pages" in result.output
    assert lmbook("pages").exit_code == 0
    assert lmbook("pages", "--check").exit_code == 0
    lmbook("run", "echo", "--record")
    assert lmbook("pages", "--check").exit_code == 2
