from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the benchmarks need a POSIX system")


@pytest.fixture
def processes(benchmark_module):
    return benchmark_module("processes")


def test_time_and_output_are_those_of_the_process(processes, tmp_path):
    program = "import os, time; time.sleep(0.3); print(os.getcwd(), os.environ['A'])"
    done = processes.run([sys.executable, "-c", program], tmp_path, {"A": "b"})
    assert done.output.split() == [str(tmp_path.resolve()), "b"]
    assert 0.3 < done.seconds < 30


def test_memory_is_that_of_each_process(root):
    """Measured by a small process, as the benchmarks are: one that starts as a copy of a large one counts that too."""
    program = """
import sys
from processes import run
for size in (200_000_000, 0):
    print(run([sys.executable, "-c", f"bytearray({size})"]).peak_mb)
"""
    path = {**os.environ, "PYTHONPATH": str(root / "benchmarks")}
    printed = subprocess.run([sys.executable, "-c", program], env=path, capture_output=True, check=True).stdout
    large, small = map(float, printed.split())
    assert 200 < large < 300 and small < 100


def test_a_process_that_fails_is_shown(processes):
    with pytest.raises(SystemExit, match="(?s)code 3.*what went wrong"):
        processes.run([sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"])


def test_median_ratio(processes):
    assert processes.median_ratio([1, 2, 90], [4, 4, 5]) == 0.5
