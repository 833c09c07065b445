"""Batches for models that predict the next token: windows of a text, or whole documents in rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import NumberedBatches, check_ids, padded
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer, check_texts


def text_batches(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    *,
    context: int,
    batch_size: int,
    align: str = "window",
    shuffle: bool = True,
    seed: int = 0,
) -> CausalWindows:
    """The texts' tokens in windows, ready for `fit`.

    Args:
        texts: documents, a list of strings.
        tokenizer: encodes them.
        context, batch_size, align, shuffle, seed: see `CausalWindows`.

    Example:
        data = text_batches(stories, tokenizer, context=64, batch_size=32)
        fit(model, data, steps=1000)

    Raises:
        LmbookError: `texts` is a single string; or as `CausalWindows`.
    """
    check_texts(texts)
    documents = [tokenizer.encode(text) for text in texts]
    return CausalWindows(
        documents, tokenizer, context=context, batch_size=batch_size, align=align, shuffle=shuffle, seed=seed
    )


class CausalWindows(NumberedBatches):
    """Windows of a text with their labels, the text shifted by one token.

    The documents are joined into one stream, `<end> d1 … dn <end> e1 … em <end>`: the token that closes a document
    also opens the next one. A window of T tokens is a piece of the stream, and its labels are the piece one token
    later: a batch is (x int32 [B, T], y int32 [B, T], w float32 [B, T]). Batch k is a pure function of (seed, k), so a
    run that was stopped goes on exactly where it was.

    With `align="window"` the windows lie end to end and cover every label once per epoch; each epoch starts at another
    place of the stream (taken as a ring), so a token does not always stand at the same distance from its window's
    start. With `align="document"` every document's start is a window's start, and a document longer than T goes on in
    further windows, each beginning where the former ended; so each token is seen once with its whole past (up to
    T tokens). Windows run on into the documents that follow. What lies past the end of the stream is padding, with
    weight 0.

    With `shuffle=True` the windows are dealt in another order in each epoch, every window once, and every batch is
    full: a batch may hold the last windows of one epoch and the first of the next. With `shuffle=False` they come in
    the order of the text, and the rows that are missing in an epoch's last batch have weight 0.

    Args:
        documents: lists of ids, without `<end>`. Empty documents are left out.
        tokenizer: its `end_id` closes and opens documents, and its `pad_id` fills what is past the end.
        context: T, tokens in a window.
        batch_size: B, windows in a batch.
        align: "window" or "document".
        shuffle: deal the windows in random order.
        seed: of the order and of the epochs' offsets.

    Attributes:
        tokens: labels in one pass over the stream: every token of the documents and one `<end>` for each.
        windows: windows in an epoch.
        steps_per_epoch: batches in an epoch, rounded up.

    Example:
        >>> data = CausalWindows([[5, 6, 7, 8]], SpecialIds(), context=2, batch_size=1, shuffle=False)
        >>> x, y, w = next(iter(data.dataset()))
        >>> x.numpy().tolist(), y.numpy().tolist(), w.numpy().tolist()
        ([[2, 5]], [[5, 6]], [[1.0, 1.0]])

    Raises:
        LmbookError: there is no token, or fewer than T + 1, or an argument is out of its range.
    """

    def __init__(
        self,
        documents: Sequence[Sequence[int]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        context: int,
        batch_size: int,
        align: str = "window",
        shuffle: bool = True,
        seed: int = 0,
    ):
        if context < 1:
            raise LmbookError(f"context is {context}.", "It must be at least 1 token.")
        if batch_size < 1:
            raise LmbookError(f"batch_size is {batch_size}.", "It must be at least 1.")
        if align not in ("window", "document"):
            raise LmbookError(f"align is {align!r}.", 'Use "window" or "document".')
        check_ids(documents)
        documents = [np.asarray(document, dtype=np.int32) for document in documents if len(document)]
        if not documents:
            raise LmbookError("The text is empty: there is no token to learn from.", "Give a text with some words.")
        end = np.array([tokenizer.end_id], dtype=np.int32)
        stream = np.concatenate([piece for document in documents for piece in (end, document)] + [end])
        if len(stream) < context + 1:
            raise LmbookError(
                f"The text has {len(stream)} tokens (its <end> marks included), but a context of {context} needs at "
                f"least {context + 1}.",
                f"Give a longer text, or a context of at most {len(stream) - 1}.",
            )
        self.context, self.batch_size = context, batch_size
        self.pad_id = tokenizer.pad_id
        self.align, self.shuffle, self.seed = align, shuffle, seed
        self.stream = stream
        self.tokens = len(stream) - 1
        self.starts = self._window_starts([len(document) + 1 for document in documents])
        self.windows = len(self.starts)
        self.steps_per_epoch = -(-self.windows // batch_size)

    def _window_starts(self, lengths: list[int]) -> np.ndarray:
        """Positions in the stream, int64 [windows]; `lengths` counts each document with its opening `<end>`."""
        if self.align == "window":
            return np.arange(0, self.tokens, self.context, dtype=np.int64)
        begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        return np.concatenate(
            [
                np.arange(begin, begin + length, self.context, dtype=np.int64)
                for begin, length in zip(begins, lengths, strict=True)
            ]
        )

    @property
    def description(self) -> str:
        """The batches' settings and the sha256 of the ids they are cut from."""
        settings = {name: getattr(self, name) for name in ("context", "batch_size", "align", "shuffle", "seed")}
        words = ", ".join(f"{name}={json.dumps(value)}" for name, value in settings.items())
        digest = hashlib.sha256(self.stream.tobytes()).hexdigest()
        return f"{self.tokens} tokens with sha256 {digest[:16]}, {words}"

    def _dataset(self, start_step: int, steps: int) -> tf.data.Dataset:
        stream, starts = tf.constant(self.stream), tf.constant(self.starts)
        first = start_step * self.batch_size
        epochs = tf.data.Dataset.range(first // self._rows_per_epoch, tf.int64.max)
        rows = epochs.flat_map(lambda epoch: tf.data.Dataset.from_tensor_slices(self._epoch(epoch)))
        rows = rows.skip(first % self._rows_per_epoch).take(steps * self.batch_size)
        batches = rows.batch(self.batch_size, drop_remainder=True)
        return batches.map(
            lambda window, offset: self._batch(window, offset, stream, starts), num_parallel_calls=2, deterministic=True
        )

    @property
    def _rows_per_epoch(self) -> int:
        return self.windows if self.shuffle else self.steps_per_epoch * self.batch_size

    def _epoch(self, epoch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The epoch's windows in their order and, for each, the place in the stream where the epoch begins."""
        window, offset = tf.range(self._rows_per_epoch, dtype=tf.int64), tf.constant(0, tf.int64)
        if self.shuffle:
            seed = tf.stack([tf.constant(self.seed, tf.int64), epoch])
            window = tf.random.experimental.stateless_shuffle(window, seed)
            if self.align == "window":
                offset = tf.random.stateless_uniform([], -1 - seed, maxval=self.tokens, dtype=tf.int64)
        return window, tf.fill(tf.shape(window), offset)

    def _batch(
        self, window: tf.Tensor, offset: tf.Tensor, stream: tf.Tensor, starts: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Windows [B] and offsets [B] to (x, y, w), each [B, T]."""
        exists = window < self.windows
        start = tf.gather(starts, tf.minimum(window, self.windows - 1))
        position = start[:, None] + tf.range(self.context, dtype=tf.int64)
        real = exists[:, None] & (position < self.tokens)
        place = (position + offset[:, None]) % self.tokens
        x = tf.where(real, tf.gather(stream, place), self.pad_id)
        y = tf.where(real, tf.gather(stream, place + 1), self.pad_id)
        return x, y, tf.cast(real, tf.float32)


def document_rows(
    documents: Sequence[Sequence[int]], tokenizer: Tokenizer | SpecialIds, width: int, *, closed: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each document in a row of its own, in the order given: `<end> d1 … dn` with the labels `d1 … dn <end>`.

    Args:
        documents: lists of ids, without `<end>`.
        tokenizer: its `end_id` opens and closes a document, and its `pad_id` fills up the row.
        width: T, of a row.
        closed: the `<end>` after a document is one of its labels; False: it is left out of both.

    Returns:
        x int32, y int32 and w float32, [N, T]; w is 0 where there is only padding.

    Raises:
        LmbookError: a document is too long.
    """
    check_ids(documents)
    longest = max(map(len, documents), default=0) + int(closed)
    if longest > width:
        what = f"{longest - 1} tokens and its <end> do" if closed else f"{longest} tokens does"
        raise LmbookError(f"A document of {what} not fit in a row of {width}.", f"Take width={longest}.")
    end, pad = tokenizer.end_id, tokenizer.pad_id
    labels = [[*document, end] if closed else list(document) for document in documents]
    x = padded([[end, *row[:-1]] if row else [] for row in labels], width, pad)
    return x, padded(labels, width, pad), padded([[1.0] * len(row) for row in labels], width, 0.0, np.float32)


def padded_documents(
    documents: Sequence[Sequence[int]],
    tokenizer: Tokenizer | SpecialIds,
    batch_size: int,
    *,
    closed: bool = True,
    multiple_of: int = 1,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`document_rows` in batches, the longest first and each with neighbours of about its length.

    Args:
        documents: lists of ids, without `<end>`. Empty documents are left out.
        tokenizer, closed: as in `document_rows`.
        batch_size: B, rows in a batch; the last batch may have fewer.
        multiple_of: widths are rounded up to a multiple of this, so that a compiled model meets few shapes.

    Returns:
        batches (x int32 [B, T], y int32 [B, T], w float32 [B, T]); T is the batch's longest row, rounded up.

    Raises:
        LmbookError: there is no token at all.
    """
    check_ids(documents)
    documents = sorted((document for document in documents if len(document)), key=len, reverse=True)
    if not documents:
        raise LmbookError("The text is empty: there is no token to score.", "Give a text with some words.")
    batches = []
    for first in range(0, len(documents), batch_size):
        rows = documents[first : first + batch_size]
        width = -(-(len(rows[0]) + int(closed)) // multiple_of) * multiple_of
        batches.append(document_rows(rows, tokenizer, width, closed=closed))
    return batches


def spans(tokens: int, longest: int, lead_in: int) -> list[tuple[int, int, int]]:
    """Where to cut a text for a reader that takes in at most `longest` tokens.

    Every token counts in one piece. A piece after the first begins `lead_in` tokens before those that count in it, so
    that these have a past.

    Args:
        tokens: of the text.
        longest: of a piece, lead-in and all.
        lead_in: less than `longest`.

    Returns:
        (first, counted, last) of each piece: it is [first, last), and counts from `counted` on.
    """
    pieces = [(0, 0, min(tokens, longest))]
    while (counted := pieces[-1][2]) < tokens:
        first = counted - lead_in
        pieces.append((first, counted, min(tokens, first + longest)))
    return pieces
