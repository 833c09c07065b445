from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from lmbook.book.lesson import Lesson
from lmbook.book.results import scratch_dir
from lmbook.errors import LmbookError

SOURCE = """# %% [markdown]
# # A tiny lesson
#
# - Article section: §0
# - Needs: nothing
# - Data: none
# - Minutes: quick 0.1, full 0.1
# - Memory: 0.1 GB
# - Shows: that lessons work

# %%
from lmbook.book import plots
from lmbook.errors import LmbookError
from lmbook.book.results import scratch_dir
from lmbook.book.lesson import Lesson

lesson = Lesson("tiny")
own = lesson.own_text
if lesson.corpus == "kjv":
    raise LmbookError("This corpus is broken.", "Take another.")
if lesson.corpus == "xquad":
    raise KeyboardInterrupt
lesson.record("loss", lesson.choose(quick=2.0, full=1.0), unit="nats", tolerance=0.1, sd=0.01, n=3, note="of nothing")
lesson.record("seconds", lesson.seconds, unit="s", tolerance=None)
lesson.table("models", [["one", 1, "text"], ["two", 2, "more"]], ["model", "count", "sample"])
lesson.figure(plots.bars({"a": 1.0}, "length"), "bars", "Two bars")
lesson.finish()
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with one lesson; gives its chapter's folder."""
    chapter = tmp_path / "chapters" / "01_first"
    chapter.mkdir(parents=True)
    (chapter / "tiny.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setenv("LMBOOK_CHAPTERS", str(tmp_path / "chapters"))
    monkeypatch.delenv("LMBOOK_RESULTS", raising=False)
    return chapter


def run(chapter, *arguments):
    return subprocess.run(
        [sys.executable, str(chapter / "tiny.py"), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=chapter,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )


def test_a_plain_run_leaves_the_book_alone(book):
    done = run(book)
    assert done.returncode == 0, done.stderr
    assert "loss: 2 ± 0.01 (n = 3) nats  (of nothing)" in done.stdout
    assert sorted(path.name for path in book.iterdir()) == ["tiny.py"]
    scratch = book.parent.parent / "runs" / "lessons"
    assert (scratch / "tiny.quick.json").exists()
    assert (scratch / "figures" / "tiny_bars.quick.png").exists()


def test_a_recorded_full_run_goes_into_the_book_in_the_documented_form(book):
    done = run(book, "--full", "--record")
    assert done.returncode == 0, done.stderr
    result = json.loads((book / "results" / "tiny.json").read_text(encoding="utf-8"))
    assert list(result) == [
        "lesson",
        "profile",
        "seed",
        "versions",
        "device",
        "seconds",
        "peak_memory_mb",
        "figures",
    ]
    assert (result["lesson"], result["profile"], result["seed"]) == ("tiny", "full", 0)
    assert result["versions"]["python"] and result["peak_memory_mb"] > 1
    assert 0 < result["figures"]["seconds"]["value"] <= result["seconds"] + 0.1
    assert result["figures"]["loss"] == {
        "value": 1.0,
        "unit": "nats",
        "tolerance": 0.1,
        "sd": 0.01,
        "n": 3,
        "note": "of nothing",
    }
    assert result["figures"]["models/two/count"]["value"] == 2
    assert result["figures"]["models/two/sample"]["tolerance"] is None
    picture = result["figures"]["picture/bars"]
    assert picture["value"] == "tiny.ipynb" and picture["note"] == "Two bars"  # its only copy in the book


def test_results_folder_can_be_named(book, tmp_path, monkeypatch):
    monkeypatch.setenv("LMBOOK_RESULTS", str(tmp_path / "elsewhere"))
    assert run(book).returncode == 0
    assert (tmp_path / "elsewhere" / "tiny.quick.json").exists()
    assert not (tmp_path / "runs").exists()


def test_other_data_or_seed_is_printed_but_not_written(book, tmp_path):
    done = run(book, "--seed", "5")
    assert done.returncode == 0
    assert "not written" in done.stdout
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_a_seed_that_numpy_does_not_take_is_an_error(book, seed):
    with pytest.raises(LmbookError, match="--seed") as raised:
        Lesson("tiny", ["--seed", seed])
    assert "2,147,483,647" in raised.value.fix


def test_devices_that_a_lesson_does_not_take_are_not_left_aside_silently(book):
    assert "left aside" in run(book, "--strategy", "mirrored", "--cpu-devices", "2").stdout
    assert "left aside" not in run(book, "--strategy", "default").stdout


def test_a_readers_mistake_has_no_traceback_and_exit_code_2(book):
    done = run(book, "--corpus", "kjv")
    assert done.returncode == 2
    assert "This corpus is broken." in done.stderr and "Traceback" not in done.stderr


def test_an_interrupt_is_one_sentence_and_exit_code_130(book):
    done = run(book, "--corpus", "xquad")
    assert done.returncode == 130
    assert done.stderr.strip() == "Stopped at your request."


def test_arguments_are_read_and_checked(book, tmp_path):
    lesson = Lesson("tiny", ["--full", "--seed", "3", "--strategy", "default"])
    assert (lesson.full, lesson.seed, lesson.profile) == (True, 3, "full")
    assert lesson.strategy.num_replicas_in_sync == 1
    with pytest.raises(LmbookError, match="'tpu'"):
        _ = Lesson("tiny", ["--strategy", "tpu"]).strategy
    assert lesson.choose(quick=1, full=2) == 2
    with pytest.raises(LmbookError, match="both"):
        Lesson("tiny", ["--corpus", "kjv", "--text", "x"])
    with pytest.raises(LmbookError, match="no file"):
        Lesson("tiny", ["--text", str(tmp_path / "missing.txt")])
    with pytest.raises(LmbookError, match="--record"):
        Lesson("tiny", ["--record", "--seed", "3"])
    with pytest.raises(LmbookError, match="tiny"):
        Lesson("tinny")


def test_a_text_is_the_readers_own_unless_it_is_the_lessons(book, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("words", encoding="utf-8")
    assert Lesson("tiny", ["--text", str(mine)]).own_text and Lesson("tiny", ["--corpus", "kjv"]).own_text
    assert not Lesson("tiny", []).own_text and not Lesson("tiny", ["--corpus", "greentree"]).own_text
    assert not Lesson("tiny", ["--corpus", "kjv"], corpora=("kjv", "xquad")).own_text
    assert Lesson("tiny", ["--corpus", "greentree"], corpora=("kjv",)).own_text
    assert not Lesson("tiny", [], corpora=()).own_text


def test_the_real_corpus_is_the_readers_or_the_usual_one_or_left_out_with_a_word(book, tmp_path, monkeypatch, capsys):
    def fail(name):
        raise LmbookError(f"There is no network for {name}.", "Try later.")

    own = tmp_path / "mine.txt"
    own.write_text("A tree stands on the hill. " * 40, encoding="utf-8")
    assert Lesson("tiny", ["--text", str(own)]).real_corpus("kjv").name == "mine"
    assert Lesson("tiny", ["--corpus", "greentree"]).real_corpus("kjv").name == "greentree"
    assert Lesson("tiny", []).real_corpus("greentree").name == "greentree"
    assert Lesson("tiny", []).real_corpus("nowhere_to_be_had") is None
    assert "Without nowhere_to_be_had" in capsys.readouterr().out
    monkeypatch.setattr("lmbook.corpora.catalogue.get", fail)
    with pytest.raises(LmbookError, match="no network for kjv"):
        Lesson("tiny", ["--corpus", "kjv"]).real_corpus("greentree")
    with pytest.raises(LmbookError, match="greentree"):  # before anything is trained
        Lesson("tiny", ["--corpus", "greentre"])


def test_a_full_run_says_at_its_start_which_data_it_lacks(book, monkeypatch, capsys):
    (book / "tiny.py").write_text(SOURCE.replace("Data: none", "Data: greentree; the full profile also kjv and xquad"))
    monkeypatch.setattr("lmbook.corpora.download.status", {"kjv": "missing", "xquad": "available"}.get)
    Lesson("tiny", [])
    Lesson("tiny", ["--full", "--corpus", "greentree"])
    assert "lmbook data get" not in capsys.readouterr().out
    Lesson("tiny", ["--full"])
    assert "lmbook data get kjv\n" in capsys.readouterr().out


def test_the_programs_own_arguments_are_not_the_lessons(book, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    assert Lesson("tiny").full is False


def test_a_key_is_recorded_once(book):
    lesson = Lesson("tiny")
    lesson.record("loss", 1.0)
    with pytest.raises(ValueError, match="recorded before"):
        lesson.record("loss", 2.0)


def test_the_mean_of_runs_comes_with_their_spread_and_number(book, capsys):
    lesson = Lesson("tiny")
    lesson.record_mean("loss", (value for value in (1.0, 2.0, 3.0)), "nats", 0.1, "three seeds")
    lesson.record_mean("one", [2.0])
    shown = capsys.readouterr().out
    assert "loss: 2 ± 1 (n = 3) nats  (three seeds)" in shown and "±" not in shown.split("one:")[1]


def figures_of(lesson):
    lesson.finish()
    return json.loads((scratch_dir(lesson.file) / "tiny.quick.json").read_text(encoding="utf-8"))["figures"]


def test_limits_are_kept_with_the_figure(book):
    lesson = Lesson("tiny")
    lesson.record("error", 1e-7, tolerance=None, at_most=1e-5)
    lesson.record_mean("right", [0.8, 0.9], tolerance=0.5, at_least=0.6)
    kept = figures_of(lesson)
    assert kept["error"]["at_most"] == 1e-5 and "at_least" not in kept["error"]
    assert kept["right"]["at_least"] == 0.6 and kept["right"]["tolerance"] == 0.5


def test_a_tables_tolerances_and_limits_are_given_for_all_by_column_or_by_cell(book):
    lesson = Lesson("tiny")
    rows = [["LSTM", 0.8, 3.0, "a text"], ["RNN", 0.3, 4.0, "another"]]
    columns = ["model", "right", "loss", "sample"]
    lesson.table("all", rows, columns, 0.1, at_least=0.2)
    lesson.table(
        "some", rows, columns, {"right": {"RNN": 0.2}, "loss": None}, at_most={"loss": 5.0, "right": {"RNN": 0.4}}
    )
    kept = figures_of(lesson)
    for cell in ("LSTM/right", "LSTM/loss", "RNN/right", "RNN/loss"):
        assert (kept[f"all/{cell}"]["tolerance"], kept[f"all/{cell}"]["at_least"]) == (0.1, 0.2)
    assert kept["all/LSTM/sample"]["tolerance"] is None and "at_least" not in kept["all/LSTM/sample"]
    found = {key[5:]: (kept[key]["tolerance"], kept[key].get("at_most")) for key in kept if key.startswith("some/")}
    assert found == {
        "LSTM/right": (0.0, None),
        "LSTM/loss": (None, 5.0),
        "LSTM/sample": (None, None),
        "RNN/right": (0.2, 0.4),
        "RNN/loss": (None, 5.0),
        "RNN/sample": (None, None),
    }


def test_a_limit_for_a_column_that_is_not_there_is_an_error(book):
    with pytest.raises(ValueError, match="'lost'"):
        Lesson("tiny").table("t", [["a", 1]], ["name", "loss"], at_most={"lost": 2.0})


def test_a_table_needs_distinct_rows_of_full_length(book):
    lesson = Lesson("tiny")
    with pytest.raises(ValueError, match="recorded before"):
        lesson.table("t", [["a", 1], ["a", 2]], ["name", "count"])
    with pytest.raises(ValueError):
        lesson.table("u", [["a", 1, 2]], ["name", "count"])
    with pytest.raises(ValueError, match="/"):
        lesson.table("v/w", [], ["name"])
