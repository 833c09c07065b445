"""Comparison of two systems by raters' preferences: win rate with its interval, and the sign test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.errors import LmbookError
from lmbook.evaluation.classification import wilson_interval

FIRST, TIE, SECOND = 1, 0, -1  # a judgement: which system's text is better


@dataclass(frozen=True)
class Preference:
    """What the judgements say about the first system compared with the second.

    Attributes:
        wins, ties, losses: items that the raters together find better, the same, worse.
        win_rate: mean score of the items. A rater gives an item 1, 1/2 (tie) or 0; its score is the raters' mean.
        low, high: 95 % interval of the win rate.
        p_value: of the sign test: how likely so uneven a result, or a more uneven one, would be if wins and losses
            were equally likely. Ties are left out of it.
    """

    wins: int
    ties: int
    losses: int
    win_rate: float
    low: float
    high: float
    p_value: float


def preference(judgements: Sequence[Sequence[int | None]]) -> Preference:
    """Win rate of the first system.

    What several raters say of one item is not independent, so the items are counted, not the judgements. The interval
    is Wilson's for as many items, with the sum of their scores as its hits. Halves vary less than wins and losses, so
    with many ties it is too wide rather than too narrow.

    Args:
        judgements: one row a rater, one column an item: `FIRST`, `TIE`, `SECOND`, or None where there is no judgement.
            Items without any are left out.

    Raises:
        LmbookError: there is no judgement, or rows have different lengths.

    Reference:
        Wilson 1927 (the interval); Dixon and Mood 1946, "The statistical sign test".
    """
    from scipy.stats import binomtest

    if len({len(row) for row in judgements}) > 1:
        raise LmbookError("The raters' rows have different lengths.", "Give None where a judgement is missing.")
    items = [[value for value in item if value is not None] for item in zip(*judgements, strict=True)]
    sums = [(sum(item), len(item)) for item in items if item]
    if not sums:
        raise LmbookError("There are no judgements.", "Give at least one.")
    wins, losses = sum(total > 0 for total, _ in sums), sum(total < 0 for total, _ in sums)
    hits = sum((1 + total / raters) / 2 for total, raters in sums)
    low, high = wilson_interval(hits, len(sums))
    p_value = float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    return Preference(wins, len(sums) - wins - losses, losses, hits / len(sums), low, high, p_value)


def items_needed(win_share: float, power: float = 0.8, significance: float = 0.05, most: int = 20_000) -> int:
    """Items that the sign test needs to find that one system is better, computed exactly.

    The smallest number of decided items (ties come on top) from which on the test's power stays at `power` for ten
    numbers in a row: the power goes up and down a little, since wins are whole.

    Args:
        win_share: share of the decided items that the better system truly wins, above 0.5.
        power: how likely the test shall be to find it.
        significance: the largest p-value that counts as found, two-sided.
        most: give up beyond so many.

    Raises:
        LmbookError: a value is out of its range, or `most` items are not enough.
    """
    from scipy.stats import binom

    if not (0.5 < win_share <= 1 and 0 < power < 1 and 0 < significance < 1):
        raise LmbookError(
            f"win_share={win_share}, power={power}, significance={significance} cannot be used.",
            "win_share is above 0.5 and at most 1, the others are between 0 and 1.",
        )
    in_a_row = 0
    for n in range(1, most + 10):
        critical = int(binom.ppf(significance / 2, n, 0.5))  # the most losses that are still significant
        critical -= binom.cdf(critical, n, 0.5) > significance / 2
        found = binom.cdf(critical, n, 1 - win_share) + binom.sf(n - critical - 1, n, 1 - win_share)
        in_a_row = in_a_row + 1 if critical >= 0 and found >= power else 0
        if in_a_row == 10:
            return n - 9
    raise LmbookError(f"{most:,} items are not enough for a win share of {win_share}.", "Such a difference is tiny.")
