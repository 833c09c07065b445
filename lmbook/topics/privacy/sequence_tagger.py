"""A small tagger that finds the best sequence of tags for the tokens of a sentence, by a linear model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from lmbook.errors import LmbookError

OUTSIDE = "O"


class SequenceTagger:
    """The averaged structured perceptron with tags B-X (a span of type X begins), I-X (it goes on) and O.

    The score of a sequence of tags is a sum: for each token, of a weight for each of its features with its tag, and of
    a weight for each pair of neighbouring tags. `tag` finds the best sequence (Viterbi); I-X never follows anything
    but B-X or I-X. In training, the weights of the right sequence rise and those of the one found fall wherever they
    differ; the mean of all weights on the way is what is kept.

    Args:
        sentences: of training: for each token the names of its features.
        tags: the right tags of each sentence.
        epochs: passes over the sentences.
        seed: of their order.

    Raises:
        LmbookError: there is no sentence, or one has not as many tags as tokens.

    Reference:
        Collins 2002, "Discriminative training methods for hidden Markov models", section 2.
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[Sequence[str]]],
        tags: Sequence[Sequence[str]],
        *,
        epochs: int = 10,
        seed: int = 0,
    ):
        if not sentences or [len(s) for s in sentences] != [len(t) for t in tags]:
            raise LmbookError(
                f"{len(sentences)} sentences do not fit {len(tags)} rows of tags.", "Give one tag for each token."
            )
        self.tags = sorted({tag for row in tags for tag in row} | {OUTSIDE})
        place = {tag: number for number, tag in enumerate(self.tags)}
        self._features: dict[str, int] = {}
        for sentence in sentences:
            for token in sentence:
                for name in token:
                    self._features.setdefault(name, len(self._features))
        data = [
            (self._numbers(sentence), np.array([place[tag] for tag in row]))
            for sentence, row in zip(sentences, tags, strict=True)
            if len(sentence)
        ]
        V, F = len(self.tags), len(self._features)
        self._weights, self._pairs = np.zeros((F + 1, V)), np.zeros((V, V))  # the last row: features never seen
        later, later_pairs = np.zeros_like(self._weights), np.zeros_like(self._pairs)  # updates times when they came
        rng, steps = np.random.default_rng(seed), 0
        for _ in range(epochs):
            for index in rng.permutation(len(data)):
                numbers, right = data[index]
                found, steps = self._best(numbers), steps + 1
                for t in np.flatnonzero(found != right):
                    for chosen, sign in ((right[t], 1.0), (found[t], -1.0)):
                        self._weights[numbers[t], chosen] += sign
                        later[numbers[t], chosen] += sign * steps
                for pair, sign in ((right, 1.0), (found, -1.0)):
                    np.add.at(self._pairs, (pair[:-1], pair[1:]), sign)
                    np.add.at(later_pairs, (pair[:-1], pair[1:]), sign * steps)
        self._weights -= later / (steps + 1)
        self._pairs -= later_pairs / (steps + 1)

    def tag(self, sentence: Sequence[Sequence[str]]) -> list[str]:
        """The tags of a sentence's tokens, given the names of their features."""
        return [self.tags[number] for number in self._best(self._numbers(sentence))] if len(sentence) else []

    def _numbers(self, sentence):
        return [np.array([self._features.get(name, -1) for name in token]) for token in sentence]

    def _best(self, numbers):
        return best_path(np.array([self._weights[row].sum(axis=0) for row in numbers]), self.tags, self._pairs)


def best_path(scores: np.ndarray, tags: Sequence[str], pairs: np.ndarray | float = 0.0) -> np.ndarray:
    """The sequence of tags with the highest sum of scores in which I-X follows only B-X or I-X (Viterbi): [T] int.

    Args:
        scores: of each tag at each token, [T, V]; T at least 1.
        tags: the names of the V tags.
        pairs: of a tag after another one, [V, V].

    Reference:
        Viterbi 1967, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm".
    """
    begins, allowed = _possible(tuple(tags))
    moves = np.where(allowed, pairs, -np.inf)
    best, came_from = np.where(begins, scores[0], -np.inf), []
    for score in scores[1:]:
        ways = best[:, None] + moves
        came_from.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + score
    path = [int(best.argmax())]
    for back in reversed(came_from):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1])


@cache
def _possible(tags: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Which tags may come first, [V], and which after which, [V, V]."""
    follows = [[not tag.startswith("I-") or before[2:] == tag[2:] for tag in tags] for before in tags]
    return np.array([not tag.startswith("I-") for tag in tags]), np.array(follows)


def spans_of(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """The spans that tags stand for: (type, first token, token after the last)."""
    spans: list[tuple[str, int, int]] = []
    for place, tag in enumerate(tags):
        if tag.startswith("I-") and spans and spans[-1][2] == place and spans[-1][0] == tag[2:]:
            spans[-1] = (tag[2:], spans[-1][1], place + 1)
        elif tag != OUTSIDE:
            spans.append((tag[2:], place, place + 1))
    return spans
