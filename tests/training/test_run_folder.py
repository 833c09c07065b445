from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.tokenizers.registry import train_tokenizer
from lmbook.training.history import History
from lmbook.training.run_folder import add_to_run, load_run, save_model, save_run


@pytest.fixture(scope="module")
def parts():
    tokenizer = train_tokenizer("character", ["a green tree"])
    return RecurrentLanguageModel(RecurrentConfig(tokenizer.vocabulary_size, 4, 5)), tokenizer


@pytest.fixture
def folder(parts, tmp_path):
    model, tokenizer = parts
    history = History([1], [2.0], [0.1], tokens=8)
    save_run(
        tmp_path / "run",
        model,
        tokenizer,
        {"model": "lstm", "steps": 1},
        history,
        "a tree",
        picture=lambda path: path.write_bytes(b"png"),
    )
    return tmp_path / "run"


def test_what_is_saved_is_loaded(parts, folder):
    run = load_run(folder)
    x = np.array([[2, 3, 4]], "int32")
    np.testing.assert_array_equal(run.model(x), parts[0](x))
    assert run.tokenizer.encode("green tree") == parts[1].encode("green tree")
    assert run.config["model"] == "lstm" and run.config["steps"] == 1
    names = {"model.keras", "tokenizer.json", "config.json", "history.json", "history.png", "sample.txt"}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "sample.txt").read_text() == "a tree\n"


def test_a_missing_folder_or_file_is_named(folder):
    with pytest.raises(LmbookError, match="no folder .*nowhere"):
        load_run(folder / "nowhere")
    (folder / "model.keras").unlink()
    with pytest.raises(LmbookError, match="no model.keras"):
        load_run(folder)


@pytest.mark.parametrize("damage", [lambda old: b"", lambda old: old[: len(old) // 2], lambda old: b"text"])
def test_a_damaged_model_is_named(folder, damage):
    path = folder / "model.keras"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LmbookError, match="model.keras cannot be read"):
        load_run(folder)


def test_another_tokenizer_is_noticed(folder):
    train_tokenizer("character", ["a blue tree"]).save(folder / "tokenizer.json")
    with pytest.raises(LmbookError, match="not the tokenizer"):
        load_run(folder)


def test_nothing_that_fails_takes_the_model_along(parts, tmp_path):
    def fail(path):
        raise ValueError("no picture")

    with pytest.raises(ValueError):
        save_run(tmp_path, *parts, {}, History([1], [2.0], [0.1]), "a tree", picture=fail)
    assert load_run(tmp_path).config["tokenizer_fingerprint"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.keras", "tokenizer.json", "config.json", "history.json", "sample.txt"
    }  # fmt: skip


def test_a_new_model_does_not_stand_beside_an_earlier_run_s_sample(parts, folder):
    save_model(folder, *parts, {"steps": 2})
    assert {path.name for path in folder.iterdir()} == {"model.keras", "tokenizer.json", "config.json"}


def test_what_is_known_later_is_added(folder):
    add_to_run(folder, bleu=3.5, margin=float("nan"))
    add_to_run(folder, "another")
    config = load_run(folder).config
    assert (config["steps"], config["bleu"], config["margin"]) == (1, 3.5, None)
    assert (folder / "sample.txt").read_text() == "another\n"
