"""Starting the workers of a cluster: all of them on this machine, or one worker of a real cluster."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from lmbook.cluster.worker_output import Output
from lmbook.console import EXIT_ERROR, EXIT_INTERRUPTED
from lmbook.errors import LmbookError
from lmbook.training.distributed.cluster import Cluster
from lmbook.training.interrupt import catch_interrupts

GRACE = 20.0  # seconds for the others: a worker notices after about 12 s that one is dead, and says so itself
TO_SAVE = 5.0  # seconds between SIGTERM and SIGKILL
POLL = 0.05  # seconds between two looks at the workers
OWN_WORDS = {"lmbook": [sys.executable, "-m", "lmbook"], "python": [sys.executable]}  # this installation's, surely
ASKED_TO_STOP = (0, 130, 143, -signal.SIGINT, -signal.SIGTERM)  # how a worker may end then
AGAIN = "Start it again with the same command; it goes on from the last checkpoint."
POSIX = os.name == "posix"


def find_command(command: list[str]) -> list[str]:
    """Replace the program of a command by its path; `lmbook` and `python` are the ones that run now.

    Raises:
        LmbookError: there is no such program.
    """
    program, *arguments = command
    if program in OWN_WORDS:
        return [*OWN_WORDS[program], *arguments]
    found = shutil.which(program)
    if found is None:
        fix = f"Write: python {program}" if program.endswith(".py") else "Check the word after `--`."
        raise LmbookError(f"There is no command {program}.", fix)
    return [found, *arguments]


def local_cluster(count: int) -> Cluster:
    """A cluster of `count` workers on this machine, at free ports."""
    sockets = []
    try:
        for _ in range(count):  # all are held until the last is found, so that no port comes twice
            sockets.append(socket.socket())
            sockets[-1].bind(("127.0.0.1", 0))
        return Cluster(tuple(f"127.0.0.1:{each.getsockname()[1]}" for each in sockets), 0)
    finally:
        for each in sockets:
            each.close()


def run_as(cluster: Cluster, command: list[str]) -> int:
    """Run `command` as worker `cluster.index`, and give its exit code; where the system can, this process becomes it.

    Raises:
        LmbookError: there is no such program, or it cannot be started.
    """
    command = find_command(command)
    environment = os.environ | {"TF_CONFIG": cluster.tf_config(cluster.index)}
    try:
        if POSIX:  # no process between: signals reach the command once, and its exit code is seen as it is
            sys.stdout.flush()
            sys.stderr.flush()
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python's own choice is not the command's
            os.execve(command[0], command, environment)
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise _cannot_start(command, error) from None
    while True:
        with suppress(KeyboardInterrupt):  # the command has had the Ctrl-C too, and ends by itself
            return process.wait()


def run_workers(command: list[str], count: int, grace: float = GRACE) -> int:
    """Run `command` in `count` processes of this machine, each with its `TF_CONFIG`, and show what they print.

    When one ends badly, the others get `grace` seconds to end by themselves, then SIGTERM, and 5 s later SIGKILL.
    Ctrl-C and SIGTERM are passed on to the workers, which are then waited for; a second one ends them at once.

    Returns:
        0 when all ended well, 1 when one did not, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        LmbookError: there is no such program, or it cannot be started.
    """
    command = find_command(command)
    cluster = local_cluster(count)
    output = Output()
    workers: list[Worker] = []
    asked: list[int] = []  # the signal that asked to stop, once it has come
    output.say(
        f"{count} {'worker' if count == 1 else 'workers'} on this machine; "
        "on a real cluster: lmbook launch --hosts HOST:PORT,… (see docs/clusters.md)"
    )
    try:
        with catch_interrupts(asked.append), _closed_terminal_is_sigterm():
            for index in range(count):
                workers.append(Worker(index, command, cluster.tf_config(index)))
            for worker in workers:  # only now: starting a process beside running threads is not safe everywhere
                worker.readers = output.follow(worker.index, worker.process)
            return _watch(workers, asked, grace, output)
    except KeyboardInterrupt:
        output.complain(f"The workers were ended at once. {AGAIN}")
        return EXIT_INTERRUPTED
    finally:
        for worker in workers:
            if worker.runs():
                worker.kill()
            worker.wait()


class Worker:
    """One process of the cluster, with its children in a process group of its own, so that a Ctrl-C comes once."""

    def __init__(self, index: int, command: list[str], tf_config: str):
        self.index = index
        self.readers = []
        environment = os.environ | {"TF_CONFIG": tf_config, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        try:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=POSIX,
                preexec_fn=_dies_with_launcher(),
            )
        except OSError as error:
            raise _cannot_start(command, error) from None

    def runs(self) -> bool:
        return self.process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to the worker and its children.

        Windows can only end a process at once; the terminal's Ctrl-C reaches the workers there by itself.
        """
        with suppress(ProcessLookupError, PermissionError):  # the last of them has just ended
            if POSIX:
                os.killpg(self.process.pid, number)
            elif number != signal.SIGINT:
                self.process.terminate()

    def kill(self) -> None:
        self.send(signal.SIGKILL if POSIX else signal.SIGTERM)

    def wait(self) -> None:
        """Wait until it has ended and all its output is shown."""
        self.process.wait()
        for reader in self.readers:
            reader.join(timeout=1)  # a process that it left behind may hold the stream open

    def ending(self) -> str:
        """How it ended, as text."""
        code = self.process.returncode
        if code >= 0:
            return f"worker {self.index} ended with exit code {code}"
        with suppress(ValueError):
            return f"worker {self.index} was ended by signal {-code} ({signal.Signals(-code).name})"
        return f"worker {self.index} was ended by signal {-code}"


def _watch(workers: list[Worker], asked: list[int], grace: float, output: Output) -> int:
    """Wait for all workers; pass a request to stop on; end those that outlive a dead one too long."""
    running = list(workers)
    deadlines: list[tuple[float, Callable[[Worker], None]]] = []  # what is done to those that still run, and when
    passed_on = False
    failed = None
    while running:
        time.sleep(POLL)
        if asked and not passed_on:
            passed_on = True
            for worker in running:
                worker.send(asked[0])
            output.complain("The workers are asked to save and stop. Ctrl-C ends them at once.")
        for worker in [worker for worker in running if not worker.runs()]:
            running.remove(worker)
            if worker.process.returncode in (ASKED_TO_STOP if asked else (0,)):
                continue
            worker.kill()  # what it started may have outlived it
            worker.wait()
            output.complain(f"{worker.ending()}.")
            if failed is None:
                failed = worker
                end = time.monotonic() + grace
                deadlines = [(end, partial(Worker.send, number=signal.SIGTERM)), (end + TO_SAVE, Worker.kill)]
                if running:
                    output.complain(f"The others have {grace:g} s to stop by themselves.")
        while deadlines and time.monotonic() > deadlines[0][0]:
            _, end_it = deadlines.pop(0)
            for worker in running:
                output.complain(f"worker {worker.index} still runs and is ended now.")
                end_it(worker)
    if failed is not None:
        mend = f"Mend first what worker {failed.index} says above. "  # it was a mistake of the reader's, not a crash
        output.complain((mend if failed.process.returncode == EXIT_ERROR else "") + AGAIN)
    if asked:
        return 128 + asked[0]
    return 0 if failed is None else 1


def _dies_with_launcher() -> Callable[[], None] | None:
    """A function that a worker calls first, so that the kernel ends it when this process dies (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, launcher = ctypes.CDLL(None).prctl, os.getpid()
    set_death_signal = 1  # PR_SET_PDEATHSIG of linux/prctl.h

    def before_start():
        prctl(set_death_signal, signal.SIGKILL)
        if os.getppid() != launcher:  # it died before the line above
            os._exit(1)

    return before_start


@contextmanager
def _closed_terminal_is_sigterm() -> Iterator[None]:
    """Let a closed terminal (SIGHUP, sometimes twice) stop the run as SIGTERM does; under nohup it has no effect."""
    if not POSIX or signal.getsignal(signal.SIGHUP) != signal.SIG_DFL:
        yield
        return

    def handle(number, frame):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.raise_signal(signal.SIGTERM)

    try:
        signal.signal(signal.SIGHUP, handle)
    except ValueError:  # outside of the main thread Python allows no handlers
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _cannot_start(command: list[str], error: OSError) -> LmbookError:
    return LmbookError(f"{command[0]} cannot be started: {error.strerror}.", "Check the word after `--`.")
