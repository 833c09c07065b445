"""Measures of bias: shares in a text, a model's amplification of them, associations of word vectors (WEAT)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError
from lmbook.evaluation.classification import wilson_interval
from lmbook.evaluation.word_vectors import WordVectors

_MOST_PARTITIONS = 20_000  # more than so many are drawn at random instead of all being looked at


@dataclass(frozen=True)
class Share:
    """How often somebody of a kind is in a group.

    Attributes:
        value: the share.
        low, high: its 95 % interval (Wilson).
        count: how many of the kind there are.
    """

    value: float
    low: float
    high: float
    count: int


def shares(people: Iterable[tuple[str, str]], group: Collection[str]) -> dict[str, Share]:
    """For each kind, the share of those whose name is in `group`.

    Args:
        people: (kind, name) of each person.
        group: names.
    """
    counts: dict[str, list[int]] = {}
    for kind, name in people:
        found = counts.setdefault(kind, [0, 0])
        found[0] += name in group
        found[1] += 1
    return {kind: Share(hits / n, *wilson_interval(hits, n), n) for kind, (hits, n) in counts.items()}


def amplification(of_model: Mapping[str, float], of_data: Mapping[str, float]) -> float:
    """How much further the model goes than its data: mean over kinds of the majority's share beyond its true share.

    0: the model is as uneven as its data. Above 0: the majority of the data has a larger one in the model. Kinds that
    are even in the data have no majority and are left out.

    Args:
        of_model, of_data: kind -> share of one of two groups.

    Raises:
        LmbookError: no kind of the data has a majority, or the model lacks one.

    Reference:
        Zhao et al. 2017, "Men also like shopping: Reducing gender bias amplification using corpus-level constraints",
        section 3.
    """
    uneven = {kind: share for kind, share in of_data.items() if share != 0.5}
    missing = [kind for kind in uneven if kind not in of_model]
    if not uneven or missing:
        raise LmbookError(f"Kinds without a share of the model: {missing or 'all are even'}.", "Give all the data's.")
    return float(np.mean([math.copysign(1.0, s - 0.5) * (of_model[kind] - s) for kind, s in uneven.items()]))


def sharpened(share: float, temperature: float) -> float:
    """What a share of one of two groups becomes when each name's probability is raised to 1 / temperature.

    Both groups have as many names, alike among themselves: share^(1/t) / (share^(1/t) + (1 - share)^(1/t)).
    """
    group, other = share ** (1 / temperature), (1 - share) ** (1 / temperature)
    return group / (group + other)


@dataclass(frozen=True)
class Association:
    """The result of a word-embedding association test.

    Attributes:
        effect: d, how many standard deviations the two sets of targets are apart; at most 2.
        p_value: how likely a difference at least as large in this direction is, were the targets divided by chance.
        missing: words that have no vector and were left out.
    """

    effect: float
    p_value: float
    missing: tuple[str, ...]


def weat(
    vectors: WordVectors,
    targets: tuple[Sequence[str], Sequence[str]],
    attributes: tuple[Sequence[str], Sequence[str]],
    seed: int = 0,
) -> Association:
    """Word-embedding association test: are the first targets nearer to the first attributes than the second ones are?

    A word's association is its mean cosine with the first attributes minus that with the second. Words without a
    vector are left out; then the longer list of targets loses its last words, since both must be as long.

    Args:
        vectors: any.
        targets: two sets of words, such as flowers and insects.
        attributes: two sets of words, such as pleasant and unpleasant ones.
        seed: of the random partitions, where there are too many to look at all.

    Raises:
        LmbookError: a set has fewer than two words with a vector.

    Reference:
        Caliskan, Bryson and Narayanan 2017, "Semantics derived automatically from language corpora contain human-like
        biases", Science 356.
    """
    sets = [[word for word in words if word in vectors] for words in (*targets, *attributes)]
    if min(map(len, sets)) < 2:
        raise LmbookError("A set of words has fewer than two vectors.", "Choose other words, or learn from more text.")
    missing = tuple(w for words in (*targets, *attributes) for w in words if w not in vectors)
    size = min(len(sets[0]), len(sets[1]))
    x, y, a, b = (vectors.unit[vectors.rows(words)] for words in (sets[0][:size], sets[1][:size], *sets[2:]))
    both = np.concatenate([x, y])
    scores = (both @ a.T).mean(axis=1) - (both @ b.T).mean(axis=1)
    apart = scores[:size].mean() - scores[size:].mean()
    effect = float(apart / scores.std(ddof=1))
    sums = scores[_partitions(2 * size, seed)].sum(axis=1)
    p_value = float((sums >= scores[:size].sum() - 1e-6).mean())
    return Association(effect, p_value, missing)


def _partitions(count: int, seed: int) -> np.ndarray:
    """Rows of `count` // 2 places each: all the ways to choose them, or many at random."""
    if math.comb(count, count // 2) <= _MOST_PARTITIONS:
        return np.array(list(itertools.combinations(range(count), count // 2)))
    random = np.random.default_rng(seed)
    drawn = random.random((_MOST_PARTITIONS - 1, count)).argsort(axis=1)[:, : count // 2]
    return np.concatenate([np.arange(count // 2)[None], drawn])  # the true partition is one of them
