"""A story with its English and Chinese texts, labels, questions with answers, and a dialogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lmbook.corpora.greentree.grammar import Grammar, Sentence
from lmbook.corpora.greentree.text import chinese_text, chinese_word, english_tokens, english_word, pretty, score
from lmbook.corpora.greentree.world import FRIEND, HERO, LOST, World


@dataclass(frozen=True)
class Question:
    """A question about a story and its short answer, in both languages. `kind` names what is asked for."""

    kind: str
    english: str
    answer: str
    chinese: str
    chinese_answer: str


@dataclass(frozen=True)
class Story:
    """A story: its derivation and the world at its end. Make one with `tell_stories` or `Story.from_text`."""

    sentences: tuple[Sentence, ...]
    world: World

    @classmethod
    def from_text(cls, text: str, grammar: Grammar) -> Story:
        """The story that `text` (English or Chinese) tells.

        Raises:
            NotInGrammar: it is none.
        """
        _, world, sentences = score(text, grammar)
        return cls(tuple(sentences), world)

    @property
    def english(self) -> str:
        return pretty(" ".join(english_tokens(sentence) for sentence in self.sentences))

    @property
    def chinese(self) -> str:
        return "".join(chinese_text(sentence) for sentence in self.sentences)

    @property
    def topic(self) -> str:
        """What the hero wishes for: food, friendship, treasure, weather, journey or garden."""
        return self.world.topic

    @property
    def mood(self) -> str:
        """How the story ends: happy, calm, sad or angry."""
        return self.world.mood

    def questions(self) -> list[Question]:
        """Every question that this story answers."""
        return list(_questions(self.world, _finder(self.sentences)))

    def dialogue(self) -> list[tuple[str, str]]:
        """The story as an English conversation: (speaker, sentence), "reader" and "teller" by turns."""
        turns = [
            ("reader", f"Tell me a story about {pretty_article(self.world.hero_trait, self.world.hero_kind)}."),
            ("teller", self.english),
        ]
        for question in self.questions():
            turns += [("reader", question.english), ("teller", question.answer)]
        return turns


def pretty_article(first: str, *rest: str) -> str:
    """ "a" or "an" and the words."""
    return " ".join(["an" if first[0] in "aeiou" else "a", first, *rest])


def _finder(sentences: tuple[Sentence, ...]) -> str:
    return next((s.slots["self"] for s in sentences if s.event.name == "find"), "")


def _questions(world: World, finder: str) -> Iterator[Question]:
    hero, hero_zh = world.hero.capitalize(), chinese_word("hero", world.hero)
    plant, plant_zh = world.plant, chinese_word("plant", world.plant)
    kind, kind_zh = world.hero_kind, chinese_word("kind", world.hero_kind)
    home, home_zh = english_word("at", world.home), chinese_word("at", world.home)
    yield Question(
        "plant_place", f"Where is the {plant}?", f"{home.capitalize()}.", f"{plant_zh}在哪里？", f"在{home_zh}。"
    )
    look, look_zh = world.look, chinese_word("look", world.look)
    yield Question(
        "plant_look", f"What is the {plant} like?", f"{look.capitalize()}.", f"{plant_zh}是什么样的？", f"{look_zh}。"
    )
    yield Question(
        "hero_kind", f"Who is {hero}?", f"{pretty_article(kind).capitalize()}.", f"{hero_zh}是谁？", f"{kind_zh}。"
    )
    place, place_zh = english_word("at", world.place), chinese_word("at", world.place)
    yield Question(
        "hero_place", f"Where was {hero} last?", f"{place.capitalize()}.", f"{hero_zh}最后在哪里？", f"在{place_zh}。"
    )
    yield Question(
        "mood",
        "How does the story end?",
        f"It ends {_ADVERBS[world.mood]}.",
        "故事的结局怎么样？",
        _MOODS_ZH[world.mood],
    )
    if world.friend:
        friend, friend_zh = world.friend.capitalize(), chinese_word("friend", world.friend)
        yield Question(
            "friend_name", f"Who is the friend of {hero}?", f"{friend}.", f"{hero_zh}的朋友是谁？", f"{friend_zh}。"
        )
    if world.thing:
        thing, thing_zh = world.thing, chinese_word("thing", world.thing)
        holder = {HERO: world.hero, FRIEND: world.friend, LOST: "nobody"}[world.holder]
        holder_zh = "没有人" if world.holder == LOST else chinese_word("hero", holder)
        finder_zh = chinese_word("hero", finder)
        yield Question(
            "holder", f"Who has the {thing}?", f"{holder.capitalize()}.", f"{thing_zh}在谁那里？", f"{holder_zh}。"
        )
        yield Question(
            "finder", f"Who found the {thing}?", f"{finder.capitalize()}.", f"谁找到了{thing_zh}？", f"{finder_zh}。"
        )


_ADVERBS = {"happy": "happily", "calm": "calmly", "sad": "sadly", "angry": "angrily"}
_MOODS_ZH = {"happy": "高高兴兴。", "calm": "平平静静。", "sad": "令人难过。", "angry": "气冲冲的。"}
