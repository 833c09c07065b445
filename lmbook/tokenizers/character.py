"""A tokenizer with one token for each character."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lmbook.tokenizers.tokenizer import Tokenizer, check_texts, frequent_tokens, index_tokens, valid_unicode


class CharacterTokenizer(Tokenizer):
    """Every Unicode code point of the training text is a token.

    The text is taken as it is (case, white space, line ends). No word is ever unknown, only characters that the
    training text does not have; the price is long sequences.

    Args:
        tokens: the special tokens, then the characters.

    Example:
        >>> tokenizer = CharacterTokenizer.train(["abba"])
        >>> tokenizer.encode("abc"), tokenizer.decode([4, 3])
        ([3, 4, 1], 'ba')
    """

    kind = "character"

    def __init__(self, tokens: list[str]):
        super().__init__(tokens)
        self._ids = index_tokens(tokens)

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int | None = None) -> CharacterTokenizer:
        """Keep the most frequent characters (None: all of them)."""
        check_texts(texts)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(valid_unicode(text))
        return cls(frequent_tokens(counts, vocabulary_size))

    def encode(self, text: str) -> list[int]:
        ids, unknown = self._ids, self.unknown_id
        return [ids.get(character, unknown) for character in self.normalize(text)]

    def decode(self, ids: Iterable[int]) -> str:
        silent = (self.pad_id, self.end_id)
        return "".join(self.tokens[id] for id in self._check(ids) if id not in silent)
