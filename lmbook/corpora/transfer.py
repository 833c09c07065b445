"""Download one file: resumed where it broke off, verified by its checksum, then renamed to its place.

Written out rather than left to pooch, which starts again from the first byte after every interruption, and retries what
cannot succeed (404, 403) like everything else.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from lmbook import __version__
from lmbook.errors import LmbookError

ATTEMPTS = 4  # in a row without one new byte
WAIT_SECONDS = 1.0
TIMEOUT_SECONDS = 30.0
_BLOCK = 2**18


class NotHeld(LmbookError):
    """The server or the mirror's folder has no such file."""


class _Broken(Exception):
    """The connection broke or the server was busy, so that another attempt is worthwhile."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def fetch(
    url: str, target: Path, *, size: int, sha256: str, advance: Callable[[int], None] = lambda count: None
) -> Path:
    """Download `url` to `target`.

    The bytes are written to `target` + ".part". That file is kept when all attempts fail, and the next call resumes it
    with an HTTP Range request; a server that ignores Range sends the file from its start. The file is renamed to
    `target` only once its checksum is right.

    Args:
        url: an http or https address.
        target: path of the file; its folder is made if need be.
        size: the expected number of bytes.
        sha256: the expected checksum, in hexadecimal.
        advance: called with the number of new bytes, for a progress bar; negative when bytes were discarded.

    Raises:
        NotHeld: the server answers 404 or 410.
        LmbookError: there is no connection or it keeps breaking, the server answers with another error, the disk is
            full, the folder cannot be written to, or the size or the checksum is wrong.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        continued = _fill(url, part, size, advance)
        if continued and sha256_of(part) != sha256:
            _discard(part, advance)  # the old part may have been of something else
            _fill(url, part, size, advance)
        found = sha256_of(part)
        if found != sha256:
            _discard(part, advance)
            raise LmbookError(
                f"{url} is not the expected file: its sha256 is {found}, not {sha256}.",
                "It was not kept. Try again; if it stays wrong, the file was changed or is damaged at its source.",
            )
        os.replace(part, target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            part.unlink(missing_ok=True)
            raise LmbookError(
                f"No space left on the disk to write {target} ({size:,} bytes).",
                "Free some space, or set LMBOOK_HOME to a folder on another disk.",
            ) from error
        raise LmbookError(
            f"Cannot write {target}: {error.strerror or error}.", "Set LMBOOK_HOME to a folder you may write to."
        ) from error
    return target


def _fill(url: str, part: Path, size: int, advance: Callable[[int], None]) -> bool:
    """Download until `part` has `size` bytes. Returns whether it began with bytes of an earlier call."""
    have = _size(part)
    if have > size:
        part.unlink()
        have = 0
    continued = have > 0
    advance(have)
    most, failures = have, 0
    while (have := _size(part)) < size:
        try:
            _append(url, part, have, size, advance)
        except _Broken as error:
            have = _size(part)
            failures = 0 if have > most else failures + 1
            most = max(most, have)
            if failures >= ATTEMPTS:
                raise LmbookError(
                    f"{url} could not be downloaded: {error}; {have:,} of {size:,} bytes have come.",
                    "Try again later: what has come is kept, and the download continues there.",
                ) from error
            time.sleep(WAIT_SECONDS * failures)
    return continued


def _append(url: str, part: Path, have: int, size: int, advance: Callable[[int], None]) -> None:
    """Request what is missing after the first `have` bytes, and append it to `part`."""
    headers = {"User-Agent": f"lmbook/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with _open(url, headers, part, advance) as response:
        start = 0
        if response.status == 206:
            match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            start = int(match.group(1)) if match else -1
            if start != have:
                _discard(part, advance)
                raise _Broken("the server sent another part than was asked for")
        elif have:
            _discard(part, advance)  # the server ignores Range: it sends the whole file again
        length = response.headers.get("Content-Length")
        if length and length.isdigit() and start + int(length) != size:
            raise LmbookError(
                f"{url} has {start + int(length):,} bytes, not {size:,}: it is not the expected file.",
                "Nothing was kept. The file was changed at its source, or something stands between you and it.",
            )
        with part.open("ab") as file:
            _copy(response, file, size - start, advance)


def _open(url: str, headers: dict[str, str], part: Path, advance: Callable[[int], None]) -> http.client.HTTPResponse:
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise NotHeld(f"{url} does not exist (the server answers {error.code}).", "Check the address.") from None
        if error.code == 416:
            _discard(part, advance)
            raise _Broken("the server refused to continue") from None
        if error.code in (408, 429) or error.code >= 500:
            raise _Broken(f"the server answers {error.code} {error.reason}") from None
        raise LmbookError(
            f"{url} cannot be downloaded: the server answers {error.code} {error.reason}.", "Check the address."
        ) from None
    except urllib.error.URLError as error:
        raise LmbookError(
            f"No connection to {urlsplit(url).netloc}: {error.reason}.",
            "Check the network, or set LMBOOK_MIRROR to a folder or an address that holds the files. "
            "The built-in corpus greentree needs no network.",
        ) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _Broken(f"the connection broke ({type(error).__name__})") from error


def _copy(response: BinaryIO, file: BinaryIO, wanted: int, advance: Callable[[int], None]) -> None:
    while wanted > 0:
        try:
            block = response.read(min(_BLOCK, wanted))
        except (http.client.HTTPException, OSError) as error:
            raise _Broken(f"the connection broke ({type(error).__name__})") from error
        if not block:
            raise _Broken("the connection broke")
        file.write(block)
        wanted -= len(block)
        advance(len(block))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _discard(part: Path, advance: Callable[[int], None]) -> None:
    advance(-_size(part))
    part.unlink(missing_ok=True)
