"""What comes after a training may fail; the training is not lost by it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.cli.train_classification import train_classification
from lmbook.cli.train_language_model import train_language_model
from lmbook.cli.train_translation import train_translation
from lmbook.cli.training import TrainingOptions, may_fail
from lmbook.corpora.corpus import Corpus
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.training.history import History
from lmbook.training.run_folder import load_run

TOKENIZER = CharacterTokenizer.train(["a green tree"])
PAIRS = [{"source": "a tree", "target": "tree a"}] * 4
TEXTS = [{"text": "a tree", "label": "x"}, {"text": "green", "label": "y"}] * 3


def fail(*_, **__):
    raise ValueError("empty vocabulary\nand more")


@pytest.fixture
def options(tmp_path, monkeypatch):
    """For a training that is over at once: every part that could take long is replaced."""
    model = RecurrentLanguageModel(RecurrentConfig(TOKENIZER.vocabulary_size, 4, 5))
    made = SimpleNamespace(
        model=model, tokenizer=TOKENIZER, history=History([1], [2.0], [0.1]), labels=["x", "y"], max_length=8
    )
    made.test = PAIRS
    monkeypatch.setattr("lmbook.recipes.text_classifier.text_classifier", lambda *_, **__: made)
    monkeypatch.setattr("lmbook.recipes.translator.sentence_translator", lambda *_, **__: made)
    monkeypatch.setattr("lmbook.training.fit.fit", lambda *_, **__: made.history)
    monkeypatch.setattr("lmbook.training.fit.reproducible", lambda seed: None)
    monkeypatch.setattr("lmbook.decoding.text.continue_text", fail)
    monkeypatch.setattr("lmbook.decoding.text.translate", fail)
    monkeypatch.setattr("lmbook.book.plots.loss_curve", fail)
    made.options = TrainingOptions(tmp_path / "run", None, None, 1, 0, "auto", 1, "float32", "default", None, None)
    return made


def whole(name, task, records):
    return Corpus(name, task, "", {part: records for part in ("train", "validation", "test")})


def assert_saved(options, capsys, *missing):
    folder, captured = options.options.output, capsys.readouterr()
    load_run(folder)
    assert (folder / "history.json").is_file() and not (folder / "history.png").exists()
    assert f"The model is saved in {folder}." in captured.out and "lmbook " in captured.out
    for what in ("picture of the loss", *missing):
        assert f"There is no {what}: empty vocabulary\n" in captured.err


def test_a_language_model_whose_sample_and_picture_fail_is_saved(options, capsys):
    text = whole("US$$", "language_modelling", [{"text": "a green tree stands " * 20}])
    train_language_model(text, None, "rnn", "character", 4, options.options)
    assert json.loads((options.options.output / "config.json").read_text(encoding="utf-8"))["test_loss"] > 0
    assert_saved(options, capsys, "sample")


def test_a_translator_whose_score_fails_is_saved(options, capsys):
    train_translation(whole("pairs", "translation", PAIRS), options.options)
    assert_saved(options, capsys, "score on the test pairs")
    options.test = []
    train_translation(whole("pairs", "translation", PAIRS), options.options)
    assert "none of the 0 test pairs has a source of at most 96 tokens" in capsys.readouterr().err


def test_a_classifier_whose_score_fails_is_saved(options, capsys):
    options.test = fail
    train_classification(whole("texts", "text_classification", TEXTS), "lstm", options.options)
    assert_saved(options, capsys, "score on the test texts")


def test_a_classifier_without_anything_to_compare_it_with_is_scored(options, capsys, monkeypatch):
    from lmbook.evaluation.classification import classification_score

    right = [one["label"] for one in TEXTS]
    score = classification_score(right, right)
    options.test = lambda records: SimpleNamespace(answers=right, score=score, calibration=None)
    monkeypatch.setattr("lmbook.recipes.text_classifier.bag_of_words_score", fail)
    train_classification(whole("texts", "text_classification", TEXTS), "lstm", options.options)
    config = json.loads((options.options.output / "config.json").read_text(encoding="utf-8"))
    assert config["accuracy"] == 1.0 and config["labels"] == ["x", "y"]
    assert_saved(options, capsys, "score of a bag of words to compare with")


def test_what_may_fail_does_not_swallow_the_end_of_a_pipe_or_ctrl_c():
    for error in (BrokenPipeError, KeyboardInterrupt):
        with pytest.raises(error), may_fail("sample"):
            raise error


def test_the_split_of_a_reader_s_own_table_is_left_in_the_folder(options, tmp_path):
    paths = [tmp_path / f"{name}.tsv" for name in ("data", "validation", "test")]
    for start, path in zip((0, 500, 600), paths, strict=True):
        path.write_text("".join(f"text {n}\t{'xy'[n % 2]}\n" for n in range(start, start + 60)), encoding="utf-8")
    data, validation, test = paths
    options.test = fail
    more = ["--validation", str(validation), "--test", str(test), "--output", str(tmp_path / "run")]
    result = CliRunner().invoke(app, ["train", "--task", "classification", "--data", str(data), *more])
    assert result.exit_code == 0, result.output
    assert "60 texts for train, 60 texts for validation, 60 texts for test" in result.output
    written = (tmp_path / "run" / "split" / "test.tsv").read_text(encoding="utf-8")
    assert written.startswith("text\tlabel\ntext 600\tx\n") and written.count("\n") == 61
    assert not list((tmp_path / "run").glob(".*"))


def test_a_corpus_has_its_own_split(tmp_path):
    for option in ("--validation", "--test"):
        (tmp_path / "a.txt").write_text("words", encoding="utf-8")
        arguments = ["--corpus", "greentree", option, str(tmp_path / "a.txt"), "--output", str(tmp_path / "run")]
        result = CliRunner().invoke(app, ["train", *arguments])
        assert result.exit_code == 2 and f"{option} does not go with --corpus" in result.output.replace("\n", " ")
    assert not (tmp_path / "run").exists()
