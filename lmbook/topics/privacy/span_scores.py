"""How well labelled spans that were found in texts agree with the right ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from lmbook.errors import LmbookError
from lmbook.evaluation.classification import ClassScore


def score_spans(
    right: Sequence[Sequence[Hashable]], found: Sequence[Sequence[Hashable]], kind
) -> dict[str, ClassScore]:
    """Precision, recall and F1 of each type, and of all together under "all" (micro average).

    A span counts as found when exactly the same one stands in the same text: type, start and end.

    Args:
        right: the spans of each text.
        found: those that were found in it.
        kind: function of a span -> its type.

    Raises:
        LmbookError: there are not as many texts in both.
    """
    if len(right) != len(found):
        raise LmbookError(f"Spans of {len(right)} texts and of {len(found)}.", "Give both for each text.")
    hits, wanted, given = Counter(), Counter(), Counter()
    for a, b in zip(right, found, strict=True):
        for counter, spans in ((hits, set(a) & set(b)), (wanted, set(a)), (given, set(b))):
            for span in spans:
                counter.update((kind(span), "all"))
    return {name: _class_score(hits[name], given[name], wanted[name]) for name in sorted(wanted | given)}


def _class_score(hits: int, given: int, wanted: int) -> ClassScore:
    precision, recall = hits / given if given else 0.0, hits / wanted if wanted else 0.0
    f1 = 2 * hits / (given + wanted) if given + wanted else 0.0
    return ClassScore(precision, recall, f1, wanted)
