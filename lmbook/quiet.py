"""Keeping TensorFlow's notes to its developers from the reader.

TensorFlow writes some of them ("Could not find cuda drivers …") to the process's error stream before its own log level
counts. So that stream is held while TensorFlow is imported, and what is not such a note is written afterwards.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

NOTE = re.compile(rb"^(WARNING: All log messages before absl::InitializeLog|[IW]\d{4} [\d:.]+\s+\d+ )")


def quieten_tensorflow() -> None:
    """Hold back the notes of the coming import of TensorFlow, wherever it happens; nothing is imported now.

    Its Python warnings go too: the one that readers meet says that a function was traced again, which is what a
    prompt of another length needs.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "tensorflow" not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as Python would, and lets it be loaded with the error stream held."""

    def find_spec(self, fullname, path, target=None):
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)  # once; the search below must not come here again
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_quietly(module):
                with without_notes():
                    load(module)

            spec.loader.exec_module = load_quietly
        return spec


@contextmanager
def without_notes() -> Iterator[None]:
    """Hold the process's error stream, that of C++ code too, and write all of it but the notes at the end."""
    try:
        sys.stderr.flush()
        stream = os.dup(2)
    except (AttributeError, OSError):  # no error stream at all, as under pythonw
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            held.seek(0)
            for line in held:
                if not NOTE.match(line):
                    os.write(2, line)
