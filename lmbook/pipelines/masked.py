"""Batches for masked language models, which predict hidden tokens (BERT)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import NumberedBatches, check_ids, padded
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer


class MaskedTokens(NumberedBatches):
    """Rows of a text in which some tokens are hidden, with the tokens that stood there.

    A row is `<first> d1 … dn <end>`, filled up with padding. A document that is longer than a row is cut into rows of
    about the same length. In each row a share of the tokens is chosen (rounded, at least one), never a special one.
    Of the chosen, most are replaced by the mask, some by a random token, and the rest stay: where no mask is, the
    model cannot know whether the token is right, and so keeps track of every token. Only chosen places count. A batch
    is (x int32 [B, T], the text with hidden tokens; y int32 [B, T], the text; w float32 [B, T], 1 where a token was
    chosen).

    With `shuffle=True` the rows are dealt in another order in each epoch, and each time other tokens are hidden
    (Liu et al. 2019, "RoBERTa", section 4.1). With `shuffle=False` they come in order, and the rows that are missing in
    an epoch's last batch hold nothing. Batch k is a pure function of (seed, k), in both cases.

    Args:
        documents: lists of ids, without special ones at their ends. Empty documents are left out.
        tokenizer: its `first_id` and `end_id` open and close a row, and its `pad_id` fills it up. Its special tokens
            are never hidden and never drawn.
        context: T, tokens in a row, `<first>` and `<end>` included.
        batch_size: B, rows in a batch.
        vocabulary_size: random tokens are drawn from the ids below it that are not special; None: the tokenizer's.
        mask_id: the id that hides a token; a tokenizer without one leaves `vocabulary_size` for it, and the model then
            has one token more.
        special_ids: further ids that are never hidden and never drawn.
        mask_selection_rate: the share of tokens that is chosen.
        mask_token_rate, random_token_rate: the shares of those that become the mask, or a random token.
        shuffle: deal the rows in random order.
        seed: of the order and of what is hidden.

    Attributes:
        rows: rows in an epoch.
        tokens: tokens of all documents.
        steps_per_epoch: batches in an epoch, rounded up.

    Example:
        >>> settings = {"context": 4, "batch_size": 1, "vocabulary_size": 9, "mask_id": 9}
        >>> rates = {"mask_selection_rate": 1.0, "mask_token_rate": 1.0, "random_token_rate": 0.0}
        >>> data = MaskedTokens([[5, 6]], SpecialIds(), **settings, **rates)
        >>> x, y, w = next(iter(data.dataset()))
        >>> x.numpy().tolist(), y.numpy().tolist(), w.numpy().tolist()
        ([[2, 9, 9, 2]], [[2, 5, 6, 2]], [[0.0, 1.0, 1.0, 0.0]])

    Raises:
        LmbookError: there is no token, or an argument is out of its range.

    Reference:
        Devlin et al. 2019, "BERT: pre-training of deep bidirectional Transformers", section 3.1 and appendix A.1.
    """

    def __init__(
        self,
        documents: Sequence[Sequence[int]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        context: int,
        batch_size: int,
        vocabulary_size: int | None = None,
        mask_id: int,
        special_ids: Sequence[int] = (),
        mask_selection_rate: float = 0.15,
        mask_token_rate: float = 0.8,
        random_token_rate: float = 0.1,
        shuffle: bool = True,
        seed: int = 0,
    ):
        if context < 3:
            raise LmbookError(f"context is {context}.", "It must be at least 3: a token between <first> and <end>.")
        if batch_size < 1:
            raise LmbookError(f"batch_size is {batch_size}.", "It must be at least 1.")
        if not 0 < mask_selection_rate <= 1:
            raise LmbookError(
                f"mask_selection_rate is {mask_selection_rate}.", "It must be a share in (0, 1]; 0.15 is usual."
            )
        if not (mask_token_rate >= 0 and random_token_rate >= 0 and mask_token_rate + random_token_rate <= 1):
            raise LmbookError(
                f"mask_token_rate is {mask_token_rate} and random_token_rate {random_token_rate}.",
                "They are shares of at most 1 together.",
            )
        vocabulary_size = tokenizer.vocabulary_size if vocabulary_size is None else vocabulary_size
        first, end, pad = tokenizer.first_id, tokenizer.end_id, tokenizer.pad_id
        special = {pad, tokenizer.unknown_id, first, end, mask_id, *special_ids}
        self._words = np.setdiff1d(np.arange(vocabulary_size), list(special)).astype(np.int32)
        check_ids(documents)
        documents = [np.asarray(document, np.int32) for document in documents if len(document)]
        if not documents or not len(self._words):
            raise LmbookError("The text or its vocabulary is empty: there is nothing to hide.", "Give another text.")
        pieces = [p for d in documents for p in np.array_split(d, -(-len(d) // (context - 2)))]
        rows = [[first, *piece, end] for piece in pieces]
        self._ids = padded([*rows, []], context, pad)  # the last row holds nothing
        self._special = np.array(sorted(special))
        self._masking = mask_id, mask_selection_rate, mask_token_rate, random_token_rate
        self.context, self.batch_size, self.shuffle, self.seed = context, batch_size, shuffle, seed
        self.rows, self.tokens = len(pieces), sum(map(len, documents))
        self.steps_per_epoch = -(-self.rows // batch_size)
        ids, weights = (tf.TensorSpec([batch_size, context], kind) for kind in (tf.int32, tf.float32))
        self.signature = ids, ids, weights

    @property
    def description(self) -> str:
        """The batches' settings and the sha256 of the rows."""
        digest = hashlib.sha256(self._ids.tobytes() + self._words.tobytes()).hexdigest()[:16]
        settings = f"{self._masking=}, {self.batch_size=}, {self.shuffle=}, {self.seed=}"
        return f"{self.rows} rows of {self.context} with sha256 {digest}, {settings}"

    def _batches(self, start_step: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        per_epoch = self.rows if self.shuffle else self.steps_per_epoch * self.batch_size
        known, order = -1, np.arange(per_epoch)
        for step in range(start_step, start_step + steps):
            chosen = []
            for number in range(step * self.batch_size, (step + 1) * self.batch_size):
                epoch, place = divmod(number, per_epoch)
                if self.shuffle and epoch != known:
                    known, order = epoch, _random(self.seed, 0, epoch).permutation(per_epoch)
                chosen.append(min(order[place], self.rows))
            yield self._hide(self._ids[chosen], _random(self.seed, 1, step))

    def _hide(self, ids: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Rows [B, T] -> (x, y, w), each [B, T]."""
        mask_id, selected, masked, replaced = self._masking
        ordinary = ~np.isin(ids, self._special)
        count = np.maximum(np.round(selected * ordinary.sum(axis=1, keepdims=True)), 1)
        lots = np.where(ordinary, rng.random(ids.shape), 2.0)
        chosen = (lots.argsort(axis=1).argsort(axis=1) < count) & ordinary  # those with the lowest lots
        fate = rng.random(ids.shape)
        x = np.where(chosen & (fate < masked + replaced), rng.choice(self._words, ids.shape), ids)
        x = np.where(chosen & (fate < masked), np.int32(mask_id), x)
        return x, ids, chosen.astype(np.float32)


def _random(*seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))
