"""`LMBOOK_MIRROR`: a folder or an address from which the files of the catalogue are taken instead of the internet.

A mirror has one folder per data set, of the same name. Where a card says so, it may hold some files packed. A copy of
another machine's cache, which holds the files as they are upstream, is a mirror too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from lmbook.corpora.transfer import NotHeld, fetch, sha256_of
from lmbook.errors import LmbookError
from lmbook.files import write_atomically


def mirror() -> str | None:
    """The value of `LMBOOK_MIRROR`, or None when it is not set.

    Raises:
        LmbookError: the value is neither an http(s) address nor a folder.
    """
    value = os.environ.get("LMBOOK_MIRROR")
    if not value:
        return None
    if not value.startswith(("http://", "https://")) and not Path(value).expanduser().is_dir():
        raise LmbookError(
            f"LMBOOK_MIRROR is {value}, which is neither a folder nor an http address.", "Correct it, or unset it."
        )
    return value


def fetch_mirrored(
    place: str, name: str, target: Path, *, size: int, sha256: str, advance: Callable[[int], None]
) -> Path:
    """Copy or download the file `name` ("card/file") of the mirror at `place` to `target`, and verify it.

    The other arguments are those of `transfer.fetch`.

    Raises:
        NotHeld: the mirror has no such file.
        LmbookError: the file has a wrong checksum, or what `transfer.fetch` raises.
    """
    if place.startswith(("http://", "https://")):
        url = f"{place.rstrip('/')}/{quote(name)}"
        return fetch(url, target, size=size, sha256=sha256, advance=advance)
    source = Path(place).expanduser().joinpath(*name.split("/"))
    if not source.is_file():
        raise NotHeld(f"The mirror has no file {source}.", "Check LMBOOK_MIRROR, or unset it to use the internet.")
    found = sha256_of(source)
    if found != sha256:
        raise LmbookError(
            f"{source} is not the expected file: its sha256 is {found}, not {sha256}.", "Put a right copy there."
        )
    write_atomically(target, lambda temporary: shutil.copyfile(source, temporary))
    advance(size)
    return target
