"""Attention heads: which of them help to repeat earlier text, and what is lost without them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from lmbook.errors import LmbookError
from lmbook.evaluation.intervals import mean_sd
from lmbook.models.transformer import CausalLanguageModel
from lmbook.topics.interpretability.losses import token_losses

Head = tuple[int, int]  # (block, head), from 0
Measure = tuple[np.ndarray, np.ndarray, np.ndarray]  # ids [B, T], their labels, and where the loss counts


@contextmanager
def without_heads(model: CausalLanguageModel, heads: Iterable[Head]) -> Iterator[None]:
    """Switch heads off inside the `with`, by setting their rows of the output projection [H K, D] to 0.

    Functions of the model that are compiled already are changed too, since only weights are.

    Raises:
        LmbookError: there is no such block or head.
    """
    heads = [(int(block), int(head)) for block, head in heads]
    _check(model, heads)
    kernels = {block: _kernel(model, block) for block, _ in heads}
    before = {block: kernel.numpy() for block, kernel in kernels.items()}
    try:
        for block, kernel in kernels.items():
            width = kernel.shape[0] // model.config.num_heads
            changed = before[block].copy()
            for head in (head for where, head in heads if where == block):
                changed[head * width : (head + 1) * width] = 0.0
            kernel.assign(changed)
        yield
    finally:
        for block, kernel in kernels.items():
            kernel.assign(before[block])


def repeated_rows(ids: Sequence[int], length: int, rows: int, seed: int, first: int | None = None) -> np.ndarray:
    """Rows of random tokens followed by themselves: int32 [rows, 2 length], or one column more if `first` opens them.

    No grammar, no meaning: whoever predicts the second half has looked at the first.

    Args:
        ids: tokens to draw from, each at most once in a row.
        length: tokens of one half.
        rows: how many.
        seed: of the draws.
        first: the token that stands before, such as `<end>`; None: none does.

    Raises:
        LmbookError: there are fewer ids than `length`.
    """
    if len(ids) < length:
        raise LmbookError(f"{len(ids)} tokens are too few for rows of {length} different ones.", "Take shorter rows.")
    rng = np.random.default_rng(seed)
    half = np.stack([rng.permutation(np.asarray(ids))[:length] for _ in range(rows)])
    opening = np.full((rows, 0 if first is None else 1), first or 0)
    return np.concatenate([opening, half, half], axis=1).astype("int32")


def weight_on(model: CausalLanguageModel, ids: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How much each head attends to certain positions.

    Args:
        model: a decoder.
        ids: int [B, T].
        pairs: bool [B, T, T], True where position t is asked how much it looks at s.

    Returns:
        float32 [L, H], between 0 and 1: the mean, over all t with such an s, of their weights' sum.

    Raises:
        LmbookError: no position is asked.
    """
    rows, places = np.nonzero(pairs.any(axis=2))
    if not len(rows):
        raise LmbookError("There is no position to look from.", "Give pairs that are True somewhere.")
    _, maps = model(ids, return_weights=True)
    sums = [(np.asarray(seen).transpose(0, 2, 3, 1)[rows, places] * pairs[rows, places, :, None]) for seen in maps]
    return np.stack([one.sum(axis=1).mean(axis=0) for one in sums]).astype("float32")


def induction_scores(model: CausalLanguageModel, rows: np.ndarray, length: int) -> np.ndarray:
    """How much each head attends to the token that followed the previous occurrence of the present token.

    Args:
        model: a decoder.
        rows: of `repeated_rows`, [B, T]; their second half, the last `length` tokens, counts.
        length: tokens of one half.

    Returns:
        float32 [L, H], see `weight_on`.

    Reference:
        Olsson et al. 2022, "In-context learning and induction heads", "prefix matching score".
    """
    pairs = np.zeros((*rows.shape, rows.shape[1]), bool)
    places = np.arange(rows.shape[1] - length, rows.shape[1])
    pairs[:, places, places - length + 1] = True
    return weight_on(model, rows, pairs)


def highest(scores: np.ndarray, count: int) -> list[Head]:
    """The heads with the highest scores [L, H], the highest first."""
    order = np.argsort(-scores, axis=None, kind="stable")[:count]
    return [(int(block), int(head)) for block, head in zip(*np.unravel_index(order, scores.shape), strict=True)]


def other_heads(model: CausalLanguageModel, heads: Sequence[Head], draws: int, seed: int) -> list[list[Head]]:
    """For comparison: the same number of other heads, drawn at random `draws` times."""
    rng, count = np.random.default_rng(seed), model.config.num_heads
    rest = [(block, head) for block in range(len(model.blocks)) for head in range(count) if (block, head) not in heads]
    return [[rest[place] for place in rng.permutation(len(rest))[: len(heads)]] for _ in range(draws)]


def loss_without(model: CausalLanguageModel, heads: Iterable[Head], measure: Measure) -> float:
    """Nats per token, over the tokens that the measure counts, with these heads switched off."""
    ids, labels, counted = measure
    with without_heads(model, heads):
        return float(token_losses(model, ids, labels)[counted].mean())


def ablation(
    model: CausalLanguageModel, heads: Sequence[Head], measures: Mapping[str, Measure], draws: int, seed: int
) -> list[list]:
    """The loss without some heads, and without the same number of other heads.

    Returns:
        for each measure its name, its loss, the rise without the heads, and mean and standard deviation of the rise
        without others, drawn `draws` times. All in nats per token.
    """
    found = []
    for name, measure in measures.items():
        whole = loss_without(model, [], measure)
        lost = loss_without(model, heads, measure) - whole
        drawn = [loss_without(model, other, measure) - whole for other in other_heads(model, heads, draws, seed)]
        found.append([name, whole, lost, *mean_sd(drawn)])
    return found


def words_said_again(ids: np.ndarray, words: Collection[int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the next word is one of `words` and occurred earlier in the row.

    Returns:
        bool [B, T], True at the position before such a word; and bool [B, T, T], True at (t, s) where t is such a
        position and the word stood at s.
    """
    again, source = np.zeros(ids.shape, bool), np.zeros((*ids.shape, ids.shape[1]), bool)
    for row, t in zip(*np.nonzero(np.isin(ids[:, 1:], list(words))), strict=True):
        before = ids[row, : t + 1] == ids[row, t + 1]
        again[row, t], source[row, t, : t + 1] = before.any(), before
    return again, source


def pairs_said_again(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a row repeats a pair of neighbouring tokens.

    Returns:
        bool [B, T], True at the first token of such a pair; and bool [B, T, T], True at (t, s) where t is such a place
        and s that of the second token of the same pair before.
    """
    again, earlier = np.zeros(ids.shape, bool), np.zeros((*ids.shape, ids.shape[1]), bool)
    for row, tokens in enumerate(ids.tolist()):
        for t, pair in enumerate(zip(tokens, tokens[1:], strict=False)):
            places = [s + 1 for s in range(t) if (tokens[s], tokens[s + 1]) == pair]
            again[row, t], earlier[row, t, places] = bool(places), True
    return again, earlier


def _kernel(model: CausalLanguageModel, block: int) -> keras.Variable:
    return model.blocks[block].attention.output_projection.kernel


def _check(model: CausalLanguageModel, heads: Iterable[Head]) -> None:
    layers, count = len(model.blocks), model.config.num_heads
    for block, head in heads:
        if not (0 <= block < layers and 0 <= head < count):
            raise LmbookError(
                f"There is no head {head} in block {block}.",
                f"The model has blocks 0 to {layers - 1} with heads 0 to {count - 1}.",
            )
