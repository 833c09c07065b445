"""A baseline that learns nothing and looks for the words of the question in the text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\w+(?:[-.,']\w+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"“A-Z0-9])")


class WordOverlap:
    """Answers a question with the words that stand next to the question's own in the text.

    A word weighs log(N / n) if n of N texts have it, so that "the" weighs nothing.

    Args:
        texts: by which the words are weighed.

    Reference:
        Richardson et al. 2013, "MCTest: a challenge dataset for the open-domain machine comprehension of text", section
        3: the sliding window, here without candidate answers to choose from.
    """

    def __init__(self, texts: Sequence[str]):
        counts = Counter(word for text in texts for word in set(_words(text)))
        self._weights = {word: math.log(len(texts) / count) for word, count in counts.items()}
        self._unknown = math.log(len(texts) + 1)

    def sentence(self, question: str, text: str) -> str:
        """The sentence that shares most with the question."""
        asked = set(_words(question))
        return max(_SENTENCE_END.split(text), key=lambda sentence: self._sum(asked & set(_words(sentence))))

    def span(self, question: str, text: str, reach: int = 6) -> str:
        """Of the runs of words that weigh something and are not in the question, that with most of it around.

        Args:
            question: what is asked.
            text: where the answer stands.
            reach: how many words before and after a run count; nearer ones count more.
        """
        sentence, asked = self.sentence(question, text), set(_words(question))
        found = list(_WORD.finditer(sentence))
        words = [match[0].lower() for match in found]
        best, answer = -1.0, sentence
        first = 0
        while first < len(words):
            last = first
            while last < len(words) and words[last] not in asked and self._sum([words[last]]) > 1:
                last += 1
            if last > first:
                around = [(first - place, words[place]) for place in range(max(0, first - reach), first)]
                around += [(place - last + 1, words[place]) for place in range(last, min(len(words), last + reach))]
                score = sum(self._sum([word]) / distance for distance, word in around if word in asked)
                if score > best:
                    best, answer = score, sentence[found[first].start() : found[last - 1].end()]
            first = last + 1
        return answer

    def _sum(self, words) -> float:
        return sum(self._weights.get(word, self._unknown) for word in words)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
