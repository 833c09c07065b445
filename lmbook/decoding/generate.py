"""The decoding loop, for every language model with `initial_state` and `step`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from lmbook.decoding.constraints import Constraint
from lmbook.decoding.sampling import Sampling, penalize
from lmbook.errors import LmbookError
from lmbook.models.base import longest_text
from lmbook.models.compiled import compiled, writer

NOT_A_TOKEN = -1  # is chosen where the logits are no numbers


def generate(
    model: keras.Model,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
    seed: int = 0,
    stop_ids: Sequence[int] = (),
    suppress_ids: Sequence[int] = (),
    sources: np.ndarray | None = None,
    constraint: Constraint | None = None,
    batch_size: int = 512,
) -> list[list[int]]:
    """Continue each prompt.

    Prompts of different lengths share a batch without padding: the model reads the first tokens that all have, and
    then goes on token by token, reading where a prompt still has tokens and writing where it has none left. The
    random numbers of a row depend on (seed, row, token) alone, so equal prompts get different continuations, and a
    continuation depends on no other row and not on `max_new_tokens` (it is cut, not changed).

    Args:
        model: any language model of the book, or one that reads `sources`.
        prompts: ids of each prompt, the opening `<end>` included if the model is to know that a document begins.
        max_new_tokens: the most tokens to write for each prompt.
        sampling: how a token is chosen.
        seed: same seed, same text (on the same machine).
        stop_ids: a row ends where one of these would be written; it is not part of the result. For whole documents
            give `(tokenizer.end_id,)`.
        suppress_ids: ids that are never written; give `tokenizer.suppress_ids`, which are not text.
        sources: int [prompts, S], what an encoder reads for each prompt, filled up with the tokenizer's padding.
        constraint: which tokens may come next.
        batch_size: prompts that are continued together.

    Returns:
        for each prompt the new tokens, without the prompt.

    Raises:
        LmbookError: a prompt is empty, an argument is out of its range, prompt and `max_new_tokens` are together more
            than the model can read, or the model's logits are not numbers.
    """
    _check(model, prompts, max_new_tokens, seed)
    results = []
    for first in range(0, len(prompts), batch_size):
        rows = prompts[first : first + batch_size]
        lengths = np.array([len(prompt) for prompt in rows], np.int32)
        room = _room(model, lengths.max() + max_new_tokens)
        padded = np.zeros((len(rows), room or lengths.max()), np.int32)
        noise = np.zeros((len(rows), room or max_new_tokens))
        for row, prompt in enumerate(rows):
            padded[row, : len(prompt)] = prompt
            noise[row, :max_new_tokens] = _noise(seed, first + row, max_new_tokens)
        loop = _functions(model, len(rows), sampling, constraint, room)["loop"]
        read = [] if sources is None else [sources[first : first + batch_size].astype(np.int32)]
        settings = (np.int32(max_new_tokens), np.float32(sampling.temperature), _ids(suppress_ids), _ids(stop_ids))
        tokens = loop(*map(tf.constant, (padded, lengths, noise, *settings, *read))).numpy()
        for row, begin in enumerate(lengths - lengths.min()):
            results.append(_until_stop(tokens[begin : begin + max_new_tokens, row].tolist(), stop_ids))
    return results


def stream(
    model: keras.Model,
    prompt: Sequence[int],
    *,
    max_new_tokens: int,
    sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
    seed: int = 0,
    stop_ids: Sequence[int] = (),
    suppress_ids: Sequence[int] = (),
    source: Sequence[int] | None = None,
    constraint: Constraint | None = None,
    slide: bool = False,
) -> Iterator[int]:
    """Yield the tokens of `generate(model, [prompt], …)[0]`, each as soon as it is known.

    With `slide`, prompt and new tokens may be more than the model can read: whenever it is full, it reads the last half
    of the text anew, as a text that begins there, and goes on from that.
    """
    _check(model, [prompt], max_new_tokens, seed, whole=not slide)
    functions = _functions(model, 1, sampling, constraint, _room(model, len(prompt) + max_new_tokens))
    most, never = longest_text(model), tf.constant(_ids(suppress_ids))
    text = list(prompt)
    window = text if most is None else text[-most:]
    also = [] if source is None else [tf.constant([list(source)], tf.int32)]
    logits, state = functions["read"](tf.constant([window], tf.int32), *also)
    length = len(window)  # of what is in the state
    past = functions["begin"](tf.constant([text], tf.int32), tf.constant([len(text)]), logits)
    temperature = tf.constant(sampling.temperature, tf.float32)
    for uniform in _numbers(seed, max_new_tokens):
        ids = functions["choose"](logits, past, tf.constant([uniform]), temperature, never)
        written = _until_stop(ids.numpy().tolist(), stop_ids)
        if not written:
            return
        yield written[0]
        past = functions["remember"](past, ids, tf.constant([True]))
        text.append(written[0])
        if length == most:
            window = text[-max(1, most // 2) :]
            logits, state = functions["read"](tf.constant([window], tf.int32), *also)
            length = len(window)
        else:
            logits, state = functions["write"](ids, state)
            length += 1


def _check(
    model: keras.Model, prompts: Sequence[Sequence[int]], max_new_tokens: int, seed: int, whole: bool = True
) -> None:
    if not all(len(prompt) for prompt in prompts):
        raise LmbookError("A prompt is empty.", "Begin it with the tokenizer's end_id, which opens a document.")
    if max_new_tokens < 1:
        raise LmbookError(f"max_new_tokens is {max_new_tokens}.", "It must be at least 1 token.")
    if seed < 0:
        raise LmbookError(f"seed is {seed}.", "It must be 0 or more.")
    if whole:
        check_length(model, prompts, max_new_tokens)


def check_length(model: keras.Model, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
    """Check that the model can read the prompts and so many tokens more.

    Raises:
        LmbookError: it cannot.
    """
    most = longest_text(model)
    longest = max(map(len, prompts), default=0)
    if most is not None and longest + max_new_tokens > most:
        raise LmbookError(
            f"A prompt of {longest} tokens and {max_new_tokens=} are more than the {most} that the model can read.",
            f"Shorten the prompt, or write at most {max(0, most - longest)} tokens.",
        )


def _room(model: keras.Model, length: int) -> int | None:
    """The size of the cache for a text of this length; None if the model has no cache.

    Each token attends to the whole cache, so a short text gets a short one. There are only a few sizes, since each is
    compiled separately.
    """
    most = longest_text(model)
    return None if most is None else min(most, max(64, 2 ** math.ceil(math.log2(length))))


def _noise(seed: int, row: int, length: int) -> np.ndarray:
    """Random numbers in [0, 1) for the tokens of a row, float64 [length]; a longer row begins with a shorter one's."""
    return _below_one(np.random.Generator(np.random.PCG64([seed, row])).random(length))


def _numbers(seed: int, length: int) -> Iterator[float]:
    """`_noise(seed, 0, length)`, made piece by piece: a stream may be given more room than it will use."""
    generator = np.random.Generator(np.random.PCG64([seed, 0]))
    for first in range(0, length, 4096):
        yield from _below_one(generator.random(min(4096, length - first)))


def _below_one(uniform: np.ndarray) -> np.ndarray:
    return np.minimum(uniform, 1 - 2.0**-40)  # stays below 1 when it is multiplied with a rounded sum


def _ids(ids: Sequence[int]) -> np.ndarray:
    return np.array(list(ids), np.int32)


def _until_stop(tokens: list[int], stop_ids: Sequence[int]) -> list[int]:
    for place, token in enumerate(tokens):
        if token in stop_ids:
            return tokens[:place]
        if token == NOT_A_TOKEN:
            raise LmbookError(
                "The model's logits are not numbers (NaN).", "Train it again, with a smaller learning rate."
            )
    return tokens


def _functions(
    model: keras.Model, batch_size: int, sampling: Sampling, constraint: Constraint | None, room: int | None
) -> dict:
    """The functions compiled for this batch size, sampler, constraint and cache size; the temperature may vary."""
    fixed = dataclasses.replace(sampling, temperature=0.0 if sampling.greedy else 1.0)
    key = ("generate", batch_size, fixed, constraint, room)
    return compiled(model, key, lambda get_model: _compile(get_model, batch_size, fixed, constraint, room))


def _compile(get_model, B: int, sampling: Sampling, constraint: Constraint | None, room: int | None) -> dict:
    penalized = sampling.repetition_penalty != 1.0
    write = writer(get_model(), B)
    # XLA can compile the whole loop: nothing is started or copied between two tokens. It takes seconds for each
    # sampler, so only the two common ones get it. The others share the compiled step of the model.
    plain = sampling in (Sampling(), Sampling(temperature=0.0)) and constraint is None
    whole = plain and getattr(get_model(), "jit_compile_decoding", False)

    def read(prompts, *source):
        model = get_model()
        state = model.initial_state(B, *source, **({} if room is None else {"length": room}))
        logits, state = model.step(prompts, state)
        return logits[:, -1], state

    # What `choose` needs to know of the past: which tokens the text has [B, V], and the state of the constraint.
    def begin(prompts, lengths, logits):
        seen = tf.zeros([B, logits.shape[-1]], tf.bool)
        if penalized:
            inside = tf.range(tf.shape(prompts)[1]) < lengths[:, None]
            seen = tf.reduce_any(_one_hot(prompts, logits.shape[-1]) & inside[:, :, None], axis=1)
        return seen, () if constraint is None else constraint.begin(B)

    def remember(past, ids, written):
        """`written` [B]: False where a row is still reading its prompt."""
        seen, state = past
        if penalized:
            seen |= _one_hot(ids, seen.shape[-1])
        if constraint is not None:
            after = constraint.after(state, ids)
            state = tf.nest.map_structure(lambda new, old: _rows_where(written, new, old), after, state)
        return seen, state

    def choose(logits, past, uniform, temperature, suppress_ids):
        seen, state = past
        broken = tf.reduce_any(tf.math.is_nan(logits), axis=-1)
        if penalized:
            logits = penalize(logits, seen, sampling.repetition_penalty)
        never = tf.reduce_any(tf.range(logits.shape[-1])[:, None] == suppress_ids, axis=1)  # [V]
        allowed = ~never if constraint is None else ~never & constraint.allowed(state)
        logits = tf.where(allowed, logits, -math.inf)
        if sampling.greedy:
            ids = tf.argmax(logits, axis=-1, output_type=tf.int32)
        else:
            ids = sampling.sample_token(logits / tf.cast(temperature, logits.dtype), uniform)
        return tf.where(broken, NOT_A_TOKEN, ids)

    def go_on(logits, state, past, prompts, lengths, noise, max_new_tokens, temperature, suppress_ids, stop_ids):
        """Tokens [steps, B] from the state after the first tokens that all prompts have."""
        shortest, longest = tf.reduce_min(lengths), tf.reduce_max(lengths)
        steps = longest - shortest + max_new_tokens
        tokens = tf.TensorArray(tf.int32, room if whole else steps, element_shape=[B])

        def unfinished(step, logits, state, past, tokens, stopped):
            return (step < steps) & ~tf.reduce_all(stopped | (shortest + step >= lengths + max_new_tokens))

        def one_more(step, logits, state, past, tokens, stopped):
            position = shortest + step
            written = position - lengths  # [B] tokens that the row has written; negative: it is still reading
            uniform = tf.gather(noise, tf.clip_by_value(written, 0, max_new_tokens - 1), batch_dims=1)
            chosen = choose(logits, past, uniform, temperature, suppress_ids)
            given = tf.gather(prompts, tf.minimum(position, longest - 1), axis=1)
            ids = tf.where(written < 0, given, chosen)
            stopped |= (written >= 0) & tf.reduce_any(ids[:, None] == stop_ids, axis=1)
            tokens = tokens.write(step, ids)
            ids = tf.maximum(ids, 0)  # the loop runs on to its end, so what is not a token must be read as one
            past = remember(past, ids, written >= 0)
            logits, state = write(ids, state)
            return step + 1, logits, state, past, tokens, stopped

        first = (0, logits, state, past, tokens, tf.zeros([B], tf.bool))
        return tf.while_loop(unfinished, one_more, first)[4].stack()

    finish = tf.function(go_on, jit_compile=True) if whole else go_on

    @tf.function(reduce_retracing=True)
    def loop(prompts, lengths, noise, max_new_tokens, temperature, suppress_ids, stop_ids, *source):
        """Tokens [steps, B] at the positions that follow the shortest prompt: first the rest of the prompts."""
        logits, state = read(prompts[:, : tf.reduce_min(lengths)], *source)
        past = begin(prompts, lengths, logits)
        return finish(logits, state, past, prompts, lengths, noise, max_new_tokens, temperature, suppress_ids, stop_ids)

    return {
        "loop": loop,
        "read": tf.function(read, reduce_retracing=True),
        "write": write,
        "begin": begin,
        "remember": tf.function(remember),
        "choose": tf.function(choose),
    }


def _one_hot(ids, depth: int):
    return tf.one_hot(ids, depth, on_value=True, off_value=False, dtype=tf.bool)


def _rows_where(condition, new, old):
    """Rows of `new` where condition [B], else of `old`."""
    return tf.where(tf.reshape(condition, [-1] + [1] * (new.shape.rank - 1)), new, old)
