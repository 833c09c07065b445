"""Conversations about the greentree world in which facts are told and later asked for.

A reader and a teller speak by turns. The reader says who they are, who came with them, what stands where and what they
look for, asks for it again later, and chats in between. What the right reply is follows from what was said, so every
reply can be checked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.corpora.greentree.choosers import NotInGrammar, Options, Sampler, pick
from lmbook.corpora.greentree.grammar import Grammar
from lmbook.corpora.greentree.lexicon import LEXICON, Lexicon
from lmbook.corpora.greentree.story import Story, pretty_article
from lmbook.corpora.greentree.text import english_word, normalize_english
from lmbook.errors import LmbookError

KINDS = ("tell", "ask", "unknown", "story", "talk")
SLOTS = ("name", "friend", "place", "look", "thing")  # what can be asked for
NOT_KNOWN = "I do not know yet."

_ONSETS = ("B", "D", "F", "G", "H", "J", "K", "L", "M", "N", "P", "R", "S", "T", "V", "W", "Br", "Dr", "Fr", "Tr")
_ENDINGS = ("lna", "rina", "da", "mira", "tia", "lena", "ssa", "vina", "nka", "bella", "gna", "mona")  # "she"
_ENDINGS += ("ndor", "rik", "len", "mon", "vin", "ros", "bert", "gor", "les", "min", "tok", "zan")  # "he"
NAMES = tuple(onset + vowel + ending for onset in _ONSETS for vowel in "aeiou" for ending in _ENDINGS)
HELD_OUT_NAMES = tuple(  # nobody is called so in conversations of the split "seen", though all their syllables occur
    name for index, name in enumerate(NAMES) if (index // len(_ENDINGS) + index) % 6 == 0
)
NEW_NAMES = (  # not even their syllables do
    *("Agatha", "Camilla", "Olivia", "Philippa", "Ursula", "Yolanda"),
    *("Edgar", "Florian", "Oswald", "Quentin", "Ulrich", "Xerxes"),
)

# (what the reader says, what the teller replies)
TELL = {
    "name": (("My name is {name}.", "I am {name}.", "Call me {name}."), "Hello, {name}."),
    "friend": (("My friend is {friend}.", "I came with {friend}.", "{friend} is my friend."), "Say hello to {friend}."),
    "plant": (
        ("There is {a_plant} {at}.", "I saw {a_plant} {at}.", "{a_plant} stands {at}."),
        "I would like to see the {plant}.",
    ),
    "thing": (("I want {a_thing}.", "I am looking for {a_thing}."), "I hope that you find it."),
}
_ASK = {
    "name": (("What is my name?", "Who am I?"), "You are {name}."),
    "friend": (("Who is my friend?", "What is my friend called?"), "Your friend is {friend}."),
    "place": (("Where is the {plant}?", "Where does the {plant} stand?"), "{at}."),
    "look": (("What is the {plant} like?", "How does the {plant} look?"), "It is {look}."),
    "thing": (("What do I want?", "What am I looking for?"), "You want {a_thing}."),
}
TALK_SLOTS = ("weather", "taste", "food", "colour", "creature")
TALK = (
    ("Hello.", "Hello."),
    ("How are you?", "I am well."),
    ("Thank you.", "You are welcome."),
    ("I do not like the {weather}.", "The {weather} will pass."),
    ("Yesterday I ate a {taste} {food}.", "I like a {taste} {food} too."),
    ("I can see a {colour} {creature}.", "The {creature} can see you too."),
)
_STORY = ("Tell me a story.", "Tell a story about me.")
_FACTS = {"name": ("name",), "friend": ("friend",), "plant": ("place", "look"), "thing": ("thing",)}
_ANY = Grammar(split="all")


@dataclass(frozen=True)
class Turn:
    """What the reader says, and the right reply.

    Args:
        said: by the reader.
        reply: by the teller. A story has many right ones, everything else only this.
        kind: one of `KINDS`; "unknown": something is asked for that was not told.
        slot: of "ask" and "unknown", what is asked for.
        since: of "ask", how many turns ago the fact was last told or said.
        hero, plant: of "story", whom and which plant it must be about.
    """

    said: str
    reply: str
    kind: str
    slot: str = ""
    since: int = 0
    hero: str = ""
    plant: str = ""

    def accepts(self, reply: str) -> bool:
        """Whether `reply` is right, ignoring capitals and spacing; a story must be one of the grammar."""
        if self.kind != "story":
            return normalize_english(reply) == normalize_english(self.reply)
        try:
            text = _renamed(normalize_english(reply), self.hero.lower(), _stand_in(self.hero))
            world = Story.from_text(text, _ANY).world
        except NotInGrammar:
            return False
        return (world.hero, world.plant) == (_stand_in(self.hero), self.plant)


@dataclass(frozen=True)
class Dialogue:
    """A conversation: its turns in order."""

    turns: tuple[Turn, ...]


def dialogues(
    count: int,
    seed: int = 0,
    *,
    turns: int = 8,
    held_out: bool = False,
    stories: bool = False,
    quiz: bool = False,
    names: Sequence[str] | None = None,
    lexicon: Lexicon = LEXICON,
) -> list[Dialogue]:
    """`count` conversations; number i depends on (`seed`, i) and the options alone.

    Args:
        count: how many.
        seed: 0 or more.
        turns: of each conversation.
        held_out: False: nobody has one of `HELD_OUT_NAMES`, and one in eight pairs of a plant and a place does not
            occur; True: only such names and pairs.
        stories: the reader asks for a story about them, too. It has three sentences.
        quiz: at the end, after `turns`, the reader asks once for everything that was told, in any order.
        names: of readers and friends, instead of those of the split. One that ends in "a" is a "she" in a story.
        lexicon: the other words; several of each category.

    Raises:
        LmbookError: `turns` is less than 1, or there are fewer than three different `names`.
    """
    if turns < 1:
        raise LmbookError(f"turns={turns}: a conversation has at least one.", "Choose for example 8.")
    if names is not None and len(set(names)) < 3:
        raise LmbookError(f"names={tuple(names)}: a name, another and a friend's are needed.", "Give three or more.")
    people = names or [name for name in NAMES if (name in HELD_OUT_NAMES) is held_out]
    grammar = Grammar(lexicon, max_sentences=3)
    made = []
    for index in range(count):
        speaker = _Speaker(random.Random((seed << 40) + index), people, held_out, lexicon, grammar)
        said = [speaker.turn(stories) for _ in range(turns)]
        made.append(Dialogue((*said, *(speaker.quiz() if quiz else ()))))
    return made


class _Speaker:
    """The reader's side of a conversation, turn by turn; it remembers what was told."""

    def __init__(
        self, generator: random.Random, people: Sequence[str], held_out: bool, lexicon: Lexicon, grammar: Grammar
    ):
        self._random, self._people, self._held_out = generator, people, held_out
        self._lexicon, self._grammar = lexicon, grammar
        self._facts: dict[str, str] = {}  # the words that wordings are filled with
        self._last: dict[str, int] = {}  # slot -> the turn in which it was last told or said
        self._number = 0

    def turn(self, stories: bool) -> Turn:
        untold = [fact for fact, slots in _FACTS.items() if slots[0] not in self._last]
        draw = self._random.random()
        if stories and draw < (0.2 if {"name", "place"} <= set(self._last) else 0.04):
            turn = self._story()
        elif draw < 0.42:
            turn = self._ask()
        elif draw < 0.72 and untold:
            turn = self._tell(self._one(untold))
        elif draw < 0.78:
            turn = self._tell("name")  # for the first time, or another one: the latest counts
        else:
            said, reply = self._one(TALK)
            words = {slot: self._word(slot + "s") for slot in TALK_SLOTS}
            turn = Turn(said.format(**words), reply.format(**words), "talk")
        self._number += 1
        return turn

    def quiz(self) -> list[Turn]:
        """A question for each slot that was told."""
        turns = []
        for slot in sorted(self._last, key=lambda slot: self._random.random()):
            turns.append(self._asked(slot))
            self._number += 1
        return turns

    def _tell(self, fact: str) -> Turn:
        wordings, reply = TELL[fact]
        said = self._one(wordings)
        if fact in ("name", "friend"):
            self._facts[fact] = self._somebody()
        elif fact == "plant":
            self._choose_plant()
        else:
            self._facts["a_thing"] = pretty_article(self._word("thing_looks"), self._word("things"))
        self._last.update(dict.fromkeys(_FACTS[fact], self._number))
        return Turn(self._filled(said), self._filled(reply), "tell")

    def _somebody(self) -> str:
        """A name that nobody has yet."""
        taken = (self._facts.get("name"), self._facts.get("friend"))
        while (name := self._one(self._people)) in taken:
            pass
        return name

    def _choose_plant(self) -> None:
        plants, places = ([e.english for e in getattr(self._lexicon, name)] for name in ("plants", "places"))
        pairs = [
            (plant, place)
            for i, plant in enumerate(plants)
            for j, place in enumerate(places)
            if ((i + j) % 8 == 0) is self._held_out
        ]
        plant, place = self._one(pairs)
        look = self._word("looks")
        self._facts.update(plant=plant, look=look, a_plant=pretty_article(look, plant), at=english_word("at", place))
        self._facts["where"] = place

    def _ask(self) -> Turn:
        slot = self._one(SLOTS)
        if self._last and self._random.random() < 0.8:  # mostly for what was told, sooner for what is long ago
            slot = min((self._one(list(self._last)) for _ in range(2)), key=self._last.__getitem__)
        return self._asked(slot)

    def _asked(self, slot: str) -> Turn:
        wordings, reply = _ASK[slot]
        said = self._one(wordings)
        if slot not in self._last:
            plant = self._word("plants")
            return Turn(said.format(plant=plant), NOT_KNOWN, "unknown", slot)
        since = self._number - self._last[slot]
        self._last[slot] = self._number
        return Turn(self._filled(said), self._filled(reply), "ask", slot, since)

    def _story(self) -> Turn:
        said = self._one(_STORY)
        for slot, reply in (("name", "First tell me your name."), ("place", "First tell me about a plant.")):
            if slot not in self._last:
                return Turn(said, reply, "unknown", slot)
        name, facts = self._facts["name"], self._facts
        told = {"hero": _stand_in(name), "plant": facts["plant"], "look": facts["look"], "at": facts["where"]}
        world, sentences = self._grammar.tell(_About(told, self._random))
        story = _renamed(Story(tuple(sentences), world).english, _stand_in(name).capitalize(), name)
        self._last.update(dict.fromkeys(("name", "place", "look"), self._number))
        return Turn(said, story, "story", hero=name, plant=facts["plant"])

    def _filled(self, wording: str) -> str:
        text = wording.format(**self._facts)
        return text[0].upper() + text[1:]

    def _word(self, category: str) -> str:
        return self._one(getattr(self._lexicon, category)).english

    def _one(self, items: Sequence):
        return items[pick(self._random, len(items))]


class _About(Sampler):
    """Draws like `Sampler`, but fills the given slots with the given words wherever possible."""

    def __init__(self, told: dict[str, str], generator: random.Random):
        super().__init__(generator)
        self._told = told

    def fill(self, slot: str, options: Options) -> int:
        index = options.index.get(self._told.get(slot))
        return super().choose(slot, options) if index is None else index


def _stand_in(name: str) -> str:
    """A name from the grammar with the same pronoun as `name`."""
    return "anna" if name.endswith("a") else "tom"


def _renamed(text: str, old: str, new: str) -> str:
    return re.sub(rf"\b{re.escape(old)}\b", new, text)
