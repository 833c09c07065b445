"""Our side of nanogpt.py: trains a model on a text and leaves it in a folder, or scores what was left there.

    python nanogpt_ours.py train TEXT FOLDER --recipe nanogpt|modern (--steps N | --seconds S)
    python nanogpt_ours.py score TEXT FOLDER

S counts from the start of the process to its end.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import pairwise
from pathlib import Path

from lmbook import machine
from lmbook.files import write_json
from lmbook.models import registry
from lmbook.models.gpt import GPT, GPTConfig
from lmbook.tokenizers.character import CharacterTokenizer

CONTEXT, BATCH_SIZE, STEPS_AT_ONCE = 64, 12, 10
LEAVING = 2.5  # seconds for writing the model and ending the process
GPT2 = {"activation": "exact_gelu", "use_bias": False}


def read(path: Path) -> tuple[CharacterTokenizer, list[int], list[int]]:
    """The tokenizer, the first nine tenths of the text, and the rest."""
    text = path.read_text(encoding="utf-8")
    cut = int(len(text) * 0.9)
    tokenizer = CharacterTokenizer.train([text[:cut]])
    return tokenizer, tokenizer.encode(text[:cut]), tokenizer.encode(text[cut:])


def train(arguments: argparse.Namespace) -> None:
    """Leaves `model.weights.h5` and `speed.json`."""
    from lmbook.pipelines.causal import CausalWindows
    from lmbook.training.fit import fit, reproducible
    from lmbook.training.optimizers import OptimizerConfig

    reproducible(0)
    tokenizer, documents, _ = read(arguments.text)
    today = registry.entry("gpt")
    model = make(arguments.recipe, tokenizer.vocabulary_size)
    recipes = {
        "nanogpt": OptimizerConfig(learning_rate=1e-3, final_fraction=0.1, weight_decay=0.1),
        "modern": OptimizerConfig(today.optimizer, today.learning_rate, today.muon_ratio),
    }
    stamps = []
    fit(
        model,
        CausalWindows([documents], tokenizer, context=CONTEXT, batch_size=BATCH_SIZE),
        steps=arguments.steps,
        minutes=arguments.seconds and (arguments.seconds - machine.seconds_since_start() - LEAVING) / 60,
        optimizer=recipes[arguments.recipe],
        report_every=10_000,
        steps_per_execution=STEPS_AT_ONCE,
        checks=(),
        callbacks=[lambda step, loss: stamps.append(time.perf_counter())],
        quiet=True,
    )
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model.save(arguments.folder / "model.keras")
    times = [after - before for before, after in pairwise(stamps)]
    if not times:
        raise SystemExit(f"The budget was over after {STEPS_AT_ONCE} steps, too few to be timed: give more.")
    write_json(arguments.folder / "speed.json", {"seconds_per_step": statistics.median(times) / STEPS_AT_ONCE})


def make(recipe: str, vocabulary_size: int) -> GPT:
    """The model of a recipe, of nanoGPT's sizes."""
    choices = registry.entry("gpt").config if recipe == "modern" else GPT2
    return GPT(GPTConfig(vocabulary_size, max_sequence_length=CONTEXT, **choices))


def score(arguments: argparse.Namespace) -> None:
    """Prints nats per character, of windows that lie end to end."""
    import keras

    from lmbook.training.validation import Validation

    model = keras.models.load_model(arguments.folder / "model.keras")
    tokenizer, _, validation = read(arguments.text)
    print(Validation([validation], tokenizer, context=CONTEXT, lead_in=0)(model))


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("train", "score"))
    parser.add_argument("text", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", choices=("nanogpt", "modern"), default="modern")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seconds", type=float)
    arguments = parser.parse_args()
    {"train": train, "score": score}[arguments.action](arguments)


if __name__ == "__main__":
    main()
