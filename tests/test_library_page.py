"""The examples of docs/library.md run as they stand there, one after the other; so does that of the main page."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

SHORTER = {
    "minutes=5": "steps=2, checks=()",
    "max_new_tokens=200": "max_new_tokens=5",
    "GPTConfig(tokenizer.vocabulary_size)": "GPTConfig(tokenizer.vocabulary_size, num_layers=1)",
}
# XLA would compile for longer than the examples run.
WITHOUT_XLA = """
import lmbook, tensorflow as tf
_function = tf.function
tf.function = lambda *arguments, jit_compile=None, **options: _function(*arguments, **options)
"""


def examples(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def printed(root, tmp_path_factory):
    """What the examples of docs/library.md print, and what that of the main page does, shortened; in one process."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "my_text.txt").write_text("Once upon a time there was a tree. " * 300, encoding="utf-8")
    library, [main] = examples(root / "docs" / "library.md"), examples(root / "README.md")
    assert len(library) >= 4
    for words, shorter in SHORTER.items():
        assert main.count(words) == 1
        main = main.replace(words, shorter)
    forgotten = "for name in [*globals()]:\n    if not name.startswith('_'):\n        del globals()[name]"
    program = folder / "pages.py"
    parts = [WITHOUT_XLA, *library, "print('THE MAIN PAGE')", forgotten, main]
    program.write_text("\n".join(parts), encoding="utf-8")
    done = subprocess.run([sys.executable, str(program)], cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    return done.stdout.split("THE MAIN PAGE")


def test_the_examples_run_and_write_what_they_say(printed):
    assert "the cat sat on the" in printed[0]  # it has learned its text by heart


def test_the_main_pages_example_runs(printed):
    assert "Once upon a time" in printed[1]


def test_every_name_that_the_page_lists_can_be_imported(root):
    import lmbook

    page = (root / "docs" / "library.md").read_text(encoding="utf-8")
    table = page.split("## What can be imported")[1].split("\n## ")[0]
    cells = [row.split("|")[2] for row in table.splitlines() if row.startswith("|") and "---" not in row][1:]
    listed = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert listed and listed <= set(lmbook.__all__)
