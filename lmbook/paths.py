"""One way to take a path that a reader wrote, and one way to explain what the file system refuses."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from lmbook.errors import LmbookError

TRY = ".lmbook-try."  # how names of `check_writable` begin
LONGEST_NAME = 120  # characters of a name in a message; a text that was pasted for a path has more
_REASONS = {  # what an errno means for a reader; any other is told in the system's own words
    "ENOSPC": ("there is no space left on the disk", "Free some space and try again."),
    "EDQUOT": ("your quota on this disk is used up", "Delete what you no longer need, or choose another disk."),
    "EACCES": ("permission denied", "Check the permissions, or choose a folder you may write to."),
    "EPERM": ("the system does not permit it", "Check its permissions and attributes, or choose another folder."),
    "EROFS": ("the disk can only be read", "Choose a folder you may write to."),
    "ENAMETOOLONG": ("the name is too long", "Check that it is a path, and not a text."),
    "ENOTDIR": ("a part of it is a file, not a folder", "Check the path."),
    "EISDIR": ("it is a folder", "Name a file."),
    "EEXIST": ("a file of that name is in the way", "Choose another name."),
    "ENOENT": ("there is no such file or folder", "Check the path."),
    "ESTALE": ("it was removed or moved on the server meanwhile", "Check the path and try again."),
    "EIO": ("the disk does not answer rightly", "Check the disk, or choose another one."),
    "ELOOP": ("its links lead in a circle", "Check the links."),
    "EMFILE": ("too many files are open", "Close other programs and try again."),
}
_OF_FILES = {*_REASONS, "ENXIO", "ENODEV", "EFBIG", "EBUSY", "ETXTBSY", "ENOTEMPTY"}


def reader_path(text: str | Path) -> Path:
    """The path that a reader wrote; a `~` at its beginning is the home folder, as in a shell.

    Raises:
        LmbookError: it is empty, or so long that nothing can be called so.
    """
    if not str(text).strip():
        raise LmbookError("The path is empty.", "Name a file or a folder; `.` is the one you are in.")
    path = Path(text)
    if str(text).startswith("~") and not os.path.lexists(path):  # a shell leaves it in --output=~/x
        try:
            path = path.expanduser()
        except RuntimeError:  # no such user
            pass
    try:
        os.lstat(path)
    except ValueError:
        raise LmbookError(f"{shown_path(path)} is no path.", "Check it.") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise LmbookError(
                f"There is no file {shown_path(path)}: the name is too long.",
                "Give the path of a file, not its content.",
            ) from None
    return path


def shown_path(path: str | Path) -> str:
    """A path for a message: on one line, and a very long one cut."""
    name = "".join(sign if sign.isprintable() else "�" for sign in str(path))
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def missing(path: str | Path) -> bool:
    """Whether nothing can be reached under this path. (`Path.exists` fails for a name that is too long.)"""
    return not os.path.exists(path)


def _name(error: OSError) -> str:
    """Such as ENOSPC. Names, because not every system has every number."""
    return errno.errorcode.get(error.errno, "")


def is_file_error(error: BaseException) -> bool:
    """Whether an error is the file system's, and so has no other cure than the reader's."""
    return isinstance(error, OSError) and (error.filename is not None or _name(error) in _OF_FILES)


def explained(error: OSError, path: str | Path | None = None, doing: str = "use") -> LmbookError:
    """What the file system refused, as a message.

    Args:
        error: its error.
        path: what was to be read or written; None: what the error names.
        doing: "read" or "write".
    """
    path = path if path is not None else error.filename if error.filename is not None else "a file"
    reason, fix = _REASONS.get(_name(error), (str(error.strerror or error), "Check the path."))
    if doing == "read" and error.errno in (errno.EACCES, errno.EPERM):
        fix = "Check its permissions."
    if doing != "read" and _name(error) == "ENOENT":
        reason, fix = "no file can be made there", "Choose another folder."
    return LmbookError(f"Cannot {doing} {shown_path(path)}: {reason}.", fix)


def check_writable(folder: str | Path) -> None:
    """Try to write into `folder`, or, where it is still to be made, beside it; nothing is left of the try.

    Raises:
        LmbookError: it cannot be done.
    """
    folder = Path(folder)
    there = next((one for one in (folder, *folder.absolute().parents) if os.path.lexists(one)), folder)
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix=TRY):
            pass
    except OSError as error:
        raise explained(error, folder, "write to") from error
