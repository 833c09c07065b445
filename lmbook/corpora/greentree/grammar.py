"""The greentree grammar: a probabilistic program that tells a story, and everything that can be computed from it.

A story is an opening (a plant and its place), an introduction (the hero and a wish, which sets the topic), events,
and an ending (which sets the mood): 3 to 12 sentences. What can happen, and with which probability, depends on the
world so far (`World`). Every story text has exactly one derivation, so its probability is exact.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from lmbook.corpora.greentree.choosers import Options, Sampler, all_paths
from lmbook.corpora.greentree.events import ENDINGS, EVENTS, INTRODUCTION, OPENING, Event
from lmbook.corpora.greentree.lexicon import LEXICON, Lexicon
from lmbook.corpora.greentree.world import HERO, LOST, World
from lmbook.errors import LmbookError

SPLITS = ("all", "seen", "held_out")

# Probability that the next sentence is the last one, by the number of sentences told so far.
END_PROBABILITY = {2: 0.06, 3: 0.12, 4: 0.18, 5: 0.24, 6: 0.30, 7: 0.35}
LATE_END_PROBABILITY = 0.40
NAME_WEIGHT, PRONOUN_WEIGHT = 1.0, 2.0


@dataclass(frozen=True)
class Sentence:
    """One sentence of a derivation: the event, which of its wordings, and the word in each slot (English)."""

    event: Event
    wording: int
    slots: dict[str, str]
    last: bool = False


class Grammar:
    """The grammar over a lexicon.

    Args:
        lexicon: the words.
        split: "all"; "seen": without the held-out combinations of plant and kind of hero; "held_out": only those.
        min_sentences, max_sentences: bounds of a story's length.
        women: a dial for a bias to be measured: kind -> probability that one of this kind, hero or friend, has a
            girl's name (and is called "she"). A kind that is not named draws its name from all names alike.

    Raises:
        LmbookError: unknown split, impossible bounds, a dial for no kind of the lexicon or beyond [0, 1].
    """

    def __init__(
        self,
        lexicon: Lexicon = LEXICON,
        split: str = "all",
        min_sentences: int = 3,
        max_sentences: int = 12,
        women: Mapping[str, float] | None = None,
    ):
        if split not in SPLITS:
            raise LmbookError(f"There is no split {split!r} of the grammar.", f"Choose one of {', '.join(SPLITS)}.")
        if not 3 <= min_sentences <= max_sentences:
            raise LmbookError(
                f"A story cannot have {min_sentences} to {max_sentences} sentences.", "Use 3 <= minimum <= maximum."
            )
        self.women = dict(women or {})
        kinds = {entry.english for entry in lexicon.kinds}
        for kind, share in self.women.items():
            if kind not in kinds or not 0 <= share <= 1:
                raise LmbookError(
                    f"women={{{kind!r}: {share}}} cannot be used.",
                    f"Give shares from 0 to 1 for some of {', '.join(sorted(kinds))}.",
                )
        self.lexicon = lexicon
        self.split = split
        self.min_sentences = min_sentences
        self.max_sentences = max_sentences
        self.boys = frozenset(entry.english for entry in lexicon.boys)
        self._topics = {phrase: topic for topic, wishes in lexicon.wishes.items() for phrase, _ in wishes}
        self._wishes = Options(tuple(self._topics), (1.0,) * len(self._topics))
        self._next_events: dict[tuple, Options] = {}
        self._events = {event.name: event for event in (*EVENTS, *ENDINGS)}

    # --- The story as a program -------------------------------------------------------------------------------

    def step(self, world: World, chooser) -> Sentence:
        """Tell the next sentence: ask `chooser`, change `world`."""
        told = world.sentences
        if told == 0:
            sentence = self._open(world, chooser)
        elif told == 1:
            sentence = self._introduce(world, chooser)
        else:
            sentence = self._happen(world, chooser)
        world.sentences += 1
        return sentence

    def tell(self, chooser) -> tuple[World, list[Sentence]]:
        """Tell a whole story."""
        world, sentences = World(), []
        while not (sentences and sentences[-1].last):
            sentences.append(self.step(world, chooser))
        return world, sentences

    def _open(self, world: World, chooser) -> Sentence:
        wording = chooser.choose("wording", _wordings(OPENING))
        slots = {"look": self._fill(chooser, "look", "looks"), "plant": self._fill(chooser, "plant", "plants")}
        slots["at"] = self._fill(chooser, "at", "places")
        if wording == 0:
            slots["manner"] = self._fill(chooser, "manner", "manners")
        world.look, world.plant, world.home = slots["look"], slots["plant"], slots["at"]
        world.place = world.home
        return Sentence(OPENING, wording, slots)

    def _introduce(self, world: World, chooser) -> Sentence:
        wording = chooser.choose("wording", _wordings(INTRODUCTION))
        slots = {"plant": world.plant, "trait": self._fill(chooser, "trait", "traits")}
        kinds = self._heroes(world.plant)
        slots["kind"] = kinds.words[self._ask_kind(chooser)("kind", kinds)]
        slots["hero"] = self._fill(chooser, "hero", "names", kind=slots["kind"])
        if wording == 0:
            slots["side"] = self._fill(chooser, "side", "sides")
        slots["wish"] = self._wishes.words[chooser.choose("wish", self._wishes)]
        world.hero, world.hero_kind, world.hero_trait = slots["hero"], slots["kind"], slots["trait"]
        world.topic, world.subject = self._topics[slots["wish"]], HERO
        return Sentence(INTRODUCTION, wording, slots)

    def _happen(self, world: World, chooser) -> Sentence:
        options = self.next_events(world)
        event = self._events[options.words[chooser.choose("event", options)]]
        wording = chooser.choose("wording", _wordings(event))
        slots, who = {}, None
        if event.who:
            roles, subjects = self._subjects(world, event.who(world))
            index = chooser.choose("s", subjects)
            who, slots["s"] = roles[index], subjects.words[index]
            slots["self"] = world.name(who)
            if world.friend:
                slots["other"] = world.name(world.other(who))
        for slot, category in event.choices.items():
            slots[slot] = self._fill(chooser, slot, category, world, slots.get("kind", ""))
        facts = {
            "hero": world.hero,
            "friend": world.friend,
            "plant": world.plant,
            "look": world.look,
            "thing": world.thing,
            "at": world.place,
            "lost_at": world.lost_place,
            "weather": world.weather,
            "holder": world.name(world.holder) if world.holder and world.holder != LOST else "",
        }
        slots = {**facts, **slots}
        if event.effect:
            event.effect(world, who, slots)
        world.subject = who if event.leaves_subject == "who" else event.leaves_subject
        world.mood = event.mood
        return Sentence(event, wording, slots, last=bool(event.mood))

    # --- What can be chosen -----------------------------------------------------------------------------------

    def next_events(self, world: World) -> Options:
        """The events possible now and their probabilities."""
        key = world.signature()
        if key not in self._next_events:
            told = world.sentences
            end = END_PROBABILITY.get(told, LATE_END_PROBABILITY)
            end = 1.0 if told + 1 >= self.max_sentences else 0.0 if told + 1 < self.min_sentences else end
            words, weights = [], []
            for group, share in ((EVENTS, 1 - end), (ENDINGS, end)):
                possible = [event for event in group if share and event.when(world)]
                raw = [event.weight * event.topics.get(world.topic, 1.0) for event in possible]
                words += [event.name for event in possible]
                weights += [share * weight / sum(raw) for weight in raw]
            self._next_events[key] = Options(tuple(words), tuple(weights))
        return self._next_events[key]

    def _subjects(self, world: World, roles: list[str]) -> tuple[list[str], Options]:
        """Who may be named as the subject: each role by name, and the last subject as "he" or "she" too."""
        words = [world.name(role) for role in roles]
        weights = [NAME_WEIGHT] * len(roles)
        if world.subject in roles:
            roles = [*roles, world.subject]
            words.append("he" if world.name(world.subject) in self.boys else "she")
            weights.append(PRONOUN_WEIGHT)
        return roles, _options(tuple(words), tuple(weights))

    def _ask_kind(self, chooser):
        """How the hero's kind is asked for: with `women` set, the probabilities of names depend on it."""
        return chooser.choose if self.women else chooser.fill

    def _fill(self, chooser, slot: str, category: str, world: World | None = None, kind: str = "") -> str:
        excluded: tuple[str, ...] = ()
        if category == "destinations":
            category, excluded = "places", tuple({world.place, world.home})
        elif category == "names" and world:
            excluded = (world.hero,)
        options = self._category(category, excluded, self.women.get(kind) if category == "names" else None)
        ask = self._ask_kind(chooser) if category == "kinds" else chooser.fill
        return options.words[ask(slot, options)]

    @cache  # noqa: B019 - a grammar lives as long as the program
    def _category(self, category: str, excluded: tuple[str, ...] = (), women: float | None = None) -> Options:
        """The entries of a category. `women` is the probability of a girl's name; None: their share of names."""
        lexicon = self.lexicon
        entries = lexicon.girls + lexicon.boys if category == "names" else getattr(lexicon, category)
        kept = [entry for entry in entries if entry.english not in excluded]
        weights = [float(entry.weight) for entry in kept]
        if women is not None:
            boy = [entry.english in self.boys for entry in kept]
            weights = [(1 - women) / sum(boy) if is_boy else women / (len(boy) - sum(boy)) for is_boy in boy]
        return Options(tuple(entry.english for entry in kept), tuple(weights))

    @cache  # noqa: B019
    def _heroes(self, plant: str) -> Options:
        kinds = tuple(k.english for k in self.lexicon.kinds if self.split == "all" or self._keeps(plant, k.english))
        return Options(kinds, (1.0,) * len(kinds))

    def _keeps(self, plant: str, kind: str) -> bool:
        return self.held_out(plant, kind) == (self.split == "held_out")

    def held_out(self, plant: str, kind: str) -> bool:
        """True for one in eight pairs of a plant and a kind of hero; the same number for every plant."""
        plants = [entry.english for entry in self.lexicon.plants]
        kinds = [entry.english for entry in self.lexicon.kinds]
        return (plants.index(plant) + kinds.index(kind)) % 8 == 0

    # --- What follows from it ---------------------------------------------------------------------------------

    def sample(self, seed: int) -> tuple[World, list[Sentence]]:
        """One story, determined by `seed`."""
        return self.tell(Sampler(random.Random(seed)))

    def enumerate(self) -> Iterator[tuple[float, World, list[Sentence]]]:
        """Every story with its log-probability (nats). Only for small lexicons and short stories."""
        for explorer, (world, sentences) in all_paths(self.tell):
            yield explorer.log_probability, world, sentences

    def exact(self) -> tuple[float, float]:
        """Exact entropy of a story (nats) and exact expected number of its word tokens (full stops counted).

        Sums over all worlds that differ in more than words (`World.signature`), from the ends of the stories back.
        """
        known: dict[tuple, tuple[float, float]] = {}

        def value(world: World) -> tuple[float, float]:
            key = world.signature()
            if key not in known:
                entropy = tokens = 0.0
                for explorer, (after, sentence) in all_paths(lambda c: self._copy_step(world, c), words=False):
                    probability = math.exp(explorer.log_probability)
                    more_entropy, more_tokens = (0.0, 0.0) if sentence.last else value(after)
                    length = token_count(sentence)
                    entropy += probability * (explorer.entropy - explorer.log_probability + more_entropy)
                    tokens += probability * (length + more_tokens)
                known[key] = entropy, tokens
            return known[key]

        return value(World())

    def _copy_step(self, world: World, chooser) -> tuple[World, Sentence]:
        after = copy.copy(world)
        return after, self.step(after, chooser)


def token_count(sentence: Sentence) -> int:
    """Number of word tokens of the English sentence, punctuation marks counted."""
    words = sentence.event.wordings[sentence.wording][0].split()
    length = len(words)
    if "{wish}" in words:
        length += len(sentence.slots["wish"].split()) - 1
    return length + 2 * sum(word in ("{at}", "{lost_at}") for word in words)  # "in the garden"


@cache
def _wordings(event: Event) -> Options:
    count = len(event.wordings)
    weights = (3.0, 1.0, 1.0) if event is OPENING else (1.0,) * count
    return Options(tuple(str(i) for i in range(count)), weights)


@lru_cache(maxsize=4096)
def _options(words: tuple[str, ...], weights: tuple[float, ...]) -> Options:
    return Options(words, weights)
