from __future__ import annotations

import json
import sys

import numpy as np

from lmbook import machine


def test_versions_and_device_can_be_recorded():
    versions = machine.versions()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["numpy"] == np.__version__
    json.dumps(versions)
    assert machine.device().startswith(f"{machine.cores()} core")


def test_peak_memory_counts_what_was_freed_and_is_in_megabytes():
    before = machine.peak_memory_mb()
    block = np.ones(40_000_000)  # 320 MB, touched
    del block
    after = machine.peak_memory_mb()
    assert after >= max(320, before)
    assert machine.peak_memory_mb() >= after


def test_time_counts_from_the_start_of_the_process():
    first = machine.seconds_since_start()
    assert 0 < first <= machine.seconds_since_start()
