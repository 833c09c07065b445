from __future__ import annotations

import numpy as np
import pytest

from lmbook.corpora.greentree.dialogues import dialogues
from lmbook.errors import LmbookError
from lmbook.pipelines.dialogues import (
    REPLIES,
    DialogueBatches,
    dialogue_prompt,
    encode_dialogue,
    encode_reply,
    encode_said,
)
from lmbook.tokenizers.byte_pair import BytePairTokenizer
from lmbook.tokenizers.tokenizer import SpecialIds
from lmbook.tokenizers.word import WordTokenizer

TALK = [([5, 6], [7]), ([8], [9, 10])]


def test_a_row_is_the_prompt_of_its_last_turn_and_the_reply():
    """What is read in training is what is read in a chat."""
    x, y, w = (
        part.numpy()[0] for part in next(iter(DialogueBatches([TALK], SpecialIds(), tokens_per_batch=8).dataset()))
    )
    row = [*dialogue_prompt(TALK[:1], TALK[1][0], SpecialIds()), *TALK[1][1], 2]
    assert row == [2, 5, 6, 7, 2, 8, 9, 10, 2]
    assert x.tolist() == row[:-1] and y.tolist() == row[1:]
    assert w.tolist() == [0, 0, 1, 1, 0, 1, 1, 1]  # replies and the <end> of each


def test_each_reply_is_asked_for_once_in_an_epoch():
    rng = np.random.default_rng(0)
    made = [
        [(rng.integers(3, 9, 2).tolist(), rng.integers(3, 9, n).tolist()) for n in rng.integers(1, 4, turns)]
        for turns in rng.integers(1, 5, 20)
    ]
    data = DialogueBatches(made, SpecialIds(), tokens_per_batch=64, seed=3)
    learned = sum(float(w.numpy().sum()) for _, _, w in data.dataset())
    assert learned == data.tokens == sum(len(reply) + 1 for one in made for _, reply in one)
    assert data.left_out == 0


def test_a_conversation_is_encoded_turn_by_turn():
    one = dialogues(1, 3, turns=4)[0]
    pieces = BytePairTokenizer.train([f"{turn.said} {turn.reply} {REPLIES}" for turn in one.turns])
    for (said, reply), turn in zip(encode_dialogue(pieces, one), one.turns, strict=True):
        assert pieces.decode(said) == f" {turn.said} {REPLIES}" and pieces.decode(reply) == f" {turn.reply}"


def test_a_name_has_the_same_tokens_wherever_it_stands():
    pieces = BytePairTokenizer.train([f"Hello, Brina. My name is Brina. {REPLIES}"] * 3)
    name = pieces.encode(" Brina")
    first, last = encode_said(pieces, "Brina is here."), encode_reply(pieces, "Brina")
    assert first[: len(name)] == name == last
    assert pieces.encode("Brina") != name


def test_a_prompt_ends_with_the_words_that_open_a_reply():
    words = WordTokenizer.train([f"Who am I? {REPLIES}"])
    assert words.decode(encode_said(words, "Who am I?")) == "who am i? teller:"


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        ([], {}, "None of the 0"),
        ([[]], {}, "None of the 1"),
        ([TALK], {"widths": (4,)}, "None of the 1"),
        ([TALK], {"widths": (8, 4)}, "widths="),
    ],
)
def test_what_cannot_be_used_is_refused(made, options, message):
    with pytest.raises(LmbookError, match=message):
        DialogueBatches(made, SpecialIds(), tokens_per_batch=8, **options)


def test_what_is_too_long_is_left_out():
    assert DialogueBatches([TALK, TALK[:1]], SpecialIds(), tokens_per_batch=8, widths=(6,)).left_out == 1
