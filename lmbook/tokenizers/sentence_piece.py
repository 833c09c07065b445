"""The SentencePiece tokenizer of Llama 2: byte-pair encoding of characters, merged by score."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import tokenizers

from lmbook.errors import LmbookError
from lmbook.tokenizers.tokenizer import Tokenizer

SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


class SentencePieceTokenizer(Tokenizer):
    """Byte-pair encoding as SentencePiece has it in Llama 2; applied by the `tokenizers` library.

    The text gets a space in front and is cut into characters; of all neighbours that make a piece together, those with
    the highest score are merged, again and again. A piece may begin with a space and has none after that. A character
    without a piece becomes its bytes, so nothing is unknown and every Unicode text comes back.

    `<s>` opens a document, and so closes the one before: it is the `end_id`.

    Args:
        tokens: `<unk>`, `<s>`, `</s>`, the 256 bytes as "<0x00>" …, then the pieces.
        scores: of all tokens; those of the first 259 play no part.

    Reference:
        Kudo and Richardson 2018, "SentencePiece: a simple and language independent subword tokenizer and detokenizer";
        Touvron et al. 2023, "Llama 2: open foundation and fine-tuned chat models", section 2.1.

    Raises:
        LmbookError: the vocabulary is not of this kind.
    """

    kind = "sentence_piece"
    special_tokens: ClassVar = (*SPECIAL, *BYTES)
    pad_id, unknown_id, end_id = 0, 0, 1

    def __init__(self, tokens: list[str], scores: list[float]):
        super().__init__(tokens)
        first = len(self.special_tokens)
        ids = {token: id for id, token in enumerate(tokens)}
        if tuple(tokens[:first]) != self.special_tokens or len(ids) != len(tokens) or len(scores) != len(tokens):
            raise LmbookError(
                f"These {len(tokens)} tokens with {len(scores)} scores are not {', '.join(SPECIAL)}, the bytes, and "
                "different pieces.",
                "Give the tokenizer of a Llama 2 model.",
            )
        self.scores = list(scores)
        pieces = set(tokens[first:])
        by_score = sorted(pieces, key=lambda piece: (-scores[ids[piece]], ids[piece]))
        # Which two pieces make another is not in the file: any two whose characters are its own.
        splits = ((piece[:cut], piece[cut:]) for piece in by_score for cut in range(1, len(piece)))
        merges = [(left, right) for left, right in splits if left in pieces and right in pieces]
        model = tokenizers.models.BPE(vocab=ids, merges=merges, byte_fallback=True, unk_token=SPECIAL[0])
        self._library = tokenizers.Tokenizer(model)
        self._bytes = [b"", b"", b"", *(bytes([byte]) for byte in range(256))]
        self._bytes += [piece.encode("utf-8") for piece in tokens[first:]]

    def encode(self, text: str) -> list[int]:
        text = self.normalize(text)
        return self._library.encode(" " + text, add_special_tokens=False).ids if text else []

    def decode(self, ids: Iterable[int]) -> str:
        """The text without the space in front; bytes that are no complete character become U+FFFD."""
        return b"".join(self._bytes[id] for id in self._check(ids)).decode("utf-8", "replace").removeprefix(" ")

    def settings(self) -> dict[str, list[float]]:
        return {"scores": self.scores}
