"""Instructions about the stories, with answers that the grammar can check."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.corpora.greentree.choosers import NotInGrammar, Options, Sampler, pick
from lmbook.corpora.greentree.events import ENDINGS
from lmbook.corpora.greentree.grammar import Grammar
from lmbook.corpora.greentree.story import Story, pretty_article
from lmbook.corpora.greentree.text import chinese_text, english_tokens, normalize_chinese, normalize_english, pretty
from lmbook.corpora.greentree.world import World
from lmbook.errors import LmbookError

WORDINGS = {  # of each task
    "tell": (
        "Tell {article} {mood} story about {hero} and {plant}.",
        "Tell about {hero} and {plant}. Let the end be {mood}.",
    ),
    "continue": ("Continue the story.", "How does it go on?"),
    "answer": ("{question}",),
    "translate": ("Translate it into Chinese.", "Say it in Chinese."),
    "mood": ("Tell it again with {article} {mood} ending.", "Change the mood to {mood}."),
    "classify": ("Name the topic.", "Which topic does the story have?"),
    "summarise": ("Sum it up.", "Say it in a few words."),
}
TASKS = ("tell", "continue", "answer", "translate", "mood")  # those of chapter 07
_MOODS = {event.name: event.mood for event in ENDINGS}
_ANY = Grammar(split="all")  # a right story is one of the whole language


@dataclass(frozen=True)
class Instruction:
    """An instruction, what it is about, and a right answer.

    Args:
        task: one of `WORDINGS`.
        instruction: what to do.
        text: the story that it is about, or a part of it; "" if there is none.
        answer: a right answer. Of "tell", "continue" and "mood" there are many, of the other tasks no other.
        wanted: what the world of a right answer must be like: its plant, hero_kind and mood for "tell", its mood for
            "mood".
        kind: of "answer", what is asked for.
        topic: of the story.
    """

    task: str
    instruction: str
    text: str
    answer: str
    wanted: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    topic: str = ""

    def accepts(self, answer: str) -> bool:
        """Whether `answer` is right, ignoring capitals and spacing.

        "answer", "classify", "summarise", "translate": it is the right one. "tell": a whole story without
        contradiction, about the hero and with the ending that were asked for. "continue": the text and the answer
        together are such a story. "mood": the story is told again as it was, but for the last sentence, which ends it
        in the mood asked for.
        """
        if self.task in ("answer", "classify", "summarise"):
            return normalize_english(answer) == normalize_english(self.answer)
        if self.task == "translate":
            return normalize_chinese(answer) == normalize_chinese(self.answer)
        if not answer.strip():
            return False
        try:
            story = Story.from_text(f"{self.text} {answer}" if self.task == "continue" else answer, _ANY)
        except NotInGrammar:
            return False
        if self.task == "mood" and _but_the_end(story) != _but_the_end(Story.from_text(self.text, _ANY)):
            return False
        return all(getattr(story.world, name) == value for name, value in self.wanted)


def instructions(
    count: int, seed: int = 0, grammar: Grammar | None = None, tasks: Sequence[str] = TASKS
) -> list[Instruction]:
    """Generate `count` instructions, taking the tasks in turn, each about a story of its own.

    Instruction i depends on (`seed`, i) alone. A grammar of the split "seen" leaves out the held-out combinations of
    plant and hero, one of "held_out" has only those.

    Args:
        count: how many.
        seed: 0 or more.
        grammar: what stories are told by; None: the full one of the split "seen".
        tasks: some of `WORDINGS`.

    Raises:
        LmbookError: a task is not known.
    """
    unknown = [task for task in tasks if task not in WORDINGS]
    if unknown or not tasks:
        raise LmbookError(f"tasks={list(tasks)}: not known or none.", f"Choose from {', '.join(WORDINGS)}.")
    grammar = grammar or Grammar(split="seen")
    return [_make(tasks[i % len(tasks)], grammar, random.Random((seed << 40) + i)) for i in range(count)]


def _make(task: str, grammar: Grammar, generator: random.Random) -> Instruction:
    story, before = _tell(grammar, generator)
    world, text, kind, wanted = story.world, story.english, "", ()
    words = {
        "hero": pretty_article(world.hero_kind),
        "plant": pretty_article(world.plant),
        "mood": world.mood,
    }
    if task == "tell":
        text, answer = "", story.english
        wanted = tuple((name, getattr(world, name)) for name in ("plant", "hero_kind", "mood"))
    elif task == "continue":
        told = [english_tokens(sentence) for sentence in story.sentences]
        cut = 2 + pick(generator, len(told) - 2)
        text, answer = (pretty(" ".join(part)) for part in (told[:cut], told[cut:]))
    elif task == "answer":
        questions = story.questions()
        question = questions[pick(generator, len(questions))]
        words["question"], answer, kind = question.english, question.answer, question.kind
    elif task == "translate":
        sentence = story.sentences[pick(generator, len(story.sentences))]
        text, answer = pretty(english_tokens(sentence)), chinese_text(sentence)
    elif task == "classify":
        answer = f"{world.topic.capitalize()}."
    elif task == "summarise":
        tale = pretty_article(world.mood).capitalize()
        answer = f"{tale} story about {world.topic} and {world.hero.capitalize()}, {words['hero']}."
    else:
        possible = {_MOODS.get(event) for event in grammar.next_events(before).words} - {None, world.mood}
        moods = sorted(possible)
        words["mood"] = moods[pick(generator, len(moods))]
        wanted = (("mood", words["mood"]),)
        last = grammar.step(before, _EndsIn(words["mood"], generator))
        answer = Story((*story.sentences[:-1], last), before).english
    wordings = WORDINGS[task]
    words["article"] = pretty_article(words["mood"]).split()[0]
    instruction = wordings[pick(generator, len(wordings))].format(**words)
    return Instruction(task, instruction, text, answer, wanted, kind, world.topic)


def _tell(grammar: Grammar, generator: random.Random) -> tuple[Story, World]:
    """A story, and the world before its last sentence."""
    chooser, world, sentences = Sampler(generator), World(), []
    while not (sentences and sentences[-1].last):
        before = copy.copy(world)
        sentences.append(grammar.step(world, chooser))
    return Story(tuple(sentences), world), before


def _but_the_end(story: Story) -> list[str]:
    return [english_tokens(sentence) for sentence in story.sentences[:-1]]


class _EndsIn(Sampler):
    """Draws like `Sampler`, but takes as the event only an ending in the given mood."""

    def __init__(self, mood: str, generator: random.Random):
        super().__init__(generator)
        self._mood = mood

    def choose(self, slot: str, options: Options) -> int:
        if slot != "event":
            return super().choose(slot, options)
        kept = [i for i, event in enumerate(options.words) if _MOODS.get(event) == self._mood]
        weights = tuple(options.probabilities[i] for i in kept)
        return kept[super().choose(slot, Options(tuple(options.words[i] for i in kept), weights))]
