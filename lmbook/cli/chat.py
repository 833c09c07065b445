"""`lmbook chat`: talk with a model that was trained on conversations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lmbook.cli.options import HOTTEST, MOST_TOKENS, check_run
from lmbook.console import shown
from lmbook.errors import LmbookError

STOP = ("bye", "goodbye", "quit", "exit")


def chat(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that the lesson dialogue left.")],
    max_prompt_tokens: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_TOKENS, help="The most tokens of history to show the model; else all it can read."
        ),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, max=MOST_TOKENS, help="The most tokens of a reply.")] = 64,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=HOTTEST, help="0 always takes the most likely token.")
    ] = 0.0,
) -> None:
    """Talk with a model, line by line; it remembers what was said.

    "bye", Ctrl-D or Ctrl-C ends the conversation.
    """
    if not check_run(folder).get("dialogue"):
        raise LmbookError(
            f"The model in {folder} was not trained on conversations.",
            "`lmbook run dialogue` trains one and says where it is; `lmbook generate` continues a text with any model.",
        )
    from lmbook.decoding.chat import Chat
    from lmbook.decoding.sampling import Sampling
    from lmbook.training.run_folder import load_run

    trained = load_run(folder)
    sampling = Sampling(temperature)
    conversation = Chat(
        trained.model,
        trained.tokenizer,
        max_prompt_tokens=max_prompt_tokens,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
    )
    print('Say something; "bye" ends the conversation.')
    try:
        for said in _lines():
            try:
                reply = conversation.say(said)
            except LmbookError as error:
                print(f"({error.message} {error.fix})")
                continue
            if reply.forgotten:
                turns = "turn" if reply.forgotten == 1 else "turns"
                print(f"(The history is full: the oldest {reply.forgotten} {turns} forgotten.)")
            print(" ".join(shown(reply.text).split()) + (" … (cut)" if reply.cut else ""), flush=True)
    except KeyboardInterrupt:
        print()
    print("Goodbye.")


def _lines() -> Iterator[str]:
    """What the reader says, up to the end of the input or a word that ends it."""
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text must not end the conversation
    while True:
        try:
            said = input("> ").strip()
        except EOFError:
            print()
            return
        if said.lower().rstrip(".!") in STOP:
            return
        if said:
            yield said
