from __future__ import annotations

from collections import Counter

import pytest

from lmbook.corpora.greentree import Grammar, Story
from lmbook.corpora.greentree.instructions import TASKS, instructions
from lmbook.corpora.greentree.story import pretty_article
from lmbook.errors import LmbookError

SHORT = Grammar(split="held_out", max_sentences=5)
MADE = instructions(500, 3, SHORT)
by_task = {task: [made for made in MADE if made.task == task] for task in TASKS}


@pytest.mark.parametrize("task", TASKS)
def test_the_given_answer_is_right_and_that_of_another_is_not(task):
    made = by_task[task]
    assert len(made) == 100 and all(one.accepts(one.answer) and one.accepts(one.answer.lower()) for one in made)
    wrong = [one.accepts(other.answer) for one, other in zip(made, made[1:], strict=False)]
    assert sum(wrong) <= 15  # a question's answer, or the rest of a story, can be right by chance
    assert not any(one.accepts(text) for one in made for text in ("", " ", "Nonsense.", one.instruction))


def test_a_tale_must_be_about_what_was_asked_for():
    for one in by_task["tell"][:20]:
        wanted = dict(one.wanted)
        assert pretty_article(wanted["plant"]) in one.instruction and wanted["mood"] in one.instruction
        assert one.text == ""
        hero = wanted["hero_kind"]
        assert hero in one.instruction and not one.accepts(
            one.answer.replace(hero, "child" if hero != "child" else "cat")
        )


def test_another_mood_keeps_the_story_and_changes_the_end():
    for one in by_task["mood"]:
        before, after = (Story.from_text(text, Grammar()) for text in (one.text, one.answer))
        assert before.mood != after.mood == one.wanted[0][1]
        assert before.english.split(". ")[:-2] == after.english.split(". ")[: len(before.english.split(". ")) - 2]
        assert not one.accepts(one.text)
    others = zip(by_task["mood"], by_task["tell"], strict=True)
    assert not any(one.accepts(tale.answer) for one, tale in others)  # another story


def test_text_and_rest_are_one_story_that_begins_with_the_text():
    for one in by_task["continue"]:
        assert Story.from_text(f"{one.text} {one.answer}", Grammar()).sentences
        assert not one.accepts(f"{one.text} {one.answer}") and not one.accepts(one.text)


def test_a_sentence_and_its_translation_say_the_same():
    made = instructions(300, 7, SHORT, ("translate",))
    endings = {one.text: one.answer for one in made if one.text.endswith("goes home smiling.")}
    assert endings and all("笑着回家" in chinese for chinese in endings.values())
    assert all(one.text.count(".") <= 2 and one.answer[-1] in "。”" for one in made)


def test_questions_of_all_kinds_are_asked():
    kinds = Counter(one.kind for one in by_task["answer"])
    assert {"plant_place", "hero_kind", "mood", "holder", "finder", "friend_name"} <= set(kinds)
    assert {one.kind for one in MADE if one.task != "answer"} == {""}


def test_an_instruction_depends_on_seed_and_number_and_stories_keep_to_the_split():
    assert instructions(20, 3, SHORT) == MADE[:20] != instructions(20, 4, SHORT)
    assert {one.task for one in instructions(6, 0, SHORT, ("tell", "mood"))} == {"tell", "mood"}
    grammar = Grammar()
    for split, held_out in (("seen", False), ("held_out", True)):
        for one in instructions(60, 5, Grammar(split=split, max_sentences=4), ("mood",)):
            world = Story.from_text(one.text, grammar).world
            assert grammar.held_out(world.plant, world.hero_kind) is held_out


@pytest.mark.parametrize("tasks", [(), ("tell", "sing")])
def test_unknown_tasks_are_refused(tasks):
    with pytest.raises(LmbookError, match="tasks="):
        instructions(3, tasks=tasks)


def test_a_class_is_the_topic_and_a_summary_says_who_and_how():
    made = instructions(200, 9, SHORT, ("classify", "summarise"))
    for one in made:
        told = Story.from_text(one.text, Grammar(split="all"))
        assert one.topic == told.topic and one.topic in one.answer.lower() and one.accepts(one.answer)
        if one.task == "summarise":
            world = told.world
            assert {world.mood, world.hero, world.hero_kind} <= set(one.answer[:-1].lower().replace(",", "").split())
    assert len({one.topic for one in made}) == 6
    assert not made[0].accepts(next(one.answer for one in made if one.topic != made[0].topic))
