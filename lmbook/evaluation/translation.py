"""Scores of translations: BLEU and chrF by sacreBLEU, and what a model's next-token accuracy is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.decoding.compiled import compiled
from lmbook.errors import LmbookError
from lmbook.training.feeding import quick_to_end
from lmbook.training.step import token_losses

TOKENIZERS = ("13a", "zh", "char", "intl", "none")


@dataclass(frozen=True)
class TranslationScore:
    """BLEU and chrF, each 0 … 100, with the signatures that say how they were computed."""

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str
    brevity_penalty: float


def score_translations(
    outputs: Sequence[str], references: Sequence[str | Sequence[str]], tokenize: str = "13a"
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
        Papineni et al. 2002, "BLEU"; Popović 2015, "chrF"; Post 2018, "A call for clarity in reporting BLEU scores".
    """
    from sacrebleu.metrics import BLEU, CHRF

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
    bleu, chrf = BLEU(tokenize=tokenize), CHRF()
    b, c = bleu.corpus_score(list(outputs), columns), chrf.corpus_score(list(outputs), columns)
    return TranslationScore(b.score, c.score, str(bleu.get_signature()), str(chrf.get_signature()), b.bp)


def join_pieces(text: str) -> str:
    """Words from byte pairs that are marked with "@@ " (subword-nmt) or "▁" (SentencePiece)."""
    if "▁" in text:
        return text.replace(" ", "").replace("▁", " ").strip()
    return text.replace("@@ ", "")


@dataclass(frozen=True)
class NextTokenScore:
    """What a model says of the right translation, each token predicted from the right ones before it.

    Args:
        nats_per_token: cross-entropy of the real tokens.
        accuracy: share of the real tokens that are the likeliest.
        unmasked_accuracy: the same, padding counted as right where the model predicts padding: a number without
            meaning that many programs print.
        tokens: real tokens.
    """

    nats_per_token: float
    accuracy: float
    unmasked_accuracy: float
    tokens: int


def score_next_tokens(model: keras.Model, data) -> NextTokenScore:
    """Score one epoch of a `SentencePairs`; each padded position counts for `unmasked_accuracy` alone."""
    score = compiled(model, "next_tokens", _scorer)
    sums = np.zeros(5)
    for x, y, w in quick_to_end(data.dataset()):
        sums += score(x, y, w).numpy()
    loss, right, tokens, unmasked, positions = sums
    return NextTokenScore(loss / tokens, right / tokens, unmasked / positions, int(tokens))


def _scorer(get_model):
    @tf.function(reduce_retracing=True)
    def score(x, y, w):
        logits = get_model()(x, training=False)
        right = tf.cast(tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), y), tf.float32)
        rows = tf.reduce_max(w, axis=1, keepdims=True)  # rows that only fill up a batch count for nothing
        losses = token_losses(y, logits)
        return tf.stack([tf.reduce_sum(v) for v in (losses * w, right * w, w, right * rows, tf.ones_like(w) * rows)])

    return score
