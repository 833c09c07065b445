"""ROUGE: overlap of a summary or another long answer with a reference, by the rouge-score package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import check_texts


@dataclass(frozen=True)
class Overlap:
    """The overlap of two texts.

    Attributes:
        precision: share of the output's words (pairs of words, …) that the reference has too.
        recall: share of the reference's that the output has.
        f1: harmonic mean of the two.
    """

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class RougeScore:
    """Means over all texts: of single words, of pairs of neighbours, and of the longest common subsequence."""

    rouge_1: Overlap
    rouge_2: Overlap
    rouge_l: Overlap


def rouge(outputs: Sequence[str], references: Sequence[str]) -> RougeScore:
    """ROUGE-1, ROUGE-2 and ROUGE-L, each the mean over the texts, without stemming.

    The package takes words of ASCII letters and digits in lower case and leaves out everything else: with
    texts in other scripts it counts nothing, and is of no use.

    Args:
        outputs: texts to score.
        references: what each should be.

    Raises:
        LmbookError: the numbers differ, there is none, or a reference has no word that ROUGE sees.

    Reference:
        Lin 2004, "ROUGE: a package for automatic evaluation of summaries", equations 1 to 4.
    """
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenize import tokenize

    check_texts(outputs, "outputs")
    check_texts(references, "references")
    if len(outputs) != len(references) or not outputs:
        raise LmbookError(
            f"There are {len(outputs)} outputs and {len(references)} references.",
            "Give one reference for each output, and at least one.",
        )
    for number, reference in enumerate(references, start=1):
        if not tokenize(reference, None):
            raise LmbookError(
                f"Reference {number} has no word of ASCII letters or digits: {reference[:40]!r}.",
                "ROUGE sees nothing else; take chrF for other scripts.",
            )
    names = ("rouge1", "rouge2", "rougeL")
    scorer = RougeScorer(names)
    scores = [scorer.score(reference, output) for output, reference in zip(outputs, references, strict=True)]

    def mean(name: str) -> Overlap:
        columns = zip(*(score[name] for score in scores), strict=True)
        return Overlap(*(sum(column) / len(scores) for column in columns))

    return RougeScore(*map(mean, names))
