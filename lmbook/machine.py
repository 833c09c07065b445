"""What this computer is and how much of it was used; nothing here imports TensorFlow."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path

import psutil

RECORDED_PACKAGES = ("tensorflow", "keras", "keras-nlp", "numpy")


def versions() -> dict[str, str]:
    """Python's, lmbook's and the main packages' versions, as a results file records them."""
    from lmbook import __version__

    found = {"python": platform.python_version(), "lmbook": __version__}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def device() -> str:
    """What computes, in words. GPUs are named when TensorFlow is loaded already; it is not loaded for this."""
    plural = "s" if cores() > 1 else ""
    words = f"{cores()} core{plural} of {processor()}"
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return words
    names = [
        tensorflow.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tensorflow.config.list_physical_devices("GPU")
    ]
    return ", ".join([*names, words])


def seconds_since_start() -> float:
    """Seconds since this process was started, its imports included."""
    return time.time() - psutil.Process().create_time()


def peak_memory_mb() -> float:
    """The most memory this process has held so far, in MB (10^6 bytes)."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # Linux counts in KiB, macOS in bytes
