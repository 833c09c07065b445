"""Batches of stories and their questions, with one sentence at each position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.buckets import Buckets
from lmbook.tokenizers.word import WordTokenizer

Line = tuple[str, str | None]  # a sentence and None, or a question and its answer


class StoryVocabulary:
    """Ids for the words of stories and for the answers, which are chosen as a whole.

    An answer of one word has the id of that word; any other gets an id of its own.

    Args:
        stories: lists of (sentence, None) and (question, answer).

    Attributes:
        size: V.
        max_words: of the longest line.
        question_id: the id of the question mark.
    """

    def __init__(self, stories: Iterable[Sequence[Line]]):
        lines = [line for story in stories for line in story]
        answers = sorted({answer for _, answer in lines if answer is not None})
        self._tokenizer = WordTokenizer.train([*(text for text, _ in lines), *answers])
        self._answers, self._names = {}, dict(enumerate(self._tokenizer.tokens))
        for answer in answers:
            ids = self._tokenizer.encode(answer)
            self._answers[answer] = ids[0] if len(ids) == 1 else len(self._names)
            self._names[self._answers[answer]] = answer
        self.size, self.max_words = len(self._names), max(len(self.encode(text)) for text, _ in lines)
        self.question_id = self.encode("?")[0]

    def encode(self, text: str) -> list[int]:
        """The words of a line."""
        return self._tokenizer.encode(text)

    def answer_id(self, answer: str) -> int:
        """The id of an answer; that of an unknown word where no story had it."""
        return self._answers.get(answer, self._tokenizer.unknown_id)

    def answer(self, id: int) -> str:
        """The answer, or the word, with this id."""
        return self._names[id]


def told(records: Iterable[dict]) -> list[list[Line]]:
    """bAbI's stories, with each question at the point where it is asked.

    Args:
        records: as of the corpus `babi_10k`, the questions of a story one after the other: "story" (the sentences up
            to the question), "question", "answer".
    """
    stories, before = [], None
    for record in records:
        sentences = record["story"]
        if before is None or sentences[: len(before)] != before:
            stories.append([])
            before = []
        stories[-1] += [(sentence, None) for sentence in sentences[len(before) :]]
        stories[-1].append((record["question"], record["answer"]))
        before = sentences
    return stories


class StoryBatches:
    """Rows of sentences and questions in the order in which they are read; the label of a question is its answer.

    All questions of a story are answered in one pass: each where it stands, from what was told before it. Stories of
    about the same length share a batch (`Buckets`); batch k is a pure function of (seed, k).

    Args:
        stories: lists of (sentence, None) and (question, answer).
        vocabulary: of the words and the answers; a line longer than its longest loses its end.
        lines_per_batch: positions of a batch, padding included.
        widths: of the rows, in lines, rising.
        alike: groups of words that could be exchanged for each other throughout a story, and its answers would be
            exchanged with them (names, places). In each batch every story gets a draw of its own.
        seed: of the order and of those draws.

    Attributes:
        answers: int32 [Q], of all questions, story by story.
        batch_size, context: rows and width of the widest batches.
        steps_per_epoch: batches in an epoch.

    Raises:
        LmbookError: there is no question, or a story is longer than the widest row.
    """

    def __init__(
        self,
        stories: Sequence[Sequence[Line]],
        vocabulary: StoryVocabulary,
        *,
        lines_per_batch: int,
        widths: Sequence[int],
        alike: Sequence[Sequence[str]] = (),
        seed: int = 0,
    ):
        longest = max(map(len, stories), default=0)
        if longest > widths[-1]:
            raise LmbookError(f"A story has {longest} lines.", f"Give a width of at least that, not {widths[-1]}.")
        if not any(answer is not None for story in stories for _, answer in story):
            raise LmbookError("No story has a question.", "Give stories with (question, answer) in them.")
        self._vocabulary_size, self._max_words, self._seed = vocabulary.size, vocabulary.max_words, seed
        self._alike = [np.array([vocabulary.encode(word)[0] for word in words]) for words in alike]
        needed = np.array([next(width for width in widths if width >= len(story)) for story in stories])
        self._members = [np.flatnonzero(needed == width) for width in sorted(set(needed))]
        self._parts, found = [], {}
        for places in self._members:
            width = needed[places[0]]
            x = np.zeros((len(places), width, vocabulary.max_words), np.int32)
            y, w = np.zeros(x.shape[:2], np.int32), np.zeros(x.shape[:2], np.float32)
            for row, place in enumerate(places):
                for line, (text, answer) in enumerate(stories[place]):
                    ids = vocabulary.encode(text)[: vocabulary.max_words]
                    x[row, line, : len(ids)] = ids
                    if answer is not None:
                        y[row, line], w[row, line] = vocabulary.answer_id(answer), 1.0
                found[place] = y[row][w[row] > 0]
            self._parts.append((y, w, x.reshape(len(places), -1)))
        self.answers = np.concatenate([found[place] for place in range(len(stories))])
        self._buckets, self._lines_per_batch = Buckets(self._parts, lines_per_batch, seed), lines_per_batch
        self.batch_size, self.context = self._buckets.batch_size, self._buckets.context
        self.steps_per_epoch = self._buckets.steps_per_epoch

    @property
    def description(self) -> str:
        """The settings and the sha256 of the rows, to tell this data from other data."""
        groups = [group.tolist() for group in self._alike]
        return f"stories with sha256 {self._buckets.digest[:16]}, {self._lines_per_batch} lines, {groups}, {self._seed}"

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches number `start_step`, … of the endless run; `steps` of them (default: one epoch).

        Returns:
            a data set of known length, of (x int32 [B, T, W], y int32 [B, T], w float32 [B, T]): the words of each
            line, the answers, and 1 where a question stands.
        """
        steps = self.steps_per_epoch if steps is None else steps
        specs = ([None, None, self._max_words], "int32"), ([None, None], "int32"), ([None, None], "float32")
        batches = tf.data.Dataset.from_generator(
            lambda: self._batches(start_step, steps), output_signature=tuple(tf.TensorSpec(*spec) for spec in specs)
        )
        return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)

    def each(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What `function` makes of every question, in the order of `answers`: x [B, T, W] -> [B, T, …] gives [Q, …]."""
        found = {}
        for (y, w, x), places in zip(self._parts, self._members, strict=True):
            size = self._lines_per_batch // y.shape[1]
            for first in range(0, len(y), size):
                piece = self._lines(x[first : first + size])
                values = np.asarray(function(np.pad(piece, ((0, size - len(piece)), (0, 0), (0, 0)))))
                for row, place in enumerate(places[first : first + size]):
                    found[place] = values[row][w[first + row] > 0]
        return np.concatenate([found[place] for place in sorted(found)])

    def _batches(self, start_step: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        for number, (y, w, x) in enumerate(self._buckets.batches(start_step, steps), start=start_step):
            if self._alike:
                rng = np.random.Generator(np.random.PCG64([self._seed, number, 1]))
                table = np.tile(np.arange(self._vocabulary_size, dtype=np.int32), (len(x), 1))
                for group in self._alike:
                    table[:, group] = rng.permuted(table[:, group], axis=1)
                x, y = np.take_along_axis(table, x, axis=1), np.take_along_axis(table, y, axis=1)
            yield self._lines(x), y, w

    def _lines(self, x: np.ndarray) -> np.ndarray:
        """[B, T W] -> [B, T, W]."""
        return x.reshape(len(x), -1, self._max_words)
