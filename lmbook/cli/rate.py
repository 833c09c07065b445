"""`lmbook rate`: let people compare the texts of two systems, and put together what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli.friendly import FriendlyCommand
from lmbook.cli.options import LARGEST_SEED, MOST_TOKENS
from lmbook.console import terminal
from lmbook.errors import LmbookError

rate_app = typer.Typer(help="Let people compare two systems' texts, blind: make, merge.", no_args_is_help=True)


@rate_app.command("make", cls=FriendlyCommand)
def make(
    first: Annotated[Path, typer.Argument(metavar="FILE", help="One system's texts: one a line, or JSON lines.")],
    second: Annotated[Path, typer.Argument(metavar="FILE", help="The other's, for the same prompts.")],
    output: Annotated[Path, typer.Option("--output", metavar="FORM.html", help="The form; its key lies beside it.")],
    prompts: Annotated[Path | None, typer.Option("--prompts", help="A text file with a prompt a line.")] = None,
    items: Annotated[
        int | None, typer.Option("--items", min=1, max=MOST_TOKENS, help="So many pairs, drawn at random.")
    ] = None,
    question: Annotated[str | None, typer.Option("--question", help="What the raters are asked.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Of order and sides.")] = 0,
) -> None:
    """Make the form: one HTML file that works from disk, and its key. The systems are called as their files are.

    A file NAME.jsonl has {"prompt": "…", "output": "…"} in each line, any other file a text in each line.
    """
    from lmbook.corpora.files import read_text
    from lmbook.evaluation.rating_form import QUESTION, make_form, read_outputs

    if output.suffix.lower() != ".html":
        raise LmbookError(f"--output {output} is no HTML file.", "Call it NAME.html.")
    if first.stem == second.stem:
        raise LmbookError(f"Both systems are called {first.stem}.", "Give the files different names.")
    shown = None if prompts is None else read_text(prompts).removesuffix("\n").split("\n")
    systems = {}
    for file in (first, second):
        own, systems[file.stem] = read_outputs(file)
        if own is not None and shown is not None and own != shown:
            differs = next((n for n, (a, b) in enumerate(zip(own, shown, strict=False), start=1) if a != b), None)
            where = f"{len(own)} and {len(shown)}" if differs is None else f"the first in line {differs}"
            raise LmbookError(f"{file} answers other prompts: {where}.", "Both systems need the same, in one order.")
        shown = own if shown is None else shown
    form = make_form(output, systems, shown, items=items, question=question or QUESTION, seed=seed)
    print(f"{form.path}: {form.items:,} pairs, form {form.form}. Give it to the raters; it opens in any browser.")
    print(f"{form.key}: which system wrote what. Keep it from them until all answers are there.")
    if form.identical:
        print(f"{form.identical:,} prompts are not on it, since both systems wrote the same: they count as ties.")
    print(f"Then: lmbook rate merge {form.key} ratings_{form.form}_*.json")


@rate_app.command("merge", cls=FriendlyCommand)
def merge(
    key: Annotated[Path, typer.Argument(metavar="KEY", help="The form's key, NAME.key.json.")],
    answers: Annotated[list[Path], typer.Argument(metavar="ANSWERS…", help="The files that the raters saved.")],
    incomplete: Annotated[bool, typer.Option("--incomplete", help="Take files with missing answers too.")] = False,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write the figures as JSON.")] = None,
) -> None:
    """Put the raters' answers together: win rate with interval, sign test, agreement."""
    from lmbook.evaluation import ratings

    found = ratings.merge(key, answers, incomplete=incomplete)
    show(found)
    if output is not None:
        from lmbook.files import write_json

        print(f"Figures: {write_json(output, found.report())}")


def show(found) -> None:
    """Print a `Ratings`: who won, and how far the raters agree."""
    from rich.table import Table

    score, (first, second) = found.preference(), found.systems
    console = terminal(highlight=True)
    table = Table("measure", "value", title=f"{first} against {second}")
    table.columns[1].justify = "right"
    table.add_row("raters, prompts", f"{len(found.raters)}, {len(found.prompts) + found.identical:,}")
    table.add_row(f"prompts for {first}, tie, for {second}", f"{score.wins:,}, {score.ties:,}, {score.losses:,}")
    table.add_row(f"win rate of {first} (95 % interval)", f"{score.win_rate:.3f} ({score.low:.3f} … {score.high:.3f})")
    table.add_row("sign test, p", f"{score.p_value:.3g}")
    table.add_row("side A, tie, side B chosen", ", ".join(f"{count:,}" for count in found.chosen.values()))
    for level in ("nominal", "ordinal"):
        value = found.alpha(level)
        table.add_row(f"Krippendorff's alpha, {level}", "" if value is None else f"{value:.3f}")
    for (one, other), (kappa, equal, count) in found.kappas().items():
        value = "" if kappa is None else f"{kappa:.3f} "
        table.add_row(f"Cohen's kappa, {one} and {other}", f"{value}({equal:.0%} of {count:,} equal)")
    console.print(table)
    print("A tie counts as half a win. Prompts are counted, not judgements: raters of one prompt share its chances.")
