from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from lmbook.cluster import launch
from lmbook.cluster.launch import find_command, local_cluster, run_workers
from lmbook.errors import LmbookError
from lmbook.training.distributed.cluster import read_cluster

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a child with its parent")
INDEX = "import json, os, signal, sys, time; index = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"


def worker(code):
    """A command: a tiny worker that knows its `index`."""
    return ["python", "-c", INDEX + code]


def test_every_worker_has_its_tf_config_and_its_prefix(capfd):
    code = "print('é', os.environ['PYTHONUNBUFFERED'], os.environ['TF_CONFIG']); print('bad', file=sys.stderr)"
    assert run_workers(worker(code), 3) == 0
    seen = capfd.readouterr()
    first, *rest = seen.out.splitlines()
    assert first.startswith("3 workers on this machine;") and len(rest) == 3
    found = [re.fullmatch(r"\[worker (\d)\] é 1 (.*)", line).groups() for line in sorted(rest)]
    clusters = [read_cluster({"TF_CONFIG": config}) for _, config in found]
    assert [int(number) for number, _ in found] == [cluster.index for cluster in clusters] == [0, 1, 2]
    assert len({cluster.workers for cluster in clusters}) == 1 and clusters[0].size == 3
    assert sorted(seen.err.splitlines()) == [f"[worker {index}] bad" for index in range(3)]


def test_addresses_are_of_this_machine_and_all_different():
    workers = local_cluster(20).workers
    assert len(set(workers)) == 20 and all(address.startswith("127.0.0.1:") for address in workers)


def test_own_words_are_this_installation_and_others_are_looked_for():
    assert find_command(["lmbook", "train"]) == [sys.executable, "-m", "lmbook", "train"]
    assert find_command(["python", "x.py"]) == [sys.executable, "x.py"]
    assert find_command([sys.executable, "-V"]) == [sys.executable, "-V"]
    with pytest.raises(LmbookError, match="no command nonsense"):
        find_command(["nonsense"])
    with pytest.raises(LmbookError, match=r"python train\.py"):
        find_command(["train.py"])


@posix
def test_one_killed_stops_the_others_and_is_named(capfd):
    code = """
print("pid", os.getpid())
if index == 1:
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60)
"""
    start = time.monotonic()
    assert run_workers(worker(code), 3, grace=0.5) == 1
    assert time.monotonic() - start < 10
    seen = capfd.readouterr()
    said = seen.err.splitlines()
    assert said[0] == "worker 1 was ended by signal 9 (SIGKILL)."
    assert "The others have 0.5 s to stop by themselves." in said
    assert "worker 0 still runs and is ended now." in said and "worker 2 was ended by signal 15 (SIGTERM)." in said
    assert said[-1] == "Start it again with the same command; it goes on from the last checkpoint."
    assert not any(psutil.pid_exists(int(number)) for number in re.findall(r"pid (\d+)", seen.out))


@posix
def test_who_does_not_heed_sigterm_is_killed_with_all_that_it_started(capfd, monkeypatch):
    monkeypatch.setattr(launch, "TO_SAVE", 0.3)
    code = """
import subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("pid", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid)
time.sleep(0.3)
if index == 0:
    sys.exit(3)
time.sleep(60)
"""
    assert run_workers(worker(code), 2, grace=0.2) == 1
    seen = capfd.readouterr()
    assert seen.err.startswith("worker 0 ended with exit code 3.\n")
    assert "worker 1 was ended by signal 9 (SIGKILL)." in seen.err
    started = [int(number) for number in re.findall(r"pid (\d+)", seen.out)]
    assert len(started) == 2
    assert _gone(started)


def _gone(numbers, seconds=5.0):
    """Whether these processes end within some seconds; one that nobody has reaped yet has ended too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        alive = [number for number in numbers if psutil.pid_exists(number)]
        if all(psutil.Process(number).status() == psutil.STATUS_ZOMBIE for number in alive):
            return True
        time.sleep(0.05)
    return False


def test_the_others_may_notice_by_themselves_and_say_so(capfd):
    code = """
if index == 1:
    sys.exit(3)
time.sleep(0.4)
sys.exit("A worker has gone.")
"""
    assert run_workers(worker(code), 2, grace=20) == 1
    said = capfd.readouterr().err
    assert "[worker 0] A worker has gone." in said
    assert "worker 0 ended with exit code 1." in said and "is ended now" not in said


def test_a_mistake_of_the_readers_is_to_be_mended_first(capfd):
    assert run_workers(worker("print('No such option', file=sys.stderr); sys.exit(2)"), 1) == 1
    said = capfd.readouterr().err.splitlines()
    assert said[0] == "[worker 0] No such option"
    assert said[-1].startswith("Mend first what worker 0 says above. Start it again")


def test_who_is_done_early_stops_nobody(capfd):
    assert run_workers(worker("time.sleep(0.4 * index); print('done')"), 2, grace=0) == 0
    assert capfd.readouterr().out.count("done") == 2


WAITS = """
asked = []
signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
print("pid", os.getpid())
while not asked:
    time.sleep(0.02)
time.sleep(0.3)  # a second signal would come now
print("saved after", *map(int, asked))
sys.exit(128 + asked[0])
"""
DEAF = """
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("pid", os.getpid())
time.sleep(60)
"""


def _usual_signals():
    """As in a terminal: what a shell starts in the background, or under nohup, ignores these."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def launcher():
    """Starts `lmbook launch --workers 2` with a worker's code; gives the process once both workers are ready."""
    started = []

    def start(code):
        command = [sys.executable, "-m", "lmbook", "launch", "--workers", "2", "--", *worker(code)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            preexec_fn=_usual_signals,
        )
        started.append(process)
        process.stdout.readline()
        numbers = [int(process.stdout.readline().split()[-1]) for _ in range(2)]
        return process, numbers

    yield start
    for process in started:
        process.kill()
        process.communicate()


@posix
@pytest.mark.parametrize(
    ("sent", "received"),
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM), (getattr(signal, "SIGHUP", 0), signal.SIGTERM)],
)
def test_a_request_to_stop_reaches_every_worker_once_and_is_waited_for(launcher, sent, received):
    process, numbers = launcher(WAITS)
    os.killpg(process.pid, sent)  # as a terminal does: to the launcher's whole group
    out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + received
    assert sorted(out.splitlines()) == [f"[worker {index}] saved after {int(received)}" for index in range(2)]
    assert err.splitlines() == ["The workers are asked to save and stop. Ctrl-C ends them at once."]
    assert _gone(numbers)


@posix
def test_a_second_ctrl_c_ends_them_at_once(launcher):
    process, numbers = launcher(DEAF)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("The workers are asked")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "Traceback" not in err
    assert err.splitlines()[-1].startswith("The workers were ended at once.")  # the line above may come twice so soon
    assert _gone(numbers)


@linux
def test_no_worker_outlives_the_launcher(launcher):
    process, numbers = launcher(DEAF)
    process.kill()
    assert _gone(numbers)


@posix
def test_workers_go_on_when_nobody_reads_what_they_print(tmp_path):
    code = f"print(20000 * 'many words '); open(r'{tmp_path}/' + str(index), 'w').close()"
    command = [sys.executable, "-m", "lmbook", "launch", "--workers", "2", "--", *worker(code)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]
