"""Text in, text out: a prompt continued by a trained model."""

from __future__ import annotations

import keras

from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.tokenizers.tokenizer import Tokenizer


def continue_text(
    model: keras.Model,
    tokenizer: Tokenizer,
    prompt: str = "",
    *,
    count: int = 1,
    length: int,
    temperature: float,
    seed: int = 0,
) -> list[str]:
    """`count` texts that begin with `prompt`, each a document of its own up to its end.

    Args:
        model: any language model of the book.
        tokenizer: the one that it was trained with.
        prompt: how they begin; empty for the model's own beginnings.
        count: how many.
        length: the most tokens to write after the prompt.
        temperature: 0 always takes the most likely token.
        seed: same seed, same texts (on the same machine).

    Raises:
        LmbookError: as `generate`.
    """
    ids = tokenizer.encode(prompt)
    written = generate(
        model,
        [[tokenizer.end_id, *ids]] * count,
        length=length,
        sampling=Sampling(temperature=temperature),
        seed=seed,
        stop_ids=(tokenizer.end_id,),
        never_ids=tokenizer.never_ids,
    )
    return [tokenizer.decode([*ids, *row]) for row in written]
