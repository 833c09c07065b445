"""The command line: which commands there are, and what happens to errors.

Nothing here imports TensorFlow, so that help, listings and errors in arguments answer at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from lmbook import __version__
from lmbook.cli.chat import chat
from lmbook.cli.classify import classify
from lmbook.cli.data import data_app
from lmbook.cli.doctor import doctor
from lmbook.cli.evaluate import evaluate
from lmbook.cli.export import export
from lmbook.cli.friendly import FriendlyGroup, add_commands
from lmbook.cli.generate import generate
from lmbook.cli.launch import launch
from lmbook.cli.lessons import lessons, pages, run
from lmbook.cli.rate import rate_app
from lmbook.cli.site import site
from lmbook.cli.train import train
from lmbook.cli.translate import translate

app = typer.Typer(
    cls=FriendlyGroup,
    help="A working book on large language models: lessons, and training on your own text.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"lmbook {__version__}")
        raise typer.Exit()


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Only `--version`: everything else is a command."""


add_commands(app, (lessons, run, train, generate, chat, translate, classify, evaluate, export, doctor, pages, site))
# Options after COMMAND are COMMAND's, and so are empty values.
app.command(context_settings={"allow_interspersed_args": False})(launch)
app.add_typer(data_app, name="data")
app.add_typer(rate_app, name="rate")
