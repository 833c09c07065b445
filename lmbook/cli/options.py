"""Options and checks that several commands share."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from lmbook.errors import LmbookError
from lmbook.files import read_json
from lmbook.paths import shown_path

# Every number has bounds in its option. Those of what no machine could compute are generous, but never missing.
LARGEST_SEED = 2**32 - 1  # NumPy takes 32 bits
MOST_TOKENS = 1_000_000
MOST_STEPS = 10**9 - 1  # checkpoints are numbered in nine digits
HOTTEST = 1000.0

DOES = {"language_model": "continue a text", "translation": "translate", "classification": "classify"}
USE = {
    "language_model": 'generate DIR --prompt "…"',
    "translation": 'translate DIR --text "…"',
    "classification": 'classify DIR --text "…"',
}
CorpusOption = Annotated[
    str | None, typer.Option("--corpus", metavar="NAME", help="A corpus of the catalogue; see `lmbook data list`.")
]
TextOption = Annotated[
    Path | None, typer.Option("--text", metavar="FILE", help="Your own text: a UTF-8 file, or a folder of them.")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="A table: pairs to translate, or texts with labels.")
]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", metavar="A,B", help="The columns of --data: SOURCE,TARGET or TEXT,LABEL.")
]
StrategyOption = Annotated[
    str,
    typer.Option("--strategy", metavar="NAME", help="auto, default, mirrored or multi_worker."),
]
DevicesOption = Annotated[
    str | None,
    typer.Option("--devices", metavar="LIST", help="The devices of mirrored, as GPU:0,GPU:1."),
]
TensorboardOption = Annotated[
    bool, typer.Option("--tensorboard", help="Write the losses for TensorBoard too, as they come.")
]
CpuDevicesOption = Annotated[
    int | None,
    typer.Option("--cpu-devices", min=1, max=256, help="Divide the CPU into so many devices, to try mirrored."),
]


def listed(names: Iterable[str], default: str | None = None) -> str:
    """Names to choose from, for a help text; a default that typer does not know stands first, marked as such."""
    *first, last = (name for name in names if name != default)
    if default is not None:
        first = [f"{default} (the default)", *first]
    return f"{', '.join(first)} or {last}"


def check_run(folder: Path, task: str | None = "language_model") -> dict:
    """Check at once that `folder` is one that `lmbook train --task TASK` left; gives what its config.json holds.

    A `task` of None is any.

    `load_run` looks at what is in the other files.

    Raises:
        LmbookError: it is not there, the training was not finished, or it was for another task.
    """
    if not os.path.isdir(folder):
        raise LmbookError(
            f"There is no folder {shown_path(folder)}.", "Name a folder that `lmbook train --output DIR` left."
        )
    if not (folder / "model.keras").is_file():
        raise LmbookError(
            f"{folder} holds no finished model.",
            "If its training was stopped, the same `lmbook train` command goes on.",
        )
    config = read_json(folder / "config.json")
    trained_for = config.get("task", "language_model")
    if task is not None and trained_for != task:
        raise LmbookError(
            f"The model in {folder} does not {DOES[task]}; it is for {trained_for.replace('_', ' ')}.",
            f"Use it so: lmbook {USE.get(trained_for, 'generate DIR').replace('DIR', shlex.quote(str(folder)))}. "
            f"Or train one: lmbook train --task {task}",
        )
    return config
