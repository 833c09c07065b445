"""Explaining why a decoder chose one word over others of its kind, by several methods, and judging them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy.stats import spearmanr

from lmbook.models.compiled import compiled
from lmbook.models.transformer import CausalLanguageModel
from lmbook.topics.interpretability.attention_maps import self_attention
from lmbook.topics.interpretability.attribution import integrated_gradients, occlusion
from lmbook.topics.interpretability.residual import continue_from


@dataclass(frozen=True)
class Explanation:
    """How much each of the T words before a position contributes to the word there.

    Attributes:
        ids: the words before it, [T].
        word: the one there.
        shares: name of a method -> [T].
        completeness_error: of the integrated gradients, see `Attribution`.
    """

    ids: np.ndarray
    word: int
    shares: dict[str, np.ndarray]
    completeness_error: float
    _prefer: Callable
    _x: np.ndarray
    _baseline: np.ndarray

    def judge(self, method: str) -> tuple[bool, float, float]:
        """Judge a method's explanation; the first position, which opens the text, is left out.

        Returns:
            whether the word with the largest share is one of the places where the word stood before (source); how
            much of the word's lead is lost when it is hidden, in logits (faithful); and the rank correlation of the
            shares with those of occlusion.
        """
        share = self.shares[method][1:]
        first = int(share.argmax()) + 1
        hidden = self._x.copy()
        hidden[first] = self._baseline[first]
        whole, without = self._prefer(tf.constant(np.stack([self._x, hidden]), "float32")).numpy()
        rank = spearmanr(share, self.shares["occlusion"][1:]).statistic
        return bool(self.ids[first] == self.word), float(whole - without), float(rank)


def explain(
    model: CausalLanguageModel,
    ids: Sequence[int],
    place: int,
    others: Sequence[int],
    nothing: np.ndarray,
    *,
    points: int,
    rng: np.random.Generator,
) -> Explanation:
    """Explain the word at a position of one text by the words before it.

    What is explained is the logit of the word minus the mean of those of others of its kind (a contrastive
    explanation): not why a noun follows, but why this one. The methods are the weights of the last block's attention
    (mean of its heads), occlusion, integrated gradients, and chance.

    Args:
        model: a decoder whose embedding has no table of positions.
        ids: the text; its first token opens it and is the same in every text.
        place: of the word.
        others: what might stand there instead.
        nothing: vector [D] that stands for a word that says nothing, as the first block would read it.
        points: of the integrated gradients.
        rng: for chance.

    Reference:
        Yin and Neubig 2022, "Interpreting language models with contrastive explanations".
    """
    word, before = ids[place], np.asarray(ids[:place])
    x = np.asarray(model.embedding(before[None]))[0]
    baseline = np.tile(nothing, (place, 1))
    baseline[0] = x[0]  # the opening token has no information to remove
    contrast = np.zeros(model.config.vocabulary_size, "float32")
    contrast[word], contrast[list(others)] = 1.0, -1.0 / len(others)
    read = compiled(model, "preference", _preference)

    def prefer(x):
        return read(x, contrast)

    smooth, hidden = integrated_gradients(prefer, x, baseline, points=points), occlusion(prefer, x, baseline)
    shares = {
        "attention": self_attention(model, before.tolist())[-1, :, -1].mean(axis=0),
        "occlusion": hidden.values,
        "integrated gradients": smooth.values,
        "chance": rng.random(place),
    }
    return Explanation(before, word, shares, smooth.completeness_error, prefer, x, baseline)


def _preference(get_model):
    width, words = get_model().config.hidden_dim, get_model().config.vocabulary_size

    @tf.function(input_signature=[tf.TensorSpec([None, None, width]), tf.TensorSpec([words])])
    def preference(x, contrast):
        """Vectors [N, T, D] -> the logits after the last of them, weighted by `contrast` and added up, [N]."""
        return tf.linalg.matvec(continue_from(get_model(), x)[:, -1], contrast)

    return preference
