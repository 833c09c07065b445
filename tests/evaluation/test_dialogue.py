from __future__ import annotations

import math

import keras
import pytest

from lmbook.corpora.greentree.dialogues import dialogues
from lmbook.errors import LmbookError
from lmbook.evaluation import dialogue
from lmbook.evaluation.dialogue import replies_to, score_dialogues, score_replies
from lmbook.pipelines.dialogues import REPLIES
from lmbook.tokenizers.word import WordTokenizer

MADE = dialogues(6, 1, turns=4)
WORDS = WordTokenizer.train([f"{text} {REPLIES}" for one in MADE for t in one.turns for text in (t.said, t.reply)])
TURNS = [turn for one in MADE for turn in one.turns]


@pytest.fixture
def shown(monkeypatch):
    """The prompts that were shown; every reply is "hello."."""
    prompts = []

    def answer_ids(model, tokenizer, ids, **options):
        prompts.extend(tokenizer.decode(prompt) for prompt in ids)
        return ["Hello."] * len(ids)

    monkeypatch.setattr(dialogue, "answer_ids", answer_ids)
    return prompts


def test_right_replies_are_counted():
    score = score_replies([turn.reply for turn in TURNS], TURNS)
    assert score.share() == 1 and score.count(lambda turn: turn.kind == "tell") > 0
    assert math.isnan(score.share(lambda turn: turn.kind == "none"))
    wrong = score_replies(["no."] * len(TURNS), TURNS)
    assert wrong.share() == 0


@pytest.mark.parametrize("kept", [0, 1, None])
def test_only_the_kept_turns_are_shown(shown, kept):
    score_dialogues(keras.Model(), WORDS, MADE, kept=kept)
    for number, prompt in enumerate(shown):
        one, place = MADE[number // 4], number % 4
        earlier = place if kept is None else min(kept, place)
        assert prompt.count("teller:") == earlier + 1 and prompt.startswith(
            WORDS.normalize(one.turns[place - earlier].said)
        )


def test_with_its_own_replies_these_stand_in_the_history(shown):
    right = [WORDS.normalize(turn.reply) for turn in TURNS]
    score = score_dialogues(keras.Model(), WORDS, MADE, own_replies=True)
    last = [prompt for prompt in shown if prompt.count("teller:") == 4]
    assert len(last) == 6 and all(prompt.count("teller: hello.") == 3 for prompt in last)
    assert score.share() == sum(text == "hello." for text in right) / len(right)


def test_the_oldest_turns_are_left_out_where_there_is_no_room(shown, monkeypatch):
    longest = max(len(WORDS.encode(t.said)) for one in MADE for t in one.turns)
    monkeypatch.setattr(dialogue, "longest_text", lambda model: longest + 14 + 10)
    score_dialogues(keras.Model(), WORDS, MADE, max_new_tokens=10)
    assert all(len(WORDS.encode(prompt)) <= longest + 14 for prompt in shown)
    assert {2} < {prompt.count("teller:") for prompt in shown} < {1, 2, 3, 4}
    for number, prompt in enumerate(shown):
        assert prompt.endswith(WORDS.normalize(MADE[number // 4].turns[number % 4].said) + " teller:")


def test_a_reply_is_to_what_is_said_after_its_own_history(shown):
    first, second = MADE[0].turns[:2]
    histories = [[], [(first.said, first.reply)]]
    assert replies_to(keras.Model(), WORDS, histories, [first.said, second.said]) == ["Hello."] * 2
    said = [WORDS.normalize(f"{turn.said} teller:") for turn in (first, second)]
    assert shown == [said[0], f"{said[0]} {WORDS.normalize(first.reply)} {said[1]}"]


def test_only_chosen_turns_are_scored(shown):
    score = score_dialogues(keras.Model(), WORDS, MADE, chosen=lambda turn: turn.kind == "tell")
    assert {turn.kind for turn in score.turns} == {"tell"} and len(shown) == len(score.turns)


def test_what_cannot_be_scored_is_refused(shown):
    with pytest.raises(LmbookError, match="kept=-1"):
        score_dialogues(keras.Model(), WORDS, MADE, kept=-1)
    with pytest.raises(LmbookError, match="No turn"):
        score_dialogues(keras.Model(), WORDS, MADE, chosen=lambda turn: False)
