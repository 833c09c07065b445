"""`lmbook export`: a trained model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli.options import check_run
from lmbook.errors import LmbookError

FORMATS = ("huggingface",)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `lmbook train` left.")],
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="For whom: huggingface.")] = FORMATS[0],
) -> None:
    """Write a trained GPT for other programs, into DIR/huggingface: weights, configuration and tokenizer.

    The package `transformers` loads them, and computes the same. GPTs with GPT-2's or Llama's choices have a
    counterpart there (train --model gpt2 or llama), with characters or byte pairs as tokens.
    """
    if to not in FORMATS:
        raise LmbookError(f"--to {to} is not known.", f"Choose {FORMATS[0]}.")
    check_run(folder)
    from lmbook.models.pretrained.to_hugging_face import export_hugging_face
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    place = folder / to
    architecture = export_hugging_face(trained.model, trained.tokenizer, place)
    print(f"Written to {place}: a {architecture.name} with {trained.model.count_params():,} weights.")
    print("A Python with the packages transformers and torch reads it:")
    print("  from transformers import AutoModelForCausalLM, AutoTokenizer")
    print(f"  model = AutoModelForCausalLM.from_pretrained({str(place)!r})")
    print(f"  tokenizer = AutoTokenizer.from_pretrained({str(place)!r})")
