"""Roll-outs: a model's continuations of given openings, in the form in which it can be trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.errors import LmbookError
from lmbook.pipelines.batches import padded
from lmbook.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class Rollouts:
    """Texts whose openings were given and whose continuations the model wrote.

    Attributes:
        ids: `<end> opening continuation <end>` and the tokenizer's padding, int32 [B, W + 1]; the last `<end>` only
            where the text was finished within W tokens.
        written: 1 at the labels (`ids[:, 1:]`) that the model chose itself, the closing `<end>` among them; float32
            [B, W].
        texts: the whole texts, decoded.
    """

    ids: np.ndarray
    written: np.ndarray
    texts: list[str]

    def __getitem__(self, rows: np.ndarray) -> Rollouts:
        """Some of the rows, in the order given."""
        return Rollouts(self.ids[rows], self.written[rows], [self.texts[row] for row in rows])


def roll_out(
    model: keras.Model,
    tokenizer: Tokenizer,
    openings: Sequence[Sequence[int]],
    *,
    width: int,
    seed: int = 0,
    temperature: float = 1.0,
) -> Rollouts:
    """Let the model continue each opening until it ends the text or the row is full.

    Args:
        model: any language model of the book.
        tokenizer: the model's.
        openings: their ids, without the `<end>` that opens a text; equal ones get different continuations.
        width: W, tokens of a row.
        seed: of the continuations.
        temperature: of sampling; 1: the model's own distribution, which policy gradients need.

    Raises:
        LmbookError: an opening leaves no room.
    """
    end = tokenizer.end_id
    longest = max(map(len, openings))
    if longest + 1 >= width:
        raise LmbookError(f"An opening of {longest} tokens leaves no room in {width}.", "Give a larger width.")
    prompts = [[end, *opening] for opening in openings]
    room = width - longest - 1
    written = generate(
        model,
        prompts,
        max_new_tokens=room,
        sampling=Sampling(temperature=temperature),
        seed=seed,
        stop_ids=(end,),
        suppress_ids=tokenizer.suppress_ids,
    )
    added = [row + ([end] if len(row) < room else []) for row in written]
    ids = padded([prompt + row for prompt, row in zip(prompts, added, strict=True)], width + 1, tokenizer.pad_id)
    chosen = [[0.0] * (len(prompt) - 1) + [1.0] * len(row) for prompt, row in zip(prompts, added, strict=True)]
    mask = padded(chosen, width, 0.0, np.float32)
    texts = [tokenizer.decode([*opening, *row]) for opening, row in zip(openings, written, strict=True)]
    return Rollouts(ids, mask, texts)
