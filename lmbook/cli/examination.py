"""What `lmbook doctor` finds out about this computer."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from lmbook import machine
from lmbook.errors import LmbookError

INSTALL = "python -m pip install -r requirements.txt"
INSTALL_GPU = 'python -m pip install "tensorflow[and-cuda]=={}"'
MEMORY_NEEDED_GB = 2.0
DISK_NEEDED_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is "ok", "note" (works, but see `mend`) or "problem" (`mend` is needed first)."""

    what: str
    found: str
    state: str = "ok"
    mend: str = ""


def examine() -> list[Finding]:
    """Everything the book needs, looked at in turn; a check that fails becomes a finding, never an error."""
    return [_python(), *_packages(), *_devices(), _memory(), *_disk(), _chapters(), _mirror()]


def requirements(path: Path) -> dict[str, str]:
    """Package → tested version for this Python and system, from a file of `name==version; marker` lines."""
    from packaging.requirements import Requirement

    tested = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if not line or line.startswith("-"):
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            tested[requirement.name] = str(requirement.specifier).removeprefix("==")
    return tested


def _python() -> Finding:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", version)
    return Finding("Python", version, "problem", "The book is made for Python 3.11 to 3.13; install one of them.")


def _packages() -> list[Finding]:
    path = Path(__file__).resolve().parents[2] / "requirements.txt"
    if not path.exists():
        return [Finding("packages", "requirements.txt is not beside the package", "note", "Run in the book's folder.")]
    try:
        tested = requirements(path)
    except ModuleNotFoundError:
        return [Finding("packages", "packaging is missing", "problem", f"Run: {INSTALL}")]
    findings = []
    for name, version in tested.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(name, f"missing (tested: {version})", "problem", f"Run: {INSTALL}"))
            continue
        if installed == version:
            findings.append(Finding(name, installed))
        else:
            findings.append(
                Finding(name, f"{installed} (tested: {version})", "note", f"To have the tested version: {INSTALL}")
            )
    return findings


def _devices() -> list[Finding]:
    try:
        import tensorflow as tf
    except Exception as error:  # a broken installation raises much else than ImportError
        return [Finding("TensorFlow", f"cannot be loaded: {error}".splitlines()[0], "problem", f"Run: {INSTALL}")]
    findings = [Finding("processor", f"{machine.cores()} cores of {machine.processor()}")]
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        findings.append(Finding(gpu.name.removeprefix("/physical_device:"), name))
    if not gpus:
        findings.append(_no_gpu(tf.__version__))
    findings.append(_attempt("strategy", _strategy))
    return findings


def _no_gpu(version: str) -> Finding:
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", "none; every lesson runs without one")
    if sys.platform == "win32":
        mend = "TensorFlow uses GPUs on Windows only inside WSL2; install the book there."
    else:
        mend = f"Run: {INSTALL_GPU.format(version)}"
    return Finding("GPU", "there is an NVIDIA driver, but TensorFlow sees no GPU", "note", mend)


def _strategy() -> Finding:
    from lmbook.training.distributed.strategy import make_strategy

    strategy = make_strategy("auto")
    name = type(strategy).__name__.lstrip("_")
    return Finding("strategy", f"{name}, replicas: {strategy.num_replicas_in_sync}")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    found = f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB"
    if memory.available / 1e9 >= MEMORY_NEEDED_GB:
        return Finding("memory", found)
    return Finding("memory", found, "note", f"Lessons need up to {MEMORY_NEEDED_GB:g} GB; close other programs.")


def _disk() -> list[Finding]:
    from lmbook.corpora.cache import cache_dir

    return [
        _attempt("disk, downloads", lambda: _space("disk, downloads", cache_dir())),
        _attempt("disk, this folder", lambda: _space("disk, this folder", Path.cwd())),
    ]


def _space(what: str, folder: Path) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free / 1e9
    found = f"{free:.1f} GB free for {folder}"
    if not os.access(existing, os.W_OK):
        return Finding(
            what,
            f"{existing} cannot be written to",
            "problem",
            "Work in another folder; LMBOOK_HOME moves the downloads.",
        )
    if free >= DISK_NEEDED_GB:
        return Finding(what, found)
    return Finding(what, found, "note", "Free some space, or put downloads elsewhere with LMBOOK_HOME.")


def _chapters() -> Finding:
    from lmbook.book.chapters import chapters_dir, lessons

    return _attempt("lessons", lambda: Finding("lessons", f"{len(lessons())} in {chapters_dir()}"))


def _mirror() -> Finding:
    mirror = os.environ.get("LMBOOK_MIRROR")
    if not mirror:
        return Finding("mirror of public data", "none set; `lmbook data get` uses the network")
    if "://" in mirror or Path(mirror).is_dir():
        return Finding("mirror of public data", mirror)
    return Finding("mirror of public data", f"{mirror} is not a folder", "note", "Correct or unset LMBOOK_MIRROR.")


def _attempt(what: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except LmbookError as error:
        return Finding(what, error.message, "problem", error.fix)
    except Exception as error:  # doctor must reach its end whatever is broken
        return Finding(what, f"{type(error).__name__}: {error}", "problem", f"Run: {INSTALL}")
