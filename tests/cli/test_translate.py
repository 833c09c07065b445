"""From the reader's own pairs to a translated document."""

from __future__ import annotations

import json
from functools import partial

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.models.encoder_decoder import EncoderDecoder
from lmbook.recipes import translator

COLOURS = {"red": "rot", "green": "grün", "blue": "blau", "white": "weiß", "black": "schwarz"}
THINGS = {"tree": "Baum", "bird": "Vogel", "house": "Haus", "boat": "Boot", "hat": "Hut", "dog": "Hund"}
ALL = [(a, b, c) for a in COLOURS for b in COLOURS for c in THINGS]
PAIRS = [(f"The {a} and {b} {c} .", f"{THINGS[c]} {COLOURS[a]} und {COLOURS[b]} .") for a, b, c in ALL]


def lmbook(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module", autouse=True)
def small():
    """A model of one layer and without XLA: compiling takes longest here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EncoderDecoder, "jit_compile_decoding", False)
        one_layer = partial(translator.SentenceTranslatorProfile, num_layers=1)
        patch.setattr(translator, "SentenceTranslatorProfile", one_layer)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory, train_here):
    """(folder of a run of three steps, what the command printed)."""
    place = tmp_path_factory.mktemp("translate")
    lines = [f"{target}\t{source}" for source, target in PAIRS]
    (place / "pairs.tsv").write_text("\n".join(["german\tenglish", *lines]) + "\n", encoding="utf-8")
    arguments = ["--task", "translation", "--data", "pairs.tsv", "--columns", "english,german"]
    arguments += ["--vocabulary-size", "400", "--steps", "3", "--output", "run"]
    return place / "run", train_here(place, *arguments)


def test_train_leaves_a_translator_and_scores_it(trained):
    folder, printed = trained
    assert "BLEU" in printed and "chrF" in printed and "pairs for train" in printed
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.keras", "tokenizer.json", "config.json", "history.json", "history.png", "sample.txt"}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["task"], config["steps"], config["longest"]) == ("translation", 3, 96)
    assert config["config"]["vocabulary_size"] <= 400


def test_a_document_is_translated_line_by_line(trained, tmp_path):
    text = tmp_path / "letter.txt"
    text.write_text("The red and blue tree .\n\nThe red and blue tree .\n", encoding="utf-8")
    result = lmbook("translate", trained[0], "--text", text, "--beams", 1, "--output", tmp_path / "brief.txt")
    assert result.exit_code == 0, result.output
    first, empty, again, end = (tmp_path / "brief.txt").read_text(encoding="utf-8").split("\n")
    assert first == again and empty == end == "" and "3 lines" in result.output
    printed = lmbook("translate", trained[0], "--text", text, "--beams", 1)
    assert printed.stdout.split("\n")[0] == first
    words = lmbook("translate", trained[0], "--text", "The red and blue tree .", "--beams", 1)
    assert words.stdout == first + "\n"


def test_what_cannot_be_translated_is_told(trained, tmp_path):
    def refused(*arguments):
        result = lmbook("translate", *arguments)
        assert result.exit_code == 2, result.output
        return result.output.replace("\n", " ")

    text = tmp_path / "letter.txt"
    text.write_text("\n" + "red " * 200 + "\n", encoding="utf-8")
    assert "Line 2 has a sentence of" in refused(trained[0], "--text", text, "--output", tmp_path / "brief.txt")
    assert not (tmp_path / "brief.txt").exists()
    assert "is the text itself" in refused(trained[0], "--text", text, "--output", text)
    text.write_bytes("grün\n".encode("latin-1"))
    assert "not UTF-8" in refused(trained[0], "--text", text)
    assert "There is no folder" in refused(tmp_path / "none", "--text", text)
    assert "There is no file lettre.txt" in refused(trained[0], "--text", "lettre.txt")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.keras").write_bytes(b"")
    (tmp_path / "other" / "config.json").write_text('{"model": "lstm"}', encoding="utf-8")
    assert "does not translate" in refused(tmp_path / "other", "--text", text)
    generated = lmbook("generate", trained[0], "--prompt", "The red")
    assert generated.exit_code == 2 and "lmbook translate" in generated.output.replace("\n", " ")


def test_pairs_that_cannot_be_used_are_told(tmp_path):
    def refused(*arguments):
        result = lmbook("train", "--task", "translation", "--output", tmp_path / "run", *arguments)
        assert result.exit_code == 2, result.output
        return result.output.replace("\n", " ")

    file = tmp_path / "pairs.tsv"
    file.write_text("\n".join("\t".join(pair) for pair in PAIRS) + "\nno tab\n", encoding="utf-8")
    assert f"line {len(PAIRS) + 1}: 1 column" in refused("--data", file)
    assert "no column 'x'" in refused("--data", file, "--columns", "x,y")
    assert "does not name two columns" in refused("--data", file, "--columns", "x")
    assert "is for language modelling" in refused("--corpus", "greentree")
    assert "There is no file" in refused("--data", tmp_path / "none.tsv")


def test_a_trained_translator_is_measured_on_other_pairs(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("lmbook.cli.evaluate_tables.MOST_PAIRS", 4)
    rows = [*PAIRS[:6], ("red " * 200, "rot")]
    (tmp_path / "other.tsv").write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf-8")
    result = lmbook("evaluate", trained[0], "--data", tmp_path / "other.tsv")
    assert result.exit_code == 0, result.output
    assert "7 pairs" in result.stderr and "1 of them have a source of more than 96 tokens" in result.stderr
    assert "4 of them, drawn at random" in result.stderr
    assert "4 pairs:" in result.stdout and "BLEU" in result.stdout and "chrF" in result.stdout
