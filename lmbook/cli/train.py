"""`lmbook train`: train on the reader's own text, pairs or labelled lines, or on a corpus of the catalogue."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli import train_classification
from lmbook.cli.options import (
    LARGEST_SEED,
    MOST_STEPS,
    MOST_TOKENS,
    ColumnsOption,
    CorpusOption,
    CpuDevicesOption,
    DataOption,
    DevicesOption,
    StrategyOption,
    TensorboardOption,
    TextOption,
    listed,
)
from lmbook.cli.train_language_model import UNITS, train_language_model
from lmbook.cli.train_source import read_table_source, read_text_source
from lmbook.cli.train_translation import train_translation
from lmbook.cli.training import TrainingOptions, may_fail, say
from lmbook.corpora.corpus import Corpus
from lmbook.corpora.own_splits import write_split
from lmbook.errors import LmbookError
from lmbook.locks import LOCK, locked
from lmbook.models import registry
from lmbook.paths import TRY, check_writable, missing, reader_path, shown_path
from lmbook.training.distributed.cluster import is_chief
from lmbook.training.tensorboard import FOLDER, check_tensorboard, tensorboard_into

TASKS = ("language_model", "translation", "classification")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
LARGEST_BATCH = 65_536
DEFAULT_MODEL, DEFAULT_TOKENIZER, DEFAULT_MINUTES = "lstm", "character", 5.0


def train(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="A new folder for what is trained.")],
    task: Annotated[str, typer.Option("--task", metavar="NAME", help=f"{listed(TASKS)}.")] = TASKS[0],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help=f"{listed(registry.LANGUAGE_MODELS, DEFAULT_MODEL)}; "
            f"for classification {listed(train_classification.MODELS, train_classification.DEFAULT_MODEL)}.",
        ),
    ] = None,
    text: TextOption = None,
    data: DataOption = None,
    columns: ColumnsOption = None,
    validation: Annotated[
        Path | None,
        typer.Option("--validation", metavar="FILE", help="Your own to validate with; else a part is taken."),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", metavar="FILE", help="Your own to test with; else a part of a table is taken."),
    ] = None,
    corpus: CorpusOption = None,
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", metavar="KIND", help=f"{listed(UNITS, DEFAULT_TOKENIZER)}.")
    ] = None,
    vocabulary_size: Annotated[
        int | None,
        typer.Option("--vocabulary-size", min=4, max=MOST_TOKENS, help="The most tokens; else chosen from the text."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.0, max=1e6, help="Train for about this long.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, max=MOST_STEPS, help="Train for exactly this many steps.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="The same seed gives the same model.")
    ] = 0,
    resume: Annotated[
        str,
        typer.Option(
            "--resume",
            metavar="auto|never|PATH",
            help="auto goes on with what was cut off; PATH is a checkpoint.",
        ),
    ] = "auto",
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size", min=1, max=LARGEST_BATCH, help="Rows in a step, over all devices; else the model's own."
        ),
    ] = None,
    gradient_accumulation_steps: Annotated[
        int,
        typer.Option(
            "--gradient-accumulation-steps",
            metavar="K",
            min=1,
            max=LARGEST_BATCH,
            help="Work through each device's rows in K parts, to need less memory.",
        ),
    ] = 1,
    tensorboard: TensorboardOption = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Where another training writes to DIR, wait until it has ended.")
    ] = False,
    precision: Annotated[str, typer.Option("--precision", metavar="NAME", help=f"{listed(PRECISIONS)}.")] = PRECISIONS[
        0
    ],
    strategy: StrategyOption = "auto",
    devices: DevicesOption = None,
    cpu_devices: CpuDevicesOption = None,
) -> None:
    """Train a language model on your own text: --text FILE, or --corpus NAME.

    With --task translation, a translator on your own pairs: --data FILE, or --corpus NAME.
    With --task classification, a classifier on your own labelled texts: --data FILE (.tsv or .csv), or --corpus NAME.
    Leaves in DIR the model, its tokenizer and configuration, the history (figures and picture) and a sample.
    """
    _check_choice("--task", task, TASKS)
    _check_choice("--precision", precision, PRECISIONS)
    if resume not in ("auto", "never"):
        resume = str(reader_path(resume))
        if missing(resume):
            raise LmbookError(f"--resume {shown_path(resume)} is neither auto nor never nor a file.", "Check the path.")
    if minutes is not None and steps is not None:
        raise LmbookError("--minutes and --steps were both given.", "Give one of them.")
    if minutes == 0:
        raise LmbookError("--minutes 0 leaves no time to train.", "Give a number above 0.")
    if minutes is None and steps is None and task != "classification":  # which knows how many epochs suit its models
        minutes = DEFAULT_MINUTES
    options = TrainingOptions(
        output=output,
        vocabulary_size=vocabulary_size,
        minutes=minutes,
        steps=steps,
        seed=seed,
        resume=resume,
        gradient_accumulation_steps=gradient_accumulation_steps,
        precision=precision,
        strategy=strategy,
        devices=devices,
        cpu_devices=cpu_devices,
    )
    check_output(output)
    check_writable(output)
    if tensorboard:
        check_tensorboard()
    # Of several workers one writes. The lock lasts until the model is saved, which is after `fit`.
    with (
        locked(output, wait=wait) if is_chief() else nullcontext(),
        tensorboard_into(output / FOLDER if tensorboard else None) as boards,
    ):
        check_output(output)  # whoever had the lock before may have left something
        if boards is not None:
            say(f"The losses as they come: {boards.command}")
        read = _train(task, model, text, data, columns, corpus, tokenizer, batch_size, options, (validation, test))
        if corpus is None and is_chief():
            with may_fail("record of the split"):
                write_split(output, read)


def _train(
    task, model, text, data, columns, corpus, tokenizer, batch_size, options: TrainingOptions, own: tuple
) -> Corpus:
    """Train as the options of the command say; gives what was read. `own`: the files for validation and for testing."""
    if task == "translation":
        _refuse(task, {"--model": model, "--text": text, "--tokenizer": tokenizer, "--batch-size": batch_size})
        read = read_table_source(corpus, data, columns, task, *own)
        train_translation(read, options)
    elif task == "classification":
        _refuse(task, {"--text": text, "--tokenizer": tokenizer, "--batch-size": batch_size})
        model = model or train_classification.DEFAULT_MODEL
        _check_choice("--model", model, train_classification.MODELS)
        read = read_table_source(corpus, data, columns, task, *own)
        train_classification.train_classification(read, model, options)
    else:
        _refuse(task, {"--data": data, "--columns": columns})
        model, tokenizer = model or DEFAULT_MODEL, tokenizer or DEFAULT_TOKENIZER
        registry.entry(model)
        _check_choice("--tokenizer", tokenizer, tuple(UNITS))
        read = read_text_source(corpus, text, *own)
        train_language_model(read, corpus, model, tokenizer, batch_size, options)
    return read


def _refuse(task: str, options: dict[str, object]) -> None:
    """Refuse options that `task` has no use for: a reader who gave one expects that it matters."""
    for option, value in options.items():
        if value is not None:
            raise LmbookError(f"{option} means nothing for --task {task}.", f"Leave {option} out.")


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise LmbookError(f"{option} {value} is not known.", f"Choose one of: {', '.join(choices)}.")


def check_output(folder: Path) -> None:
    """Make sure that `folder` is new, empty, or holds a training run; `fit` checks that it is the same run.

    Raises:
        LmbookError: it is a file or holds something else.
    """
    if not missing(folder) and not folder.is_dir():
        raise LmbookError(f"--output {folder} is a file.", "Name a folder.")
    # Another worker of the same training may be trying to write there; what is for TensorBoard is older than the first
    # checkpoint.
    holds_something = not missing(folder) and any(
        one.name not in (LOCK, FOLDER) and not one.name.startswith(TRY) for one in folder.iterdir()
    )
    if holds_something and not (folder / "checkpoints").is_dir():
        raise LmbookError(f"--output {folder} is not empty and holds no training run.", "Name a new folder.")
