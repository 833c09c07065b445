"""The folder that a training run leaves: model, tokenizer, configuration, history, picture, sample."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from lmbook.errors import LmbookError
from lmbook.files import finite, read_json, write_atomically, write_json, write_text
from lmbook.tokenizers.registry import load_tokenizer
from lmbook.tokenizers.tokenizer import Tokenizer
from lmbook.training.history import History

MODEL, TOKENIZER, CONFIG, HISTORY, PICTURE, SAMPLE = (
    "model.keras",
    "tokenizer.json",
    "config.json",
    "history.json",
    "history.png",
    "sample.txt",
)


@dataclass(frozen=True)
class TrainedRun:
    """A finished run, as `load_run` reads it.

    Args:
        model: the trained language model.
        tokenizer: the one it was trained with.
        config: what `save_run` was given, with the tokenizer's fingerprint.
    """

    model: keras.Model
    tokenizer: Tokenizer
    config: dict[str, Any]


def save_run(
    folder: str | Path,
    model: keras.Model,
    tokenizer: Tokenizer,
    config: dict[str, Any],
    history: History,
    sample: str | None = None,
    picture: Callable[[Path], None] | None = None,
) -> Path:
    """Write a trained model and what belongs to it to `folder`, each file completely or not at all.

    Args:
        folder: made where it is missing; files of an earlier run in it are replaced.
        model: the language model itself.
        tokenizer: the one it was trained with.
        config: plain values that say how it was trained.
        history: of `fit`.
        sample: text that the model wrote; None: `add_to_run` may bring it.
        picture: writes the loss curve to the path it is given; None leaves the picture out.

    Raises:
        LmbookError: the folder cannot be written to.
    """
    folder = Path(folder)
    saved = save_model(folder, model, tokenizer, config)
    history.save(folder / HISTORY)
    if sample is not None:
        add_to_run(folder, sample)
    if picture is not None:
        write_atomically(folder / PICTURE, picture)
    return saved


def save_model(folder: str | Path, model: keras.Model, tokenizer: Tokenizer, config: dict[str, Any]) -> Path:
    """Write the model and what it cannot be used without; what an earlier run left beside it is deleted.

    It comes first: nothing that fails after a training of hours may take the model along.
    """
    folder = Path(folder)
    write_atomically(folder / TOKENIZER, tokenizer.save)
    write_json(folder / CONFIG, {**config, "tokenizer_fingerprint": tokenizer.fingerprint})
    saved = write_atomically(folder / MODEL, model.save)
    for name in (HISTORY, PICTURE, SAMPLE):
        (folder / name).unlink(missing_ok=True)
    return saved


def add_to_run(folder: str | Path, sample: str | None = None, **config: Any) -> None:
    """Add a sample, or what is known only after a run was saved, to its folder; `config` goes to its config.json.

    A number that is not finite, such as a score of nothing, is written as null: JSON has no other word for it.
    """
    folder = Path(folder)
    if sample is not None:
        write_text(folder / SAMPLE, sample.rstrip("\n") + "\n")
    if config:
        write_json(folder / CONFIG, {**read_json(folder / CONFIG), **{k: finite(v) for k, v in config.items()}})


def load_run(folder: str | Path) -> TrainedRun:
    """Read a folder that `save_run` wrote.

    The model computes under this process's `keras.config.dtype_policy()`, whichever it was trained under.

    Raises:
        LmbookError: the folder or a file is missing or damaged, or model and tokenizer do not belong together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise LmbookError(f"There is no folder {folder}.", "Train first: lmbook train --output " + str(folder))
    missing = [name for name in (MODEL, TOKENIZER, CONFIG) if not (folder / name).is_file()]
    if missing:
        raise LmbookError(
            f"{folder} is not a finished training run: it has no {' and no '.join(missing)}.",
            "Give the folder named in `lmbook train --output`; if the run was stopped, the same command finishes it.",
        )
    config = read_json(folder / CONFIG)
    tokenizer = load_tokenizer(folder / TOKENIZER)
    if config.get("tokenizer_fingerprint") != tokenizer.fingerprint:
        raise LmbookError(
            f"{folder / TOKENIZER} (fingerprint {tokenizer.fingerprint[:16]}) is not the tokenizer that the model was "
            f"trained with ({str(config.get('tokenizer_fingerprint'))[:16]}).",
            "Put the right tokenizer.json back, or train again.",
        )
    try:
        model = keras.saving.load_model(folder / MODEL, safe_mode=True, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LmbookError(f"{folder / MODEL} cannot be read: {reason}.", "It is damaged; train again.") from error
    if model.config.vocabulary_size != tokenizer.vocabulary_size:
        raise LmbookError(
            f"The model in {folder} has {model.config.vocabulary_size} tokens, its tokenizer "
            f"{tokenizer.vocabulary_size}.",
            "They belong to different runs; train again.",
        )
    return TrainedRun(model, tokenizer, config)
