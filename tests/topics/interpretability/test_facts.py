from __future__ import annotations

import numpy as np
import pytest

from lmbook.corpora.greentree import Grammar, tell_stories
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.interpretability.facts import HOLDERS, LEAST, holder_places, story_facts, word_before
from lmbook.topics.interpretability.states import story_states

GRAMMAR = Grammar(LEXICON.first(4, kinds=24, wishes=6), split="seen", max_sentences=6)
WORDS = WordTokenizer.train([story.english for story in tell_stories(150, 5, grammar=GRAMMAR)])


@pytest.fixture(scope="module")
def states():
    return story_states(150, 5, GRAMMAR, WORDS)


def test_places_are_ends_of_middle_sentences_and_as_many_of_each_answer(states):
    middles = states.middles()
    lengths = np.array([len(story.sentences) for story in states.stories])
    assert (middles.sum(axis=1) == np.maximum(lengths - 2, 0)).all() and not (middles & ~states.closes).any()
    mask = holder_places(states, 10, np.random.default_rng(0))
    holders = [HOLDERS[world.holder] for world in states.at(mask)]
    assert not (mask & ~middles).any() and holders.count("nobody yet") == holders.count("the hero") == 10
    assert all(world.thing for row in np.flatnonzero(mask.any(axis=1)) for world in states.worlds[row][-1:])


def test_facts_hold_where_the_world_says_so(states):
    facts, worlds = story_facts(states, WORDS), states.at(states.middles())
    assert all(len(held) == len(worlds) and LEAST <= held.sum() <= len(held) - LEAST for held in facts.values())
    assert facts["there is a friend"].tolist() == [bool(world.friend) for world in worlds]
    ids = word_before(states, states.middles())
    for name, held in facts.items():
        if name.startswith("the word"):
            assert {WORDS.tokens[id] for id in ids[held]} == {name.split('"')[1]}
