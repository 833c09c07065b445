"""The command line: which commands there are, and what happens to errors.

Nothing here imports TensorFlow, so that help, listings and errors in arguments answer at once.
"""

from __future__ import annotations

import typer
from typer.core import TyperGroup

from lmbook.cli.chat import chat
from lmbook.cli.classify import classify
from lmbook.cli.data import data_app
from lmbook.cli.doctor import doctor
from lmbook.cli.evaluate import evaluate
from lmbook.cli.generate import generate
from lmbook.cli.launch import launch
from lmbook.cli.lessons import lessons, pages, run
from lmbook.cli.rate import rate_app
from lmbook.cli.site import site
from lmbook.cli.train import train
from lmbook.cli.translate import translate
from lmbook.console import exit_code
from lmbook.errors import LmbookError


class ReaderFriendlyGroup(TyperGroup):
    """Turns what a reader can cause into a message and an exit code; everything else keeps its traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (LmbookError, KeyboardInterrupt) as error:
            raise typer.Exit(exit_code(error)) from None


app = typer.Typer(
    cls=ReaderFriendlyGroup,
    help="A working book on large language models: lessons, and training on your own text.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (lessons, run, train, generate, chat, translate, classify, evaluate, doctor, pages, site):
    app.command()(command)
app.command(context_settings={"allow_interspersed_args": False})(launch)  # options after COMMAND are COMMAND's
app.add_typer(data_app, name="data")
app.add_typer(rate_app, name="rate")
