"""The decoding loop: prompt in, tokens out, for every language model with `initial_state` and `step`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from lmbook.decoding.compiled import compiled
from lmbook.decoding.sampling import Sampling, filter_logits, pick
from lmbook.errors import LmbookError

NEVER = (0, 1)  # <pad> and <unk> are no text


def generate(
    model: keras.Model,
    prompts: Sequence[Sequence[int]],
    *,
    length: int,
    sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
    seed: int = 0,
    stop_ids: Sequence[int] = (),
    never_ids: Sequence[int] = NEVER,
    batch_size: int = 512,
) -> list[list[int]]:
    """Continue each prompt.

    Prompts of different lengths share a batch without padding: the model reads the first tokens that all have, and
    then goes on token by token, reading where a prompt still has tokens and writing where it has none left. The
    random numbers of a row depend on (seed, row, token) alone, so equal prompts get different continuations, and a
    continuation depends on no other row and not on `length` (it is cut, not changed).

    Args:
        model: any language model of the book.
        prompts: ids of each prompt, the opening `<end>` included if the model is to know that a document begins.
        length: the most tokens to write for each prompt.
        sampling: how a token is chosen.
        seed: same seed, same text (on the same machine).
        stop_ids: a row ends where one of these would be written; it is not part of the result.
        never_ids: ids that are never written.
        batch_size: prompts that are continued together.

    Returns:
        for each prompt the new tokens, without the prompt.

    Raises:
        LmbookError: a prompt is empty, an argument is out of its range, or the model's logits are not numbers.
    """
    _check(prompts, length, seed)
    results = []
    for first in range(0, len(prompts), batch_size):
        rows = prompts[first : first + batch_size]
        lengths = np.array([len(prompt) for prompt in rows], np.int32)
        padded = np.zeros((len(rows), lengths.max()), np.int32)
        for row, prompt in zip(padded, rows, strict=True):
            row[: len(prompt)] = prompt
        noise = np.stack([_noise(seed, first + row, length) for row in range(len(rows))])
        loop = _functions(model, len(rows), sampling)["loop"]
        tokens = loop(padded, lengths, noise, sampling.temperature, _ids(never_ids), _ids(stop_ids)).numpy()
        for row, begin in enumerate(lengths - lengths.min()):
            results.append(_until_stop(tokens[begin : begin + length, row].tolist(), stop_ids, never_ids))
    return results


def stream(
    model: keras.Model,
    prompt: Sequence[int],
    *,
    length: int,
    sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
    seed: int = 0,
    stop_ids: Sequence[int] = (),
    never_ids: Sequence[int] = NEVER,
) -> Iterator[int]:
    """Yield the tokens of `generate(model, [prompt], …)[0]`, each as soon as it is known."""
    _check([prompt], length, seed)
    functions = _functions(model, 1, sampling)
    logits, state = functions["read"](np.array([prompt], np.int32))
    for uniform in _noise(seed, 0, length):
        ids = functions["choose"](logits, uniform[None], sampling.temperature, _ids(never_ids))
        written = _until_stop(ids.numpy().tolist(), stop_ids, never_ids)
        if not written:
            return
        yield written[0]
        logits, state = functions["write"](ids, state)


def _check(prompts: Sequence[Sequence[int]], length: int, seed: int) -> None:
    if not all(len(prompt) for prompt in prompts):
        raise LmbookError("A prompt is empty.", "Begin it with the tokenizer's end_id, which opens a document.")
    if length < 1:
        raise LmbookError(f"length is {length}.", "It must be at least 1 token.")
    if seed < 0:
        raise LmbookError(f"seed is {seed}.", "It must be 0 or more.")


def _noise(seed: int, row: int, length: int) -> np.ndarray:
    """Random numbers in [0, 1) for the tokens of a row, float64 [length]; a longer row begins with a shorter one's."""
    uniform = np.random.Generator(np.random.PCG64([seed, row])).random(length)
    return np.minimum(uniform, 1 - 2.0**-40)  # stays below 1 when it is multiplied with a rounded sum


def _ids(ids: Sequence[int]) -> np.ndarray:
    return np.array(list(ids), np.int32)


def _until_stop(tokens: list[int], stop_ids: Sequence[int], never_ids: Sequence[int]) -> list[int]:
    for place, token in enumerate(tokens):
        if token in stop_ids:
            return tokens[:place]
        if token in never_ids:  # it had probability 0: only a comparison with "not a number" lets it through
            raise LmbookError(
                "The model's logits are not numbers (NaN).", "Train it again, with a smaller learning rate."
            )
    return tokens


def _functions(model: keras.Model, batch_size: int, sampling: Sampling) -> dict:
    key = (batch_size, sampling.greedy, sampling.top_k, sampling.top_p)  # the temperature may vary
    return compiled(model, ("generate", *key), lambda get_model: _compile(get_model, *key))


def _compile(get_model, B: int, greedy: bool, top_k: int | None, top_p: float | None) -> dict:
    prompts_spec, lengths_spec = tf.TensorSpec([B, None], tf.int32), tf.TensorSpec([B], tf.int32)
    noise_spec, temperature_spec = tf.TensorSpec([B, None], tf.float64), tf.TensorSpec([], tf.float32)
    ids_spec = tf.TensorSpec([None], tf.int32)

    def read(prompts):
        model = get_model()
        logits, state = model.step(prompts, model.initial_state(B))
        return logits[:, -1], state

    def write(ids, state):
        logits, state = get_model().step(ids[:, None], state)
        return logits[:, -1], state

    def choose(logits, uniform, temperature, never_ids):
        never = tf.reduce_any(tf.range(logits.shape[-1])[:, None] == never_ids, axis=1)  # [V]
        logits = tf.where(never, -math.inf, logits)
        if greedy:
            return tf.argmax(logits, axis=-1, output_type=tf.int32)
        return pick(filter_logits(logits, temperature, top_k, top_p), uniform)

    @tf.function(input_signature=[prompts_spec, lengths_spec, noise_spec, temperature_spec, ids_spec, ids_spec])
    def loop(prompts, lengths, noise, temperature, never_ids, stop_ids):
        """Tokens [steps, B] at the positions that follow the shortest prompt: first the rest of the prompts."""
        shortest, longest, length = tf.reduce_min(lengths), tf.reduce_max(lengths), tf.shape(noise)[1]
        steps = longest - shortest + length
        logits, state = read(prompts[:, :shortest])
        tokens = tf.TensorArray(tf.int32, steps, element_shape=[B])

        def unfinished(step, logits, state, tokens, stopped):
            return (step < steps) & ~tf.reduce_all(stopped | (shortest + step >= lengths + length))

        def one_more(step, logits, state, tokens, stopped):
            position = shortest + step
            written = position - lengths  # [B] tokens that the row has written; negative: it is still reading
            uniform = tf.gather(noise, tf.clip_by_value(written, 0, length - 1), batch_dims=1)
            chosen = choose(logits, uniform, temperature, never_ids)
            given = prompts[:, tf.minimum(position, longest - 1)]
            ids = tf.where(written < 0, given, chosen)
            stopped |= (written >= 0) & tf.reduce_any(ids[:, None] == stop_ids, axis=1)
            logits, state = write(ids, state)
            return step + 1, logits, state, tokens.write(step, ids), stopped

        begin = (0, logits, state, tokens, tf.zeros([B], tf.bool))
        return tf.while_loop(unfinished, one_more, begin)[3].stack()

    return {
        "loop": loop,
        "read": tf.function(read, input_signature=[prompts_spec]),
        "write": tf.function(write),
        "choose": tf.function(choose),
    }
