"""`lmbook generate`: stream text from a trained model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli.options import HOTTEST, MOST_TOKENS, check_run
from lmbook.console import note, show

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def generate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `lmbook train` left.")],
    prompt: Annotated[str, typer.Option("--prompt", help="The text to continue; empty starts a new one.")] = "",
    temperature: Annotated[
        float, typer.Option(min=0.0, max=HOTTEST, help="0 always takes the most likely token.")
    ] = 0.8,
    top_k: Annotated[
        int | None, typer.Option(min=0, max=MOST_TOKENS, help="Draw from the K most likely tokens only; 0: from all.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Draw from the likeliest that sum to P; 0: from all.")
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Draw from those at least P times as likely as the likeliest; 0: from all."
        ),
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option(min=0.01, max=100.0, help="Above 1 makes tokens that the text has already less likely.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same text.")] = 0,
    max_new_tokens: Annotated[
        int,
        typer.Option(min=1, max=MOST_TOKENS, help="The most tokens to add."),
    ] = 200,
) -> None:
    """Continue a prompt with a trained model, shown as it is made.

    What is longer than the model can read goes on from the last half of that.
    """
    check_run(folder)
    from lmbook.decoding.generate import stream
    from lmbook.decoding.sampling import Sampling
    from lmbook.models.base import longest_text
    from lmbook.training.run_folder import load_run

    sampling = Sampling(temperature, top_k or None, top_p or None, min_p or None, repetition_penalty)
    trained = load_run(folder)
    tokenizer = trained.tokenizer
    ids = tokenizer.encode(prompt)
    if tokenizer.unknown_id in ids:
        note("Some of the prompt was not in the training text; the model sees <unk>, an unknown token, there.")
    opened = [tokenizer.end_id, *ids]
    most = longest_text(trained.model)
    if most is not None and len(opened) + max_new_tokens > most:
        note(
            f"The model reads {most:,} tokens. Prompt and new text may have {len(opened) + max_new_tokens:,}: beyond "
            f"{most:,} it goes on from the last {max(1, most // 2):,} to {most:,} of them."
        )
    tokens = stream(
        trained.model,
        opened,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        seed=seed,
        stop_ids=(tokenizer.end_id,),
        suppress_ids=tokenizer.suppress_ids,
        slide=True,
    )
    show(tokenizer.decode(ids), end="")
    for piece in text_pieces(tokenizer, ids, tokens):
        show(piece, end="")
    print()


def text_pieces(tokenizer, prompt: list[int], tokens: Iterable[int]) -> Iterator[str]:
    """The text that each new token adds after the prompt's own.

    A character that is spread over several tokens is held back until it is whole.
    """
    ids = list(prompt)
    shown = tokenizer.decode(ids)
    for token in tokens:
        if token == tokenizer.end_id:
            break
        ids.append(int(token))
        text = tokenizer.decode(ids)
        whole = text.rstrip(REPLACEMENT)
        if len(whole) > len(shown):
            yield whole[len(shown) :]
            shown = whole
    rest = tokenizer.decode(ids)
    if len(rest) > len(shown):
        yield rest[len(shown) :]
