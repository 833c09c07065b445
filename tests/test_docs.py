"""The commands and files in docs/ are such that the command line takes them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import pytest
import typer
import yaml

from lmbook.cli.app import app
from lmbook.training.distributed.cluster import Cluster

needs_bash = pytest.mark.skipif(os.name != "posix" or shutil.which("bash") is None, reason="needs bash")


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "clusters.md").read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.S | re.M)


def parsed(words):
    """What the command line's own parser makes of `lmbook …`; it raises where it does not take it."""
    assert words[0] == "lmbook"
    command = typer.main.get_command(app).commands[words[1]]
    values = command.make_context(words[1], list(words[2:])).params
    if words[1] == "launch" and values["command"]:
        parsed(values["command"])
    return values


def test_every_command_line_parses(page):
    lines = [line for block in blocks(page, "") for line in block.splitlines() if line.startswith("lmbook ")]
    assert len(lines) == 5
    for line in lines:
        parsed(shlex.split(line.replace("--index K", "--index 1")))


def test_the_printed_tf_config_is_what_the_command_prints(page):
    from typer.testing import CliRunner

    asked, printed = blocks(page, "")[1:3]
    assert CliRunner().invoke(app, shlex.split(asked)[1:]).stdout == printed


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Stands in for Slurm and for lmbook: words that it is started with are left in files."""
    programs = {
        "scontrol": 'if [ "$1" = show ]; then printf "node1\\nnode2\\n"; else echo "$@" >> scontrol.txt; fi',
        "srun": 'SLURM_PROCID=1 "$@"',
        "lmbook": 'printf "%s\\n" lmbook "$@" > lmbook.txt; exit "${CODE:-0}"',
    }
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, code in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{code}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs_bash
@pytest.mark.parametrize(("code", "restarts", "again"), [(0, 0, False), (2, 0, True), (2, 10, False)])
def test_the_slurm_script_starts_each_worker_and_puts_a_failed_job_back(page, cluster, code, restarts, again):
    (script,) = blocks(page, "bash")
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    job = {"SLURM_JOB_ID": "45", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_RESTART_COUNT": str(restarts)}
    done = subprocess.run(["bash", "-s"], input=script, text=True, env=os.environ | job | {"CODE": str(code)})
    assert done.returncode == code
    values = parsed((cluster / "lmbook.txt").read_text().splitlines())
    assert Cluster(tuple(values["hosts"].split(",")), values["index"]) == Cluster(("node1:20045", "node2:20045"), 1)
    assert (cluster / "scontrol.txt").exists() == again
    if again:
        assert (cluster / "scontrol.txt").read_text() == "requeue 45\n"


def test_the_kubernetes_files_fit_together(page):
    (text,) = blocks(page, "yaml")
    service, job = yaml.safe_load_all(text)
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    assert service["spec"]["clusterIP"] == "None" and service["spec"]["selector"]["job-name"] == job["metadata"]["name"]
    spec = job["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["subdomain"] == service["metadata"]["name"]
    assert spec["completionMode"] == "Indexed" and spec["completions"] == spec["parallelism"]
    hosts = {each["name"]: each["value"] for each in container["env"]}["HOSTS"].split(",")
    port = container["ports"][0]["containerPort"]
    name = job["metadata"]["name"]
    assert hosts == [f"{name}-{index}.{pod['subdomain']}:{port}" for index in range(spec["completions"])]
    assert {each["name"] for each in pod["volumes"]} == {each["name"] for each in container["volumeMounts"]}


@needs_bash
def test_the_kubernetes_container_starts_its_worker(page, cluster):
    _, job = yaml.safe_load_all(blocks(page, "yaml")[0])
    (container,) = job["spec"]["template"]["spec"]["containers"]
    values = {each["name"]: each["value"] for each in container["env"]} | {"JOB_COMPLETION_INDEX": "3"}
    subprocess.run([*container["command"], *container["args"]], env=os.environ | values, check=True)
    found = parsed((cluster / "lmbook.txt").read_text().splitlines())
    assert found["hosts"] == values["HOSTS"] and found["index"] == 3
