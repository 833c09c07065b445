"""The byte-pair tokenizer of GPT-2, with its own ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from lmbook.errors import LmbookError
from lmbook.tokenizers.byte_pair import BytePairTokenizer

END = "<|endoftext|>"


class GPT2Tokenizer(BytePairTokenizer):
    """Byte pairs with the ids of GPT-2: the pieces first, and last the one special token, `<|endoftext|>` (50256).

    That token closes a document and opens the next; it fills what is not text, too. No text is unknown.

    Args:
        tokens: the vocabulary in the order of the ids, `<|endoftext|>` last.
        merges: pairs of pieces in the order in which they were learned.

    Example:
        tokenizer = GPT2Tokenizer.from_pieces(*lmbook.corpora.weights.read_gpt2_byte_pairs())

    Reference:
        Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.2.

    Raises:
        LmbookError: the vocabulary is not GPT-2's.
    """

    kind = "gpt2"
    special_tokens: ClassVar = ()

    def __init__(self, tokens: list[str], merges: list[list[str]]):
        if not tokens or tokens[-1] != END:
            raise LmbookError(f"The last token is not {END}.", "Give the vocabulary of a GPT-2.")
        self.pad_id = self.unknown_id = self.end_id = len(tokens) - 1
        super().__init__(tokens, merges)

    @classmethod
    def from_pieces(cls, pieces: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> GPT2Tokenizer:
        """From what `read_byte_pairs` gives: each piece's id, and the merges.

        Raises:
            LmbookError: the ids are not 0 … V - 1, or the vocabulary is not GPT-2's.
        """
        tokens = sorted(pieces, key=pieces.__getitem__)
        if [pieces[token] for token in tokens] != list(range(len(tokens))):
            raise LmbookError(
                f"The {len(tokens)} pieces do not have the ids 0 to {len(tokens) - 1}.", "Get the file again."
            )
        try:
            return cls(tokens, merges)
        except LmbookError:
            raise
        except Exception as error:  # what the library raises when a merge's pieces are not there
            raise LmbookError(
                f"The merges do not fit the vocabulary: {error}.", "Take both files from one model."
            ) from error
