"""What can be imported from lmbook and from its rooms: the lists in the `__init__.pyi` files."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys

import pytest

from lmbook.book.chapters import lessons

MOST_IMPORT_LINES = 10  # of lmbook in a lesson


def faces(root):
    return sorted((root / "lmbook").rglob("__init__.pyi"))


def names(path):
    """name -> the module that it is taken from, relative to the package."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {alias.name: node.module for node in body for alias in node.names}


def test_every_listed_name_is_there_and_is_what_its_module_has(root):
    for path in faces(root):
        package = ".".join(path.parent.relative_to(root).parts)
        for name, module in names(path).items():
            expected = getattr(importlib.import_module(f"{package}.{module}"), name)
            assert getattr(importlib.import_module(package), name) is expected, f"{package}.{name}"


def test_no_name_is_that_of_a_module_which_would_hide_it(root):
    for path in faces(root):
        modules = {one.stem for one in path.parent.iterdir() if one.suffix == ".py" or one.is_dir()}
        assert not modules & names(path).keys(), path


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(ImportError, match="NoSuchModel"):
        from lmbook import NoSuchModel  # noqa: F401


def test_importing_lmbook_loads_no_tensorflow():
    program = "import sys, lmbook; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_lesson_needs_few_import_lines_and_imports_lmbook_before_tensorflow(lesson):
    nodes = list(ast.walk(ast.parse(lesson.path.read_text(encoding="utf-8"))))
    found = sorted(
        (node.lineno, (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0])
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
    )
    assert sum(package == "lmbook" for _, package in found) <= MOST_IMPORT_LINES
    noisy = [line for line, package in found if package in ("tensorflow", "keras", "keras_nlp")]
    first = min(line for line, package in found if package == "lmbook")
    assert not noisy or first < noisy[0]  # lmbook holds TensorFlow's start-up notes back


def imported(nodes):
    """name -> the line in which it is imported first."""
    found = [
        ((alias.asname or alias.name).split(".")[0], node.lineno)
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    ]
    return {name: min(line for other, line in found if other == name) for name, _ in found}


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_lesson_imports_a_name_before_the_cell_that_uses_it(lesson):
    tree = ast.parse(lesson.path.read_text(encoding="utf-8"))
    lines = imported(ast.walk(tree))
    inside = {
        (name.id, name.lineno)  # imported by the function that uses it
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for name in ast.walk(function)
        if isinstance(name, ast.Name) and name.id in imported(ast.walk(function))
    }
    uses = {(node.id, node.lineno) for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert [(name, line) for name, line in uses - inside if line < lines.get(name, 0)] == []
