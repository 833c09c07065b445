from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import pytest

from lmbook.errors import LmbookError
from lmbook.locks import LOCK, locked

HOLD = """
import sys
from lmbook.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds tmp_path / "run" until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process


def test_the_second_is_refused_and_told_who_is_there(holder, tmp_path):
    with pytest.raises(LmbookError, match=f"Another training writes to .*run: process {holder.pid} on .*, since 2"):
        with locked(tmp_path / "run"):
            pass
    holder.communicate()
    assert not (tmp_path / "run").exists()  # nothing was written there
    with locked(tmp_path / "run"):
        pass


def test_the_lock_of_a_killed_process_is_gone(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert (tmp_path / "run" / LOCK).exists()
    with locked(tmp_path / "run"):
        pass
    assert list((tmp_path / "run").iterdir()) == []


def test_a_thread_may_ask_again_and_another_may_not(tmp_path):
    refused = []

    def other():
        try:
            with locked(tmp_path / "a" / "run"):
                pass
        except LmbookError as error:
            refused.append(error)

    with locked(tmp_path / "a" / "run"):
        with locked(os.path.relpath(tmp_path / "a" / "run")):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1 and f"process {os.getpid()} " in str(refused[0])
    assert not (tmp_path / "a").exists()


def test_what_is_written_stays(tmp_path):
    with locked(tmp_path / "a" / "run"):
        (tmp_path / "a" / "run" / "model").write_text("x")
    assert [one.name for one in (tmp_path / "a" / "run").iterdir()] == ["model"]


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(LmbookError, match="Cannot write to"):
        with locked(tmp_path / "run"):
            pass


@pytest.mark.skipif(os.name == "nt", reason="Windows locks otherwise")
def test_where_the_disk_knows_no_locks_there_is_none(tmp_path, monkeypatch):
    import errno

    def unknown(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("lmbook.locks.fcntl.flock", unknown)
    with locked(tmp_path / "run"):
        pass


def test_who_waits_is_told_for_whom_and_goes_on_when_it_has_ended(holder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lmbook.locks.LOOK_EVERY", 0.02)
    monkeypatch.setattr("lmbook.locks.TELL_EVERY", 0.1)
    timer = threading.Timer(0.5, holder.stdin.close)
    timer.start()
    with locked(tmp_path / "run", wait=True):
        assert holder.wait() == 0
        assert f'"pid": {os.getpid()}' in (tmp_path / "run" / LOCK).read_text(encoding="utf-8")
    timer.join()
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith(f"Waiting: process {holder.pid} on ") and first.endswith("run. Ctrl-C ends the wait.")
    assert re.match(rf"Waiting for \d+ s: process {holder.pid} on ", second)


def test_who_need_not_wait_is_told_nothing(tmp_path, capsys):
    with locked(tmp_path / "run", wait=True):
        pass
    assert capsys.readouterr().err == "" and not (tmp_path / "run").exists()
