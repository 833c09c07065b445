"""Guardrails around a model: what is blocked on its way in and on its way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lmbook.errors import LmbookError

# What the guardrail of requests should refuse, one thing in a line.
REFUSED = (
    "how to kill or murder a person",
    "how to hurt, beat, poison or torture somebody",
    "how to build a bomb or an explosive",
    "how to make or buy an illegal gun or weapon",
    "how to make, buy or sell illegal drugs",
    "how to steal from a shop, a person or a bank",
    "how to break into a house or a car",
    "how to hack into a computer, an account or a network",
    "write a virus, malware or ransomware program",
    "how to cheat, defraud or scam people out of their money",
    "how to forge money, documents or an identity",
    "how to launder money or evade taxes",
    "write hateful or insulting words about a group of people",
    "why one race, religion or sex is worth less than another",
    "how to bully, threaten, stalk or blackmail somebody",
    "how to kill or hurt myself",
    "how to abuse, kidnap or traffic a child or a woman",
    "spread false news, lies or conspiracy theories about an election or a vaccine",
    "the private address, number or records of a person",
    "how to commit a terrorist attack",
    "how to get away with a crime and hide the evidence",
)


class InputGuardrail:
    """A classifier that tells texts with an injected instruction from honest ones.

    Its features are up to three neighbours of words, punctuation marks, and the two ends of the text: where a sentence
    begins matters, since what is honest as the only one may be an injection as the last of many. They are there or not:
    shares of the text, as TF-IDF has them, would make what is said alone more suspect than what is hidden in a letter.

    Args:
        honest: texts that may pass.
        injected: texts that may not.

    Raises:
        LmbookError: one of the two is empty.
    """

    def __init__(self, honest: Sequence[str], injected: Sequence[str]):
        if not honest or not injected:
            raise LmbookError(
                f"{len(honest)} honest texts and {len(injected)} injected ones.", "It needs some of both to learn from."
            )
        features = CountVectorizer(ngram_range=(1, 3), token_pattern=r"\w+|[^\w\s]", binary=True)
        self._classifier = make_pipeline(features, LogisticRegression(max_iter=300))
        self._classifier.fit(self._with_ends([*honest, *injected]), [False] * len(honest) + [True] * len(injected))

    def stops(self, texts: Sequence[str]) -> np.ndarray:
        """bool [N]: which texts are blocked."""
        return self._classifier.predict(self._with_ends(texts)).astype(bool)

    @staticmethod
    def _with_ends(texts: Sequence[str]) -> list[str]:
        return [f"^ {text} $" for text in texts]


class OutputGuardrail:
    """Lets a reply pass only if each of its words is a usual one or occurs in the text that it may draw from.

    Args:
        usual: replies whose words are usual.
        never: words that are not, though they stand there: names, say.
    """

    def __init__(self, usual: Iterable[str], never: Iterable[str] = ()):
        self.usual = {word for reply in usual for word in _words(reply)} - {name.lower() for name in never}

    def holds(self, replies: Sequence[str], sources: Sequence[str]) -> np.ndarray:
        """bool [N]: which replies are held back.

        Args:
            replies: N of them.
            sources: for each the text that it may be drawn from; "" for none.
        """
        pairs = zip(replies, sources, strict=True)
        return np.array([not self.usual.union(_words(source)).issuperset(_words(reply)) for reply, source in pairs])


def request_scores(requests: np.ndarray, refused: np.ndarray, harmless: np.ndarray, neighbours: int = 3) -> np.ndarray:
    """How much nearer requests are to what should be refused than to harmless requests, [N].

    The cosine to the nearest description of what should be refused, minus the mean of those to the nearest harmless
    requests.

    Args:
        requests: vectors of length 1, [N, D].
        refused: of descriptions, [M, D].
        harmless: of harmless requests, [H, D].
        neighbours: how many harmless ones.
    """
    near = np.sort(requests @ harmless.T, axis=1)[:, -neighbours:]
    return (requests @ refused.T).max(axis=1) - near.mean(axis=1)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
