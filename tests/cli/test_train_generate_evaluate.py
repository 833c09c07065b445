"""The three commands on a reader's own text, from the text to the figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.cli.evaluate import show
from lmbook.cli.floor import exact_floor
from lmbook.cli.generate import text_pieces
from lmbook.cli.train import check_output
from lmbook.corpora.catalogue import load_corpus
from lmbook.errors import LmbookError
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.training.history import History
from lmbook.training.run_folder import save_run

TEXT = "A green tree stands on the hill. The bird sings in the green tree. Anna sees the bird and smiles.\n" * 12


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(text file, folder of a run of three steps, what the command printed)."""
    place = tmp_path_factory.mktemp("train")
    (place / "mine.txt").write_text(TEXT, encoding="utf-8")
    arguments = ["train", "--model", "gru", "--text", "mine.txt", "--steps", "3", "--seed", "7", "--output", "run"]
    arguments += ["--tensorboard"] if find_spec("tensorboard") else []
    # A process of its own, as a reader starts it: what TensorFlow itself would print is to be seen here.
    done = subprocess.run(
        [sys.executable, "-m", "lmbook", *arguments], cwd=place, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return place / "mine.txt", place / "run", done


def lmbook(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_train_leaves_everything_and_no_noise(trained):
    _, folder, done = trained
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.keras", "tokenizer.json", "config.json", "history.json", "history.png", "sample.txt"}
    assert not [name for name in names if name.startswith(".")]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["model"], config["steps"], config["seed"]) == ("gru", 3, 7)
    assert config["config"]["cell"] == "gru"
    history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    assert history["steps"][-1] == 3 and history["validation_loss"]
    assert "cudart" not in done.stderr and "absl" not in done.stderr


def test_a_transformer_reads_and_writes_more_than_it_can_hold(trained, tmp_path, monkeypatch):
    tokenizer = CharacterTokenizer.train([TEXT])
    sizes = {"hidden_dim": 16, "intermediate_dim": 16, "num_heads": 2, "num_layers": 1, "max_sequence_length": 64}
    save_run(tmp_path / "run", GPT(GPTConfig(tokenizer.vocabulary_size, **sizes)), tokenizer, {}, History(), "")
    assert len(TEXT) > 4 * 64
    result = lmbook("evaluate", tmp_path / "run", "--text", trained[0])
    assert f"{len(TEXT) + 1:,}" in result.output, result.output
    # A window slides over what is longer: than the model can read, and than the prompt that it can read.
    monkeypatch.setattr(CharacterTokenizer, "suppress_ids", property(lambda tokenizer: range(3)))  # never the end
    for prompt in ("", TEXT[:100]):
        result = lmbook("generate", tmp_path / "run", "--prompt", prompt, "--max-new-tokens", 150)
        assert result.exit_code == 0 and result.stdout.startswith(prompt)
        assert len(result.stdout) == len(prompt) + 150 + 1, result.output
        assert result.stderr.count("The model reads 64 tokens.") == 1, result.stderr
    assert lmbook("generate", tmp_path / "run", "--max-new-tokens", 63).stderr == ""


def test_names_with_brackets_are_shown_as_they_are(trained, tmp_path):
    text = tmp_path / "notes [/old].txt"
    text.parent.mkdir()
    text.write_text(TEXT[:600], encoding="utf-8")
    folder = trained[1].rename(trained[1].with_name("run [v2]"))
    try:
        output = CliRunner().invoke(app, ["evaluate", str(folder), "--text", str(text)], env={"COLUMNS": "900"}).output
    finally:
        folder.rename(trained[1])
    shown = "".join(output.split())  # a title may be broken into lines
    assert "run[v2]on" in shown and "notes[/old].txt" in shown, output


def test_zero_switches_a_filter_off(trained):
    arguments = ["generate", trained[1], "--max-new-tokens", 9]
    off = lmbook(*arguments, "--top-k", 0, "--top-p", 0, "--min-p", 0)
    assert off.exit_code == 0 and off.stdout == lmbook(*arguments).stdout


def test_generate_is_decided_by_the_seed_and_begins_with_the_prompt(trained):
    _, folder, _ = trained
    texts = [
        lmbook("generate", folder, "--prompt", "A green", "--max-new-tokens", 12, "--seed", seed).stdout
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert all(text.startswith("A green") for text in texts)


def test_the_ways_of_choosing_reach_the_model(trained):
    def text(*options):
        return lmbook("generate", trained[1], "--prompt", "A green", "--max-new-tokens", 12, *options).stdout

    assert text("--temperature", 0) == text("--min-p", 1) == text("--top-k", 1)
    assert text("--temperature", 0) != text("--temperature", 0, "--repetition-penalty", 9)


def test_evaluate_shows_consistent_measures(trained):
    text, folder, _ = trained
    result = lmbook("evaluate", folder, "--text", text)
    assert result.exit_code == 0, result.output
    found = {}
    for line in result.output.splitlines():
        cells = [cell.strip() for cell in line.strip("│┃").split("│")]
        if len(cells) == 2:
            found[cells[0]] = float(cells[1].replace(",", ""))
    assert found["cross-entropy, bits per token"] == pytest.approx(
        found["cross-entropy, nats per token"] / 0.6931472, abs=2e-4
    )
    assert found["tokens"] == len(TEXT) + 1  # the end of the text is predicted too
    assert not any("floor" in name for name in found)


def test_evaluate_says_how_much_of_a_text_is_unknown(trained, tmp_path):
    _, folder, _ = trained
    (tmp_path / "other.txt").write_text("Ein grüner Baum", encoding="utf-8")
    assert "unknown to the model" in lmbook("evaluate", folder, "--text", tmp_path / "other.txt").output


def test_another_run_into_the_same_folder_is_refused(trained, monkeypatch):
    text, folder, _ = trained
    before = (folder / "model.keras").read_bytes()
    monkeypatch.setattr("lmbook.training.fit.reproducible", lambda seed: None)
    result = lmbook("train", "--text", text, "--steps", 4, "--output", folder)
    assert result.exit_code == 2 and "another run" in result.output.replace("\n", " "), result.output
    assert (folder / "model.keras").read_bytes() == before


def test_output_is_never_somebody_elses_folder(tmp_path):
    check_output(tmp_path / "new")
    (tmp_path / "tensorboard").mkdir()  # of a training that was killed before its first checkpoint
    check_output(tmp_path)
    (tmp_path / "letters.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(LmbookError, match="not empty"):
        check_output(tmp_path)
    with pytest.raises(LmbookError, match="is a file"):
        check_output(tmp_path / "letters.txt")


def test_a_folder_into_which_another_trains_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lmbook.locks._take", lambda path: None)
    monkeypatch.setattr("lmbook.cli.train.read_text_source", lambda *_: pytest.fail("it was read"))
    result = lmbook("train", "--corpus", "greentree", "--output", tmp_path / "run")
    assert result.exit_code == 2 and "Another training writes to" in result.output.replace("\n", " "), result.output


def test_a_folder_into_which_another_trains_is_waited_for_when_asked(tmp_path, monkeypatch):
    from lmbook.locks import _take

    answers = iter([None, None])
    monkeypatch.setattr("lmbook.locks._take", lambda path: next(answers, path) and _take(path))
    monkeypatch.setattr("lmbook.cli.train.read_text_source", lambda *_: fail("it was read"))
    result = lmbook("train", "--corpus", "greentree", "--output", tmp_path / "run", "--wait")
    assert "Waiting: " in result.output and "it was read" in result.output, result.output
    assert not (tmp_path / "run").exists()


def fail(words):
    raise LmbookError(words)


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed: requirements-test.txt")
def test_what_is_for_tensorboard_is_in_the_run_s_folder(trained):
    _, folder, done = trained
    assert "The losses as they come: tensorboard --logdir run" in done.stdout
    [board] = (folder / "tensorboard").iterdir()
    assert {path.name for path in board.iterdir()} == {"train", "validation"}


def test_without_the_package_tensorboard_nothing_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lmbook.training.tensorboard.find_spec", lambda name: None)
    monkeypatch.setattr("lmbook.cli.train.read_text_source", lambda *_: pytest.fail("it was read"))
    result = lmbook("train", "--corpus", "greentree", "--output", tmp_path / "run", "--tensorboard")
    assert result.exit_code == 2 and "pip install tensorboard" in result.output, result.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["generate", "evaluate"])
def test_a_folder_without_a_model_is_told(command, tmp_path):
    more = ["--corpus", "greentree"] if command == "evaluate" else []
    result = lmbook(command, tmp_path, *more)
    assert result.exit_code == 2 and "no finished model" in result.output.replace("\n", " ")
    result = lmbook(command, tmp_path / "missing", *more)
    assert result.exit_code == 2 and "no folder" in result.output


def test_streamed_pieces_join_to_the_text_and_never_split_a_character():
    tokenizer = BytePairTokenizer.train(["plain words only"] * 3, vocabulary_size=270)
    prompt, continuation = tokenizer.encode("tree "), tokenizer.encode("绿树 é🌳 words")
    pieces = list(text_pieces(tokenizer, prompt, [*continuation, tokenizer.end_id, *prompt]))
    assert "".join(pieces) == "绿树 é🌳 words"
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)
    assert len(pieces) > 4


@pytest.mark.parametrize("corpus", ["greentree", "greentree_zh"])
def test_on_the_built_in_corpus_the_exact_floor_is_known_and_elsewhere_not(corpus):
    texts = load_corpus(corpus).texts("test")[:20]
    tokenizer = CharacterTokenizer.train(texts)
    floor = exact_floor(corpus, texts, tokenizer)
    assert 0 < floor < 1.5  # nats per character; letters alone carry ln 26 = 3.3
    assert exact_floor(None, texts, tokenizer) is None
    assert exact_floor("kjv", texts, tokenizer) is None


def test_the_table_shows_how_far_above_the_floor_a_loss_is(capsys):
    score = SimpleNamespace(nats_per_token=1.25, bits_per_token=1.8, bits_per_byte=None, perplexity=3.49, tokens=10)
    show(score, 1.0, "a model")
    printed = capsys.readouterr().out
    assert "0.2500" in printed and "1.0000" in printed and "bits per byte" not in printed


def test_a_long_text_is_read_in_pieces_and_evaluate_says_so(trained, monkeypatch):
    def nats(result):
        assert result.exit_code == 0, result.output
        line = next(line for line in result.stdout.splitlines() if "nats per token" in line)
        return float(re.findall(r"\d\.\d+", line)[0])

    exact = lmbook("evaluate", trained[1], "--text", trained[0])
    assert "in pieces" not in exact.stderr and f"1 text, {len(TEXT):,} characters" in exact.stderr
    monkeypatch.setattr("lmbook.cli.evaluate.EXACT", 300)
    monkeypatch.setattr("lmbook.cli.evaluate.ROWS", 3)
    estimate = lmbook("evaluate", trained[1], "--text", trained[0])
    assert "read in 3 pieces" in estimate.stderr and f"{len(TEXT) + 1:,}" in estimate.stdout
    assert nats(estimate) == pytest.approx(nats(exact), abs=0.01)
