"""A statistical watermark: whoever has the key can tell that a model wrote a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from lmbook.errors import LmbookError


@dataclass(frozen=True)
class Watermark:
    """Splits the vocabulary anew after each token: a share of it is green, drawn by the token before and the key.

    Args:
        vocabulary_size: V.
        key: whoever knows it can detect the watermark, and forge it.
        green_share: gamma, the share of the vocabulary that is green.
        strength: delta, added to the logits of green tokens.
        first_token: of the vocabulary that takes part; special tokens before it are never green.

    Raises:
        LmbookError: a value is out of its range.

    Reference:
        Kirchenbauer et al. 2023, "A watermark for large language models", algorithm 2.
    """

    vocabulary_size: int
    key: int = 0
    green_share: float = 0.5
    strength: float = 2.0
    first_token: int = 3

    def __post_init__(self):
        if not 0 < self.green_share < 1:
            raise LmbookError(
                f"green_share is {self.green_share}.", "It must be between 0 and 1; 0.25 or 0.5 is usual."
            )
        if self.strength < 0 or not self.vocabulary_size > self.first_token:
            raise LmbookError(
                f"strength is {self.strength}, vocabulary_size {self.vocabulary_size}.", "2 and some hundred are usual."
            )

    def green(self) -> np.ndarray:
        """bool [V, V]: row u says which tokens are green after token u."""
        rng = np.random.Generator(np.random.PCG64([self.key, self.vocabulary_size]))
        size = self.vocabulary_size - self.first_token
        order = np.argsort(rng.random((self.vocabulary_size, size)), axis=1)
        table = np.zeros((self.vocabulary_size, self.vocabulary_size), bool)
        np.put_along_axis(table, self.first_token + order[:, : round(self.green_share * size)], True, axis=1)
        return table

    def z_score(self, ids: Sequence[int]) -> float:
        """How many standard deviations the green tokens of a text are above their share by chance.

        Each pair of neighbours counts once however often it stands there: what repeats proves nothing new.

        Raises:
            LmbookError: an id is not in the vocabulary.
        """
        return self.z_scores([ids])[0]

    def z_scores(self, texts: Sequence[Sequence[int]]) -> list[float]:
        """`z_score` of each text."""
        table, found = self.green(), []
        for ids in texts:
            ids = np.asarray(ids, int)
            if len(ids) and (ids.min() < 0 or ids.max() >= self.vocabulary_size):
                raise LmbookError(
                    f"An id is {ids.max()}, the watermark is for {self.vocabulary_size} tokens.",
                    "Encode the text with the tokenizer of the model that may have written it.",
                )
            real = [(a, b) for a, b in zip(ids, ids[1:], strict=False) if b >= self.first_token]
            pairs = np.array(sorted(set(real)), int).reshape(-1, 2)
            n, hits, share = len(pairs), int(table[pairs[:, 0], pairs[:, 1]].sum()), self.green_share
            found.append((hits - share * n) / math.sqrt(share * (1 - share) * n) if n else 0.0)
        return found


def detected(
    watermark: Watermark,
    texts: Sequence[Sequence[int]],
    others: Sequence[Sequence[int]],
    false_alarms: float = 0.01,
) -> float:
    """The share of texts whose z-score is above the one that this share of the `others`, without watermark, passes."""
    threshold = np.quantile(watermark.z_scores(others), 1 - false_alarms)
    return float((np.array(watermark.z_scores(texts)) > threshold).mean())


def words_replaced(texts: Sequence[Sequence[int]], share: float, pool: Sequence[int], seed: int = 0) -> list[list[int]]:
    """The texts with about this share of their tokens replaced by some of the pool."""
    rng = np.random.default_rng(seed)
    pool = np.asarray(pool)
    return [np.where(rng.random(len(row)) < share, rng.choice(pool, len(row)), row).tolist() for row in texts]


class Watermarked(keras.Model):
    """A language model whose texts carry a watermark, however they are decoded.

    Args:
        model: any language model of the book.
        watermark: for its vocabulary.

    Example:
        marked = Watermarked(model, Watermark(tokenizer.vocabulary_size))
        ids = generate(marked, [[tokenizer.end_id]], max_new_tokens=200)[0]
    """

    def __init__(self, model: keras.Model, watermark: Watermark, **kwargs):
        super().__init__(**kwargs)
        self.model, self.config = model, model.config
        self.jit_compile_decoding = getattr(model, "jit_compile_decoding", False)
        self._added = ops.convert_to_tensor(watermark.green() * np.float32(watermark.strength))
        self.built = True

    def call(self, ids, training=False):
        """ids [B, T] -> logits [B, T, V]."""
        return self.model(ids, training=training) + ops.take(self._added, ids, axis=0)

    def initial_state(self, batch_size: int, **options):
        """As the model's."""
        return self.model.initial_state(batch_size, **options)

    def step(self, ids, state):
        """As the model's, with what is added to the logits of green tokens."""
        logits, state = self.model.step(ids, state)
        return logits + ops.take(self._added, ids, axis=0), state
