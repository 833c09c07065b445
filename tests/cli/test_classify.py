"""From the reader's own labelled table to labels for new texts."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app

THINGS = ("tree", "bird", "house", "boat", "hat", "dog", "river", "lamp")
ROWS = [
    (f"{start} {a} and the {b}", label)
    for a in THINGS
    for b in THINGS
    for start, label in (("I love the", "good"), ("I hate the", "bad"))
]


def lmbook(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def trained(tmp_path_factory, train_here):
    """(folder of a run of some steps, what the command printed)."""
    place = tmp_path_factory.mktemp("classify")
    lines = ["id,opinion,words", *(f'{n},{label},"{text}"' for n, (text, label) in enumerate(ROWS))]
    (place / "mine.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    arguments = ["--task", "classification", "--data", "mine.csv", "--columns", "words,opinion"]
    arguments += ["--model", "lstm", "--vocabulary-size", "280", "--steps", "20", "--output", "run"]
    return place / "run", train_here(place, *arguments)


def test_train_leaves_a_classifier_and_scores_it_beside_a_bag_of_words(trained):
    folder, printed = trained
    assert "macro F1" in printed and "bag of words" in printed and "calibration error" in printed
    assert "beginnings are read" not in printed
    assert "good: precision" in printed and "bad: precision" in printed
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.keras", "tokenizer.json", "config.json", "history.json", "history.png", "sample.txt"}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["task"], config["labels"], config["model"]) == ("classification", ["bad", "good"], "lstm")


def test_each_line_gets_a_label_and_probabilities(trained, tmp_path):
    text = tmp_path / "new.txt"
    text.write_text("I love the\ttree\n\nI hate the boat and the lamp\n", encoding="utf-8")
    result = lmbook("classify", trained[0], "--text", text, "--output", tmp_path / "out.tsv")
    assert result.exit_code == 0 and "2 texts" in result.output, result.output
    names, first, empty, second, end = (tmp_path / "out.tsv").read_text(encoding="utf-8").split("\n")
    assert names.split("\t") == ["label", "bad", "good", "text"] and empty == end == ""
    label, bad, good, words = first.split("\t")
    assert (label, words) == ("good", "I love the tree") and float(good) > 0.5
    assert float(bad) + float(good) == pytest.approx(1, abs=2e-4)
    assert second.startswith("bad\t")
    spoken = lmbook("classify", trained[0], "--text", "I hate the boat and the lamp")
    assert spoken.stdout.split("\n")[1] == second


def test_words_are_told_from_files_and_long_texts_are_not_cut_in_silence(trained):
    result = lmbook("classify", trained[0], "--text", "价格是3.5元")
    assert result.exit_code == 0 and result.stdout.rstrip().endswith("\t价格是3.5元")
    result = lmbook("classify", trained[0], "--text", "tree " * 200)
    assert "Longer than 128 tokens, so that their ends are not read: 1 of 1 texts" in result.output


def test_what_cannot_be_classified_is_told(trained, tmp_path):
    def refused(*arguments):
        result = lmbook("classify", *arguments)
        assert result.exit_code == 2, result.output
        return result.output.replace("\n", " ")

    text = tmp_path / "new.txt"
    text.write_bytes("grün\n".encode("latin-1"))
    assert "not UTF-8" in refused(trained[0], "--text", text)
    assert "is the text itself" in refused(trained[0], "--text", text, "--output", text)
    assert "There is no file" in refused(trained[0], "--text", "nwe.txt")
    assert "is empty" in refused(trained[0], "--text", " ")
    assert "There is no folder" in refused(tmp_path / "none", "--text", "words")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.keras").write_bytes(b"")
    (tmp_path / "other" / "config.json").write_text('{"model": "lstm"}', encoding="utf-8")
    assert "does not classify" in refused(tmp_path / "other", "--text", "words")


def test_tables_and_options_that_cannot_be_used_are_told(tmp_path):
    def refused(*arguments):
        result = lmbook("train", "--task", "classification", "--output", tmp_path / "run", *arguments)
        assert result.exit_code == 2, result.output
        return result.output.replace("\n", " ")

    file = tmp_path / "mine.tsv"
    file.write_text("\n".join("\t".join(row) for row in ROWS) + "\nno tab\n", encoding="utf-8")
    assert f"line {len(ROWS) + 1}: 1 column" in refused("--data", file)
    assert "no column 'x'" in refused("--data", file, "--columns", "x,y")
    assert "does not name two columns" in refused("--data", file, "--columns", "x")
    assert "--model gru is not known" in refused("--data", file, "--model", "gru")
    assert "--tokenizer means nothing" in refused("--data", file, "--tokenizer", "word")
    assert "is for language modelling" in refused("--corpus", "greentree")
    assert "There is no file" in refused("--data", tmp_path / "none.tsv")


def test_a_trained_classifier_is_measured_on_another_table(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("lmbook.recipes.text_classifier.TOGETHER", 20)
    lines = ["words,opinion", *(f"{text},{label}" for text, label in ROWS[:50]), "What is this,unclear"]
    (tmp_path / "other.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = lmbook("evaluate", trained[0], "--data", tmp_path / "other.csv", "--columns", "words,opinion")
    assert result.exit_code == 0, result.output
    assert (
        "51 texts, 3 labels" in result.stderr and "1 of them have a label that the model does not know" in result.stderr
    )
    assert "accuracy" in result.stdout and "unclear: precision 0.000" in result.stdout
    assert "good: precision" in result.stdout
