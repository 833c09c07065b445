"""Keras finds the classes of saved models after `import lmbook` alone."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from lmbook.saved_classes import MODULES, PACKAGE

CODE = """
{imports}
assert not any(name.startswith("lmbook.models") for name in sys.modules), "imported too early"
model = keras.models.load_model({path!r})
print(type(model).__module__, type(model).__name__, keras.saving.get_registered_object("lmbook>GPT") is type(model))
"""


@pytest.mark.parametrize("imports", ["import sys, lmbook, keras", "import sys, keras, lmbook"])
def test_a_model_is_loaded_in_a_new_process_in_whatever_order_is_imported(root, imports):
    code = CODE.format(imports=imports, path=str(root / "tests" / "former" / "data" / "gpt.keras"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.split() == ["lmbook.models.gpt", "GPT", "True"], done.stderr


def test_importing_lmbook_loads_neither_keras_nor_tensorflow():
    code = "import sys, lmbook; print({'keras', 'tensorflow', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.strip() == "set()", done.stderr


def test_every_registered_class_of_the_library_is_named(root):
    found = {}
    for path in sorted((root / "lmbook").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [name for node in tree.body if isinstance(node, ast.ClassDef) for name in registered_names(node)]
        if names:
            found[".".join(path.relative_to(root).with_suffix("").parts)] = sorted(names)
    assert found == {module: sorted(names) for module, names in MODULES.items()}


def registered_names(node: ast.ClassDef) -> list[str]:
    calls = [d for d in node.decorator_list if ast.unparse(d).startswith("keras.saving.register_keras_serializable(")]
    arguments = [[argument.value for argument in call.args] for call in calls]
    assert all(package == PACKAGE for package, *_ in arguments)
    return [name[0] if name else node.name for _, *name in arguments]
