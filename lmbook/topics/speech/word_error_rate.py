"""Word error rate by jiwer, NIST's alternatives, and the significance of a difference between two rates."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.errors import LmbookError
from lmbook.evaluation.intervals import bootstrap
from lmbook.tokenizers.tokenizer import check_texts

MOST_READINGS = 10_000


@dataclass(frozen=True)
class WordErrors:
    """The fewest changes that turn references into hypotheses.

    Attributes:
        substitutions: words heard as another one.
        deletions: words not heard.
        insertions: words heard that nobody said.
        hits: words heard rightly.
        words: of the references: hits + substitutions + deletions.
        errors: substitutions + deletions + insertions.
        rate: errors / words, the word error rate. It can be above 1, since words can be added without end.
    """

    substitutions: int
    deletions: int
    insertions: int
    hits: int

    @property
    def words(self) -> int:
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        return self.errors / self.words


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> WordErrors:
    """Count the errors of a whole test set: first the sums over all lines, then one rate.

    A word is what stands between white space, compared letter by letter: case and punctuation count, so make both
    sides alike before, if they should not. The mean of the lines' own rates would be another number, in which a word
    of a short line weighs more.

    Args:
        references: what was said, a line for each utterance.
        hypotheses: what was recognised, in the same order; a line may be empty.

    Raises:
        LmbookError: there is no line, the numbers of lines differ, or a reference has no word.
    """
    import jiwer

    check_texts(references, "references")
    check_texts(hypotheses, "hypotheses")
    if len(references) != len(hypotheses) or not references:
        raise LmbookError(
            f"There are {len(references)} references and {len(hypotheses)} hypotheses.",
            "Give one hypothesis for each reference, and at least one.",
        )
    # jiwer cuts at single spaces and would change nothing else by default; so no word is normalised away.
    spaced = [[" ".join(line.split()) for line in lines] for lines in (references, hypotheses)]
    empty = next((number for number, line in enumerate(spaced[0], start=1) if not line), None)
    if empty is not None:
        raise LmbookError(
            f"Reference {empty} has no word, so that it has no error rate.",
            "Leave it out, or transcribe it.",
        )
    counts = jiwer.process_words(*spaced)
    return WordErrors(counts.substitutions, counts.deletions, counts.insertions, counts.hits)


def nearest_reading(reference: str, hypothesis: str) -> str:
    """The reading of a reference with alternatives, `{ a / b c / @ }`, that has the fewest errors: NIST's trn form.

    "@" is for no word. Of readings with equally many errors the first one is taken.

    Raises:
        LmbookError: a brace is not closed, an alternative is empty, or there are more than 10,000 readings.

    Example:
        >>> nearest_reading("THE { INDUSTRY'S / INDUSTRY } SLIDE", "THE INDUSTRY SLID")
        'THE INDUSTRY SLIDE'
    """
    readings = _readings(reference)
    return min(readings, key=lambda reading: word_errors([reading], [hypothesis]).errors)


def _readings(reference: str) -> list[str]:
    """All readings of a reference, in the order of its alternatives."""
    parts = re.split(r"\{([^{}]*)\}", reference)  # plain, choice, plain, …
    choices = [part.split("/") if place % 2 else [part] for place, part in enumerate(parts)]
    number = 1
    for place, choice in enumerate(choices):
        number *= len(choice)
        if any(mark in part for part in choice for mark in "{}") or (place % 2 and not all(map(str.strip, choice))):
            raise LmbookError(
                f"The reference {reference!r} has a broken choice.", 'Write "{ one / other }", and "@" for no word.'
            )
    if number > MOST_READINGS:
        raise LmbookError(
            f"The reference has {number:,} readings, more than {MOST_READINGS:,}.", "Divide it into shorter lines."
        )
    chosen = (" ".join(" ".join(parts).split()) for parts in itertools.product(*choices))
    return [" ".join(word for word in reading.split() if word != "@") for reading in chosen]


def reduction_interval(
    before: Sequence[int], after: Sequence[int], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """The relative reduction of errors, with its interval by the paired bootstrap.

    The utterances are drawn anew, with replacement, and each comes with both of its numbers: what is hard for one way
    is mostly hard for the other, and only the difference counts.

    Args:
        before: errors in each utterance, [U].
        after: errors in the same utterances, [U].
        confidence: of the interval.
        resamples: how often to draw.
        seed: of the draws.

    Returns:
        (1 - after / before, and the ends of its interval); negative where the errors became more.

    Raises:
        LmbookError: the numbers of utterances differ, or there was no error before.

    Reference:
        Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation".
    """
    if len(before) != len(after) or not sum(before):
        raise LmbookError(
            f"{len(before)} and {len(after)} utterances with {sum(before)} errors before have no reduction.",
            "Give the errors of the same utterances, at least one of them before.",
        )
    found = bootstrap(
        lambda before, after: 1 - after.sum() / max(before.sum(), 1),  # a draw may have no error
        before,
        after,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    return found.value, found.low, found.high
