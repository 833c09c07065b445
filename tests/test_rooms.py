"""The core imports only from rooms before it, a topic never another one; help and listings stay free of TensorFlow."""

from __future__ import annotations

import ast

import pytest

CORE = ("corpora", "tokenizers", "pipelines", "layers", "models", "decoding", "training", "evaluation")
FOUNDATION = {
    "errors",
    "files",
    "locks",
    "paths",
    "quiet",
    "console",
    "machine",
    "former_names",
    "imports",
    "saved_classes",
    "__init__",
    "__version__",
}  # below all rooms
ABOVE = {"recipes", "topics", "book", "cluster", "cli"}
LIGHT = {"corpora", "tokenizers", "cli"}  # never import TensorFlow or Keras when they are imported
LIGHT_FILES = {
    "errors",
    "files",
    "locks",
    "paths",
    "quiet",
    "console",
    "machine",
    "former_names",
    "imports",
    "saved_classes",
    "__init__",
    "__main__",
    "book/chapters",
    "book/results",
    "book/lesson",
    "book/pages",
    "book/notebooks",
    "cluster/launch",
    "cluster/worker_output",
    "cluster/background_workers",
    "training/distributed/cluster",
    "training/interrupt",
    "training/tensorboard",
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
    """The parts of a file's path in the library: ("training", "fit"), ("topics", "speech", "ctc"), ("errors",)."""
    return path.relative_to(root / "lmbook").with_suffix("").parts


def may_import(parts: tuple[str, ...]) -> set[str] | None:
    """The rooms that a file may import from; None: any."""
    if parts[0] in CORE:
        return FOUNDATION | set(CORE[: CORE.index(parts[0]) + 1])
    if parts[0] in ("recipes", "topics"):
        return FOUNDATION | set(CORE) | {"recipes"} | {parts[0]}
    return None if parts[0] in {*ABOVE, "__main__"} else FOUNDATION


def test_every_folder_of_the_library_is_a_known_room(root):
    folders = {path.parent.relative_to(root / "lmbook").parts[0] for path in (root / "lmbook").glob("*/*.py")}
    assert folders == {*CORE, *ABOVE}


def test_the_core_imports_only_from_rooms_before_it_and_never_recipes_or_topics(root):
    wrong = []
    for path in files(root):
        allowed = may_import(place(root, path))
        if allowed is None:
            continue
        for module, line in imports(ast.parse(path.read_text(encoding="utf-8"))):
            parts = module.split(".")
            if parts[0] == "lmbook" and len(parts) > 1 and parts[1] not in allowed:
                wrong.append(f"{path.relative_to(root)}:{line} imports {module}")
    assert wrong == []


def test_a_topic_never_imports_another(root):
    wrong = []
    for path in (root / "lmbook" / "topics").rglob("*.py"):
        own = place(root, path)[1]
        for module, line in imports(ast.parse(path.read_text(encoding="utf-8"))):
            parts = module.split(".")
            if parts[:2] == ["lmbook", "topics"] and len(parts) > 2 and parts[2] != own:
                wrong.append(f"{path.relative_to(root)}:{line} imports {module}")
    assert wrong == []


def test_light_modules_do_not_import_tensorflow_at_their_top(root):
    wrong = []
    for path in files(root):
        parts = place(root, path)
        if parts[0] not in LIGHT and "/".join(parts) not in LIGHT_FILES and parts[-1] != "__init__":
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
