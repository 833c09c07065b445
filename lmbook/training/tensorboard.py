"""The histories of trainings, written for TensorBoard as they grow.

Whoever wants them says where, once: `with tensorboard_into(folder):`. Every `fit` within writes there, also those that
recipes call. What is written is the run's `History` and nothing else, so that a run that was resumed, or whose last
steps were lost, shows one curve.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lmbook.errors import LmbookError

if TYPE_CHECKING:
    from lmbook.training.history import History

FOLDER = "tensorboard"  # in a run's folder
EVENTS = "events.out.tfevents.*"  # TensorBoard's name for its files
_into: Boards | None = None


def check_tensorboard() -> None:
    """Make sure that the package is there, which TensorFlow writes with.

    Raises:
        LmbookError: it is not.
    """
    if find_spec("tensorboard") is None:
        raise LmbookError(
            "--tensorboard needs the package tensorboard, which is not installed.",
            "Install it: python -m pip install tensorboard",
        )


@contextmanager
def tensorboard_into(folder: str | Path | None) -> Iterator[Boards | None]:
    """Within it, each `fit` of this process writes its losses below `folder`; None: none does.

    Raises:
        LmbookError: the package tensorboard is not installed.
    """
    global _into
    before = _into
    _into = None if folder is None else start_boards(folder)
    try:
        yield _into
    finally:
        _into = before


def start_boards(folder: str | Path) -> Boards:
    """The same until the process ends.

    Raises:
        LmbookError: the package tensorboard is not installed.
    """
    global _into
    check_tensorboard()
    _into = Boards(Path(folder))
    return _into


def next_board(name: str) -> Board | None:
    """The board of the training that begins now; None: nobody wants one."""
    return None if _into is None else _into.next(name)


class Boards:
    """Those of one command: one for each training, numbered, in a folder of its own.

    Args:
        folder: of all of them. What an earlier command left there is deleted when the first training begins.
    """

    def __init__(self, folder: Path):
        self.folder, self.count = folder, 0

    @property
    def command(self) -> str:
        """What shows them."""
        return f"tensorboard --logdir {shlex.quote(str(self.folder))}"

    @property
    def told(self) -> str:
        """How many trainings there are to be seen, and how."""
        if not self.count:
            return "is no training."
        return f"{'is 1 training' if self.count == 1 else f'are {self.count} trainings'}: {self.command}"

    def next(self, name: str) -> Board:
        if not self.count:
            for old in self.folder.rglob(EVENTS):
                old.unlink(missing_ok=True)
        self.count += 1
        return Board(self.folder / f"{self.count:02}-{name}")


class Board:
    """One training's losses: "train" and "validation" stand in one picture, the steps below it.

    Args:
        folder: for this training alone.
    """

    def __init__(self, folder: Path):
        import tensorflow as tf

        self._summary = tf.summary
        self._writers = {part: tf.summary.create_file_writer(str(folder / part)) for part in ("train", "validation")}
        self._written = dict.fromkeys(self._writers, 0)

    def write(self, history: History) -> None:
        """Write the points that came to `history` since the last time."""
        new = {
            "train": (history.steps, history.loss),
            "validation": (history.validation_steps, history.validation_loss),
        }
        for part, (steps, losses) in new.items():
            first = self._written[part]
            if len(steps) == first:
                continue
            with self._writers[part].as_default():
                for step, loss in zip(steps[first:], losses[first:], strict=True):
                    self._summary.scalar("loss", loss, step)
            self._writers[part].flush()
            self._written[part] = len(steps)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
