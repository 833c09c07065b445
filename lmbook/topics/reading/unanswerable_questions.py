"""Questions that a story does not answer, though they sound as if it did."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.corpora.greentree.story import Question, Story
from lmbook.corpora.greentree.text import chinese_word

UNKNOWN, UNKNOWN_ZH = "I don't know.", "我不知道。"
_ASKED_ABOUT = {  # kind of question -> whom or what it is about
    "plant_place": "plant",
    "plant_look": "plant",
    "hero_kind": "hero",
    "hero_place": "hero",
    "friend_name": "hero",
    "holder": "thing",
    "finder": "thing",
}


def unanswerable(story: Story, others: Sequence[Story]) -> list[Question]:
    """What `story` does not tell; the right answer is `UNKNOWN`.

    The questions are those of other stories, about a plant, a person or a thing that does not occur in this one. Where
    the hero has no friend, there is also the question who that is: all of its words occur in the story.

    Args:
        story: the story that is asked about.
        others: where to take questions from.
    """
    world = story.world
    here = {world.plant, world.hero, world.friend, world.thing}
    found = {}
    for other in others:
        for question in other.questions():
            asked_about = _ASKED_ABOUT.get(question.kind)
            if asked_about is not None and getattr(other.world, asked_about) not in here:
                found[question.english] = _unknown(question.kind, question.english, question.chinese)
    if not world.friend:
        chinese = f"{chinese_word('hero', world.hero)}的朋友是谁？"
        english = f"Who is the friend of {world.hero.capitalize()}?"
        found[english] = _unknown("friend_name", english, chinese)
    return list(found.values())


def _unknown(kind: str, english: str, chinese: str) -> Question:
    return Question(kind, english, UNKNOWN, chinese, UNKNOWN_ZH)
