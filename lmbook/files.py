"""Writing files so that nothing is ever half-written."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lmbook.errors import LmbookError
from lmbook.paths import explained, shown_path


def write_atomically(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a temporary file beside `path`, flush it to disk, then rename it to `path`.

    A reader of `path` sees the old content or the new one, never a part. The temporary name keeps the suffix of
    `path`, because some writers (Keras, matplotlib) choose the format by it.

    Raises:
        LmbookError: it cannot be written, as when the disk is full; `path` is then unchanged.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes it private; readers expect an ordinary file
        os.replace(temporary, path)
    except OSError as error:
        raise explained(error, path, "write") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def write_text(path: str | Path, text: str) -> Path:
    """Write `text` as UTF-8 with `\\n` line ends, atomically.

    Half a sign (a lone surrogate), which UTF-8 cannot hold, becomes `?`.
    """
    data = text.encode("utf-8", errors="replace")
    return write_atomically(path, lambda temporary: temporary.write_bytes(data))


def write_json(path: str | Path, value: Any) -> Path:
    """Write `value` as indented JSON, atomically."""
    return write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """The value, or None for a number that is not finite, for which JSON has no word."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: str | Path) -> Any:
    """Read JSON.

    Raises:
        LmbookError: the file is missing or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise LmbookError(f"There is no file {shown_path(path)}.", "Check the path.") from None
    except OSError as error:
        raise explained(error, path, "read") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LmbookError(f"{path} is not valid JSON: {error}.", "It is damaged; make it again.") from error


def near(path: Path) -> Path:
    """The path from the folder that the reader is in, where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
