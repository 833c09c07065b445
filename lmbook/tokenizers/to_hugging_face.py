"""The book's tokenizers as the files of Hugging Face: the same ids for every text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from lmbook.errors import LmbookError
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.character import CharacterTokenizer
from lmbook.tokenizers.gpt2 import GPT2Tokenizer
from lmbook.tokenizers.sentence_piece import SentencePieceTokenizer
from lmbook.tokenizers.tokenizer import Tokenizer


def tokenizer_files(tokenizer: Tokenizer, longest: int) -> dict[str, Any]:
    """What tokenizer.json and tokenizer_config.json hold, by the files' names.

    A text begins with the end of the one before it, as it did in training; `add_special_tokens=False` leaves that out.

    Args:
        tokenizer: of characters, byte pairs, GPT-2 or SentencePiece.
        longest: tokens that the model can read.

    Raises:
        LmbookError: `tokenizers` cannot do what this one does.
    """
    make = MAKERS.get(tokenizer.kind)
    if make is None:
        raise LmbookError(
            f"A tokenizer of the kind {tokenizer.kind!r} has no counterpart in Hugging Face's files.",
            "Train with characters or byte pairs: lmbook train --tokenizer character, or --tokenizer byte_pair.",
        )
    library = make(tokenizer)
    first = tokenizer.tokens[tokenizer.end_id]
    library.post_processor = processors.TemplateProcessing(
        single=f"{first} $A", pair=f"{first} $A {first} $B", special_tokens=[(first, tokenizer.end_id)]
    )
    names = {"bos_token": tokenizer.end_id, "eos_token": tokenizer.end_id, "unk_token": tokenizer.unknown_id}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": longest,
        **{name: tokenizer.tokens[id] for name, id in {**names, "pad_token": tokenizer.pad_id}.items()},
        "split_special_tokens": True,  # no text can spell one
        "clean_up_tokenization_spaces": False,
    }
    return {"tokenizer.json": json.loads(library.to_str()), "tokenizer_config.json": config}


def _ids(tokenizer: Tokenizer) -> dict[str, int]:
    return {token: id for id, token in enumerate(tokenizer.tokens)}


def _of_characters(tokenizer: CharacterTokenizer) -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer(models.WordLevel(_ids(tokenizer), unk_token=tokenizer.tokens[tokenizer.unknown_id]))
    library.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
    library.decoder = decoders.Fuse()
    return library


def _of_byte_pairs(tokenizer: BytePairTokenizer) -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer(models.BPE(vocab=_ids(tokenizer), merges=tokenizer.merges))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    library.decoder = decoders.ByteLevel()
    return library


def _of_sentence_pieces(tokenizer: SentencePieceTokenizer) -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer.from_str(tokenizer._library.to_str())
    library.normalizer = normalizers.Prepend(" ")
    library.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return library


MAKERS: dict[str, Callable[[Any], tokenizers.Tokenizer]] = {
    CharacterTokenizer.kind: _of_characters,
    BytePairTokenizer.kind: _of_byte_pairs,
    GPT2Tokenizer.kind: _of_byte_pairs,
    SentencePieceTokenizer.kind: _of_sentence_pieces,
}
