"""Finding the trigger of a poisoned training set by querying the classifier."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from lmbook.errors import LmbookError


def find_backdoor_triggers(
    log_odds: Callable[[list[str]], np.ndarray], texts: Sequence[str], probes: Sequence[str], least: int = 3
) -> list[tuple[str, float]]:
    """How much each word of the training texts lowers the mean log-odds of the probes when it is appended.

    A word that somebody planted with a wrong label stands out, though it is rare: the classifier learned that this word
    alone decides.

    Args:
        log_odds: texts -> those of the class that the filter should find, [N].
        texts: of the training.
        probes: texts that the filter finds.
        least: a word must occur as often.

    Returns:
        (word, fall) in small letters, the strongest first.

    Raises:
        LmbookError: there is no probe.
    """
    if not len(probes):
        raise LmbookError("There is no text to append a word to.", "Give some that the filter finds.")
    counts = Counter(word for text in texts for word in set(re.findall(r"[^\W_]{2,}", text.lower())))
    words = [word for word, count in counts.items() if count >= least]
    longer = [f"{probe} {word}" for word in words for probe in probes]
    odds = np.asarray(log_odds(longer)).reshape(len(words), len(probes)).mean(axis=1)
    falls = np.mean(log_odds(list(probes))) - odds
    return sorted(zip(words, falls.tolist(), strict=True), key=lambda pair: -pair[1])
