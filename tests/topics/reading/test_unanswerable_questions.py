from __future__ import annotations

from lmbook.corpora.greentree import tell_stories
from lmbook.topics.reading.unanswerable_questions import UNKNOWN, unanswerable

STORIES = tell_stories(200, seed=31)


def test_no_story_answers_them():
    kinds = set()
    for number, story in enumerate(STORIES):
        asked = unanswerable(story, STORIES[number + 1 :][:3])
        known = {question.english for question in story.questions()}
        for question in asked:
            kinds.add(question.kind)
            assert question.answer == UNKNOWN and question.english not in known
        assert len({question.english for question in asked}) == len(asked)
    assert {"plant_place", "plant_look", "hero_kind", "hero_place", "friend_name", "holder", "finder"} == kinds


def test_a_name_that_occurs_is_not_asked_about_as_if_it_did_not():
    for number, story in enumerate(STORIES):
        text = story.english.lower()
        for question in unanswerable(story, STORIES[number + 1 :][:3]):
            if question.kind in ("hero_kind", "hero_place"):
                name = next(word for word in question.english.strip("?").split()[2:3])
                assert name.lower() not in text.replace(".", " ").replace(",", " ").split()


def test_the_friend_of_somebody_without_one_is_asked_for():
    alone = next(story for story in STORIES if not story.world.friend)
    accompanied = next(story for story in STORIES if story.world.friend)
    hero = alone.world.hero.capitalize()
    assert [question.english for question in unanswerable(alone, [])] == [f"Who is the friend of {hero}?"]
    assert unanswerable(accompanied, []) == []
