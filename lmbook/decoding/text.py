"""Generation from text to text: continuing a prompt, translating, answering."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from lmbook.decoding.beam import beam_search
from lmbook.decoding.generate import generate
from lmbook.decoding.sampling import Sampling
from lmbook.pipelines.pairs import padded_sources
from lmbook.tokenizers.tokenizer import Tokenizer, check_texts


def continue_text(
    model: keras.Model,
    tokenizer: Tokenizer,
    prompt: str = "",
    *,
    count: int = 1,
    max_new_tokens: int,
    temperature: float,
    seed: int = 0,
) -> list[str]:
    """Generate `count` documents that begin with `prompt`.

    Args:
        model: any language model of the book.
        tokenizer: the one that it was trained with.
        prompt: how they begin; empty for the model's own beginnings.
        count: how many.
        max_new_tokens: the most tokens to write after the prompt.
        temperature: 0 always takes the most likely token.
        seed: same seed, same texts (on the same machine).

    Raises:
        LmbookError: as `generate`.
    """
    ids = tokenizer.encode(prompt)
    written = generate(
        model,
        [[tokenizer.end_id, *ids]] * count,
        max_new_tokens=max_new_tokens,
        sampling=Sampling(temperature=temperature),
        seed=seed,
        stop_ids=(tokenizer.end_id,),
        suppress_ids=tokenizer.suppress_ids,
    )
    return [tokenizer.decode([*ids, *row]) for row in written]


def translate(
    model: keras.Model,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    max_new_tokens: int,
    beams: int = 1,
    length_penalty: float = 0.6,
    batch_size: int = 64,
) -> list[str]:
    """Translate each text.

    Args:
        model: an `EncoderDecoder` or a `RecurrentEncoderDecoder`.
        tokenizer: the one that it was trained with, for both languages.
        texts: what is read.
        max_new_tokens: the most tokens of a translation.
        beams: 1 takes the likeliest token each time (greedy); more search for the likeliest text.
        length_penalty: see `beam_search`.
        batch_size: texts that are translated together; texts of about the same length are.

    Raises:
        LmbookError: a text is too long for the model, or as `generate` and `beam_search`.
    """
    check_texts(texts)
    sources = [tokenizer.encode(text) or [tokenizer.unknown_id] for text in texts]
    padded = padded_sources(sources, tokenizer)
    order = sorted(range(len(texts)), key=lambda index: len(sources[index]))
    order += order[-1:] * (-len(order) % batch_size)  # full batches, so that one compiled loop serves all
    begin, read = [[tokenizer.end_id]] * len(order), padded[np.array(order, int)]
    common = {"max_new_tokens": max_new_tokens, "sources": read, "batch_size": batch_size}
    common["suppress_ids"] = tokenizer.suppress_ids
    if beams == 1:
        greedy = Sampling(temperature=0.0)
        written = generate(model, begin, sampling=greedy, stop_ids=(tokenizer.end_id,), **common)
    else:
        written = beam_search(
            model, begin, beams=beams, length_penalty=length_penalty, stop_id=tokenizer.end_id, **common
        )
    of_text = dict(zip(order, written, strict=True))
    return [tokenizer.decode(of_text[index]) for index in range(len(texts))]


def answer(
    model: keras.Model,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    batch_size: int = 64,
) -> list[str]:
    """Answer each prompt greedily, up to `<end>`.

    Args:
        model: any language model of the book, tuned to answer (`lmbook.pipelines.instructions`).
        tokenizer: the one that it was trained with.
        prompts: in the format that it was tuned with.
        max_new_tokens: the most tokens of an answer.
        batch_size: prompts that are answered together; prompts of about the same length are.

    Raises:
        LmbookError: as `generate`.
    """
    check_texts(prompts, "prompts")
    ids = [[tokenizer.end_id, *tokenizer.encode(prompt)] for prompt in prompts]
    return answer_ids(model, tokenizer, ids, max_new_tokens=max_new_tokens, batch_size=batch_size)


def answer_ids(
    model: keras.Model,
    tokenizer: Tokenizer,
    ids: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int = 64,
) -> list[str]:
    """`answer` for prompts given as ids, with the `<end>` that opens them."""
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    order += order[-1:] * (-len(order) % batch_size)  # full batches, so that one compiled loop serves all
    written = generate(
        model,
        [ids[index] for index in order],
        max_new_tokens=max_new_tokens,
        sampling=Sampling(temperature=0.0),
        stop_ids=(tokenizer.end_id,),
        suppress_ids=tokenizer.suppress_ids,
        batch_size=batch_size,
    )
    of_prompt = dict(zip(order, written, strict=True))
    return [tokenizer.decode(of_prompt[index]) for index in range(len(ids))]
