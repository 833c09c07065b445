from __future__ import annotations

import ast
import os
import subprocess
import sys

CODE = """
import lmbook, os, sys
assert "tensorflow" not in sys.modules
import tensorflow as tf
tf.config.list_physical_devices()
print(tf.__spec__.loader.__class__.__name__, tf.constant(2).numpy())
os.write(2, b"a real message\\n")
"""


IMPORT = """
import sys
before = set(sys.modules)
import lmbook
print(sorted({name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
"""


def test_importing_lmbook_loads_nothing_but_the_loader_of_its_names():
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, encoding="utf-8", check=True)
    assert set(ast.literal_eval(done.stdout)) <= {"lmbook", "lazy_loader"}


def test_tensorflow_starts_without_notes_and_later_messages_are_seen():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "a real message\n"
    assert done.stdout.split() == ["SourceFileLoader", "2"]


def test_a_notebook_is_as_quiet():
    code = "import sys; sys.ps1 = '>>> '; import lmbook, tensorflow as tf; print(tf.get_logger().level)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == "40\n"


def test_only_notes_are_dropped(capfd):
    from lmbook.quiet import without_notes

    with without_notes():
        os.write(2, b"I0000 00:00:1795466885.587533   12551 cudart_stub.cc:31] Could not find cuda drivers\n")
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
        os.write(2, b"E0000 00:00:1795466885.587533   12551 something.cc:1] broken\n")
        os.write(2, b"plain words\n")
    seen = capfd.readouterr().err
    assert "broken" in seen and "plain words" in seen
    assert "cudart" not in seen and "InitializeLog" not in seen


def test_what_was_written_before_a_failure_is_seen(capfd):
    from lmbook.quiet import without_notes

    try:
        with without_notes():
            os.write(2, b"the cause\n")
            raise ImportError("broken")
    except ImportError:
        pass
    assert "the cause" in capfd.readouterr().err
