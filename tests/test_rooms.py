"""A room imports only from rooms before it; help and listings stay free of TensorFlow."""

from __future__ import annotations

import ast

import pytest

ROOMS = (
    "corpora",
    "tokenizers",
    "pipelines",
    "layers",
    "models",
    "decoding",
    "training",
    "evaluation",
    "interpretation",
)
FOUNDATION = {"errors", "files", "cluster", "quiet", "__init__"}  # below all rooms
LIGHT = {"corpora", "tokenizers", "commands"}  # never import TensorFlow or Keras when they are imported
LIGHT_FILES = {
    "errors",
    "files",
    "cluster",
    "launch",
    "worker_output",
    "background_workers",
    "quiet",
    "chapters",
    "console",
    "machine",
    "results",
    "lesson",
    "pages",
    "notebooks",
    "cli",
}
HEAVY = {"tensorflow", "keras", "keras_nlp", "keras_hub", "matplotlib"}


def imports(tree: ast.AST, top_level_only: bool = False):
    """(module, line) of every import of a file, inside functions too unless only the top level is asked for."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.module, node.lineno
            if node.module == "lmbook":
                yield from ((f"lmbook.{alias.name}", node.lineno) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            type_checking = isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING"
            if not (top_level_only and (is_function or type_checking)):
                waiting.append(child)


def files(root):
    return sorted((root / "lmbook").rglob("*.py"))


def place(root, path):
    """("training", file) for a file of a room, ("", "cli") for a file above the rooms."""
    parts = path.relative_to(root / "lmbook").with_suffix("").parts
    return (parts[0], parts[-1]) if len(parts) > 1 else ("", parts[0])


def test_every_folder_of_the_library_is_a_known_room(root):
    folders = {path.parent.relative_to(root / "lmbook").parts[0] for path in (root / "lmbook").glob("*/*.py")}
    assert folders <= {*ROOMS, "commands"}


def test_rooms_import_only_from_rooms_before_them(root):
    wrong = []
    for path in files(root):
        room, name = place(root, path)
        if room == "commands" or (room == "" and name not in FOUNDATION):
            continue  # the command line, lessons and pages stand above all rooms
        allowed = FOUNDATION | set(ROOMS[: ROOMS.index(room) + 1] if room else ())
        for module, line in imports(ast.parse(path.read_text(encoding="utf-8"))):
            parts = module.split(".")
            if parts[0] == "lmbook" and len(parts) > 1 and parts[1] not in allowed | {"__version__"}:
                wrong.append(f"{path.relative_to(root)}:{line} imports {module}")
    assert wrong == []


def test_light_modules_do_not_import_tensorflow_at_their_top(root):
    wrong = []
    for path in files(root):
        room, name = place(root, path)
        if room not in LIGHT and not (room == "" and name in LIGHT_FILES):
            continue
        for module, line in imports(ast.parse(path.read_text(encoding="utf-8")), top_level_only=True):
            if module.split(".")[0] in HEAVY:
                wrong.append(f"{path.relative_to(root)}:{line} imports {module}")
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import keras", {"keras"}),
        ("def f():\n    import keras", set()),
        ("if TYPE_CHECKING:\n    import keras", set()),
        ("try:\n    import keras\nexcept ImportError:\n    pass", {"keras"}),
    ],
)
def test_top_level_imports_are_told_from_lazy_ones(source, found):
    assert {module for module, _ in imports(ast.parse(source), top_level_only=True)} == found
