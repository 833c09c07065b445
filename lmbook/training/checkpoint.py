"""Checkpoints: one file holds everything that a stopped run needs in order to continue exactly.

A checkpoint is an `.npz` file of arrays without pickle. Beside the arrays it holds two strings: "record", JSON with
what is not an array, and "digest", the sha256 of all the rest.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lmbook.errors import LmbookError
from lmbook.files import write_atomically
from lmbook.former_names import present_identity
from lmbook.locks import locked

FORMAT = 1
BEST = "best.npz"
# What NumPy and zipfile raise when a file is damaged or of another kind.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_NAME = re.compile(r"step-(\d{9})\.npz")
_UNFINISHED = re.compile(r"\.(step-\d{9}|best)\.\w+\.npz")  # the temporary names of `write_atomically`


class DamagedCheckpoint(Exception):
    """A checkpoint file does not hold what was written to it."""


@dataclass
class Checkpoint:
    """The content of one checkpoint file.

    Args:
        step: updates made so far; the next batch is number `step`.
        arrays: the values of all variables by name.
        fingerprints: what the run is made of, by name (model, tokenizer, data, training): texts, compared before a run
            is resumed. The file calls them "identity".
        record: further plain values (history, seconds used).
    """

    step: int
    arrays: dict[str, np.ndarray]
    fingerprints: dict[str, str] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)


def write(path: str | Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint to `path`, completely or not at all."""

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            dump(file, checkpoint)

    return write_atomically(path, fill)


def dump(file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into an open file."""
    text = json.dumps(
        {
            "format": FORMAT,
            "step": checkpoint.step,
            "identity": checkpoint.fingerprints,
            "record": checkpoint.record,
            "names": list(checkpoint.arrays),
        }
    )
    members = {f"array_{index}": value for index, value in enumerate(checkpoint.arrays.values())}
    strings = {"record": np.array(text), "digest": np.array(_digest(text, list(members.values())))}
    np.savez(file, **members, **strings)


def read(path: str | Path | BinaryIO) -> Checkpoint:
    """Read a checkpoint that `write` or `dump` wrote.

    Raises:
        DamagedCheckpoint: a byte is not as it was written, or the file is no checkpoint.
        LmbookError: it was written by a later version of the book.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            text, digest = str(file["record"]), str(file["digest"])
            record = json.loads(text)
            if record["format"] > FORMAT:
                raise LmbookError(
                    f"{path} has checkpoint format {record['format']}; this lmbook reads up to format {FORMAT}.",
                    "Update lmbook, or train into another folder.",
                )
            arrays = [file[f"array_{index}"] for index in range(len(record["names"]))]
    except _UNREADABLE as error:
        raise DamagedCheckpoint(str(error) or type(error).__name__) from error
    if _digest(text, arrays) != digest:
        raise DamagedCheckpoint("its checksum is wrong")
    names = dict(zip(record["names"], arrays, strict=True))
    return Checkpoint(record["step"], names, present_identity(record["identity"]), record["record"])


def _digest(text: str, arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for value in arrays:
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


class Checkpoints:
    """The folder with the checkpoints of one run: the last `keep` of them, and the best weights.

    Args:
        folder: made when the first checkpoint is written.
        fingerprints: what the run is made of, by name; a checkpoint with other ones is refused.
        keep: how many of the last ones stay.
        say: gets what the reader should know (a damaged file was passed over).
    """

    def __init__(
        self, folder: str | Path, fingerprints: dict[str, str], keep: int = 2, say: Callable[[str], None] = print
    ):
        self.folder, self.fingerprints, self.keep, self.say = Path(folder), fingerprints, keep, say
        self._swept = False

    def paths(self) -> list[Path]:
        """The checkpoint files, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))

    def save(self, step: int, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> Path:
        """Write the checkpoint of `step` and delete those that are no longer needed."""
        with locked(self.folder.parent):
            self._sweep()
            path = write(self.folder / f"step-{step:09d}.npz", Checkpoint(step, arrays, self.fingerprints, record))
            for old in self.paths()[: -self.keep]:
                old.unlink(missing_ok=True)
        return path

    def save_best(self, step: int, arrays: dict[str, np.ndarray]) -> Path:
        """Write the best weights so far."""
        with locked(self.folder.parent):
            return write(self.folder / BEST, Checkpoint(step, arrays, self.fingerprints))

    def latest(self) -> Checkpoint | None:
        """The newest undamaged checkpoint, or None if there is no file at all.

        Raises:
            LmbookError: it belongs to another run, or every file is damaged.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                found = read(path)
            except DamagedCheckpoint as damage:
                self.say(f"{path} is damaged ({damage}); looking for the one before.")
                continue
            self._compare(path, found)
            return found
        if paths:
            raise LmbookError(
                f"Every checkpoint in {self.folder} is damaged.", "Delete that folder to start from the beginning."
            )
        return None

    def best(self, step: int) -> Checkpoint | None:
        """The best weights, or None, with a message, if they are missing, damaged or not those of `step`."""
        path = self.folder / BEST
        try:
            found = read(path)
        except DamagedCheckpoint as damage:
            self.say(f"{path}, the best weights so far, cannot be read ({damage}).")
            return None
        self._compare(path, found)
        if found.step != step:
            self.say(f"{path} holds the weights of step {found.step}, not the best of step {step}.")
            return None
        return found

    def given(self, path: str | Path) -> Checkpoint:
        """The checkpoint that the reader named: a file, or the newest one of a run's folder.

        Raises:
            LmbookError: there is none, it is damaged, it belongs to another run, or this folder has a later one.
        """
        path = Path(path)
        if path.is_dir():
            folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
            found = Checkpoints(folder, self.fingerprints, say=self.say).latest()
            if found is None:
                raise LmbookError(f"There is no checkpoint in {path}.", "Name the folder of a run or one of its files.")
        else:
            if not path.exists():
                raise LmbookError(f"There is no file {path}.", "Check the path after --resume.")
            try:
                found = read(path)
            except DamagedCheckpoint as damage:
                raise LmbookError(f"{path} is damaged ({damage}).", "Name another checkpoint of that run.") from None
            self._compare(path, found)
        later = [other.name for other in self.paths() if other.name > f"step-{found.step:09d}.npz"]
        if later:
            raise LmbookError(
                f"{self.folder} already has {later[-1]}, later than the step {found.step} of {path}.",
                "Go on with it by --resume auto, or train into another folder.",
            )
        return found

    def clear(self) -> None:
        """Delete this run's checkpoints."""
        with locked(self.folder.parent):
            self._sweep()
            for path in [*self.paths(), self.folder / BEST]:
                path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Delete, once, the unfinished files of processes that were killed while writing; a living one has the lock."""
        if self._swept or not self.folder.is_dir():
            return
        self._swept = True
        for path in self.folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def _compare(self, path: Path, found: Checkpoint) -> None:
        for name in [*self.fingerprints, *(name for name in found.fingerprints if name not in self.fingerprints)]:
            here, there = self.fingerprints.get(name, "none"), found.fingerprints.get(name, "none")
            if sorted(here.split(", ")) != sorted(there.split(", ")):
                theirs, ours = _beyond(there, here), _beyond(here, there)
                raise LmbookError(
                    f"{path} belongs to another run: its {name} is {theirs}, yours is {ours}.",
                    "Train into another folder, or start afresh with resume='never'.",
                )


def _beyond(text: str, other: str) -> str:
    """The parts of a description such as "num_layers=4, dropout=0.1" that the other one lacks."""
    known = other.split(", ")
    return ", ".join(part for part in text.split(", ") if part not in known) or "as by default"


def values(prefix: str, variables) -> dict[str, np.ndarray]:
    """The variables' values, keyed by prefix and number (the names that Keras gives differ from process to process)."""
    return {f"{prefix}/{index}": variable.numpy() for index, variable in enumerate(variables)}


def assign(prefix: str, variables, arrays: dict[str, np.ndarray]) -> None:
    """Assign the values that `values` returned to the variables.

    Raises:
        LmbookError: their number or a shape differs; no variable is changed then.
    """
    found = [value for name, value in arrays.items() if name.startswith(f"{prefix}/")]
    here = [tuple(variable.shape) for variable in variables]
    there = [value.shape for value in found]
    if here != there:
        raise LmbookError(
            f"The checkpoint holds {len(there)} arrays of {prefix} with shapes {there}; this run has {here}.",
            "It was written by another program: train into another folder, or with resume='never'.",
        )
    for variable, value in zip(variables, found, strict=True):
        variable.assign(value)
