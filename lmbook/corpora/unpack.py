"""Unpack archives from elsewhere safely.

No file is written outside the target folder (absolute paths, ".." and links are refused), no more bytes are unpacked
than a limit allows, whatever sizes the archive states, and the target folder appears complete or not at all.

Written out rather than left to pooch, which has no limit and, on Python 3.11, lets a tar file write to absolute paths.
"""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lmbook.errors import LmbookError
from lmbook.files import write_atomically

LIMIT = 512 * 2**20  # bytes that may come out of one archive
MOST_FILES = 100_000
_BLOCK = 2**18
_REFUSED = "It was not unpacked; nothing was written."


def unpack(archive: str | Path, folder: str | Path, limit: int = LIMIT) -> list[Path]:
    """Unpack a zip or tar archive (tar: also .gz, .bz2, .xz) into `folder`, which is replaced if it exists.

    Args:
        archive: path of the archive; its kind is recognised by its content.
        folder: where the files go. It is filled under a temporary name beside it, then renamed.
        limit: the largest number of bytes that the files may have together.

    Returns:
        The files, sorted.

    Raises:
        LmbookError: the file is not an archive or is damaged, or it holds an absolute path, "..", a link, a device, two
            files of the same name, or more than `limit` bytes. `folder` is then unchanged.
    """
    archive, folder = Path(archive), Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with _readable(archive):
            if zipfile.is_zipfile(archive):
                _unpack_zip(archive, temporary, limit)
            elif tarfile.is_tarfile(archive):
                _unpack_tar(archive, temporary, limit)
            else:
                raise LmbookError(f"{archive} is not a zip or tar archive.", "Download it again.")
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def gunzip(packed: str | Path, target: str | Path, limit: int = LIMIT) -> Path:
    """Unpack one gzipped file to `target`, atomically.

    Raises:
        LmbookError: the file is damaged, or unpacks to more than `limit` bytes. `target` is then unchanged.
    """
    packed = Path(packed)

    def write(temporary: Path) -> None:
        with _readable(packed), gzip.open(packed) as source:
            _copy(source, temporary, limit, packed)

    return write_atomically(target, write)


def changed_members(archive: str | Path, folder: str | Path) -> list[str]:
    """List the files of a zip archive that are missing in `folder`, or differ there in size or CRC-32."""
    changed = []
    with zipfile.ZipFile(archive) as source:
        for member in source.infolist():
            path = Path(folder) / member.filename
            if not member.is_dir() and not (
                path.is_file()
                and path.stat().st_size == member.file_size
                and zlib.crc32(path.read_bytes()) == member.CRC
            ):
                changed.append(member.filename)
    return changed


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """Turn the standard library's errors about a broken archive into `LmbookError`."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise LmbookError(f"{archive} is damaged: {error}.", "Download it again.") from error
    except RuntimeError as error:  # zipfile's way of saying that a member is encrypted
        raise LmbookError(f"{archive} cannot be unpacked: {error}.", "Unpack it by hand.") from error
    except OSError as error:
        raise LmbookError(
            f"{archive} cannot be unpacked: {error.strerror}.", "Check the space and the permissions of its folder."
        ) from error


def _unpack_zip(archive: Path, folder: Path, limit: int) -> None:
    with zipfile.ZipFile(archive) as source:
        members = [member for member in source.infolist() if not member.is_dir()]
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise LmbookError(f"{archive} holds {member.filename!r}, which is a link or a device.", _REFUSED)
        targets = _targets(archive, folder, [member.filename for member in members])
        _check_total(archive, sum(member.file_size for member in members), limit)
        _write_all(archive, limit, [(lambda m=m: source.open(m)) for m in members], targets)


def _unpack_tar(archive: Path, folder: Path, limit: int) -> None:
    with tarfile.open(archive) as source:
        members, total = [], 0
        for member in source:  # one by one: a bomb is seen before all of it is read
            if member.isdir():
                continue
            if not member.isfile():
                raise LmbookError(f"{archive} holds {member.name!r}, which is a link or a device.", _REFUSED)
            members.append(member)
            total += member.size
            _check_total(archive, total, limit)
        targets = _targets(archive, folder, [member.name for member in members])
        _write_all(archive, limit, [(lambda m=m: source.extractfile(m)) for m in members], targets)


def _targets(archive: Path, folder: Path, names: list[str]) -> list[Path]:
    """Path of each member; every name that could lead out of `folder` is refused."""
    if len(names) > MOST_FILES:
        raise LmbookError(f"{archive} holds {len(names):,} files, more than {MOST_FILES:,}.", _REFUSED)
    seen = set()
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name:
            raise LmbookError(f"{archive} holds the path {name!r}, which could lead out of its folder.", _REFUSED)
        if parts in seen:
            raise LmbookError(f"{archive} holds two files named {name!r}.", _REFUSED)
        seen.add(parts)
    return [folder.joinpath(*PurePosixPath(name).parts) for name in names]


def _check_total(archive: Path, total: int, limit: int) -> None:
    if total > limit:
        raise LmbookError(f"{archive} would unpack to more than the limit of {limit:,} bytes.", _REFUSED)


def _write_all(archive: Path, limit: int, openers: list[Callable[[], BinaryIO]], targets: list[Path]) -> None:
    left = limit
    for opener, target in zip(openers, targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        with opener() as stream:
            left -= _copy(stream, target, left, archive)


def _copy(stream: BinaryIO, target: Path, limit: int, archive: Path) -> int:
    """Copy at most `limit` bytes, counted as they come: the sizes that an archive states may be false."""
    written = 0
    with target.open("wb") as file:
        while block := stream.read(_BLOCK):
            written += len(block)
            _check_total(archive, written, limit)
            file.write(block)
    return written
