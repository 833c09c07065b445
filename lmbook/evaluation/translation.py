"""BLEU and chrF of translations, computed by sacreBLEU."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import check_texts

TOKENIZERS = ("13a", "zh", "char", "intl", "none")
# Scripts without spaces between words. Of the other letters a run is a word.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d"
_SOUTH_EAST = "\u0e01-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
_UNSPACED = _HAN + _KANA + _SOUTH_EAST


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


def bleu_tokenizer(references: Iterable[str]) -> str:
    """How BLEU should cut translations into words, decided by all references: "13a", "zh" or "char".

    Scripts without spaces decide where they have more signs than the others have words, so that neither a first line
    "OK" nor a quotation does. Of these, Chinese is cut as sacreBLEU cuts it, Japanese and the others into signs.
    """
    han = kana = others = words = 0
    for text in references:
        han += len(re.findall(f"[{_HAN}]", text))
        kana += len(re.findall(f"[{_KANA}]", text))
        others += len(re.findall(f"[{_SOUTH_EAST}]", text))
        words += len(re.findall(rf"[^\W_{_UNSPACED}]+", text))
    if han + kana + others <= words:
        return "13a"
    return "zh" if han > others and 9 * kana < han else "char"


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
