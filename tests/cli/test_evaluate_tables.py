"""What `lmbook evaluate` refuses; its scores are in test_classify.py and test_translate.py."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app


@pytest.fixture
def told(tmp_path):
    """Function: what evaluate says about a folder of a task, with these options."""

    def run(config, *options):
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        (folder / "model.keras").write_bytes(b"")
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        result = CliRunner().invoke(app, ["evaluate", str(folder), *map(str, options)], env={"COLUMNS": "200"})
        assert result.exit_code == 2, result.output
        return result.output.replace("\n", " ")

    return run


def test_each_kind_of_model_is_told_what_it_reads(told, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("text,label\nhello,yes\n", encoding="utf-8")
    assert "Give --data FILE, a table of texts with labels" in told({"task": "classification"}, "--text", file)
    assert "Give --data FILE, a table of pairs" in told({"task": "translation"}, "--text", file)
    assert "--data means nothing for it" in told({}, "--data", file)
    assert "--columns means nothing for it" in told({}, "--text", file, "--columns", "a,b")
    for task in ({}, {"task": "classification"}, {"task": "translation"}):
        assert "No text was named" in told(task)
    assert "is for language modelling" in told({"task": "classification"}, "--corpus", "greentree")
    assert "does not name two columns" in told({"task": "translation"}, "--data", file, "--columns", "x")


def test_labels_that_the_model_never_saw_are_told(told, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("text,label\nhello,yes\nbye,no\n", encoding="utf-8")
    said = told({"task": "classification", "labels": ["bad", "good"]}, "--data", file)
    assert "2 texts, 2 labels" in said and "knows none of the labels" in said and "It knows: bad, good" in said
