"""`lmbook evaluate`: cross-entropy and perplexity of a trained model on a text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli.floor import exact_floor
from lmbook.cli.options import CorpusOption, TextOption, check_run
from lmbook.console import terminal
from lmbook.corpora.source import one_source


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `lmbook train` left.")],
    text: TextOption = None,
    corpus: CorpusOption = None,
) -> None:
    """Measure a trained model: nats and bits per token, bits per byte, perplexity.

    A corpus is measured on its test part, a file as a whole. On greentree the exact floor is shown beside.
    """
    one_source(corpus, text)
    check_run(folder)
    texts, name = _texts(corpus, text)

    from lmbook.evaluation.language_modelling import evaluate as measure
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    tokenizer = trained.tokenizer
    documents = [tokenizer.encode(document) for document in texts]
    size = sum(len(document.encode("utf-8")) for document in texts)
    score = measure(trained.model, documents, tokenizer, bytes_total=size)
    floor = exact_floor(corpus, texts, tokenizer)
    show(score, floor, f"{folder} on {name}")
    unknown = sum(document.count(tokenizer.unknown_id) for document in documents)
    if unknown:
        share = unknown / sum(len(document) for document in documents)
        print(
            f"{unknown:,} tokens ({share:.1%}) were unknown to the model and counted as <unk>: "
            "the figures look better than they are."
        )


def _texts(corpus: str | None, text: Path | None) -> tuple[list[str], str]:
    """(documents, name) to measure on."""
    if text:
        from lmbook.corpora.files import read_documents

        return read_documents(text), str(text)
    from lmbook.corpora.catalogue import load_corpus

    found = load_corpus(corpus)
    split = "test" if "test" in found.splits else "validation"
    return found.texts(split), found.name


def show(score, floor: float | None, title: str) -> None:
    """Print the table of a `LanguageModelScore`, with the exact floor in nats per token where there is one."""
    from rich.table import Table

    table = Table("measure", "value", title=title)
    table.columns[1].justify = "right"
    table.add_row("cross-entropy, nats per token", f"{score.nats_per_token:.4f}")
    if floor is not None:
        table.add_row("exact floor, nats per token", f"{floor:.4f}")
        table.add_row("above the floor, nats per token", f"{score.nats_per_token - floor:.4f}")
    table.add_row("cross-entropy, bits per token", f"{score.bits_per_token:.4f}")
    if score.bits_per_byte is not None:
        table.add_row("cross-entropy, bits per byte", f"{score.bits_per_byte:.4f}")
    table.add_row("perplexity per token", f"{score.perplexity:.3f}")
    table.add_row("tokens", f"{score.tokens:,}")
    terminal(highlight=True).print(table)
