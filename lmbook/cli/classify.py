"""`lmbook classify`: the class of each line of a text file, or of some words, with probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmbook.cli.options import check_run
from lmbook.cli.progress import progress
from lmbook.cli.words import check_not_the_text, lines_of
from lmbook.console import note, show

if TYPE_CHECKING:
    from lmbook.recipes.text_classifier import TextClassifier


def classify(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that `lmbook train --task classification` left.")
    ],
    text: Annotated[
        str, typer.Option("--text", metavar="FILE|WORDS", help="A UTF-8 file, each line by itself; or the words.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to write it; else it is printed.")
    ] = None,
) -> None:
    """Name the class of each line, with the probability of every class, as a table separated by tabs.

    The first line has the names of the columns. An empty line of the text gives an empty line.
    """
    config = check_run(folder, "classification")
    check_not_the_text(output, text, "classes")
    lines = lines_of(text)

    from lmbook.files import write_text
    from lmbook.recipes.text_classifier import TextClassifier
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    classifier = TextClassifier(trained.model, trained.tokenizer, config["labels"], config["max_length"])
    told = [line for line in lines if line.strip()]
    say_how_many_are_cut(classifier, told)
    with progress("Classifying", "texts") as report:
        probabilities = iter(classifier.probabilities(told, report))
    rows = ["\t".join(["label", *classifier.labels, "text"])]
    for line in lines:
        if not line.strip():
            rows.append("")
            continue
        each = next(probabilities)
        label = classifier.labels[int(each.argmax())]
        rows.append("\t".join([label, *(f"{value:.4f}" for value in each), line.replace("\t", " ")]))
    result = "\n".join(rows) + "\n"
    if output is None:
        show(result, end="")
    else:
        print(f"{len(told):,} texts: {write_text(output, result)}")


def say_how_many_are_cut(classifier: TextClassifier, texts: Sequence[str]) -> None:
    """Say how many texts are longer than what the model reads of them."""
    cut = classifier.too_long(texts)
    if cut:
        much = f"{cut:,} of {len(texts):,} texts"
        note(f"Longer than {classifier.max_length} tokens, so that their ends are not read: {much}.")
