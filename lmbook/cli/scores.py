"""How the scores of a classifier and of a translator are printed, by whichever command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lmbook.console import note, show

if TYPE_CHECKING:
    from lmbook.evaluation.classification import ClassificationScore
    from lmbook.evaluation.translation import TranslationScore
    from lmbook.recipes.text_classifier import ClassifierTest


def show_classification(tested: ClassifierTest, baseline: ClassificationScore | None = None) -> None:
    """Print what a classifier did, in brackets what another did."""
    score = tested.score
    accuracy, f1 = ("", "") if baseline is None else (f" ({baseline.accuracy:.3f})", f" ({baseline.macro.f1:.3f})")
    print(f"  accuracy {score.accuracy:.3f}{accuracy}, 95 % {score.low:.3f} to {score.high:.3f}")
    print(f"  macro F1 {score.macro.f1:.3f}{f1}")
    for label, one in score.classes.items():
        show(
            f"  {label}: precision {one.precision:.3f}, recall {one.recall:.3f}, F1 {one.f1:.3f}, {one.examples} texts"
        )
    if tested.calibration is not None:
        print(f"  expected calibration error {tested.calibration.error:.3f}")


def show_translation(score: TranslationScore) -> None:
    """Print BLEU and chrF with their intervals."""
    print(f"BLEU {score.bleu:.1f} ± {score.bleu_margin:.1f} ({score.bleu_signature}),")
    print(f"chrF {score.chrf:.1f} ± {score.chrf_margin:.1f}; the margins are 95 % intervals over the sentences.")


def advise_if_empty(translations: Sequence[str]) -> None:
    """Say what helps where a model writes nothing at all."""
    if translations and not any(text.strip() for text in translations):
        note(
            "Every translation is empty: the model has learned too little to write. "
            "Train longer (lmbook train … --minutes 30), and on more pairs."
        )
