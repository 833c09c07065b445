"""Stories of greentree word by word, with what is true in their world at each."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass

import numpy as np

from lmbook.corpora.greentree import Grammar, Story
from lmbook.corpora.greentree.choosers import Sampler
from lmbook.corpora.greentree.text import english_tokens
from lmbook.corpora.greentree.world import World
from lmbook.errors import LmbookError
from lmbook.tokenizers.word import WordTokenizer


@dataclass(frozen=True)
class StoryStates:
    """Stories as rows of words, and the world at each word.

    Attributes:
        ids: int32 [B, T], each row `<end>`, the story, and 0 where it is over.
        real: bool [B, T], True at the words of stories (the opening `<end>` and padding are none).
        closes: bool [B, T], True at the last word of a sentence.
        worlds: for each row a list of T worlds: what the sentences before a word have told, and at the last word of
            a sentence also what it told itself.
        stories: the stories.
    """

    ids: np.ndarray
    real: np.ndarray
    closes: np.ndarray
    worlds: list[list[World]]
    stories: list[Story]

    def at(self, mask: np.ndarray) -> list[World]:
        """The worlds of the positions where `mask` [B, T] is True, row by row."""
        return [self.worlds[row][place] for row, place in zip(*np.nonzero(mask), strict=True)]


def story_states(count: int, seed: int, grammar: Grammar, tokenizer: WordTokenizer, length: int) -> StoryStates:
    """Draw stories as `greentree.generate` does (the same ones for the same seed) and follow their worlds.

    Args:
        count: how many.
        seed: as in `generate`.
        grammar: that tells them.
        tokenizer: of words.
        length: T; the opening `<end>` counts.

    Raises:
        LmbookError: a story does not fit into `length`.
    """
    ids = np.zeros((count, length), "int32")
    real, closes = np.zeros(ids.shape, bool), np.zeros(ids.shape, bool)
    all_worlds, stories = [], []
    for row in range(count):
        chooser, world = Sampler(random.Random((seed << 40) + row)), World()
        sentences, worlds, words = [], [copy.copy(world)], [tokenizer.end_id]
        while not (sentences and sentences[-1].last):
            before = copy.copy(world)
            sentences.append(grammar.step(world, chooser))
            now = tokenizer.encode(english_tokens(sentences[-1]))
            worlds += [before] * (len(now) - 1) + [copy.copy(world)]
            words += now
            if len(words) <= length:
                closes[row, len(words) - 1] = True
        if len(words) > length:
            raise LmbookError(f"A story has {len(words)} words with its <end>, more than {length}.", "Take more.")
        ids[row, : len(words)], real[row, 1 : len(words)] = words, True
        all_worlds.append(worlds + [worlds[-1]] * (length - len(words)))
        stories.append(Story(tuple(sentences), world))
    return StoryStates(ids, real, closes, all_worlds, stories)
