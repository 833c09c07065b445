"""What is done around the coming import of another package, wherever that happens: nothing is imported here."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager


def around_import(name: str, context: Callable[[], AbstractContextManager]) -> None:
    """Let package `name` be imported inside `with context():`. Nothing happens where it is imported already."""
    finders = (finder for finder in sys.meta_path if isinstance(finder, _Finder))
    if name not in sys.modules and not any(finder.name == name for finder in finders):
        sys.meta_path.insert(0, _Finder(name, context))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the package as Python would, and lets it be loaded inside the context."""

    def __init__(self, name: str, context: Callable[[], AbstractContextManager]):
        self.name, self._context = name, context

    def find_spec(self, fullname, path, target=None):
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)  # once; the search below must not come here again
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_inside(module):
                with self._context():
                    load(module)

            spec.loader.exec_module = load_inside
        return spec
