"""Tokenizers whose special ids are not 0, 1 and 2, to find what takes these for granted.

"moved" has its special tokens in the midst of the others, and 0 is an ordinary token. "gpt2_like" has one special
token, the last, which is padding, unknown and end at once. A text keeps its meaning when its ids are renumbered, so
batches are the renumbered ones, figures the same, and texts that a model writes the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer

USUAL = SpecialIds()
KINDS = {
    "moved": lambda V: SpecialIds(pad_id=7, unknown_id=3, end_id=5),
    "gpt2_like": lambda V: SpecialIds(pad_id=V - 3, unknown_id=V - 3, end_id=V - 3),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@dataclass(frozen=True)
class Renumbering:
    """How the ids of a usual vocabulary of V tokens are renumbered.

    Attributes:
        special: the new special ids.
        new: [V], the new id of each usual one.
        old: [V'], the usual id of each new one; V' < V where several become one.
    """

    special: SpecialIds
    new: np.ndarray
    old: np.ndarray

    def __call__(self, ids):
        """Lists of ids, or an array of them, renumbered."""
        if isinstance(ids, np.ndarray):
            return self.new[ids].astype(ids.dtype)
        if isinstance(ids, (int, np.integer)):
            return int(self.new[ids])
        return type(ids)(self(id) for id in ids)

    @property
    def vocabulary_size(self) -> int:
        return len(self.old)


def renumbering(kind: str, vocabulary_size: int) -> Renumbering:
    """Ordinary tokens keep their order, so that what is drawn among them is drawn alike."""
    special = KINDS[kind](vocabulary_size)
    taken = {special.pad_id: 0, special.unknown_id: 1, special.end_id: 2}  # the end's last: its name is the one kept
    size = vocabulary_size - 3 + len(taken)
    old, ordinary = np.zeros(size, int), iter(range(3, vocabulary_size))
    for id in range(size):
        old[id] = taken[id] if id in taken else next(ordinary)
    new = np.zeros(vocabulary_size, int)
    new[old] = np.arange(size)
    new[:3] = special.pad_id, special.unknown_id, special.end_id
    return Renumbering(special, new, old)


class RenumberedTokenizer(Tokenizer):
    """Another tokenizer with other ids."""

    kind = "renumbered"

    def __init__(self, tokenizer: Tokenizer, kind: str):
        self.ids, self._tokenizer = renumbering(kind, tokenizer.vocabulary_size), tokenizer
        super().__init__([tokenizer.tokens[id] for id in self.ids.old])
        self.pad_id, self.unknown_id, self.end_id = (
            getattr(self.ids.special, name) for name in ("pad_id", "unknown_id", "end_id")
        )

    def encode(self, text):
        return self.ids(self._tokenizer.encode(text))

    def decode(self, ids):
        return self._tokenizer.decode([int(self.ids.old[id]) for id in ids])

    def normalize(self, text):
        return self._tokenizer.normalize(text)


class RenumberedModel:
    """A language model, with or without a source, that reads and writes renumbered ids.

    What is no text is impossible for it, so that its probabilities are the same whatever special tokens there are.

    Args:
        model: with the usual ids, and of a config with their number.
        ids: a `Renumbering`; None: the ids stay.
    """

    def __init__(self, model, ids: Renumbering | None = None):
        import tensorflow as tf

        V = model.config.vocabulary_size
        self._model, self._pad_id = model, 0 if ids is None else ids.special.pad_id
        self._old = tf.constant(np.arange(V) if ids is None else ids.old, tf.int32)
        self._impossible = tf.constant([-1e9, -1e9] + [0.0] * (V - 2))
        self.config, self.distribute_strategy = model.config, tf.distribute.get_strategy()

    def __call__(self, inputs, training=False):
        if isinstance(inputs, tuple):
            return self._written(self._model((self._source(inputs[0]), self._read(inputs[1])), training=training))
        return self._written(self._model(self._read(inputs), training=training))

    def initial_state(self, batch_size, *source, **options):
        return self._model.initial_state(batch_size, *map(self._source, source), **options)

    def step(self, ids, state):
        logits, state = self._model.step(self._read(ids), state)
        return self._written(logits), state

    def _read(self, ids):
        import tensorflow as tf

        return tf.gather(self._old, ids)

    def _source(self, ids):
        """As the model reads it, which knows its own padding."""
        import tensorflow as tf

        return tf.where(ids == self._pad_id, 0, self._read(ids))

    def _written(self, logits):
        import tensorflow as tf

        return tf.gather(tf.cast(logits, tf.float32) + self._impossible, self._old, axis=-1)
