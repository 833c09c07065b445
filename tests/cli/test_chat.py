from __future__ import annotations

import keras
import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.decoding.chat import Chat, Reply
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.pipelines.dialogues import REPLIES
from lmbook.tokenizers.word import WordTokenizer
from lmbook.training.history import History
from lmbook.training.run_folder import save_run

WORDS = WordTokenizer.train([f"my name is mia. who am i? hello. {REPLIES}"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    keras.utils.set_random_seed(3)
    sizes = {"hidden_dim": 8, "intermediate_dim": 8, "num_heads": 2, "num_layers": 1, "max_sequence_length": 32}
    model = GPT(GPTConfig(WORDS.vocabulary_size, **sizes))
    place = tmp_path_factory.mktemp("chat") / "run"
    save_run(place, model, WORDS, {"dialogue": True}, History(), "")
    return place


def talk(folder, lines, *options):
    return CliRunner().invoke(app, ["chat", str(folder), "--max-new-tokens", "3", *options], input=lines)


def test_each_line_gets_a_reply_until_bye(folder):
    done = talk(folder, "Hello.\n\nMy name is Zoe.\nBye.\nnever read\n")
    assert done.exit_code == 0
    lines = done.output.strip().splitlines()
    assert lines[-1].endswith("Goodbye.")
    assert done.output.count("> ") == 4


def test_the_end_of_the_input_ends_it_and_dropped_turns_are_said(folder):
    done = talk(folder, "Hello.\n" * 5, "--max-prompt-tokens", "12")
    assert done.exit_code == 0 and "forgotten" in done.output and done.output.rstrip().endswith("Goodbye.")


def test_what_is_too_long_does_not_end_it(folder):
    done = talk(folder, "hello " * 30 + "\nHello.\n")
    assert done.exit_code == 0 and "in fewer words" in done.output


def test_bytes_that_are_no_text_do_not_end_it(folder):
    done = CliRunner().invoke(app, ["chat", str(folder), "--max-new-tokens", "3"], input=b"\xff\xfe\x00\nHello.\nbye\n")
    assert done.exit_code == 0 and done.output.count("> ") == 3 and done.output.rstrip().endswith("Goodbye.")


def test_what_a_terminal_would_obey_is_not_written(folder, monkeypatch):
    monkeypatch.setattr(Chat, "say", lambda chat, said: Reply("\x1b[2Jhello\n", 0, False))
    assert "\x1b" not in talk(folder, "Hello.\n").output


def test_ctrl_c_ends_it(folder, monkeypatch):
    def interrupted(prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    done = talk(folder, "")
    assert done.exit_code == 0 and done.output.rstrip().endswith("Goodbye.")


def test_another_model_is_refused(folder, tmp_path):
    save_run(tmp_path / "run", keras.saving.load_model(folder / "model.keras"), WORDS, {}, History(), "")
    done = talk(tmp_path / "run", "")
    assert done.exit_code == 2 and not isinstance(done.exception, KeyError)
