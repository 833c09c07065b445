"""BLEU and chrF of translations, computed by sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import check_texts

TOKENIZERS = ("13a", "zh", "char", "intl", "none")


@dataclass(frozen=True)
class TranslationScore:
    """BLEU and chrF of a set of translations.

    Attributes:
        bleu, chrf: the scores, 0 … 100.
        bleu_signature, chrf_signature: how sacreBLEU computed them, to be reported with them.
        brevity_penalty: the factor, at most 1, by which BLEU was lowered because the translations are too short.
        bleu_margin, chrf_margin: half the width of the 95 % intervals; None where no intervals were asked for.
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
    """Corpus BLEU and chrF by sacreBLEU.

    Args:
        outputs: the translations, one per sentence.
        references: the right translations of each sentence: one text, or several.
        tokenize: how BLEU cuts texts into words: "13a" for languages with spaces, "zh" for Chinese, "char" for single
            characters, "intl" for international punctuation, "none" for texts that are cut at spaces already.
        resamples: number of bootstrap resamples of the sentences for the 95 % intervals; 0 for no intervals.

    Raises:
        LmbookError: there are not as many references as translations, or no translations at all, a sentence has no
            reference, or `tokenize` is not known.

    Reference:
        Papineni et al. 2002, "BLEU"; Popović 2015, "chrF"; Post 2018, "A call for clarity in reporting BLEU scores";
        Koehn 2004, "Statistical significance tests for machine translation evaluation" (the intervals).
    """
    from sacrebleu.metrics import BLEU, CHRF
    from sacrebleu.significance import PairedTest

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

    outputs, metrics = list(outputs), {"bleu": BLEU(tokenize=tokenize, force=tokenize == "none"), "chrf": CHRF()}
    bleu, chrf = (metric.corpus_score(outputs, columns) for metric in metrics.values())
    signatures = [metric.get_signature() for metric in metrics.values()]
    margins = [None, None]
    if resamples > 1:
        # The test of one system against no other gives its intervals. `corpus_score(n_bootstrap=…)` has them too, but
        # fails where a resample has no match at all.
        signature_of, found = PairedTest([("", outputs)], metrics, columns, test_type="bs", n_samples=resamples)()
        signatures = [signature_of[score.name] for score in (bleu, chrf)]
        margins = [float(found[score.name][0].ci) for score in (bleu, chrf)]
    return TranslationScore(bleu.score, chrf.score, *map(str, signatures), bleu.bp, *margins)


def join_pieces(text: str) -> str:
    """Join pieces of words that are marked with "@@ " (subword-nmt) or "▁" (SentencePiece) into words again."""
    if "▁" in text:
        return text.replace(" ", "").replace("▁", " ").strip()
    return text.replace("@@ ", "")
