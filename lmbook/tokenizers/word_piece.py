"""The WordPiece tokenizer of BERT."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import tokenizers

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import Tokenizer, valid_unicode

NAMES = {"pad_id": "[PAD]", "unknown_id": "[UNK]", "first_id": "[CLS]", "end_id": "[SEP]", "mask_id": "[MASK]"}


class WordPieceTokenizer(Tokenizer):
    """Words cut into the longest pieces that the vocabulary has, from left to right; applied by `tokenizers`.

    As in the "uncased" models: letters become small and lose their accents, punctuation and Chinese characters stand
    alone. "##" marks a piece that goes on a word. A word that cannot be cut into known pieces is unknown as a whole.

    Args:
        tokens: the vocabulary in the order of the ids.

    Attributes:
        first_id: "[CLS]", which opens what BERT reads.
        end_id: "[SEP]", which closes a text.
        mask_id: "[MASK]", which hides a token.

    Reference:
        Wu et al. 2016, "Google's neural machine translation system", section 4.1; Devlin et al. 2019.

    Raises:
        LmbookError: a token stands twice, or a special one is missing.
    """

    kind = "word_piece"
    special_tokens: ClassVar = ()

    def __init__(self, tokens: list[str]):
        super().__init__(tokens)
        ids = {token: id for id, token in enumerate(tokens)}
        missing = [token for token in NAMES.values() if token not in ids]
        if missing:
            raise LmbookError(f"The vocabulary lacks {', '.join(missing)}.", "Give the vocab.txt of a BERT.")
        if len(ids) != len(tokens):
            raise LmbookError("A token stands twice in the vocabulary.", "Get the file again.")
        for name, token in NAMES.items():
            setattr(self, name, ids[token])
        # The special tokens are not declared to the library, so no text can spell one.
        self._library = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token=NAMES["unknown_id"]))
        self._library.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
        self._library.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()

    @classmethod
    def from_file(cls, path: str | Path) -> WordPieceTokenizer:
        """Read BERT's vocab.txt: a token a line.

        Raises:
            LmbookError: there is no such file, or it is no vocabulary of a BERT.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LmbookError(f"Cannot read {path}: {error}.", "Give the vocab.txt of a BERT.") from error
        return cls([token for token in text.split("\n") if token])

    def encode(self, text: str) -> list[int]:
        return self._library.encode(valid_unicode(text), add_special_tokens=False).ids

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where in the text each token of `encode` stands: (first character, the one after its last)."""
        return self._library.encode(valid_unicode(text), add_special_tokens=False).offsets

    def decode(self, ids: Iterable[int]) -> str:
        """The words with spaces between them; `[PAD]`, `[CLS]` and `[SEP]` give nothing."""
        silent = (self.pad_id, self.first_id, self.end_id)
        words: list[str] = []
        for token in (self.tokens[id] for id in self._check(ids) if id not in silent):
            if token.startswith("##") and words:
                words[-1] += token[2:]
            else:
                words.append(token)
        return " ".join(words)

    def normalize(self, text: str) -> str:
        normal = self._library.normalizer.normalize_str(valid_unicode(text))
        return " ".join(word for word, _ in self._library.pre_tokenizer.pre_tokenize_str(normal))
