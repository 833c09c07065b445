"""Agreement of several raters beyond chance: Krippendorff's alpha. (For Cohen's kappa there is scikit-learn.)"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from lmbook.errors import LmbookError

LEVELS = ("nominal", "ordinal", "interval")


def krippendorff_alpha(ratings: Sequence[Sequence[Hashable | None]], level: str = "nominal") -> float:
    """Krippendorff's alpha of any number of raters, with missing ratings allowed.

    alpha = 1 - observed disagreement / disagreement expected by chance. It is 1 for perfect agreement, 0 for raters who
    might as well have drawn their values at random from all values given, and negative for systematic disagreement.
    Every pair of values that two raters gave to the same unit counts, and a unit weighs as many as it has values.

    Args:
        ratings: one row a rater, one column a unit; None where the rater gave no value.
        level: how the distance of two values is measured. "nominal": equal or not. "ordinal": by the number of ratings
            between them. "interval": the square of their difference. The last two need numbers.

    Returns:
        alpha; nan where all values are the same, since chance would then never disagree.

    Raises:
        LmbookError: rows of different lengths, an unknown level, or no unit with two values.

    Reference:
        Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section D.
    """
    if level not in LEVELS:
        raise LmbookError(f"level={level!r} is not known.", f"Choose one of {', '.join(LEVELS)}.")
    if len({len(row) for row in ratings}) > 1:
        raise LmbookError("The raters' rows have different lengths.", "Give None where a rater left a unit out.")
    units = [[value for value in unit if value is not None] for unit in zip(*ratings, strict=True)]
    units = [unit for unit in units if len(unit) > 1]  # a single value has nothing to agree with
    if not units:
        raise LmbookError("No unit has values of two raters.", "Let at least two raters judge the same units.")
    values = sorted({value for unit in units for value in unit})
    place = {value: index for index, value in enumerate(values)}
    coincidences = np.zeros((len(values), len(values)))  # how often each pair of values met in a unit
    for unit in units:
        counts = np.bincount([place[value] for value in unit], minlength=len(values))
        coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = coincidences.sum(axis=1)
    distances = _distances(values, totals, level)
    expected = (np.outer(totals, totals) * distances).sum() / (totals.sum() - 1)
    return float(1 - (coincidences * distances).sum() / expected) if expected > 0 else float("nan")


def _distances(values: list, totals: np.ndarray, level: str) -> np.ndarray:
    """Squared distances [values, values]."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    # On an ordinal scale the position of a value is the middle of its own uses, when all uses are sorted.
    scale = np.array(values, float) if level == "interval" else np.cumsum(totals) - totals / 2
    return (scale[:, None] - scale[None, :]) ** 2
