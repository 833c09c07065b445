"""The ready places to run the book say what the README and pyproject.toml say."""

from __future__ import annotations

import json
import re

import pytest
import yaml


@pytest.fixture(scope="module")
def workflow(root):
    return yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))


def test_the_workflow_tries_every_python_that_the_book_supports(root, workflow):
    least, below = re.search(
        r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (root / "pyproject.toml").read_text(encoding="utf-8")
    ).groups()
    tried = workflow["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert tried == [f"3.{minor}" for minor in range(int(least), int(below))]


def test_windows_and_macos_get_the_readmes_commands(root, workflow):
    commands = [step["run"] for step in workflow["jobs"]["elsewhere"]["steps"] if "run" in step]
    readme = (root / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(commands) == 2 and all(command in readme for command in commands)


def test_the_containers_install_what_a_reader_installs(root):
    container = json.loads((root / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    docker = (root / "Dockerfile").read_text(encoding="utf-8")
    assert container["postCreateCommand"].endswith("-r requirements.txt") and "-r requirements.txt" in docker
