"""The examples of docs/library.md run as they stand there, one after the other; so does that of the main page."""

from __future__ import annotations

import re
import subprocess
import sys


def test_the_examples_run_and_write_what_they_say(root, tmp_path):
    page = (root / "docs" / "library.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(examples) >= 4
    program = tmp_path / "library.py"
    program.write_text("\n".join(examples), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "the cat sat on the" in done.stdout  # it has learned its text by heart
    assert done.stderr == ""


def test_the_main_pages_example_runs(root, tmp_path):
    page = (root / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    (tmp_path / "my_text.txt").write_text("Once upon a time there was a tree. " * 300, encoding="utf-8")
    shortened = example.replace("minutes=5", "steps=2, checks=()").replace("max_new_tokens=200", "max_new_tokens=5")
    assert shortened.count("steps=2") == 1
    done = subprocess.run([sys.executable, "-c", shortened], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Once upon a time" in done.stdout


def test_every_name_that_the_page_lists_can_be_imported(root):
    import lmbook

    page = (root / "docs" / "library.md").read_text(encoding="utf-8")
    table = page.split("## What can be imported")[1].split("\n## ")[0]
    cells = [row.split("|")[2] for row in table.splitlines() if row.startswith("|") and "---" not in row][1:]
    listed = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert listed and listed <= set(lmbook.__all__)
