from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.evaluation.rating_form import ANSWERS_FORMAT


def lmbook(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "old.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    (tmp_path / "new.txt").write_text("uno\ndos\nthree\n", encoding="utf-8")
    (tmp_path / "prompts.txt").write_text("1\n2\n3\n", encoding="utf-8")
    return tmp_path


def test_from_two_files_to_the_win_rate(texts):
    made = lmbook(
        "rate", "make", texts / "new.txt", texts / "old.txt", "--prompts", texts / "prompts.txt",
        "--question", "Which is Spanish?", "--output", texts / "form.html",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "2 pairs" in made.output and "1 prompts are not on it" in made.output
    assert "Which is Spanish?" in (texts / "form.html").read_text(encoding="utf-8")
    key = json.loads((texts / "form.key.json").read_text(encoding="utf-8"))
    files = []
    for rater in ("ann", "ben"):
        answers = {id: "A" if item["A"] == "new" else "B" for id, item in key["items"].items()}
        content = {"format": ANSWERS_FORMAT, "form": key["form"], "session": rater, "rater": rater, "answers": answers}
        files.append(texts / f"{rater}.json")
        files[-1].write_text(json.dumps(content), encoding="utf-8")
    merged = lmbook("rate", "merge", texts / "form.key.json", *files, "--output", texts / "report.json")
    assert merged.exit_code == 0, merged.output
    assert "new against old" in merged.output and "0.833" in merged.output and "100% of 2 equal" in merged.output
    report = json.loads((texts / "report.json").read_text(encoding="utf-8"))
    assert (report["wins"], report["ties"], report["losses"]) == (2, 1, 0) and report["alpha"]["nominal"] is None


def test_what_cannot_be_compared_is_told(texts):
    def make(first, second, *more):
        result = lmbook("rate", "make", texts / first, texts / second, "--output", texts / "form.html", *more)
        assert result.exit_code == 2, result.output
        return result.output.replace("\n", " ")

    assert "both systems are called new" in make("new.txt", "new.txt").lower()
    (texts / "short.txt").write_text("one\n", encoding="utf-8")
    assert "new 3, short 1" in make("new.txt", "short.txt")
    assert "There is no file" in make("new.txt", "none.txt")
    (texts / "latin.txt").write_bytes("één\n".encode("latin-1"))
    assert "not UTF-8" in make("new.txt", "latin.txt")
    lines = '{"prompt": "1", "output": "x"}\n{"prompt": "9", "output": "y"}\n{"prompt": "3", "output": "z"}\n'
    (texts / "other.jsonl").write_text(lines, encoding="utf-8")
    assert "the first in line 2" in make("new.txt", "other.jsonl", "--prompts", texts / "prompts.txt")
    wrong = lmbook("rate", "make", texts / "new.txt", texts / "old.txt", "--output", texts / "form.txt")
    assert wrong.exit_code == 2 and "NAME.html" in wrong.output
    foreign = lmbook("rate", "merge", texts / "new.txt", texts / "old.txt")
    assert foreign.exit_code == 2 and "not valid JSON" in foreign.output.replace("\n", " ")


def test_names_with_brackets_are_shown_and_half_a_sign_is_told_with_its_line(texts):
    for old, new in (("new", "new [v1]"), ("old", "old [red]")):
        (texts / f"{old}.txt").rename(texts / f"{new}.txt")
    made = lmbook("rate", "make", texts / "new [v1].txt", texts / "old [red].txt", "--output", texts / "form.html")
    assert made.exit_code == 0, made.output
    key = json.loads((texts / "form.key.json").read_text(encoding="utf-8"))
    content = {"format": ANSWERS_FORMAT, "form": key["form"], "session": "a", "rater": "a [b]"}
    answers = texts / "a.json"
    answers.write_text(json.dumps({**content, "answers": dict.fromkeys(key["items"], "A")}), encoding="utf-8")
    merged = lmbook("rate", "merge", texts / "form.key.json", answers)
    assert merged.exit_code == 0 and "new [v1] against old [red]" in merged.output, merged.output
    assert lmbook("rate", "merge", texts, answers).exit_code == 2
    cut = texts / "cut.jsonl"
    cut.write_text(
        '{"prompt": "p", "output": "fine"}\n{"prompt": "p", "output": "cut \\ud83d here"}\n', encoding="utf-8"
    )
    result = lmbook("rate", "make", cut, texts / "old [red].txt", "--output", texts / "other.html")
    assert result.exit_code == 2 and "line 2" in result.output, result.output
