"""Evaluation of word vectors: neighbours, analogies, human similarity judgements, and known classes of words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lmbook.errors import LmbookError

_ROWS = 512  # questions worked on at once: [512, V] products


class WordVectors:
    """Words with a vector each; near means that the angle between two vectors is small (their cosine is large).

    Args:
        words: the words, distinct, the most frequent first where `analogies` is to be used.
        vectors: [V, D], a row a word.

    Attributes:
        words: as given.
        unit: the vectors scaled to length 1, [V, D] float32; a vector of zeros stays as it is.

    Example:
        vectors = WordVectors(["cat", "dog", "oak"], numbers)
        vectors.neighbours("cat", 1)  # [("dog", 0.83)]

    Raises:
        LmbookError: the numbers of words and vectors differ, or a word comes twice.
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray):
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or len(words) != len(vectors):
            raise LmbookError(
                f"There are {len(words)} words, but the vectors have the shape {vectors.shape}.",
                "Give one row for each word.",
            )
        self.words = list(words)
        self._row = {word: row for row, word in enumerate(self.words)}
        if len(self._row) < len(self.words):
            twice = next(word for row, word in enumerate(self.words) if self._row[word] != row)
            raise LmbookError(f"The word {twice!r} comes twice.", "Give every word once.")
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        self.unit = vectors / np.where(length > 0, length, 1.0)

    def __contains__(self, word: str) -> bool:
        return word in self._row

    def row(self, word: str) -> int:
        """The index of a word.

        Raises:
            LmbookError: it has no vector.
        """
        if word not in self._row:
            raise LmbookError(f"There is no vector for {word!r}.", "Choose another word, or learn from more text.")
        return self._row[word]

    def rows(self, words: Iterable[str]) -> list[int]:
        """The indices of several words; see `row`."""
        return [self.row(word) for word in words]

    def cosine(self, first: str, second: str) -> float:
        """The cosine of the angle between two words' vectors."""
        return float(self.unit[self.row(first)] @ self.unit[self.row(second)])

    def neighbours(self, word: str, count: int = 10) -> list[tuple[str, float]]:
        """The `count` nearest other words with their cosines, the nearest first."""
        cosines = self.unit @ self.unit[self.row(word)]
        nearest = [row for row in np.argsort(-cosines, kind="stable") if row != self._row[word]][:count]
        return [(self.words[row], float(cosines[row])) for row in nearest]

    def complete(self, a: str, b: str, c: str, count: int = 1) -> list[str]:
        """The words that are to `c` as `b` is to `a`, the best first: see `analogies`."""
        a, b, c = self.rows((a, b, c))
        scores = (self.unit[b] - self.unit[a] + self.unit[c]) @ self.unit.T
        scores[[a, b, c]] = -np.inf
        return [self.words[row] for row in np.argsort(-scores, kind="stable")[:count]]


@dataclass(frozen=True)
class AnalogyScore:
    """How many analogies were completed rightly.

    Args:
        accuracy: the share of the questions that could be asked.
        asked: how many these are: all four words among the most frequent ones.
        given: all questions.
        sections: for each section (accuracy, questions asked), without the sections of which none could be asked.
    """

    accuracy: float
    asked: int
    given: int
    sections: dict[str, tuple[float, int]]


def analogies(
    vectors: WordVectors,
    questions: Iterable[Mapping[str, str]],
    most_frequent: int | None = 30_000,
    leave_out_question: bool = True,
) -> AnalogyScore:
    """Complete "a is to b as c is to …" by the word nearest to b - a + c, all vectors of length 1 (3CosAdd).

    A question counts when its four words are among the `most_frequent` first words, and the answer is looked for among
    those, leaving out a, b and c. Both restrictions are usual, and both matter: with more words the questions get
    rarer words and the answers more rivals; without the second, b or c itself is often the nearest. Words are
    compared in lower case.

    Args:
        vectors: the most frequent words first.
        questions: mappings with "a", "b", "c", the answer "d", and "section".
        most_frequent: None for all words.
        leave_out_question: a, b and c do not count as answers.

    Raises:
        LmbookError: no question can be asked.

    Reference:
        Mikolov et al. 2013, "Linguistic regularities in continuous space word representations"; the name 3CosAdd is
        from Levy and Goldberg 2014.
    """
    questions = list(questions)
    unit = vectors.unit[:most_frequent]
    rows, sections = [], []
    for question in questions:
        words = [question[part].lower() for part in "abcd"]
        places = [vectors.row(word) if word in vectors else len(unit) for word in words]
        if max(places) < len(unit):
            rows.append(places)
            sections.append(question["section"])
    if not rows:
        raise LmbookError(f"None of the {len(questions)} questions has all its words.", "Learn from more text.")
    right = np.zeros(len(rows), bool)
    for first in range(0, len(rows), _ROWS):
        a, b, c, d = np.array(rows[first : first + _ROWS]).T
        scores = (unit[b] - unit[a] + unit[c]) @ unit.T
        for known in (a, b, c) if leave_out_question else ():
            scores[np.arange(len(a)), known] = -np.inf
        right[first : first + _ROWS] = scores.argmax(axis=1) == d
    where = np.array(sections)
    by_section = {
        name: (float(right[where == name].mean()), int((where == name).sum())) for name in dict.fromkeys(sections)
    }
    return AnalogyScore(float(right.mean()), len(rows), len(questions), by_section)


@dataclass(frozen=True)
class SimilarityScore:
    """How well cosines order pairs of words as people do.

    Args:
        spearman: the correlation of the two orders, 1 for the same, 0 for none, -1 for the reverse.
        asked: pairs with a vector for both words.
        given: all pairs.
    """

    spearman: float
    asked: int
    given: int


def similarity(vectors: WordVectors, pairs: Iterable[Mapping]) -> SimilarityScore:
    """Spearman's correlation between the cosines and people's scores.

    Args:
        vectors: any.
        pairs: mappings with the words "first" and "second" (compared in lower case) and their "score". Pairs with a
            word that has no vector are left out.

    Raises:
        LmbookError: fewer than three pairs are left.
    """
    from scipy.stats import spearmanr

    pairs = list(pairs)
    cosines, scores = [], []
    for pair in pairs:
        first, second = pair["first"].lower(), pair["second"].lower()
        if first in vectors and second in vectors:
            cosines.append(vectors.cosine(first, second))
            scores.append(pair["score"])
    if len(scores) < 3:
        raise LmbookError(f"Only {len(scores)} of {len(pairs)} pairs have two vectors.", "Learn from more text.")
    return SimilarityScore(float(spearmanr(cosines, scores).statistic), len(scores), len(pairs))


def same_class_share(vectors: WordVectors, classes: Mapping[str, str], nearest: int = 5) -> float:
    """How much of a word's neighbourhood belongs to its own class, averaged over the words; 1 is the best.

    For each word of `classes` its `nearest` neighbours among these words are looked up (fewer where its class has
    fewer other members), and the share in its own class is taken.

    Args:
        vectors: with every word of `classes`.
        classes: word -> the name of its class. Words that are alone in their class are not asked about.
        nearest: how many neighbours.

    Raises:
        LmbookError: a word has no vector, or no class has two words.
    """
    names = np.array(list(classes.values()))
    unit = vectors.unit[vectors.rows(classes)]
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")
    shares = [
        (names[order[row, : min(nearest, others)]] == name).mean()
        for row, name in enumerate(names)
        if (others := int((names == name).sum()) - 1) > 0
    ]
    if not shares:
        raise LmbookError("No class has two words.", "Give classes with several words each.")
    return float(np.mean(shares))


def chance_share(classes: Mapping[str, str]) -> float:
    """What `same_class_share` is on average for vectors drawn at random: the share of class-mates among the others."""
    names = np.array(list(classes.values()))
    others = np.array([int((names == name).sum()) - 1 for name in names])
    return float((others[others > 0] / (len(names) - 1)).mean())
