"""Four ways to walk through the grammar: draw a story, score a given one, list them all, add up their entropy.

The grammar asks a chooser at every point where a story could go on differently. `choose` is asked where the future
depends on the answer (which event, who does it), `fill` where the answer is only a word (which kite, which river):
whatever is answered there, the rest of the story has the same probabilities.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate


class NotInGrammar(Exception):
    """The text is not a story of the grammar; the message says where it departs from it."""


class Options:
    """Alternatives (`words`) and their weights, which need not add up to 1."""

    def __init__(self, words: tuple[str, ...], weights: tuple[float, ...]):
        self.words = words
        self.cumulative = list(accumulate(weights))
        self.total = self.cumulative[-1]
        self.probabilities = [weight / self.total for weight in weights]
        self.index = {word: i for i, word in enumerate(words)}

    @cached_property
    def entropy(self) -> float:
        """The entropy of the choice, in nats."""
        return -sum(p * math.log(p) for p in self.probabilities if p)


def pick(generator: random.Random, count: int) -> int:
    """One of 0 … count - 1, by `Random.random` alone, which is the same in every version of Python."""
    return int(generator.random() * count)


class Sampler:
    """Draws at random. Uses only `Random.random`, which gives the same numbers on every platform and Python version."""

    def __init__(self, generator: random.Random):
        self._random = generator.random

    def choose(self, slot: str, options: Options) -> int:
        return min(bisect_right(options.cumulative, self._random() * options.total), len(options.words) - 1)

    fill = choose


class Scorer:
    """Follows a parsed sentence (`given`: slot -> word) and adds up its log-probability, in nats."""

    def __init__(self):
        self.given: dict[str, str] = {}
        self.log_probability = 0.0

    def choose(self, slot: str, options: Options) -> int:
        word = self.given.get(slot)
        index = options.index.get(word)
        if index is None or not options.probabilities[index]:
            raise NotInGrammar(f"{slot} cannot be {word!r} here")
        self.log_probability += math.log(options.probabilities[index])
        return index

    fill = choose


class Explorer:
    """Replays a given list of answers, then takes the first alternative; remembers what else there was.

    With `words=False` a `fill` is not an alternative: its entropy is added to `entropy` instead.
    """

    def __init__(self, prefix: list[int], words: bool = True):
        self.answers: list[int] = []
        self.widths: list[int] = []
        self.log_probability = 0.0
        self.entropy = 0.0
        self._prefix = prefix
        self._words = words

    def choose(self, slot: str, options: Options) -> int:
        answer = self._prefix[len(self.answers)] if len(self.answers) < len(self._prefix) else 0
        self.answers.append(answer)
        self.widths.append(len(options.words))
        probability = options.probabilities[answer]
        self.log_probability += math.log(probability) if probability else -math.inf
        return answer

    def fill(self, slot: str, options: Options) -> int:
        if self._words:
            return self.choose(slot, options)
        self.entropy += options.entropy
        return 0

    def next_prefix(self) -> list[int] | None:
        """The answers that lead to the next path in order, None after the last one."""
        answers = list(self.answers)
        while answers:
            if answers[-1] + 1 < self.widths[len(answers) - 1]:
                answers[-1] += 1
                return answers
            answers.pop()
        return None


def all_paths(walk, words: bool = True):
    """Call `walk(explorer)` once for every path through its choices; yield (explorer, result).

    Impossible paths (probability 0) are left out.
    """
    prefix: list[int] | None = []
    while prefix is not None:
        explorer = Explorer(prefix, words)
        result = walk(explorer)
        if explorer.log_probability > -math.inf:
            yield explorer, result
        prefix = explorer.next_prefix()
