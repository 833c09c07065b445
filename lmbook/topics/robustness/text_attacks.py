"""Changes to a text that hardly disturb a reader, and a search for those that mislead a classifier."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lmbook.errors import LmbookError

LOOK_ALIKE = str.maketrans("aeiost", "@310$7")  # digits and signs in the place of letters
SYNONYMS = {  # for text messages, and two moods of the stories
    "free": ["no cost", "gratis"],
    "call": ["ring", "phone"],
    "txt": ["text", "message"],
    "text": ["message", "write"],
    "urgent": ["important"],
    "prize": ["award", "gift"],
    "won": ["received", "got"],
    "win": ["get", "earn"],
    "claim": ["collect", "pick up"],
    "cash": ["money"],
    "mobile": ["phone", "handset"],
    "reply": ["answer", "respond"],
    "stop": ["end"],
    "now": ["today", "at once"],
    "customer": ["client"],
    "service": ["help"],
    "guaranteed": ["certain", "sure"],
    "awarded": ["given"],
    "please": ["pls", "kindly"],
    "your": ["ur"],
    "you": ["u"],
    "to": ["2"],
    "for": ["4"],
    "sad": ["unhappy"],
    "angry": ["cross"],
}


def typos(text: str, share: float, rng: np.random.Generator) -> str:
    """The text with a slip in about this share of its words of four letters or more: two letters exchanged, one left
    out, or one doubled; never the first.

    Raises:
        LmbookError: `share` is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise LmbookError(f"share is {share}.", "It must be between 0 and 1.")
    return re.sub(r"[^\W\d_]{4,}", lambda match: _slip(match[0], rng) if rng.random() < share else match[0], text)


def _slip(word: str, rng: np.random.Generator) -> str:
    place = int(rng.integers(1, len(word) - 1))
    kind = rng.integers(3)
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + (word[place + 1 :] if kind == 1 else word[place] + word[place:])


def frequent_words(texts: Sequence[str], count: int) -> list[str]:
    """The words that occur in the most texts, the most frequent first; in small letters, of two letters or more."""
    found = Counter(word for text in texts for word in set(re.findall(r"[^\W\d_]{2,}", text.lower())))
    return [word for word, _ in found.most_common(count)]


class CharacterEdits:
    """Changes of one word that leave it readable: a typo, a space inside, look-alike characters.

    Reference:
        Gao et al. 2018, "Black-box generation of adversarial text sequences to evade deep learning classifiers".
    """

    def __init__(self, seed: int = 0):
        self._rng = np.random.default_rng(seed)

    def __call__(self, text: str) -> list[str]:
        """The text with one word changed, in every way for every word of three letters or more."""
        found = []
        for match in re.finditer(r"[^\W\d_]{3,}", text):
            word, (start, end) = match[0], match.span()
            half = len(word) // 2
            ways = [word[:half] + " " + word[half:], word.translate(LOOK_ALIKE)]
            ways += [_slip(word, self._rng)] if len(word) > 3 else []
            found += [text[:start] + way + text[end:] for way in ways if way != word]
        return found


class WordEdits:
    """Changes of whole words: a word of about the same meaning, or an extra harmless word at the end.

    Args:
        same: word -> other words for it, in small letters.
        harmless: words that may be added, of the class that the text is to be taken for.

    Reference:
        Lowd and Meek 2005, "Good word attacks on statistical spam filters".
    """

    def __init__(self, same: Mapping[str, Sequence[str]], harmless: Sequence[str]):
        self._same, self._harmless = same, list(harmless)

    def __call__(self, text: str) -> list[str]:
        """The text with one change, in every way."""
        found = [f"{text} {word}" for word in self._harmless]
        for match in re.finditer(r"[^\W_]+", text):
            others = self._same.get(match[0].lower(), ())
            found += [text[: match.start()] + other + text[match.end() :] for other in others]
        return found


def attack_texts(
    texts: Sequence[str],
    score: Callable[[list[str]], np.ndarray],
    edits: Callable[[str], list[str]],
    budget: int,
    threshold: float = 0.5,
) -> list[str]:
    """Change each text edit by edit, each time by the one that lowers its score most.

    The attacker sees scores, not the model. A text is left as soon as its score is below the threshold, or no edit
    lowers it any more.

    Args:
        texts: what is changed.
        score: texts -> the probability [N] of the class that they are to be no longer taken for.
        edits: text -> the texts that one edit can make of it.
        budget: the most edits of a text.
        threshold: below it the attack has succeeded.

    Raises:
        LmbookError: `budget` is negative.
    """
    if budget < 0:
        raise LmbookError(f"budget is {budget}.", "It must be 0 or more edits.")
    now = list(texts)
    scores = np.asarray(score(now), float) if now else np.zeros(0)
    open_ones = [place for place in range(len(now)) if scores[place] >= threshold]
    for _ in range(budget):
        tried = [(place, changed) for place in open_ones for changed in edits(now[place])]
        if not tried:
            break
        found, better = np.asarray(score([changed for _, changed in tried]), float), {}
        for (place, changed), value in zip(tried, found, strict=True):
            if value < better.get(place, (scores[place], ""))[0]:
                better[place] = value, changed
        for place, (value, changed) in better.items():
            scores[place], now[place] = value, changed
        open_ones = [place for place in better if scores[place] >= threshold]
    return now
