"""nanoGPT's recipe for a computer without GPU, against the same model and against today's recipe here.

    python benchmarks/nanogpt.py --nanogpt DIR --torch-python PYTHON

DIR is a checkout of https://github.com/karpathy/nanoGPT; PYTHON has torch, numpy and requests installed. Both are run
on tiny_shakespeare, one after the other, in whole processes, imports and compilation included:

1. nanoGPT: the command of its README for a computer without GPU (2,000 steps of 12 windows of 64 characters);
2. ours, to the same loss: today's recipe with the same sizes and batches, `--our-steps` of them;
3. ours, the same architecture: nanoGPT's model, optimizer and number of steps;
4. ours, the same seconds: today's recipe for as long as nanoGPT took.

All models are scored afterwards by other processes on the whole validation text, cut into windows of 64 characters that
lie end to end. (Our text begins and ends with <end>, so two of 111,541 labels differ.) nanoGPT scores a few batches
itself on the way, as its README has it, and leaves a checkpoint each time; ours scores nothing and leaves its model.

Printed are medians and ratios, ours ÷ theirs: `time_to_loss_ratio` (below 1: ours is faster), `steps_ratio` (above 1:
ours is faster), `memory_ratio`, and the losses after equal seconds.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import Finished, median_ratio, run, spread

from lmbook import machine
from lmbook.corpora.catalogue import load_corpus
from lmbook.errors import LmbookError
from lmbook.files import read_json, write_json

HERE = Path(__file__).resolve().parent
NEEDED = (
    "train.py",
    "model.py",
    "configurator.py",
    "config/train_shakespeare_char.py",
    "data/shakespeare_char/prepare.py",
)
# The sizes of nanoGPT's README for a computer without GPU.
SIZES = {"block_size": 64, "batch_size": 12, "n_layer": 4, "n_head": 4, "n_embd": 128, "dropout": 0.0, "eval_iters": 20}
ITERATION = re.compile(r"^iter \d+: .*time ([\d.]+)ms", re.M)


@dataclass(frozen=True)
class Trained:
    """One training run and its score."""

    process: Finished
    loss: float  # nats per character, windows end to end
    seconds_per_step: float


def working_copy(nanogpt: Path, text: str, python: str, folder: Path) -> Path:
    """The files of nanoGPT that are needed, in a folder of our own, with its data prepared by its own script.

    Raises:
        LmbookError: a file is not there.
    """
    missing = [name for name in NEEDED if not (nanogpt / name).is_file()]
    if missing:
        raise LmbookError(
            f"{nanogpt} is no checkout of nanoGPT: it lacks {', '.join(missing)}.",
            "git clone https://github.com/karpathy/nanoGPT, and give its folder as --nanogpt.",
        )
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(nanogpt / name, folder / name)
    (folder / "data/shakespeare_char/input.txt").write_text(text, encoding="utf-8", newline="\n")
    run([python, "prepare.py"], folder / "data/shakespeare_char")
    return folder


def nanogpt_command(python: str, steps: int) -> list[str]:
    """Its README's command, for so many steps."""
    options = {
        **SIZES,
        "device": "cpu",
        "compile": False,
        "log_interval": 1,
        "max_iters": steps,
        "lr_decay_iters": steps,
        "eval_interval": 250 if steps % 250 == 0 else steps,  # the last state must be among those that are saved
        "always_save_checkpoint": True,
        "out_dir": "out",
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    return [python, "train.py", "config/train_shakespeare_char.py", *settings]


def milliseconds_per_step(log: str) -> float:
    """The median of the times that nanoGPT prints, its first ten steps left out.

    Raises:
        LmbookError: it printed none.
    """
    times = [float(found) for found in ITERATION.findall(log)][10:]
    if not times:
        raise LmbookError("nanoGPT printed no times of more than ten steps.", "Give --steps 20 or more.")
    return statistics.median(times)


def train_theirs(copy: Path, python: str, steps: int) -> Trained:
    """nanoGPT, scored."""
    process = run(nanogpt_command(python, steps), copy)
    score = run([python, HERE / "nanogpt_score.py", "out/ckpt.pt"], copy, {"PYTHONPATH": str(copy)})
    return Trained(process, float(score.output.split()[-1]), milliseconds_per_step(process.output) / 1000)


def train_ours(text: Path, folder: Path, recipe: str, *budget: str) -> Trained:
    """A run of ours, scored."""
    script = [sys.executable, HERE / "nanogpt_ours.py"]
    process = run([*script, "train", text, folder, "--recipe", recipe, *budget])
    score = run([*script, "score", text, folder])
    seconds_per_step = read_json(folder / "speed.json")["seconds_per_step"]
    return Trained(process, float(score.output.split()[-1]), seconds_per_step)


def compare(arguments: argparse.Namespace, folder: Path) -> dict[str, list[Trained]]:
    """All runs, in turn: name -> its repetitions."""
    corpus = load_corpus("tiny_shakespeare")
    copy = working_copy(arguments.nanogpt, "".join(map("".join, map(corpus.texts, ("train", "validation")))),
                        arguments.torch_python, folder / "nanogpt")  # fmt: skip
    text = copy / "data/shakespeare_char/input.txt"
    runs: dict[str, list[Trained]] = {"nanoGPT": [], "same loss": [], "same architecture": [], "same seconds": []}
    for turn in range(arguments.runs):
        theirs = train_theirs(copy, arguments.torch_python, arguments.steps)
        budgets = {
            "same loss": ("modern", "--steps", str(arguments.our_steps)),
            "same architecture": ("nanogpt", "--steps", str(arguments.steps)),
            "same seconds": ("modern", "--seconds", f"{theirs.process.seconds:.1f}"),
        }
        runs["nanoGPT"].append(theirs)
        for name, (recipe, *budget) in budgets.items():
            runs[name].append(train_ours(text, folder / name.replace(" ", "_"), recipe, *budget))
        for name, done in runs.items():
            last = done[-1]
            print(
                f"turn {turn + 1}, {name}: {last.process.seconds:.1f} s, loss {last.loss:.4f}, "
                f"{1000 * last.seconds_per_step:.1f} ms per step, {last.process.peak_mb:,.0f} MB",
                flush=True,
            )
    return runs


def summary(runs: dict[str, list[Trained]]) -> dict[str, float | bool]:
    """The figures of all runs; `reached` says whether ours came down to nanoGPT's loss in every turn."""

    def of(name: str, what) -> list[float]:
        return [what(trained) for trained in runs[name]]

    def seconds(trained: Trained) -> float:
        return trained.process.seconds

    def speed(trained: Trained) -> float:
        return 1 / trained.seconds_per_step

    def loss(trained: Trained) -> float:
        return trained.loss

    def memory(trained: Trained) -> float:
        return trained.process.peak_mb

    return {
        "reached": all(
            ours.loss <= theirs.loss for ours, theirs in zip(runs["same loss"], runs["nanoGPT"], strict=True)
        ),
        "time_to_loss_ratio": median_ratio(of("same loss", seconds), of("nanoGPT", seconds)),
        "steps_ratio": median_ratio(of("same architecture", speed), of("nanoGPT", speed)),
        "memory_ratio": median_ratio(of("same loss", memory), of("nanoGPT", memory)),
        "nanogpt_loss": statistics.median(of("nanoGPT", loss)),
        "equal_seconds_loss": statistics.median(of("same seconds", loss)),
        "nanogpt_seconds": statistics.median(of("nanoGPT", seconds)),
        "same_loss_seconds": statistics.median(of("same loss", seconds)),
        "nanogpt_ms_per_step": 1000 / statistics.median(of("nanoGPT", speed)),
        "same_architecture_ms_per_step": 1000 / statistics.median(of("same architecture", speed)),
    }


def report(runs: dict[str, list[Trained]]) -> None:
    """Print what was measured: medians, and the lowest and highest of all turns."""
    print(f"\n{len(runs['nanoGPT'])} turns on {machine.device()}; median (lowest to highest)")
    for name, done in runs.items():
        print(
            f"{name:18} {spread([one.process.seconds for one in done])} s; loss {spread([one.loss for one in done])}; "
            f"{spread([1000 * one.seconds_per_step for one in done])} ms per step; "
            f"{spread([one.process.peak_mb for one in done])} MB"
        )


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, required=True, help="a checkout of nanoGPT")
    parser.add_argument("--torch-python", required=True, help="a Python with torch, numpy and requests")
    parser.add_argument("--runs", type=int, default=3, help="turns; medians are printed")
    parser.add_argument("--steps", type=int, default=2000, help="nanoGPT's steps")
    parser.add_argument("--our-steps", type=int, default=310, help="ours, to the same loss")
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    arguments = parser.parse_args(words)
    try:
        with tempfile.TemporaryDirectory() as folder:
            runs = compare(arguments, Path(folder))
    except LmbookError as error:
        print(f"{error.message}\n{error.fix}", file=sys.stderr)
        return 2
    report(runs)
    figures = summary(runs)
    for name, value in figures.items():
        print(f"{name}: {value if isinstance(value, bool) else f'{value:.4g}'}")
    if arguments.output:
        write_json(arguments.output, {"device": machine.device(), "versions": machine.versions(), "figures": figures})
    if not figures["reached"]:
        print("Ours did not come down to nanoGPT's loss: its time does not count. Give more --our-steps.")
    return 0 if figures["reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
