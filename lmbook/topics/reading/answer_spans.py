"""Batches of questions with the texts that contain their answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import IDS
from lmbook.pipelines.buckets import BucketedBatches, Column
from lmbook.pipelines.packing import pack
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer

NO_ANSWER = (0, 0)  # the row's first token, which is no word of the text


class AnswerSpans(BucketedBatches):
    """Rows `<first> question <end> text <end>` and where in them the answer begins and ends.

    A row that is too long loses the end of its text. A question without an answer has the first token of its row for
    one (Devlin et al. 2019, section 4.3). A batch is ((ids int32 [B, W], segments int32 [B, W]), y int32 [B, 2], w
    float32 [B, 2]): y has the first and the last token of the answer, and w is 0 where a row only fills up the batch.

    Args:
        questions: ids of each question, without special ones.
        texts: ids of the text that it is asked about.
        spans: (first, last) token of the answer in the text, counted from 0; None: the text has no answer.
        tokenizer: its `first_id` opens a row, its `end_id` closes both parts, and its `pad_id` fills it up.
        tokens_per_batch: positions of a batch, padding included.
        widths: of the rows, rising.
        seed: of the order.

    Attributes:
        starts: where each row's text begins; [N].
        lengths: how many tokens of each text are left; [N].
        lost: how many answers went with the end of a text; such a row is given, with weight 0.
        steps_per_epoch, batch_size, context: see `BucketedBatches`.

    Example:
        >>> data = AnswerSpans([[5]], [[6, 7, 8]], [(1, 2)], SpecialIds(), tokens_per_batch=8, widths=(8,))
        >>> (ids, segments), y, w = next(iter(data.dataset()))
        >>> ids.numpy().tolist(), segments.numpy().tolist(), y.numpy().tolist()
        ([[2, 5, 2, 6, 7, 8, 2, 0]], [[0, 0, 0, 1, 1, 1, 1, 0]], [[4, 5]])

    Raises:
        LmbookError: there is no question, not one text and answer for each, or an answer is not in its text.
    """

    signature = ((IDS, IDS), tf.TensorSpec([None, 2], tf.int32), tf.TensorSpec([None, 2], tf.float32))

    def __init__(
        self,
        questions: Sequence[Sequence[int]],
        texts: Sequence[Sequence[int]],
        spans: Sequence[tuple[int, int] | None],
        tokenizer: Tokenizer | SpecialIds,
        *,
        tokens_per_batch: int,
        widths: Sequence[int],
        seed: int = 0,
    ):
        if not len(questions) == len(texts) == len(spans) or not len(questions):
            raise LmbookError(
                f"There are {len(questions)} questions, {len(texts)} texts and {len(spans)} answers.",
                "Give one of each for every question.",
            )
        for number, (text, span) in enumerate(zip(texts, spans, strict=True)):
            if span is not None and not 0 <= span[0] <= span[1] < len(text):
                raise LmbookError(
                    f"The answer {span} of question {number} is not in its text of {len(text)} tokens.",
                    "Give the first and the last token of the answer, counted from 0.",
                )
        ids, segments = pack(questions, tokenizer, texts, length=widths[-1])
        self.starts = np.argmax(segments == 1, axis=1)
        self.lengths = segments.sum(axis=1) - 1
        labels, weights = np.zeros((len(ids), 2), np.int32), np.ones((len(ids), 2), np.float32)
        for row, span in enumerate(spans):
            labels[row] = NO_ANSWER if span is None else np.add(span, self.starts[row])
            if span is not None and span[1] >= self.lengths[row]:
                labels[row], weights[row] = NO_ANSWER, 0.0
        self.lost = int((weights[:, 0] == 0).sum())
        used = self.starts + self.lengths + 1
        columns = [
            Column([row[:length] for row, length in zip(ids, used, strict=True)], tokenizer.pad_id),
            Column([row[:length] for row, length in zip(segments, used, strict=True)], 0),
            Column(labels, 0, fixed=True),
            Column(weights, 0.0, np.float32, fixed=True),
        ]
        super().__init__(columns, used, widths=widths, tokens_per_batch=tokens_per_batch, seed=seed)

    @property
    def description(self) -> str:
        """The settings and the sha256 of the rows, to tell this data from other data."""
        return f"{len(self.starts)} questions with sha256 {self._digest()}, {self.tokens_per_batch=}, {self.seed=}"

    def each(self, function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[np.ndarray]:
        """What `function` makes of every row, in their order: (ids, segments) [B, W] -> [B, …] gives N arrays […]."""
        return self._each(function, columns=(0, 1))

    def _arrange(self, ids, segments, labels, weights):
        return (ids, segments), labels, weights


def token_span(places: Sequence[tuple[int, int]], first: int, last: int) -> tuple[int, int]:
    """The tokens that hold the characters `first` … `last - 1` of a text: (first token, last token).

    Args:
        places: (first character, the one after its last) of each token, as of `WordPieceTokenizer.places`.
        first, last: an answer's first character, and the one after its last.

    Raises:
        LmbookError: no token is there.
    """
    inside = [number for number, (a, b) in enumerate(places) if a < last and b > first]
    if not inside:
        raise LmbookError(f"No token holds the characters {first} to {last}.", "Check where the answer begins.")
    return inside[0], inside[-1]


def window(length: int, span: tuple[int, int] | None, size: int, draw: random.Random) -> tuple[int, int]:
    """A part of a text, of at most `size` tokens and with the answer in it, at a place that is drawn evenly.

    Short rows are learned from faster, and where the answer stands in them says nothing about where to look.

    Args:
        length: tokens of the text.
        span: (first, last) token of the answer; None: there is none. What is longer than `size` loses its end.
        size: tokens of the part.
        draw: makes the choice.

    Returns:
        (first token of the part, the one after its last).
    """
    lowest, highest = 0, max(0, length - size)
    if span is not None:
        lowest, highest = max(0, min(highest, span[1] + 1 - size)), min(highest, span[0])
        lowest = min(lowest, highest)
    first = draw.randint(lowest, highest)
    return first, min(length, first + size)
