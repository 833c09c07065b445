from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lmbook.cli.app import app
from lmbook.training.distributed.cluster import Cluster, read_cluster

HOSTS = "127.0.0.1:12345,127.0.0.1:12346"


def lmbook(*arguments):
    return CliRunner().invoke(app, ["launch", *arguments])


def test_workers_run_a_command_with_options_of_its_own():
    show = ["python", "-c", "import sys; print(sys.argv[1:])", "--workers", "3", "--", "--help"]
    for command in (["--", *show], show):  # the first word that is no option begins the command
        result = lmbook("--workers", "2", *command)
        assert result.exit_code == 0
        shown = [f"[worker {index}] ['--workers', '3', '--', '--help']" for index in range(2)]
        assert sorted(result.stdout.splitlines()[1:]) == shown


def test_a_bad_end_of_a_worker_is_exit_code_1():
    assert lmbook("--workers", "1", "--", "python", "-c", "raise SystemExit(7)").exit_code == 1


@pytest.mark.parametrize("command", [[], ["--", "lmbook", "train", "--text", "my text.txt", "--output", "it's"]])
def test_what_is_printed_for_each_machine_is_read_again(command):
    result = lmbook("--hosts", "a:1, b:2,[::1]:3", *command)
    assert result.exit_code == 0
    exports = [shlex.split(line)[1] for line in result.stdout.splitlines() if line.startswith("export ")]
    clusters = [read_cluster(dict([export.split("=", 1)])) for export in exports]
    assert clusters == [Cluster(("a:1", "b:2", "[::1]:3"), index) for index in range(3)]
    assert re.findall(r"^# worker (\d).*on (.*):$", result.stdout, re.M) == [("0", "a"), ("1", "b"), ("2", "[::1]")]
    commands = [shlex.split(line) for line in result.stdout.splitlines() if line.startswith("lmbook train")]
    assert len(commands) == 3 and (not command or commands == 3 * [command[1:]])
    short = shlex.split(result.stdout.splitlines()[-1])
    assert short[:6] == ["lmbook", "launch", "--hosts", "a:1,b:2,[::1]:3", "--index", "K"] and short[7:] == commands[0]


def one_of(index, code):
    command = [sys.executable, "-m", "lmbook", "launch", "--hosts", HOSTS, "--index", str(index), "--", "python", "-c"]
    return subprocess.run([*command, code], capture_output=True, text=True)


@pytest.mark.parametrize("index", [0, 1])
def test_one_worker_of_a_real_cluster_passes_output_and_exit_code_on(index):
    done = one_of(index, "import os; print(os.environ['TF_CONFIG']); raise SystemExit(7)")
    assert done.returncode == 7 and done.stderr == ""
    assert read_cluster({"TF_CONFIG": done.stdout}) == Cluster(tuple(HOSTS.split(",")), index)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_one_worker_of_a_real_cluster_is_the_process_that_was_started():
    assert one_of(0, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)").returncode == -15


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "Neither --workers nor --hosts"),
        (["--", "python"], "Neither --workers nor --hosts"),
        (["--workers", "2", "--hosts", HOSTS, "--", "python"], "both"),
        (["--workers", "2", "--index", "0", "--", "python"], "--index"),
        (["--workers", "0", "--", "python"], "--workers"),
        (["--workers", "257", "--", "python"], "--workers"),
        (["--workers", "2"], "no command to run"),
        (["--workers", "2", "--"], "no command to run"),
        (["--hosts", HOSTS, "--index", "0"], "no command to run"),
        (["--workers", "2", "--", "nonsense"], "no command nonsense"),
        (["--hosts", HOSTS, "--index", "0", "--", "nonsense"], "no command nonsense"),
        (["--hosts", HOSTS, "--index", "2", "--", "python"], "no worker 2"),
        (["--hosts", HOSTS, "--index", "-1", "--", "python"], "--index"),
        (["--hosts", HOSTS, "--index", "10000", "--", "python"], "--index"),
        (["--hosts", "a:1,b", "--", "python"], "'b'"),
        (["--hosts", "a:1,a:1", "--", "python"], "twice"),
        (["--hosts", "", "--", "python"], "''"),
    ],
)
def test_mistakes_are_named_and_start_nothing(arguments, named):
    result = lmbook(*arguments)
    assert result.exit_code == 2 and named in result.stderr
    assert result.stdout == "" and len(result.stderr.splitlines()) >= 2  # the way out too


def test_nothing_heavy_is_loaded():
    code = (
        "import sys; from lmbook.__main__ import main\ntry: main()\nfinally: print({'tensorflow'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, "launch", "--workers", "1", "--", "python", "-c", "pass"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[-1] == "set()"
