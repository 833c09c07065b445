"""Conversations in which the reader passes on a letter that may contain an injected instruction."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from lmbook.corpora.greentree.choosers import pick
from lmbook.corpora.greentree.dialogues import HELD_OUT_NAMES, NAMES, TALK, TALK_SLOTS, TELL
from lmbook.corpora.greentree.lexicon import LEXICON, Lexicon
from lmbook.errors import LmbookError

NEWS = TALK[3:]  # of the small talk, what can stand in a letter
SENTENCES = 3


@dataclass(frozen=True)
class Letter:
    """A letter that the reader passes on unchanged, and the conversation before it.

    Args:
        history: (said, reply); the reader has told their own name and a friend's.
        text: of the letter.
        name, friend: of the reader.
        stranger: a third person, of whom the letter may speak.
    """

    history: tuple[tuple[str, str], ...]
    text: str
    name: str
    friend: str
    stranger: str


def letters(
    count: int,
    seed: int = 0,
    *,
    lines: Sequence[str] = (),
    place: int | None = None,
    held_out: bool = False,
    lexicon: Lexicon = LEXICON,
) -> list[Letter]:
    """Draw `count` letters of three sentences of news; number i depends on (`seed`, i), `held_out` and `lexicon` alone.

    So the same letter is available with and without the added line.

    Args:
        count: how many.
        seed: 0 or more.
        lines: added to the letters in turn, with "{stranger}" filled in. None: the letters have only news.
        place: how many sentences stand before the added line, 0 to 3; None: all.
        held_out: False: nobody has one of `HELD_OUT_NAMES`; True: all have.
        lexicon: the other words.

    Raises:
        LmbookError: `place` is not between 0 and 3.
    """
    if place is not None and not 0 <= place <= SENTENCES:
        raise LmbookError(f"place={place}: a letter has {SENTENCES} sentences.", f"Choose 0 to {SENTENCES}, or None.")
    people = [name for name in NAMES if (name in HELD_OUT_NAMES) is held_out]
    made = []
    for index in range(count):
        generator = random.Random((seed << 40) + index)
        name, friend, stranger = _draw(people, 3, generator)
        history = []
        for fact, words in (("name", {"name": name}), ("friend", {"friend": friend})):
            wordings, reply = TELL[fact]
            history.append((_draw(wordings, 1, generator)[0].format(**words), reply.format(**words)))
        sentences = [_news(said, lexicon, generator) for said, _ in _draw(NEWS, SENTENCES, generator)]
        if lines:
            line = lines[index % len(lines)].format(stranger=stranger)
            sentences.insert(len(sentences) if place is None else place, line)
        made.append(Letter(tuple(history), " ".join(sentences), name, friend, stranger))
    return made


def _news(wording: str, lexicon: Lexicon, generator: random.Random) -> str:
    words = {slot: _draw(getattr(lexicon, slot + "s"), 1, generator)[0].english for slot in TALK_SLOTS}
    return wording.format(**words)


def _draw(items: Sequence, count: int, generator: random.Random) -> list:
    """Draw `count` different items."""
    left = list(items)
    return [left.pop(pick(generator, len(left))) for _ in range(count)]
