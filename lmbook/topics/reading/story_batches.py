"""Batches of stories and their questions, with one sentence at each position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import IDS, WEIGHTS, padded
from lmbook.pipelines.buckets import BucketedBatches, Column
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
        pad_id: fills up lines and rows.
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
        self.question_id, self.pad_id = self.encode("?")[0], self._tokenizer.pad_id

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


class StoryBatches(BucketedBatches):
    """Rows of sentences and questions in the order in which they are read; the label of a question is its answer.

    All questions of a story are answered in one pass: each where it stands, from what was told before it. A batch is
    (x int32 [B, T, W], y int32 [B, T], w float32 [B, T]): the words of each line, the answers, and 1 where a question
    stands. Stories of about the same length share a batch.

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
        steps_per_epoch, batch_size, context: see `BucketedBatches`; a width is a number of lines.

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
        self._vocabulary_size = vocabulary.size
        self._alike = [np.array([vocabulary.encode(word)[0] for word in words]) for words in alike]
        lines, answers, weights = [], [], []
        for story in stories:
            encoded = [vocabulary.encode(text)[: vocabulary.max_words] for text, _ in story]
            lines.append(padded(encoded, vocabulary.max_words, vocabulary.pad_id))
            answers.append([vocabulary.pad_id if a is None else vocabulary.answer_id(a) for _, a in story])
            weights.append([float(a is not None) for _, a in story])
        self._asked = [np.flatnonzero(row) for row in weights]
        self.answers = np.concatenate([np.array(row, np.int32)[a] for row, a in zip(answers, self._asked, strict=True)])
        self.signature = (tf.TensorSpec([None, None, vocabulary.max_words], tf.int32), IDS, WEIGHTS)
        columns = [
            Column(answers, vocabulary.pad_id),
            Column(weights, 0.0, np.float32),
            Column(lines, vocabulary.pad_id),
        ]
        super().__init__(columns, list(map(len, stories)), widths=widths, tokens_per_batch=lines_per_batch, seed=seed)

    @property
    def description(self) -> str:
        """The settings and the sha256 of the rows, to tell this data from other data."""
        groups = [group.tolist() for group in self._alike]
        return f"stories with sha256 {self._digest()}, {self.tokens_per_batch} lines, {groups}, {self.seed}"

    def each(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What `function` makes of every question, in the order of `answers`: x [B, T, W] -> [B, T, …] gives [Q, …]."""
        values = self._each(function, columns=(2,))
        return np.concatenate([value[asked] for value, asked in zip(values, self._asked, strict=True)])

    def _batches(self, start_step: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        for number, (y, w, x) in enumerate(super()._batches(start_step, steps), start=start_step):
            if self._alike:
                rng = np.random.Generator(np.random.PCG64([self.seed, number, 1]))
                table = np.tile(np.arange(self._vocabulary_size, dtype=np.int32), (len(x), 1))
                for group in self._alike:
                    table[:, group] = rng.permuted(table[:, group], axis=1)
                row = np.arange(len(x))[:, None]
                x, y = table[row[:, :, None], x], table[row, y]
            yield x, y, w
