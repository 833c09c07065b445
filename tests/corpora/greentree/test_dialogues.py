from __future__ import annotations

from collections import Counter
from dataclasses import fields

import pytest

from lmbook.corpora.greentree.dialogues import (
    HELD_OUT_NAMES,
    KINDS,
    NAMES,
    NEW_NAMES,
    NOT_KNOWN,
    SLOTS,
    Turn,
    dialogues,
)
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.errors import LmbookError

SEEN = dialogues(400, 3, stories=True)
HELD_OUT = dialogues(400, 3, stories=True, held_out=True)
TURNS = [turn for one in (*SEEN, *HELD_OUT) for turn in one.turns]


def names_told(made):
    told = ("My name is ", "I am ", "Call me ")
    said = [turn.said for one in made for turn in one.turns if turn.kind == "tell"]
    return {text.split()[-1].rstrip(".") for text in said if text.startswith(told) and len(text.split()) in (3, 4)}


def test_every_right_reply_is_accepted_and_that_of_another_is_not():
    assert set(Counter(turn.kind for turn in TURNS)) == set(KINDS)
    assert all(turn.accepts(turn.reply) and turn.accepts(turn.reply.lower()) for turn in TURNS)
    assert not any(turn.accepts("") or turn.accepts("Nonsense.") for turn in TURNS)
    stories = [turn for turn in TURNS if turn.kind == "story"]
    others = zip(stories, stories[1:], strict=False)
    assert stories and not any(one.accepts(other.reply) for one, other in others if one.hero != other.hero)
    assert not any(turn.accepts(turn.reply.rsplit(". ", 1)[0] + ".") for turn in stories)  # without its end


def test_a_reply_follows_from_what_was_told_last():
    """A reader that knows nothing but the words told before answers each question about them."""
    for one in (*SEEN, *HELD_OUT):
        for place, turn in enumerate(one.turns):
            before = " ".join(t.said for t in one.turns[:place])
            if turn.kind == "ask":
                assert 1 <= turn.since <= place and turn.slot in SLOTS
                assert turn.reply.rstrip(".").split()[-1].lower() in before.lower()
            elif turn.kind == "unknown":
                assert turn.reply == NOT_KNOWN or turn.reply.startswith("First tell me")


def test_the_latest_name_counts():
    for one in dialogues(300, 5, turns=12):
        name = None
        for turn in one.turns:
            if turn.reply.startswith("Hello, "):
                name = turn.reply.removeprefix("Hello, ")
            if turn.kind == "ask" and turn.slot == "name":
                assert turn.reply == f"You are {name}"


def test_a_quiz_asks_once_for_all_that_was_told():
    plain, quizzed = (dialogues(100, 7, turns=6, quiz=quiz) for quiz in (False, True))
    for one, more in zip(plain, quizzed, strict=True):
        told, asked = more.turns[:6], more.turns[6:]
        assert told == one.turns and all(turn.kind == "ask" and turn.since >= 1 for turn in asked)
        before = " ".join(f"{turn.said} {turn.reply}" for turn in told)
        slots = {
            "name": "Hello, ",
            "friend": "Say hello to ",
            "thing": "I hope ",
            "place": "I would ",
            "look": "I would ",
        }
        assert sorted(t.slot for t in asked) == sorted(slot for slot, reply in slots.items() if reply in before)
    orders = {tuple(turn.slot for turn in one.turns[6:]) for one in quizzed}
    assert len(orders) > 20


def test_readers_and_plants_of_the_test_are_new():
    assert len(set(NAMES)) == len(NAMES) and not set(NAMES) & set(NEW_NAMES)
    lexicon = {entry.english for entry in (*LEXICON.girls, *LEXICON.boys, *LEXICON.kinds)}
    assert not {name.lower() for name in (*NAMES, *NEW_NAMES)} & lexicon
    assert names_told(HELD_OUT) and names_told(HELD_OUT) <= set(HELD_OUT_NAMES)
    assert not names_told(SEEN) & set(HELD_OUT_NAMES)
    assert names_told(dialogues(50, 1, names=NEW_NAMES)) <= set(NEW_NAMES)
    said = {word.strip('.,?"') for one in SEEN for turn in one.turns for word in f"{turn.said} {turn.reply}".split()}
    assert said & set(NAMES) and not said & {*HELD_OUT_NAMES, *NEW_NAMES}  # as nobody's, the friends' neither
    lowered = {name.lower() for name in NAMES}
    assert not lowered & {entry.english for field in fields(LEXICON) for entry in getattr(LEXICON, field.name)
                          if field.name != "wishes"}  # fmt: skip
    pairs = [
        {(t.said.split()[-1], plant.english) for one in made for t in one.turns for plant in LEXICON.plants
         if t.kind == "tell" and t.reply == f"I would like to see the {plant.english}."}
        for made in (SEEN, HELD_OUT)
    ]  # fmt: skip
    assert pairs[1] and not pairs[0] & pairs[1]


def test_a_conversation_depends_on_seed_and_number_alone():
    assert dialogues(20, 3, stories=True) == SEEN[:20] != dialogues(20, 4, stories=True)
    assert {len(one.turns) for one in dialogues(5, 0, turns=3)} == {3}


def test_a_story_must_be_about_its_reader():
    turn = next(turn for turn in TURNS if turn.kind == "story")
    assert turn.hero in turn.reply and turn.plant in turn.reply
    other = Turn(turn.said, turn.reply, "story", hero=turn.hero, plant="palm" if turn.plant != "palm" else "oak")
    assert not other.accepts(turn.reply)


@pytest.mark.parametrize("options", [{"turns": 0}, {"names": ()}, {"names": ("Ada", "Ada", "Bo")}])
def test_what_cannot_be_made_is_refused(options):
    with pytest.raises(LmbookError):
        dialogues(1, **options)
