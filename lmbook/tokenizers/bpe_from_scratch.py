"""Byte-pair training written out, to be read. `byte_pair.py` uses a library that does the same, much faster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from lmbook.tokenizers.byte_pair import byte_characters
from lmbook.tokenizers.tokenizer import check_texts

# Words, numbers and punctuation, each with the space before it, so that no merge crosses from word to word.
_PIECES = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def train_merges(texts: Iterable[str], count: int) -> list[tuple[str, str]]:
    """Learn `count` merges (fewer if no pair occurs twice any more), most frequent pair first.

    Of equally frequent pairs the one with the older tokens comes first.
    """
    check_texts(texts)
    alphabet = byte_characters()
    age = {character: place for place, character in enumerate(sorted(alphabet.values()))}
    counts = Counter(piece for text in texts for piece in _PIECES.findall(text))
    words = [([alphabet[byte] for byte in piece.encode("utf-8")], n) for piece, n in counts.items()]
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, n in words:
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], age[pair[0]], age[pair[1]]))
        if pairs[best] < 2:
            break
        merges.append(best)
        age.setdefault("".join(best), len(age))
        for word, _ in words:
            merge(word, best)
    return merges


def merge(word: list[str], pair: tuple[str, str]) -> None:
    """Join each occurrence of `pair` in `word`, from left to right, in place."""
    place = 0
    while place < len(word) - 1:
        if (word[place], word[place + 1]) == pair:
            word[place : place + 2] = ["".join(pair)]
        place += 1
