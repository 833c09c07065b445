"""`lmbook evaluate`: how good a trained model is: a language model on a text, another one on a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli.floor import exact_floor
from lmbook.cli.options import ColumnsOption, CorpusOption, DataOption, TextOption, check_run
from lmbook.cli.progress import progress
from lmbook.cli.train_source import part_to_test, read_table_to_test
from lmbook.console import note, terminal
from lmbook.corpora.source import one_source
from lmbook.errors import LmbookError

EXACT = 100_000  # tokens of a text; a longer one is read in pieces, unless the model reads it in windows anyway
ROWS, CONTEXT = 32, 256  # read side by side, and tokens at a time


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `lmbook train` left.")],
    text: TextOption = None,
    data: DataOption = None,
    columns: ColumnsOption = None,
    corpus: CorpusOption = None,
) -> None:
    """Measure a trained model. A file is taken as a whole, of a corpus the test part.

    A language model reads --text: nats and bits per token, bits per byte, perplexity. On greentree the exact floor is
    shown beside.

    A classifier reads --data: accuracy, F1 and calibration. A translator reads --data: BLEU and chrF.
    """
    config = check_run(folder, None)
    task = config.get("task", "language_model")
    if task == "language_model":
        _refuse(folder, "--data", data, "continues a text", "--text FILE")
        _refuse(folder, "--columns", columns, "continues a text", "--text FILE")
        one_source(corpus, text)
        _evaluate_language_model(folder, corpus, text)
        return
    from lmbook.cli.evaluate_tables import evaluate_classifier, evaluate_translator

    does, of = ("translates", "pairs") if task == "translation" else ("classifies", "texts with labels")
    _refuse(folder, "--text", text, does, f"--data FILE, a table of {of}")
    measure = evaluate_translator if task == "translation" else evaluate_classifier
    measure(folder, config, *read_table_to_test(corpus, data, columns, task))


def _refuse(folder: Path, option: str, value: object, does: str, instead: str) -> None:
    if value is not None:
        raise LmbookError(f"The model in {folder} {does}: {option} means nothing for it.", f"Give {instead}.")


def _evaluate_language_model(folder: Path, corpus: str | None, text: Path | None) -> None:
    texts, name = _texts(corpus, text)
    count = f"{len(texts):,} text{'' if len(texts) == 1 else 's'}"
    note(f"{name}: {count}, {sum(map(len, texts)):,} characters")

    from lmbook.evaluation.language_modelling import evaluate as measure
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    tokenizer = trained.tokenizer
    documents = [tokenizer.encode(document) for document in texts]
    size = sum(len(document.encode("utf-8")) for document in texts)
    pieces = _pieces(trained.model, documents)
    if pieces > 1:
        note(
            f"Long texts are read in {pieces} pieces side by side, which is faster. A piece begins with the {CONTEXT} "
            "tokens before it, and nothing older: the result is an estimate, mostly a little high."
        )
    with progress("Scoring", "tokens") as report:
        score = measure(
            trained.model,
            documents,
            tokenizer,
            bytes_total=size,
            batch_size=ROWS,
            context=CONTEXT,
            pieces=pieces,
            report=report,
        )
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
    return found.texts(part_to_test(found)), found.name


def _pieces(model, documents: list[list[int]]) -> int:
    """Into how many pieces long texts are cut, so that a model that reads one token after another has a full batch."""
    from lmbook.models.base import longest_text

    if longest_text(model) is not None or max(map(len, documents)) <= EXACT:
        return 1
    return max(1, ROWS // len(documents))


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
