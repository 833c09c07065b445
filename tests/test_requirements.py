"""The packages and the Pythons that are declared: the same everywhere, and all that the code imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from lmbook.cli import examination

# Not declared: what matplotlib and scikit-learn need themselves, what runs every notebook, and what the card of
# glove_50d asks for.
ELSEWHERE = {"fontTools", "threadpoolctl", "IPython", "pyarrow"}
# What an optional extra brings may be missing here; its module's name then says nothing of its package's.
PACKAGES = {"quickjs": "quickjs-ng"}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pinned(path):
    lines = (line.split(" #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def declared(lines):
    return {canonicalize_name(Requirement(line).name) for line in lines}


def test_each_package_has_one_pin_for_every_python(root):
    pins = pinned(root / "requirements.txt") + pinned(root / "requirements-test.txt")
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"==[\d.]+", str(pin.specifier)) for pin in pins)
    assert not [str(pin) for pin in pins if "python" in str(pin.marker)]


def test_the_pins_are_within_what_the_package_declares(root, project):
    pins = {canonicalize_name(pin.name): pin for pin in pinned(root / "requirements.txt")}
    for needed in map(Requirement, project["dependencies"]):
        if needed.name == "packaging":  # whichever pip and the others bring
            continue
        pin = pins[canonicalize_name(needed.name)]
        assert needed.specifier.contains(str(pin.specifier).removeprefix("==")), needed.name


def test_what_the_code_imports_is_declared(root, project):
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    in_requirements = [str(pin) for pin in pinned(root / "requirements.txt")]
    places = packages_distributions()
    for folder, allowed in (
        ("lmbook", declared(project["dependencies"] + extras) | {"lmbook"}),
        ("chapters", declared(project["dependencies"] + extras + in_requirements) | {"lmbook"}),
    ):
        unknown = {}
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    modules = [node.module]
                for module in {name.split(".")[0] for name in modules} - sys.stdlib_module_names - ELSEWHERE:
                    names = places.get(module, [PACKAGES.get(module, module)])
                    if not {canonicalize_name(name) for name in names} & allowed:
                        unknown[module] = str(path)
        assert unknown == {}


def test_the_pages_and_the_examination_name_the_declared_pythons(root, project, monkeypatch):
    allowed = SpecifierSet(project["requires-python"])
    minors = [minor for minor in range(30) if allowed.contains(f"3.{minor}.5")]
    *first, last = (f"3.{minor}" for minor in minors)
    for name, words in (
        ("README.md", f"Python {', '.join(first)} or {last}"),
        (".ci/run", f"Python {', '.join(first)} or {last}"),
        ("requirements.txt", f"Python {first[0]} to {last}"),
    ):
        assert words in (root / name).read_text(encoding="utf-8"), name
    for minor in range(minors[0] - 1, minors[-1] + 2):
        monkeypatch.setattr(examination.sys, "version_info", (3, minor, 0))
        found = examination._python()
        assert (found.state == "ok") == (minor in minors)
        assert found.state == "ok" or f"{first[0]} to {last}" in found.mend
