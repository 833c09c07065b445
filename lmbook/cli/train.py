"""`lmbook train`: train on the reader's own text, pairs or labelled lines, or on a corpus of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmbook.cli import train_classification
from lmbook.cli.floor import exact_floor
from lmbook.cli.options import (
    CorpusOption,
    CpuDevicesOption,
    DevicesOption,
    StrategyOption,
    TextOption,
    listed,
)
from lmbook.cli.train_translation import train_translation
from lmbook.corpora.source import one_source
from lmbook.errors import LmbookError
from lmbook.models import registry
from lmbook.training.distributed.cluster import is_chief

if TYPE_CHECKING:
    import tensorflow as tf

    from lmbook.corpora.corpus import Corpus

TASKS = ("language_model", "translation", "classification")
# For the tasks that learn from tables: the two columns, the task that the catalogue calls so, and one of its corpora.
TABLES = {
    "translation": ("SOURCE,TARGET", "translation", "tatoeba_eng_fra"),
    "classification": ("TEXT,LABEL", "text_classification", "sms_spam"),
}
UNITS = {"character": "character", "word": "word", "byte_pair": "byte pair"}  # what one token of each kind is
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
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
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="A table: pairs to translate, or texts with labels.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B", help="The columns of --data: SOURCE,TARGET or TEXT,LABEL.")
    ] = None,
    corpus: CorpusOption = None,
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", metavar="KIND", help=f"{listed(UNITS, DEFAULT_TOKENIZER)}.")
    ] = None,
    vocabulary_size: Annotated[
        int | None, typer.Option("--vocabulary-size", min=4, help="The most tokens; else chosen from the text.")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.0, help="Train for about this long.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Train for exactly this many steps.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same model.")] = 0,
    resume: Annotated[
        str,
        typer.Option(
            "--resume",
            metavar="auto|never|PATH",
            help="auto goes on with what was cut off; PATH is a checkpoint.",
        ),
    ] = "auto",
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Rows in a step, over all devices; else the model's own.")
    ] = None,
    gradient_accumulation_steps: Annotated[
        int,
        typer.Option(
            "--gradient-accumulation-steps",
            metavar="K",
            min=1,
            help="Work through each device's rows in K parts, to need less memory.",
        ),
    ] = 1,
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
    if resume not in ("auto", "never") and not Path(resume).exists():
        raise LmbookError(f"--resume {resume} is neither auto nor never nor a file.", "Check the path.")
    if minutes is not None and steps is not None:
        raise LmbookError("--minutes and --steps were both given.", "Give one of them.")
    if minutes == 0:
        raise LmbookError("--minutes 0 leaves no time to train.", "Give a number above 0.")
    if minutes is None and steps is None and task != "classification":  # which knows how many epochs suit its models
        minutes = DEFAULT_MINUTES
    common = {
        "vocabulary_size": vocabulary_size,
        "minutes": minutes,
        "steps": steps,
        "seed": seed,
        "resume": resume,
        "gradient_accumulation_steps": gradient_accumulation_steps,
        "precision": precision,
        "make_strategy": lambda: _strategy(strategy, devices, cpu_devices),
    }
    check_output(output)
    if task == "translation":
        from lmbook.corpora.pair_file import pair_corpus

        _refuse(task, {"--model": model, "--text": text, "--tokenizer": tokenizer, "--batch-size": batch_size})
        found = _read_table(corpus, data, columns, task, pair_corpus)
        train_translation(found, output, **common)
        return
    if task == "classification":
        from lmbook.corpora.labelled_file import labelled_corpus

        _refuse(task, {"--text": text, "--tokenizer": tokenizer, "--batch-size": batch_size})
        model = model or train_classification.DEFAULT_MODEL
        _check_choice("--model", model, train_classification.MODELS)
        found = _read_table(corpus, data, columns, task, labelled_corpus)
        train_classification.train_classification(found, output, model=model, **common)
        return
    _refuse(task, {"--data": data, "--columns": columns})
    one_source(corpus, text)
    model, tokenizer = model or DEFAULT_MODEL, tokenizer or DEFAULT_TOKENIZER
    registry.entry(model)
    _check_choice("--tokenizer", tokenizer, tuple(UNITS))
    source = _read(corpus, text)
    _train(source, output, corpus=corpus, model=model, tokenizer_kind=tokenizer, batch_size=batch_size, **common)


def _refuse(task: str, options: dict[str, object]) -> None:
    """Refuse options that `task` has no use for: a reader who gave one expects that it matters."""
    for option, value in options.items():
        if value is not None:
            raise LmbookError(f"{option} means nothing for --task {task}.", f"Leave {option} out.")


@dataclass(frozen=True)
class Source:
    """The text to train on: its documents for training and for validation."""

    name: str
    train: list[str]
    validation: list[str]


def _strategy(name: str, devices: str | None, cpu_devices: int | None) -> tf.distribute.Strategy:
    from lmbook.training.distributed.strategy import make_strategy

    return make_strategy(name, devices and devices.split(","), cpu_devices)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise LmbookError(f"{option} {value} is not known.", f"Choose one of: {', '.join(choices)}.")


def _read(corpus: str | None, text: Path | None) -> Source:
    if text:
        from lmbook.corpora.files import text_corpus

        found = text_corpus(text)
    else:
        from lmbook.corpora.catalogue import load_corpus

        found = load_corpus(corpus)
    held_out = "validation" if "validation" in found.splits else "test"
    return Source(found.name, found.texts("train"), found.texts(held_out))


def _read_table(
    corpus: str | None,
    data: Path | None,
    columns: str | None,
    task: str,
    read_file: Callable[[Path, list[str] | None], Corpus],
) -> Corpus:
    """The pairs or the labelled texts that the reader named; a file of them is read by `read_file`.

    Raises:
        LmbookError: as `one_source`, `read_file` and `load_corpus`; or the corpus is for something else.
    """
    one_source(corpus, data, "--data")
    names, wanted, such_as = TABLES[task]
    if data is not None:
        both = None if columns is None else columns.split(",")
        if both is not None and len(both) != 2:
            raise LmbookError(f"--columns {columns} does not name two columns.", f"Write --columns {names}.")
        return read_file(data, both)
    from lmbook.corpora.catalogue import load_corpus

    found = load_corpus(corpus)
    if found.task != wanted:
        raise LmbookError(
            f"The corpus {found.name} is for {found.task.replace('_', ' ')}.",
            f"Take one for {wanted.replace('_', ' ')}, such as {such_as}, or your own: --data FILE.",
        )
    return found


def check_output(folder: Path) -> None:
    """Make sure that `folder` is new, empty, or holds a training run; `fit` checks that it is the same run.

    Raises:
        LmbookError: it is a file or holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise LmbookError(f"--output {folder} is a file.", "Name a folder.")
    holds_something = folder.is_dir() and any(folder.iterdir())
    if holds_something and not (folder / "checkpoints").is_dir():
        raise LmbookError(f"--output {folder} is not empty and holds no training run.", "Name a new folder.")


def _train(
    source: Source,
    output: Path,
    *,
    corpus: str | None,
    model: str,
    tokenizer_kind: str,
    vocabulary_size: int | None,
    minutes: float | None,
    steps: int | None,
    seed: int,
    resume: str,
    batch_size: int | None,
    gradient_accumulation_steps: int,
    precision: str,
    make_strategy: Callable[[], tf.distribute.Strategy],
) -> None:
    import keras

    from lmbook.book import plots
    from lmbook.decoding.text import continue_text
    from lmbook.pipelines.causal import CausalWindows
    from lmbook.tokenizers.registry import train_tokenizer
    from lmbook.training.checks import ALL_CHECKS
    from lmbook.training.fit import check_batch, fit, reproducible
    from lmbook.training.optimizers import OptimizerConfig
    from lmbook.training.run_folder import save_run
    from lmbook.training.validation import Validation

    recipe = registry.entry(model)
    batch_size = batch_size or recipe.batch_size
    reproducible(seed)
    strategy = make_strategy()
    check_batch(batch_size, strategy.num_replicas_in_sync, gradient_accumulation_steps)
    keras.config.set_dtype_policy(precision)
    tokenizer = train_tokenizer(tokenizer_kind, source.train, vocabulary_size)
    documents = [tokenizer.encode(document) for document in source.train]
    held_out = [tokenizer.encode(document) for document in source.validation]
    say = print if is_chief() else (lambda *words: None)
    say(
        f"{source.name}: {sum(map(len, documents)):,} tokens to train on, {sum(map(len, held_out)):,} to validate, "
        f"{tokenizer.vocabulary_size:,} different ({tokenizer.kind})"
    )
    unit = f"nats per {UNITS[tokenizer.kind]}"
    floor = exact_floor(corpus, source.validation, tokenizer)
    if floor is not None:
        say(f"The lowest possible validation loss, exactly: {floor:.4f} {unit}")
    data = CausalWindows(documents, tokenizer, context=recipe.context, batch_size=batch_size, seed=seed)
    config = registry.make_config(model, tokenizer.vocabulary_size)
    with strategy.scope():
        network = registry.make_model(model, config)
    history = fit(
        network,
        data,
        steps=steps,
        minutes=minutes,
        validation=Validation(held_out, tokenizer),
        optimizer=OptimizerConfig(recipe.optimizer, recipe.learning_rate, recipe.muon_ratio),
        gradient_accumulation_steps=gradient_accumulation_steps,
        output=output,
        resume=resume,
        fingerprints={"tokenizer": tokenizer.fingerprint},
        checks=[check for check in ALL_CHECKS if check not in recipe.unchecked],
        strategy=strategy,
    )
    if not is_chief():  # of several workers one writes
        return
    sample = "\n\n".join(continue_text(network, tokenizer, count=3, max_new_tokens=200, temperature=0.8, seed=seed))
    picture = plots.loss_curve({model: history}, floor, unit, title=f"{model} on {source.name}")
    save_run(
        output,
        network,
        tokenizer,
        {
            "model": model,
            "config": registry.config_as_json(config),
            "text": source.name,
            "tokenizer": tokenizer.kind,
            "context": recipe.context,
            "batch_size": batch_size,
            "precision": precision,
            "optimizer": recipe.optimizer,
            "learning_rate": recipe.learning_rate,
            "muon_ratio": recipe.muon_ratio,
            "minutes": minutes,
            "steps": steps,
            "seed": seed,
        },
        history,
        sample,
        picture=lambda path: plots.save(picture, path),
    )
    print(f"\n{sample}\n")
    print(f"Left in {output}: model, tokenizer, config, history and a sample. Go on with:")
    print(f'  lmbook generate {output} --prompt "…"')
