"""`lmbook train`: train a language model on the reader's own text, or on a corpus of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lmbook.commands.floor import exact_floor
from lmbook.commands.options import CorpusOption, StrategyOption, TextOption, one_source
from lmbook.errors import LmbookError

UNITS = {"character": "character", "word": "word", "byte_pair": "byte pair"}  # what one token of each kind is
DEFAULT_MINUTES = 5.0


def train(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="A new folder for what is trained.")],
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="lstm, gru or rnn.")] = "lstm",
    text: TextOption = None,
    corpus: CorpusOption = None,
    tokenizer: Annotated[
        str, typer.Option("--tokenizer", metavar="KIND", help="character, word or byte_pair.")
    ] = "character",
    vocabulary_size: Annotated[
        int | None, typer.Option("--vocabulary-size", min=4, help="The most tokens; else chosen from the text.")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.0, help="Train for about this long.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Train for exactly this many steps.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same model.")] = 0,
    resume: Annotated[
        str, typer.Option("--resume", metavar="auto|never", help="auto goes on with a run that was cut off.")
    ] = "auto",
    strategy: StrategyOption = "auto",
) -> None:
    """Train a language model on your own text: --text FILE, or --corpus NAME.

    Leaves in DIR the model, its tokenizer and configuration, the history (figures and picture) and a sample.
    """
    from lmbook.models import registry

    registry.entry(model)
    one_source(corpus, text)
    _check_choice("--tokenizer", tokenizer, tuple(UNITS))
    _check_choice("--resume", resume, ("auto", "never"))
    if minutes is not None and steps is not None:
        raise LmbookError("--minutes and --steps were both given.", "Give one of them.")
    if minutes == 0:
        raise LmbookError("--minutes 0 leaves no time to train.", "Give a number above 0.")
    if minutes is None and steps is None:
        minutes = DEFAULT_MINUTES

    check_output(output)
    _train(
        _read(corpus, text),
        output,
        corpus=corpus,
        model=model,
        tokenizer_kind=tokenizer,
        vocabulary_size=vocabulary_size,
        minutes=minutes,
        steps=steps,
        seed=seed,
        resume=resume,
        strategy_name=strategy,
    )


@dataclass(frozen=True)
class Source:
    """The text to train on: its documents for training and for validation."""

    name: str
    train: list[str]
    validation: list[str]


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
    strategy_name: str,
) -> None:
    from lmbook import plots
    from lmbook.decoding.text import continue_text
    from lmbook.models import registry
    from lmbook.pipelines.causal import CausalWindows
    from lmbook.tokenizers.registry import train_tokenizer
    from lmbook.training.fit import fit, reproducible
    from lmbook.training.run_folder import save_run
    from lmbook.training.strategy import make_strategy

    recipe = registry.entry(model)
    reproducible(seed)
    strategy = make_strategy(strategy_name)
    tokenizer = train_tokenizer(tokenizer_kind, source.train, vocabulary_size)
    documents = [tokenizer.encode(document) for document in source.train]
    held_out = [tokenizer.encode(document) for document in source.validation]
    print(
        f"{source.name}: {sum(map(len, documents)):,} tokens to train on, {sum(map(len, held_out)):,} to validate, "
        f"{tokenizer.vocabulary_size:,} different ({tokenizer.kind})"
    )
    unit = f"nats per {UNITS[tokenizer.kind]}"
    floor = exact_floor(corpus, source.validation, tokenizer)
    if floor is not None:
        print(f"The lowest possible validation loss, exactly: {floor:.4f} {unit}")
    data = CausalWindows(documents, context=recipe.context, batch_size=recipe.batch_size, seed=seed)
    config = registry.make_config(model, tokenizer.vocabulary_size)
    with strategy.scope():
        network = registry.make_model(model, config)
    history = fit(
        network,
        data,
        steps=steps,
        minutes=minutes,
        validation=held_out,
        learning_rate=recipe.learning_rate,
        output=output,
        resume=resume,
        identity={"tokenizer": tokenizer.fingerprint},
        strategy=strategy,
    )
    sample = "\n\n".join(continue_text(network, tokenizer, count=3, length=200, temperature=0.8, seed=seed))
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
            "batch_size": recipe.batch_size,
            "learning_rate": recipe.learning_rate,
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
