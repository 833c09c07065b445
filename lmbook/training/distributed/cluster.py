"""Reading and checking the cluster that the environment variable `TF_CONFIG` describes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lmbook.errors import LmbookError

HOST = re.compile(r"[^\s:/\[\],]+|\[[0-9A-Fa-f:.]+\]")  # a name, an IPv4 address, or an IPv6 address in brackets
HOW = "`lmbook launch --hosts HOST:PORT,HOST:PORT` prints the TF_CONFIG of every machine."
ALONE = "To train on this machine alone, unset TF_CONFIG."


@dataclass(frozen=True)
class Cluster:
    """The workers that train one model together, and which of them this process is.

    Args:
        workers: the address of every worker, "host:port"; the first is the chief, who writes the checkpoints.
        index: this process's place among them, from 0.

    Raises:
        LmbookError: an address has no port or a wrong one, is there twice, or `index` is not that of a worker.
    """

    workers: tuple[str, ...]
    index: int

    def __post_init__(self):
        for address in self.workers:
            _check_address(address)
        for place, address in enumerate(self.workers):
            if address.lower() in map(str.lower, self.workers[:place]):
                raise LmbookError(
                    f"The address {address} is there twice.", "Give every worker its own; on one machine, another port."
                )
        if not 0 <= self.index < self.size:
            raise LmbookError(f"There is no worker {self.index} among {self.size}.", _choose(self.size))

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.index == 0

    @property
    def size(self) -> int:
        """The number of workers."""
        return len(self.workers)

    def tf_config(self, index: int) -> str:
        """The `TF_CONFIG` of worker `index`, as JSON; the chief is written as worker 0, which is the same."""
        task = {"type": "worker", "index": index}
        return json.dumps({"cluster": {"worker": list(self.workers)}, "task": task})


def read_cluster(environ: Mapping[str, str] = os.environ) -> Cluster | None:
    """The cluster in `TF_CONFIG`; None where that is not set, or names one task only.

    A "chief" beside the workers is counted as task 0, and the workers after it.

    Raises:
        LmbookError: `TF_CONFIG` has a mistake; the message names it.
    """
    text = environ.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise _mistake(f"is not JSON ({error}): {text[:80]}", f"Put the whole of it in single quotes. {HOW}") from None
    jobs = _jobs(_part(config, "cluster"))
    task = _part(config, "task")
    kind, number = task.get("type"), str(task.get("index"))
    if kind in ("ps", "evaluator"):
        raise _mistake(f"makes this process a {kind!r}, which this book does not use.", f"Use workers only. {HOW}")
    if kind not in ("chief", "worker"):
        raise _mistake(f"has the unknown task type {kind!r}.", "Write chief or worker.")
    if not number.isdecimal():
        raise _mistake(f"has the task index {task.get('index')!r}.", "Write a whole number from 0.")
    if int(number) >= len(jobs[kind]):
        raise _mistake(f"says {kind} {number}, but its cluster names {len(jobs[kind])}.", _choose(len(jobs[kind])))
    before = len(jobs["chief"]) if kind == "worker" else 0
    try:
        cluster = Cluster((*jobs["chief"], *jobs["worker"]), before + int(number))
    except LmbookError as error:
        raise _mistake(f"is wrong: {error.message}", error.fix) from None
    return cluster if cluster.size > 1 else None


def is_chief() -> bool:
    """Whether this process is the one that writes files: True without a cluster, and in task 0 of one.

    Raises:
        LmbookError: `TF_CONFIG` has a mistake.
    """
    cluster = read_cluster()
    return cluster is None or cluster.is_chief


def _part(config: Any, name: str) -> dict[str, Any]:
    """`config[name]`, which has to be an object."""
    if not isinstance(config, dict) or not isinstance(config.get(name), dict):
        raise _mistake(f'has no "{name}": {json.dumps(config)[:80]}', f"{HOW} {ALONE}")
    return config[name]


def _jobs(cluster: dict[str, Any]) -> dict[str, list[str]]:
    """Addresses of the chief and of the workers."""
    for job, addresses in cluster.items():
        if job not in ("chief", "worker"):
            raise _mistake(f"names the job {job!r}, which this book does not use.", f"Use workers only. {HOW}")
        if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
            given = json.dumps(addresses)[:80]
            raise _mistake(f"has no list of addresses for {job!r}: {given}", 'Write ["HOST:PORT", "HOST:PORT"].')
    jobs = {"chief": cluster.get("chief", []), "worker": cluster.get("worker", [])}
    if len(jobs["chief"]) > 1:
        raise _mistake(f"names {len(jobs['chief'])} chiefs.", "Keep one; the others are workers.")
    if not any(jobs.values()):
        raise _mistake("names no worker in its cluster.", f"{HOW} {ALONE}")
    return jobs


def _check_address(address: str) -> None:
    host, colon, port = address.rpartition(":")
    example = "Write HOST:PORT, for example node1:12345."
    if not colon or address.endswith("]"):
        raise LmbookError(f"The address {address!r} has no port.", example)
    if not HOST.fullmatch(host):
        raise LmbookError(f"The address {address!r} has no usable host.", f"{example} An IPv6 host stands in brackets.")
    if not (port.isascii() and port.isdecimal()):
        raise LmbookError(f"The port {port!r} of the address {address!r} is not a number.", example)
    if not 1 <= int(port) <= 65535:
        raise LmbookError(f"The port of the address {address!r} is not one of 1 to 65535.", example)


def _choose(count: int) -> str:
    return f"Choose an index from 0 to {count - 1}." if count else HOW


def _mistake(what: str, fix: str) -> LmbookError:
    return LmbookError(f"TF_CONFIG {what}", fix)
