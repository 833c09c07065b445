"""What happens when another package is imported, each time in a process of its own."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from contextlib import contextmanager
from lmbook.imports import around_import

@contextmanager
def told():
    print("before", "colorsys" in dir(sys.modules["colorsys"]))
    yield
    print("after", hasattr(sys.modules["colorsys"], "rgb_to_hsv"))

finders = len(sys.meta_path)
around_import("colorsys", told)
around_import("colorsys", told)
around_import("sys", told)
print(len(sys.meta_path) - finders, "colorsys" in sys.modules)
import colorsys, colorsys
print(len(sys.meta_path) - finders, colorsys.rgb_to_hsv(0, 0, 0))
"""


def test_a_package_is_imported_inside_the_context_once():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.splitlines() == ["1 False", "before False", "after True", "0 (0.0, 0.0, 0)"], done.stderr
