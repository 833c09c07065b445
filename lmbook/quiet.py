"""Hide TensorFlow's start-up log messages from the reader.

TensorFlow writes some of them ("Could not find cuda drivers …") to the process's error stream before its log level
takes effect. Therefore that stream is captured while TensorFlow is imported, and everything but such messages is
written out afterwards.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from lmbook.imports import around_import

NOTE = re.compile(rb"^(WARNING: All log messages before absl::InitializeLog|[IW]\d{4} [\d:.]+\s+\d+ )")


def quieten_tensorflow() -> None:
    """Suppress the messages of TensorFlow's import, whenever it happens; nothing is imported here.

    TensorFlow's Python warnings are suppressed as well. The usual one says that a function was traced again, which a
    prompt of another length requires.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    around_import("tensorflow", _quietly)


@contextmanager
def _quietly() -> Iterator[None]:
    with without_notes():
        yield
    # In a notebook TensorFlow chooses the level anew when it makes its logger.
    sys.modules["tensorflow"].get_logger().setLevel(logging.ERROR)


@contextmanager
def without_notes() -> Iterator[None]:
    """Capture the process's error stream, including C++ code's, and write all but TensorFlow's messages at the end."""
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
