"""Whole processes, timed from outside: how long they took and how much memory they held."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """A process that ended well.

    Attributes:
        output: what it printed.
        seconds: from its start to its end, imports and compilation included.
        peak_mb: the most memory that it held at once, in MB (10^6 bytes). On Linux never less than what the starting
            process held then, so that one must be small: it should not import TensorFlow.
    """

    output: str
    seconds: float
    peak_mb: float


def run(
    command: Sequence[str | Path], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a command to its end. Needs a POSIX system, which tells the memory of a process that has ended.

    Args:
        command: the program and its arguments.
        folder: where it runs; None: here.
        environment: added to this process's own.

    Raises:
        SystemExit: it failed; its last lines are shown.
    """
    words = [str(word) for word in command]
    began = time.perf_counter()
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}\nended with code {process.returncode}:\n{output[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts in bytes, Linux in KiB
    return Finished(output, seconds, usage.ru_maxrss * unit / 1e6)


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ours ÷ the median of theirs."""
    return statistics.median(ours) / statistics.median(theirs)


def spread(values: Sequence[float]) -> str:
    """The median, and the lowest and the highest in brackets."""
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"
