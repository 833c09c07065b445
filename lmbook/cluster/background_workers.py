"""Worker processes that run in the background of the program that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping

LONGEST = 1_200  # seconds


class BackgroundWorkers:
    """Runs `python COMMAND` in two worker processes of this machine by `lmbook launch`.

    They use the CPU: two processes that take the same GPU disturb each other.

    Args:
        command: what follows the word `python`.
        environment: variables that the workers have besides those of this process.

    Example::

        workers = BackgroundWorkers("-m", "lmbook.cluster.same_steps", "two.npz")
        …  # something else
        workers.wait()
    """

    def __init__(self, *command: str, environment: Mapping[str, str] | None = None):
        launch = [sys.executable, "-m", "lmbook", "launch", "--workers", "2", "--", "python", *command]
        variables = {**os.environ, **(environment or {}), "CUDA_VISIBLE_DEVICES": "-1"}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  a pipe that nobody reads would fill up and stop them
        self._process = subprocess.Popen(launch, env=variables, stdout=self._said, stderr=subprocess.STDOUT)
        self.failed: bool | None = None  # known once they have ended

    def wait(self, may_fail: bool = False) -> str:
        """What the workers printed, once they have ended.

        Raises:
            RuntimeError: one of them failed, unless `may_fail`.
        """
        self.failed = self._process.wait(timeout=LONGEST) != 0
        self._said.seek(0)
        said = self._said.read().decode("utf-8", errors="replace")
        if self.failed and not may_fail:
            raise RuntimeError(f"The workers failed:\n{said[-3000:]}")
        return said
