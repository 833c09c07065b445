from __future__ import annotations

import dataclasses

import pytest

from lmbook.corpora.greentree.dialogues import HELD_OUT_NAMES
from lmbook.evaluation.dialogue import replies_to
from lmbook.recipes import chat as module
from lmbook.recipes.chat import greentree_chat

TINY = dataclasses.replace(
    module.QUICK, turns=2, words=3, conversations=60, steps=2, num_layers=1, hidden_dim=16, widths=(96,)
)


@pytest.fixture(scope="module")
def made(tmp_path_factory, gpt_without_xla):
    folder = tmp_path_factory.mktemp("models")
    return tuple(greentree_chat(TINY, models=folder, quiet=True) for _ in range(2))


def test_a_trained_chat_is_loaded_and_not_trained_again(made, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*made)


def test_nobody_of_the_training_has_a_held_out_name_and_every_conversation_ends_with_a_quiz():
    train = TINY.training_dialogues()
    assert len(train) == 60 and max(len(one.turns) for one in train) > TINY.turns
    text = " ".join(turn.said for one in train for turn in one.turns)
    assert not set(text.replace(".", "").split()) & set(HELD_OUT_NAMES)
    assert not any(turn.kind == "story" for one in train for turn in one.turns)


def test_it_replies_in_the_length_of_the_longest_reply(made):
    chat = made[0]
    longest = max(len(chat.tokenizer.encode(f" {t.reply}")) for one in TINY.training_dialogues() for t in one.turns)
    assert chat.length == longest + 2
    replies = replies_to(
        chat.model, chat.tokenizer, [[], [("Hello.", "Hello.")]], ["Hello.", "Who am I?"], max_new_tokens=3
    )
    assert len(replies) == 2 and all(len(chat.tokenizer.encode(reply)) <= 4 for reply in replies)
