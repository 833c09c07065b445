"""Byte-pair encoding: pieces of words, built from bytes by merging frequent neighbours."""

from __future__ import annotations

import json
from collections.abc import Iterable

import tokenizers

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer, check_texts, valid_unicode

DEFAULT_SIZE = 4096
BYTES = 256
LONGEST_PIECE = 1000  # bytes of what has no space or change of kind in it; merges are learned from so many at once


def byte_characters() -> dict[int, str]:
    """The printable character that stands for each byte in the tokens' names (the convention of GPT-2).

    Printable bytes stand for themselves (but for the space, shown as "Ġ"); the others get characters from U+0100 on.
    """
    own = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(BYTES) if byte not in own]
    return {byte: chr(byte) for byte in own} | {byte: chr(BYTES + place) for place, byte in enumerate(others)}


class BytePairTokenizer(Tokenizer):
    """Byte-level byte-pair encoding, as GPT-2 has it; trained and applied by the `tokenizers` library.

    Text is split into words, numbers and punctuation, each with the space before it, then into the bytes of UTF-8;
    pairs are merged in the order in which they were learned, most frequent first. Every byte is a token, so nothing
    is unknown and `decode(encode(text)) == text` for every Unicode text.

    Args:
        tokens: the special tokens, then the bytes and the merged pieces, in GPT-2's printable form.
        merges: pairs of pieces in the order in which they were learned.

    Reference:
        Sennrich et al. 2016, "Neural machine translation of rare words with subword units"; Radford et al. 2019,
        "Language models are unsupervised multitask learners".
    """

    kind = "byte_pair"

    def __init__(self, tokens: list[str], merges: list[list[str]]):
        super().__init__(tokens)
        self.merges = [(left, right) for left, right in merges]
        # The library knows nothing of the special tokens, so no text can spell one; its ids may start after them.
        self._first = len(self.special_tokens)
        silent = {self.pad_id: b"", self.unknown_id: b"<unk>", self.end_id: b""}
        pieces = [token for id, token in enumerate(tokens) if id not in silent]
        vocabulary = {token: id for id, token in enumerate(pieces)}
        if len(vocabulary) != len(pieces):
            raise LmbookError("A token stands twice in the vocabulary.", "Train the tokenizer again.")
        self._library = _byte_level(tokenizers.models.BPE(vocab=vocabulary, merges=self.merges))
        byte_of = {character: byte for byte, character in byte_characters().items()}
        if not byte_of.keys() <= vocabulary.keys():
            raise LmbookError("The vocabulary does not hold every byte.", "Train the tokenizer again.")
        self._bytes = [
            silent[id] if id in silent else bytes(byte_of[character] for character in token)
            for id, token in enumerate(tokens)
        ]

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int | None = None) -> BytePairTokenizer:
        """Learn merges until the vocabulary is full or no pair occurs twice.

        Args:
            texts: the documents.
            vocabulary_size: at most so many tokens, at least 259 (special tokens and bytes); None: 4,096.
        """
        size = DEFAULT_SIZE if vocabulary_size is None else vocabulary_size
        least = len(SPECIAL_TOKENS) + BYTES
        if size < least:
            raise LmbookError(
                f"vocabulary_size is {size}, but the bytes and the special tokens alone are {least}.",
                f"Choose at least {least}.",
            )
        check_texts(texts)
        texts = [valid_unicode(text) for text in texts]
        if not any(texts):
            raise LmbookError("The text is empty: there is no token to learn.", "Give a text with some words.")
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=size - len(SPECIAL_TOKENS),
            min_frequency=2,
            initial_alphabet=sorted(byte_characters().values()),
            show_progress=False,
        )
        library = _byte_level(tokenizers.models.BPE())
        # Learning takes the square of a piece's length: minutes for a genome, or for a line of 100,000 spaces.
        pieces = [library.pre_tokenizer, tokenizers.pre_tokenizers.FixedLength(length=LONGEST_PIECE)]
        library.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(pieces)
        library.train_from_iterator(texts, trainer)
        # The library's own JSON is the only place where it gives the merges.
        model = json.loads(library.to_str())["model"]
        return cls([*SPECIAL_TOKENS, *sorted(model["vocab"], key=model["vocab"].__getitem__)], model["merges"])

    def encode(self, text: str) -> list[int]:
        first = self._first
        return [id + first for id in self._library.encode(self.normalize(text), add_special_tokens=False).ids]

    def decode(self, ids: Iterable[int]) -> str:
        """As in the base class; bytes that are no complete character (a text cut in its middle) become U+FFFD."""
        return b"".join(self._bytes[id] for id in self._check(ids)).decode("utf-8", "replace")

    def settings(self) -> dict[str, list[list[str]]]:
        return {"merges": [list(pair) for pair in self.merges]}


def _byte_level(model: tokenizers.models.BPE) -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer(model)
    library.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return library
