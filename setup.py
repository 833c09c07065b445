"""Puts the lessons and the built-in corpus into the wheel; everything else about the package is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("chapters/contents.toml", "chapters/*/*.py", "chapters/*/results/*.json", "data/greentree/*")


class BuildWithLessons(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # an editable install finds them in the checkout
            return
        for pattern in SHIPPED:
            for source in sorted(Path(".").glob(pattern)):
                target = Path(self.build_lib, "lmbook", "shipped", source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithLessons})
