"""Scores of translations: BLEU and chrF by sacreBLEU."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import check_texts

TOKENIZERS = ("13a", "zh", "char", "intl", "none")


@dataclass(frozen=True)
class TranslationScore:
    """BLEU and chrF, each 0 … 100, with the signatures that say how they were computed.

    `bleu_margin` and `chrf_margin` are half the width of the 95 % intervals; None where none were asked for.
    """

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str
    brevity_penalty: float
    bleu_margin: float | None = None
    chrf_margin: float | None = None


def score_translations(
    outputs: Sequence[str], references: Sequence[str | Sequence[str]], tokenize: str = "13a", resamples: int = 0
) -> TranslationScore:
    """BLEU and chrF of a whole text, by sacreBLEU.

    Args:
        outputs: a translation for each sentence.
        references: what it should be: a text, or several right ones.
        tokenize: how BLEU cuts texts into words: "13a" for languages with spaces, "zh" for Chinese, "none" for texts
            that are cut already, at spaces.

    Raises:
        LmbookError: the numbers differ, there is none, a sentence has no reference, or `tokenize` is not known.

    Reference:
        Papineni et al. 2002, "BLEU"; Popović 2015, "chrF"; Post 2018, "A call for clarity in reporting BLEU scores";
        Koehn 2004, "Statistical significance tests for machine translation evaluation" (the intervals).
    """
    from sacrebleu.metrics import BLEU, CHRF

    check_texts(outputs, "outputs")
    check_texts(references, "references")
    if len(outputs) != len(references) or not outputs:
        raise LmbookError(
            f"There are {len(outputs)} translations and {len(references)} references.",
            "Give one reference (or a list of them) for each translation, and at least one.",
        )
    if tokenize not in TOKENIZERS:
        raise LmbookError(f"tokenize={tokenize!r} is not known.", f"Choose one of {', '.join(TOKENIZERS)}.")
    several = [[right] if isinstance(right, str) else list(right) for right in references]
    without = next((number for number, right in enumerate(several) if not right), None)
    if without is not None:
        raise LmbookError(f"Sentence {without} has no reference.", "Give at least one for each sentence.")
    # sacreBLEU wants columns: the first reference of each sentence, then the second, …, None where there is none.
    columns = [[right[n] if n < len(right) else None for right in several] for n in range(max(map(len, several)))]

    class Floats:
        """The score of a resample is NumPy's number or, where nothing matches, Python's: no mean is taken of both."""

        def _compute_score_from_stats(self, stats):
            found = super()._compute_score_from_stats(stats)
            found.score = float(found.score)
            return found

    bleu, chrf = type("BLEU", (Floats, BLEU), {})(tokenize=tokenize), type("CHRF", (Floats, CHRF), {})()
    b, c = (metric.corpus_score(list(outputs), columns, n_bootstrap=max(1, resamples)) for metric in (bleu, chrf))
    signatures = str(bleu.get_signature()), str(chrf.get_signature())
    told = [json.loads(one.format(signature=s, is_json=True)) for one, s in zip((b, c), signatures, strict=True)]
    # It does not tell the interval of a score that is 0 in all resamples.
    bleu_margin, chrf_margin = (float(one.get("confidence_var", 0)) if resamples > 1 else None for one in told)
    return TranslationScore(b.score, c.score, *signatures, b.bp, bleu_margin, chrf_margin)


def join_pieces(text: str) -> str:
    """Words from byte pairs that are marked with "@@ " (subword-nmt) or "▁" (SentencePiece)."""
    if "▁" in text:
        return text.replace(" ", "").replace("▁", " ").strip()
    return text.replace("@@ ", "")
