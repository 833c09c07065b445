"""The package without its repository, and a notebook alone in another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from lmbook.book.chapters import find_lesson

pytest.importorskip("setuptools")


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """What an install puts into site-packages, and an environment that finds nothing else of the book."""
    library = tmp_path_factory.mktemp("library")
    work = tmp_path_factory.mktemp("build")
    for name in ("lmbook", "chapters", "data"):
        shutil.copytree(root / name, work / name, ignore=shutil.ignore_patterns("__pycache__", "*.png", "*.ipynb"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, work / name)
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", str(library)],
        cwd=work, check=True, capture_output=True,
    )  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LMBOOK_")}
    return library, {**kept, "PYTHONPATH": str(library)}


def output(command, environment, folder):
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_installed_package_lists_and_runs_lessons_from_any_folder(installed, tmp_path):
    library, environment = installed
    assert "gradient_descent" in output([sys.executable, "-m", "lmbook", "lessons"], environment, tmp_path)
    told = output([sys.executable, "-m", "lmbook", "run", "slips_of_the_text"], environment, tmp_path)
    assert "Slips of the text" in told
    assert (tmp_path / "runs" / "lessons" / "slips_of_the_text.quick.json").is_file()
    found = "import lmbook.corpora.greentree.corpus as c; print(c.__file__, len(c.load().texts('test')))"
    assert output([sys.executable, "-c", found], environment, tmp_path).startswith(str(library))


def test_a_notebook_alone_in_another_folder_runs(installed, tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    _, environment = installed
    path = find_lesson("slips_of_the_text").path.with_suffix(".ipynb")
    made = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    client = nbclient.NotebookClient(made, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment)
    assert any("slips: " in str(output) for cell in made.cells for output in cell.get("outputs", []))
