"""Versions, processor, GPU, time and memory of this process, without importing TensorFlow."""

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
    """Versions of Python, lmbook and the main packages, as results files record them."""
    from lmbook import __version__

    found = {"python": platform.python_version(), "lmbook": __version__}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Name of the processor, or its architecture where the system does not tell the name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def device() -> str:
    """Description of the GPUs and processor cores. GPUs are listed only if TensorFlow is already loaded."""
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
    """Seconds since this process started, including its imports."""
    return time.time() - psutil.Process().create_time()


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, in MB (10^6 bytes)."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # Linux counts in KiB, macOS in bytes
