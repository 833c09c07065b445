"""A lock on a folder: of two programs that would write to it, the second is refused.

The operating system holds the lock for the process and lets it go when that ends, however it ends: a lock of a process
that was killed cannot stay. What stands in the file is for the message alone.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lmbook.console import note
from lmbook.errors import LmbookError
from lmbook.paths import explained, shown_path

if os.name == "nt":
    import msvcrt
else:
    import fcntl

LOCK = ".lmbook.lock"
_FAR = 2**30  # Windows lets nobody read what is locked; the byte that is lies far behind what is written
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
TELL_EVERY, LOOK_EVERY = 30.0, 0.25  # seconds
_held: dict[str, int] = {}  # folder -> the thread of this process that holds it


@contextmanager
def locked(folder: str | Path, wait: bool = False) -> Iterator[None]:
    """Hold `folder` for this thread; it is made where it is missing, and deleted again if nothing was written to it.

    Within a lock the same thread may ask for it again. Where the file system knows no locks, there is none.

    Args:
        folder: that nobody else shall write to.
        wait: where another holds it, wait until it lets go, and say every half minute for whom.

    Raises:
        LmbookError: another process, or another thread, holds it; the folder cannot be made or written to.
    """
    folder = Path(folder)
    name, me = os.path.realpath(folder), threading.get_ident()
    if _held.get(name) == me:
        yield
        return
    made = [one for one in (folder, *folder.absolute().parents) if not os.path.lexists(one)]
    try:
        file = _take_in_turn(folder) if wait else _take_at_once(folder)
    except OSError as error:
        raise explained(error, folder, "write to") from error
    if file is None:
        raise LmbookError(
            f"Another training writes to {shown_path(folder)}: {_holder(folder / LOCK)}.",
            "Wait until it has ended (`lmbook train --wait` does), or name another folder.",
        )
    _held[name] = me
    try:
        yield
    finally:
        del _held[name]
        _let_go(file, folder / LOCK)
        with suppress(OSError):  # something was written there
            for one in made:
                one.rmdir()


def _take_at_once(folder: Path) -> int | None:
    folder.mkdir(parents=True, exist_ok=True)
    return _take(folder / LOCK)


def _take_in_turn(folder: Path) -> int:
    """The same, once the others have let go."""
    began = time.monotonic()
    told = None
    while True:
        with suppress(FileNotFoundError):  # who had the lock just deleted the folder, in which nothing was
            file = _take_at_once(folder)
            if file is not None:
                return file
            now = time.monotonic()
            if told is None or now - told >= TELL_EVERY:
                waited = "" if told is None else f" for {now - began:.0f} s"
                note(
                    f"Waiting{waited}: {_holder(folder / LOCK)}, writes to {shown_path(folder)}. Ctrl-C ends the wait."
                )
                told = now
        time.sleep(LOOK_EVERY)


def _take(path: Path) -> int | None:
    """An open file that is locked, with this process's number in it; None: another has it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _lock(file)
            with suppress(FileNotFoundError):
                # Who held it may have deleted it meanwhile; then the next one would lock another file.
                if os.name == "nt" or os.path.samestat(os.fstat(file), os.stat(path)):
                    who = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
                    os.ftruncate(file, 0)
                    os.write(file, json.dumps(who).encode())
                    return file
        except BlockingIOError:
            os.close(file)
            return None
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int) -> None:
    """Lock the file, or raise BlockingIOError where another has it."""
    try:
        if os.name == "nt":
            os.lseek(file, _FAR, os.SEEK_SET)
            try:
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(file, 0, os.SEEK_SET)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            raise BlockingIOError from error
        # ENOLCK, ENOTSUP and the like: some file systems of networks have no locks. A training must go there as well.


def _let_go(file: int, path: Path) -> None:
    if os.name != "nt":
        with suppress(OSError):
            path.unlink()  # while it is held: nobody else's can be meant
    os.close(file)
    if os.name == "nt":
        with suppress(OSError):  # another process looks at it just now
            path.unlink()


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return f"process {int(who['pid'])} on {shown_path(who['host'])}, since {shown_path(who['since'])}"
    except (OSError, ValueError, KeyError, TypeError):  # it is being written
        return "a process that has just begun"
