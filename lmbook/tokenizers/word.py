"""A tokenizer with one token for each word, Chinese or Japanese character, and punctuation mark."""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from lmbook.tokenizers.tokenizer import Tokenizer, check_texts, frequent_tokens, index_tokens, valid_unicode

# Characters of scripts that put no space between words: Han, Hiragana, Katakana. Combining kana marks are left out.
_CJK = "\u2e80-\u2fdf\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_CJK += "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
_INNER = "'’\u2010\u2011-"  # apostrophes and hyphens: part of a word when they stand between its letters

_WIDE = frozenset("。，、！？；：（）「」『』《》〈〉【】〔〕")  # bring their own space along, on both sides
_OPENING = frozenset("([{“‘«")
_CLOSING = frozenset(".,!?;:)]}%”’'»…")
_EASTERN_TOO = frozenset("“”‘’…—·")  # written without spaces between Chinese characters
_is_cjk = re.compile(f"[{_CJK}]").match


@functools.cache
def _token_pattern() -> re.Pattern[str]:
    """Words as runs of letters, digits and the marks on them; line ends; else single characters."""
    marks = "".join(
        character for character in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(character)[0] == "M"
    )
    letter = rf"[^\W_{_CJK}]"
    run = rf"{letter}+(?:[{marks}]+{letter}*)*"
    return re.compile(rf"{run}(?:[{_INNER}]{run})*|\n|\S")


class WordTokenizer(Tokenizer):
    """Words, as the article's program has them, but with a fixed vocabulary and a place for unknown words.

    The text is normalised, the same way in training and in use: Unicode NFC, lower case, white space reduced to single
    spaces. A token is a run of letters and digits (with the apostrophes and hyphens inside of it: "don't"), or
    one Chinese or Japanese character, or one other character. `normalize` gives the spacing that `decode` writes: none
    before `. , ! ? ; : )`, none after `(`, none between Chinese characters, straight double quotes opening and closing
    by turns; an apostrophe outside of a word stays with what precedes it ("the dogs' bones").

    A line end is a token of its own if the training text has one in the middle of a document, else it is white space
    like any other.

    Args:
        tokens: the special tokens, then the words.

    Example:
        >>> tokenizer = WordTokenizer.train(["A green tree stands."])
        >>> tokenizer.decode(tokenizer.encode("A tall tree stands ."))
        'a <unk> tree stands.'
    """

    kind = "word"

    def __init__(self, tokens: list[str]):
        super().__init__(tokens)
        self._ids = index_tokens(tokens)

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int | None = None) -> WordTokenizer:
        """Keep the most frequent words (None: all of them)."""
        check_texts(texts)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_split(text, lines=True))
        return cls(frequent_tokens(counts, vocabulary_size))

    def normalize(self, text: str) -> str:
        return _join(self._words(text))

    def encode(self, text: str) -> list[int]:
        ids, unknown = self._ids, self.unknown_id
        return [ids.get(word, unknown) for word in self._words(text)]

    def decode(self, ids: Iterable[int]) -> str:
        silent = (self.pad_id, self.end_id)
        return _join([self.tokens[id] for id in self._check(ids) if id not in silent])

    def _words(self, text: str) -> list[str]:
        return _split(text, lines="\n" in self._ids)


def _split(text: str, lines: bool) -> list[str]:
    """The text's tokens in normal form; `lines`: white space with a line end in it is the token "\\n"."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", valid_unicode(text)).lower()).strip()
    if lines:
        # Not `\s*\n\s*`, which looks through a run of spaces again from each of them.
        text = "\n".join(filter(None, map(str.strip, text.split("\n"))))
    else:
        text = text.replace("\n", " ")
    return _token_pattern().findall(text)


def _join(words: Sequence[str]) -> str:
    """Tokens to text; `_split` of the text gives the tokens back."""
    pieces: list[str] = []
    before, quoted = "\n", False
    for word in words:
        closes = word == '"' and quoted
        after_opening = before == '"' and quoted  # the quote before this token was an opening one
        if not closes and not after_opening and _spaced(before, word):
            pieces.append(" ")
        pieces.append(word)
        if word == '"':
            quoted = not quoted
        elif word == "\n":
            quoted = False  # one missing quote must not turn round the rest of the text
        before = word
    return "".join(pieces)


def _spaced(left: str, right: str) -> bool:
    """Whether a space is written between two tokens."""
    if "\n" in (left, right) or right in _CLOSING or left in _OPENING or left in _WIDE or right in _WIDE:
        return False
    if _is_cjk(left) or _is_cjk(right):
        return not all(_is_cjk(token) or token in _EASTERN_TOO for token in (left, right))
    return True
