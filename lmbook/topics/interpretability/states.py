"""greentree's stories word by word, with the state of their world at each word."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass

import numpy as np

from lmbook.corpora.greentree import Grammar, Story
from lmbook.corpora.greentree.choosers import Sampler
from lmbook.corpora.greentree.text import english_tokens
from lmbook.corpora.greentree.world import World
from lmbook.pipelines.batches import padded
from lmbook.tokenizers.word import WordTokenizer


@dataclass(frozen=True)
class StoryStates:
    """Stories as rows of words, and the world at each word.

    Attributes:
        ids: int32 [B, T], each row `<end>`, the story, and padding.
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

    def middles(self) -> np.ndarray:
        """bool [B, T], True at the last word of sentences that are neither the first nor the last of their story."""
        mask = self.closes.copy()
        for ends in mask:
            ends[np.flatnonzero(ends)[[0, -1]]] = False
        return mask


def story_states(count: int, seed: int, grammar: Grammar, tokenizer: WordTokenizer) -> StoryStates:
    """Draw stories as `greentree.tell_stories` does (the same ones for the same seed) and follow their worlds.

    Args:
        count: how many.
        seed: as in `tell_stories`.
        grammar: that tells them.
        tokenizer: of words.

    Returns:
        rows as long as the longest story and its opening `<end>`.
    """
    told = [_follow((seed << 40) + row, grammar, tokenizer) for row in range(count)]
    ids = padded([words for words, *_ in told], max(len(words) for words, *_ in told), tokenizer.pad_id)
    real, closes = np.zeros(ids.shape, bool), np.zeros(ids.shape, bool)
    for row, (words, ends, worlds, _) in enumerate(told):
        real[row, 1 : len(words)], closes[row, ends] = True, True
        worlds += [worlds[-1]] * (ids.shape[1] - len(words))
    return StoryStates(ids, real, closes, [worlds for _, _, worlds, _ in told], [story for *_, story in told])


def _follow(seed: int, grammar: Grammar, tokenizer: WordTokenizer) -> tuple[list[int], list[int], list[World], Story]:
    """One story: its words, where its sentences end, the world at each word, and itself."""
    chooser, world = Sampler(random.Random(seed)), World()
    sentences, worlds, words, ends = [], [copy.copy(world)], [tokenizer.end_id], []
    while not (sentences and sentences[-1].last):
        before = copy.copy(world)
        sentences.append(grammar.step(world, chooser))
        now = tokenizer.encode(english_tokens(sentences[-1]))
        worlds += [before] * (len(now) - 1) + [copy.copy(world)]
        words += now
        ends.append(len(words) - 1)
    return words, ends, worlds, Story(tuple(sentences), world)
