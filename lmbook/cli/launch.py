"""`lmbook launch`: one command on several workers."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from lmbook.errors import LmbookError
from lmbook.training.distributed.cluster import Cluster

EXAMPLE = ["lmbook", "train", "--text", "FILE", "--output", "DIR"]


def launch(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="After `--`: what every worker runs.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, max=256, help="Start N workers on this machine.")
    ] = None,
    hosts: Annotated[
        str | None, typer.Option("--hosts", metavar="HOST:PORT,…", help="The workers of a real cluster, chief first.")
    ] = None,
    index: Annotated[
        int | None,
        typer.Option("--index", metavar="K", min=0, max=9999, help="With --hosts: run COMMAND as worker K, from 0."),
    ] = None,
) -> None:
    """Run a command on several workers that train one model together.

    --workers N starts them on this machine and shows what they print; when one dies, all stop.

    --hosts prints what to start on each machine of a cluster; with --index K it starts worker K here.
    """
    if (workers is None) == (hosts is None):
        given = "Neither --workers nor --hosts was" if hosts is None else "--workers and --hosts were both"
        raise LmbookError(f"{given} given.", "Give --workers N for this machine, or --hosts HOST:PORT,… for a cluster.")
    if workers is not None and index is not None:
        raise LmbookError("--index was given with --workers.", "It belongs to --hosts; leave it out.")
    if not command and (hosts is None or index is not None):
        raise LmbookError(
            "There is no command to run.", f"Write it after `--`, for example: … -- {shlex.join(EXAMPLE)}"
        )
    if workers is not None:
        from lmbook.cluster.launch import run_workers

        raise typer.Exit(run_workers(command, workers))
    cluster = Cluster(tuple(address.strip() for address in hosts.split(",")), index or 0)
    if index is None:
        print(_instructions(cluster, command or EXAMPLE))
        return
    from lmbook.cluster.launch import run_as

    raise typer.Exit(run_as(cluster, command))


def _instructions(cluster: Cluster, command: list[str]) -> str:
    """What to start on each machine, for people and for copying."""
    words = shlex.join(command)
    parts = []
    for index, address in enumerate(cluster.workers):
        parts += [
            f"# worker {index}{', the chief' if index == 0 else ''}, on {address.rpartition(':')[0]}:",
            f"export TF_CONFIG={shlex.quote(cluster.tf_config(index))}",
            words,
            "",
        ]
    short = f"lmbook launch --hosts {','.join(cluster.workers)} --index K -- {words}"
    return "\n".join([*parts, "# or on each, with K its number, which sets TF_CONFIG by itself:", short])
