"""`lmbook translate`: a text file in another language, line by line, or some words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli.options import check_run
from lmbook.cli.progress import progress
from lmbook.cli.scores import advise_if_empty
from lmbook.cli.words import check_not_the_text, lines_of
from lmbook.console import show


def translate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that `lmbook train --task translation` left.")
    ],
    text: Annotated[
        str, typer.Option("--text", metavar="FILE|WORDS", help="A UTF-8 file, each line by itself; or the words.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to write it; else it is printed.")
    ] = None,
    beams: Annotated[
        int, typer.Option("--beams", min=1, max=64, help="1 is fastest; more search for a likelier text.")
    ] = 4,
    split_sentences: Annotated[
        bool, typer.Option("--split-sentences", help="Each sentence by itself, for a model that learned single ones.")
    ] = False,
) -> None:
    """Translate a text file line by line with a trained model, or some words. Empty lines stay."""
    config = check_run(folder, "translation")
    check_not_the_text(output, text, "translation")
    lines = lines_of(text)

    from lmbook.decoding.document import translate_lines
    from lmbook.files import write_text
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    with progress("Translating", "texts") as report:
        written = translate_lines(
            trained.model,
            trained.tokenizer,
            lines,
            longest=config["longest"],
            max_new_tokens=trained.model.config.max_sequence_length - 1,
            beams=beams,
            split_sentences=split_sentences,
            report=report,
        )
    advise_if_empty([new for old, new in zip(lines, written, strict=True) if old.strip()])
    result = "\n".join(written) + "\n"
    if output is None:
        show(result, end="")
    else:
        print(f"{len(lines):,} lines: {write_text(output, result)}")
