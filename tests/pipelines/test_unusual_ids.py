"""Every pipeline gives, for renumbered ids, the renumbered batches."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from unusual_ids import USUAL, RenumberedTokenizer, every_kind, renumbering

from lmbook.pipelines.causal import CausalWindows, document_rows, padded_documents, text_batches
from lmbook.pipelines.dialogues import DialogueBatches, dialogue_prompt, latest_turns
from lmbook.pipelines.instructions import InstructionBatches
from lmbook.pipelines.labelled import LabelledTexts
from lmbook.pipelines.masked import MaskedTokens
from lmbook.pipelines.packing import pack
from lmbook.pipelines.pairs import SentencePairs, padded_sources
from lmbook.pipelines.weighted_rows import WeightedRows
from lmbook.tokenizers.word import WordTokenizer

V = 30
RANDOM = np.random.default_rng(0)
TEXTS = [RANDOM.integers(3, V, n).tolist() for n in RANDOM.integers(1, 20, 25)]
PAIRS = list(zip(TEXTS, TEXTS[4:] + TEXTS[:4], strict=True))
CLASSES = [n % 3 for n in range(len(TEXTS))]
WIDTHS = {"tokens_per_batch": 96, "widths": (12, 24, 48)}

# Function of the renumbering of ids, and the tokenizer -> the data.
PIPELINES = {
    "windows": lambda ids, t: CausalWindows(ids(TEXTS), t, context=7, batch_size=4),
    "windows from documents on": lambda ids, t: CausalWindows(
        ids(TEXTS), t, context=7, batch_size=4, align="document", shuffle=False
    ),
    "pairs": lambda ids, t: SentencePairs(ids(PAIRS), t, tokens_per_batch=96),
    "labelled": lambda ids, t: LabelledTexts(ids(TEXTS), CLASSES, t, tokens_per_batch=96, max_length=14),
    "masked": lambda ids, t: MaskedTokens(
        ids(TEXTS), t, context=9, batch_size=4, vocabulary_size=len(ids.old), mask_id=ids(np.array(4)).item()
    ),
    "answers": lambda ids, t: InstructionBatches(ids(PAIRS), t, **WIDTHS),
    "dialogues": lambda ids, t: DialogueBatches(ids([PAIRS[n : n + 2] for n in range(9)]), t, **WIDTHS),
    "weighted": lambda ids, t: WeightedRows([(ids([*text, 2]), [1.0] * len(text)) for text in TEXTS], t, **WIDTHS),
}


def same(found, expected, ids):
    """Whether integers are renumbered, and all else is equal."""
    found, expected = np.asarray(found), np.asarray(expected)
    expected = ids(expected) if expected.dtype == np.int32 else expected
    np.testing.assert_array_equal(found, expected)


def usual():
    numbers = renumbering("moved", V)
    return type(numbers)(USUAL, np.arange(V), np.arange(V))


@every_kind
@pytest.mark.parametrize("name", PIPELINES)
def test_renumbered_ids_give_renumbered_batches(name, kind):
    ids = renumbering(kind, V)
    expected, found = PIPELINES[name](usual(), USUAL), PIPELINES[name](ids, ids.special)
    steps = expected.steps_per_epoch + 3
    assert found.steps_per_epoch == expected.steps_per_epoch
    for one, other in zip(found.dataset(0, steps), expected.dataset(0, steps), strict=True):
        if name == "labelled":  # its labels are no tokens
            np.testing.assert_array_equal(one[1], other[1])
            one, other = (one[0], one[2]), (other[0], other[2])
        for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
            same(a, b, ids)


@every_kind
def test_rows_of_documents_and_of_texts(kind):
    ids = renumbering(kind, V)
    for closed in (True, False):
        for found, expected in zip(
            padded_documents(ids(TEXTS), ids.special, 4, closed=closed, multiple_of=3),
            padded_documents(TEXTS, USUAL, 4, closed=closed, multiple_of=3),
            strict=True,
        ):
            for a, b in zip(found, expected, strict=True):
                same(a, b, ids)
    for a, b in zip(document_rows(ids(TEXTS), ids.special, 24), document_rows(TEXTS, USUAL, 24), strict=True):
        same(a, b, ids)
    same(padded_sources(ids(TEXTS), ids.special), padded_sources(TEXTS, USUAL), ids)
    for second in (None, TEXTS[::-1]):
        found, found_segments = pack(ids(TEXTS), ids.special, second and ids(second), length=15)
        expected, segments = pack(TEXTS, USUAL, second, length=15)
        same(found, expected, ids)
        np.testing.assert_array_equal(found_segments, segments)


@every_kind
def test_prompts_of_dialogues(kind):
    ids = renumbering(kind, V)
    found = dialogue_prompt(ids(PAIRS[:3]), ids(TEXTS[5]), ids.special)
    assert found == ids(dialogue_prompt(PAIRS[:3], TEXTS[5], USUAL))
    for room in (20, 40, None):
        found = latest_turns(ids(PAIRS[:5]), ids(TEXTS[5]), ids.special, room)
        assert found == ids(latest_turns(PAIRS[:5], TEXTS[5], USUAL, room))


@every_kind
def test_texts_are_encoded_by_their_tokenizer(kind):
    texts = ["a green tree stands tall", "a tree stands", "tall green trees of a garden that stands"]
    words = WordTokenizer.train(texts)
    renumbered = RenumberedTokenizer(words, kind)
    found, expected = (text_batches(texts, t, context=4, batch_size=2) for t in (renumbered, words))
    for one, other in zip(found.dataset(), expected.dataset(), strict=True):
        for a, b in zip(one, other, strict=True):
            same(a, b, renumbered.ids)


@every_kind
def test_the_renumbering_moves_every_special_token_and_keeps_the_texts(kind):
    """A test of the helper itself: a renumbering that moves nothing would find nothing."""
    ids, words = renumbering(kind, V), WordTokenizer.train(["a b c d e f g h a b"])
    assert ids.special.pad_id != 0 and ids.special.end_id != 2 and ids.special.unknown_id != 1
    special = {ids.special.pad_id, ids.special.unknown_id, ids.special.end_id}
    assert sorted([*special, *ids(list(range(3, V)))]) == list(range(ids.vocabulary_size))
    assert ids(3) == 0 and ids.old[ids(11)] == 11 and ids.old[ids.special.end_id] == 2
    renumbered = RenumberedTokenizer(words, kind)
    assert renumbered.decode(renumbered.encode("a c h")) == "a c h" and renumbered.encode("a") != words.encode("a")
