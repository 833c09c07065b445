"""Writing with a cache: tokens per second here, and with keras-nlp, Hugging Face's transformers and nanoGPT.

    python benchmarks/decoding.py [--torch-python PYTHON] [--nanogpt DIR] [--output FILE]

PYTHON has torch and transformers installed; DIR is a checkout of https://github.com/karpathy/nanoGPT. Who is not given,
or not installed (keras-nlp), is left out. All have the same architecture, GPT-2's, with random weights: 0.8 million of
them ("small") and 124 million ("large"). Each continues prompts of 16 tokens by 112, one and eight at a time. The
likeliest token is taken, but by nanoGPT, which always samples (and has no cache).

Every contestant is a process that stays. They write in turn, a round after the other, after one round that does not
count, in which things are compiled. In each round the memory is measured too: how many bytes a second all cores
together read. A token needs all weights once (of the table of positions one row), so the memory sets a limit to the
tokens per second; `bandwidth_share` is how much of it ours reaches, the reading of the prompt included.

Printed are medians and ratios of tokens per second, ours ÷ theirs (above 1: ours is faster), with one text at a time:
`small_vs_huggingface`, `small_vs_keras_nlp`, `large_vs_best` (of all others as they come), `large_bandwidth_share`; the
same with eight texts ends in `_batch_8`. Who needs more than 8 seconds for one text takes no part with eight.
keras-nlp takes part twice: `keras_nlp_xla` is compiled with the argument `jit_compile=True`, which it does not have on
a processor by itself; it has ratios of its own, and is no "best".
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from processes import median_ratio, spread

from lmbook import machine
from lmbook.errors import LmbookError
from lmbook.files import write_json

HERE = Path(__file__).resolve().parent
NAMES = ("vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers", "max_sequence_length")
TOO_SLOW = 8.0  # seconds for one batch: who needs more takes no part with more texts (a GPT-2 without a cache)
SIZES = {
    "tiny": dict(zip(NAMES, (40, 16, 64, 2, 2, 32), strict=True)),  # to try the program
    "small": dict(zip(NAMES, (65, 128, 512, 4, 4, 256), strict=True)),
    "large": dict(zip(NAMES, (50_257, 768, 3072, 12, 12, 1024), strict=True)),
}
PROMPT = 16
Seconds = dict[tuple[str, str, int], list[float]]  # (contestant, size, batch) -> a value for each round


class Contestant:
    """A process that writes texts when it is asked to.

    Args:
        command: starts it.
        sizes: of its model.
        length: tokens to write.

    Raises:
        LmbookError: it does not start, or its model has another number of weights.
    """

    def __init__(self, command: Sequence[str | Path], sizes: dict[str, int], length: int):
        self.words = [*map(str, command), json.dumps({**sizes, "prompt": PROMPT, "length": length})]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.words, stdin=pipe, stdout=pipe, text=True, bufsize=1, env=environment)
        weights = int(self._answer())
        if weights != count_weights(sizes):
            raise LmbookError(f"{self.words[:3]} has {weights:,} weights, not {count_weights(sizes):,}.", "Mend it.")

    def write(self, batch_size: int) -> float:
        """Seconds for so many texts."""
        print(batch_size, file=self.process.stdin)
        return float(self._answer())

    def close(self) -> None:
        """End it."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _answer(self) -> str:
        for line in self.process.stdout:  # what else is printed is passed over
            if line.startswith("answer "):
                return line.split()[1]
        raise LmbookError(f"{' '.join(self.words[:3])} ended before its answer.", "Its own message stands above.")


def count_weights(sizes: dict[str, int]) -> int:
    """The weights of a GPT-2 whose logits share the table of the tokens."""
    V, D, F, _, L, T = (sizes[name] for name in NAMES)
    block = 4 * (D * D + D) + 2 * D * F + F + D + 4 * D
    return V * D + T * D + L * block + 2 * D


def bytes_per_token(sizes: dict[str, int]) -> int:
    """What must be read from memory for a token: all float32 weights, but of the places only one."""
    D, T = sizes["hidden_dim"], sizes["max_sequence_length"]
    return 4 * (count_weights(sizes) - (T - 1) * D)


def read_bandwidth(array: np.ndarray, threads: int) -> float:
    """Bytes a second that so many threads read together from an array (float32) that no cache holds."""
    parts = np.array_split(array, threads)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: np.dot(part[:1000], part[:1000]), parts))  # the threads are there
        began = time.perf_counter()
        list(pool.map(lambda part: np.dot(part, part), parts))
        return array.nbytes / (time.perf_counter() - began)


def commands(arguments: argparse.Namespace) -> dict[str, list[str | Path]]:
    """Who takes part, and what starts each.

    Raises:
        LmbookError: nanoGPT is given without a Python that has torch, or is not there.
    """
    found: dict[str, list[str | Path]] = {"ours": [sys.executable, HERE / "decoding_keras.py", "ours"]}
    if find_spec("keras_nlp") is not None:
        found["keras_nlp"] = [sys.executable, HERE / "decoding_keras.py", "keras_nlp"]
        found["keras_nlp_xla"] = [sys.executable, HERE / "decoding_keras.py", "keras_nlp_xla"]
    if arguments.torch_python:
        found["huggingface"] = [arguments.torch_python, HERE / "decoding_torch.py", "huggingface"]
    if arguments.nanogpt:
        if not arguments.torch_python:
            raise LmbookError("nanoGPT needs a Python that has torch.", "Give it as --torch-python.")
        if not (arguments.nanogpt / "model.py").is_file():
            raise LmbookError(f"{arguments.nanogpt} has no model.py.", "Give a checkout of nanoGPT.")
        found["nanogpt"] = [arguments.torch_python, HERE / "decoding_torch.py", str(arguments.nanogpt)]
    return found


def measure(arguments: argparse.Namespace) -> tuple[Seconds, list[float]]:
    """All seconds, and the bandwidths measured beside them."""
    seconds: Seconds = {}
    bandwidths: list[float] = []
    array = np.ones(128 * 2**20, np.float32)  # 512 MiB
    for size in arguments.sizes:
        contestants: dict[str, Contestant] = {}
        try:
            for name, command in commands(arguments).items():
                contestants[name] = Contestant(command, SIZES[size], arguments.length)
            for batch_size in sorted(arguments.batches):
                for turn in range(arguments.runs + 1):
                    for name, contestant in contestants.items():
                        took = contestant.write(batch_size)
                        if turn:
                            seconds.setdefault((name, size, batch_size), []).append(took)
                        time.sleep(arguments.pause)  # the last one's threads go to sleep
                    bandwidths.append(read_bandwidth(array, os.cpu_count() or 1))
                print(f"{size}, {batch_size} at a time: {arguments.runs} rounds done", flush=True)
                for name in list(contestants):
                    if statistics.median(seconds[name, size, batch_size]) > TOO_SLOW:
                        contestants.pop(name).close()
        finally:
            for contestant in contestants.values():
                contestant.close()
    return seconds, bandwidths


def summary(seconds: Seconds, bandwidths: Sequence[float], length: int) -> dict[str, float]:
    """The figures; who did not take part gives none."""
    figures: dict[str, float] = {}
    for size, batch_size in dict.fromkeys(key[1:] for key in seconds):
        ending = "" if batch_size == 1 else f"_batch_{batch_size}"
        mine = seconds["ours", size, batch_size]
        others = {name: times for (name, *where), times in seconds.items() if where == [size, batch_size]}
        others.pop("ours")
        speedups = {name: median_ratio(times, mine) for name, times in others.items()}
        figures |= {f"{size}_vs_{name}{ending}": value for name, value in speedups.items()}
        as_they_come = [value for name, value in speedups.items() if name != "keras_nlp_xla"]
        if as_they_come:
            figures[f"{size}_vs_best{ending}"] = min(as_they_come)
        share = bytes_per_token(SIZES[size]) * length / statistics.median(mine) / statistics.median(bandwidths)
        figures[f"{size}_bandwidth_share{ending}"] = share
        for name, times in {"ours": mine, **others}.items():
            figures[f"{size}_{name}_tokens_per_second{ending}"] = batch_size * length / statistics.median(times)
    return figures


def report(seconds: Seconds, bandwidths: Sequence[float], length: int) -> None:
    """Print what was measured: medians, and the lowest and highest of all rounds."""
    print(f"\n{machine.device()}; median (lowest to highest)")
    print(f"memory: {spread([value / 1e9 for value in bandwidths])} GB read per second")
    for (name, size, batch_size), times in seconds.items():
        speed = spread([batch_size * length / took for took in times])
        print(f"{size:6} {batch_size} at a time, {name:14} {speed} tokens per second")


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", help="a Python with torch and transformers")
    parser.add_argument("--nanogpt", type=Path, help="a checkout of nanoGPT")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["small", "large"], help="of the model")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8], help="texts at a time")
    parser.add_argument("--length", type=int, default=112, help="tokens to write after each prompt")
    parser.add_argument("--runs", type=int, default=5, help="rounds; medians are printed")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two contestants")
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    arguments = parser.parse_args(words)
    try:
        seconds, bandwidths = measure(arguments)
    except LmbookError as error:
        print(f"{error.message}\n{error.fix}", file=sys.stderr)
        return 2
    report(seconds, bandwidths, arguments.length)
    figures = summary(seconds, bandwidths, arguments.length)
    for name, value in figures.items():
        print(f"{name}: {value:.4g}")
    if arguments.output:
        write_json(arguments.output, {"device": machine.device(), "versions": machine.versions(), "figures": figures})
    return 0


if __name__ == "__main__":
    sys.exit(main())
