"""How every command reads its options: what a reader can only have given by mistake is refused before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lmbook.console import exit_code
from lmbook.errors import LmbookError
from lmbook.paths import reader_path

NOT_AS_GIVEN = ("vocabulary_size",)  # --vocabulary-size is the most; messages tell of how many there are
MAY_BE_EMPTY = ("--prompt",)  # everywhere else an empty value is a variable of the shell that was not set


class FriendlyCommand(TyperCommand):
    """A command whose values are checked in one place, and whose paths are all taken by `reader_path`."""

    def parse_args(self, ctx, args):
        given = list(args)
        rest = super().parse_args(ctx, args)
        _refuse_empty(given)
        for parameter in self.params:
            value = ctx.params.get(parameter.name)
            if isinstance(value, list | tuple):
                ctx.params[parameter.name] = [_checked(parameter, one) for one in value]
            else:
                ctx.params[parameter.name] = _checked(parameter, value)
        return rest

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except LmbookError as error:
            message, fix = (in_options(text, ctx.params) for text in (error.message, error.fix))
            raise LmbookError(message, fix) from error


class FriendlyGroup(TyperGroup):
    """Turns what a reader can cause into a message and an exit code; everything else keeps its traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            code = exit_code(error)
            if code is None:
                raise
            raise typer.Exit(code) from None


def add_commands(app: typer.Typer, commands: Iterable[Any], **settings) -> None:
    """Add functions to `app` as commands that are checked in this way."""
    for command in commands:
        app.command(cls=FriendlyCommand, **settings)(command)


def in_options(text: str, names: Iterable[str]) -> str:
    """A message of the library's in the words of a command: resume='never' is `--resume never` there.

    Args:
        text: of the message.
        names: of the command's parameters, as Python calls them.
    """
    for name in names:
        if name in NOT_AS_GIVEN:
            continue
        option = f"--{name.replace('_', '-')}"
        # As a whole word: no part of a path or of another name.
        text = re.sub(rf"(?<![\w./\\-]){name}=(['\"]?)([^\s'\",;]*)\1", rf"{option} \2", text)
        if "_" in name:
            text = re.sub(rf"(?<![\w./\\-]){name}(?![\w/\\=-]|\.\w)", option, text)
    return text


def _refuse_empty(arguments: list[str]) -> None:
    """Path("") would be the folder that the reader is in."""
    before = ""
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if before.startswith("--") and not argument.strip():
            option, value = before, argument
        elif not (equals and option.startswith("--") and not value.strip()) and argument.strip():
            before = argument
            continue
        if option not in MAY_BE_EMPTY:
            raise LmbookError(f"{option or 'An argument'} is empty.", "Give a value, or leave it out.")
        before = ""


def _checked(parameter, value: Any) -> Any:
    name = parameter.opts[0]
    if isinstance(value, Path):
        return reader_path(value)
    if isinstance(value, float) and math.isnan(value):
        raise LmbookError(f"{name} is not a number.", "Give one.")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:  # bytes that the shell passed on
            raise LmbookError(f"{name} is not UTF-8.", "Write it in UTF-8, or put it into a file.") from None
    return value
