"""What is true in the world of a story, as labels for probes and as names for features."""

from __future__ import annotations

import numpy as np

from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.corpora.greentree.world import BOTH, FRIEND, HERO, LOST
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.interpretability.states import StoryStates

HOLDERS = {None: "nobody yet", HERO: "the hero", FRIEND: "the friend", LOST: "it is lost"}  # of the thing
LEAST = 30  # places where a fact must hold, and where it must not


def holder_places(states: StoryStates, count: int, rng: np.random.Generator) -> np.ndarray:
    """bool [B, T], True at `count` ends of sentences of each of `HOLDERS`, drawn from stories that tell of a thing."""
    mask = np.zeros(states.ids.shape, bool)
    places = {name: [] for name in HOLDERS.values()}
    for row, t in zip(*np.nonzero(states.middles()), strict=True):
        if states.worlds[row][-1].thing:
            places[HOLDERS[states.worlds[row][t].holder]].append((row, t))
    for found in places.values():
        for place in rng.permutation(len(found))[:count]:
            mask[found[place]] = True
    return mask


def word_before(states: StoryStates, mask: np.ndarray) -> np.ndarray:
    """The ids [N] of the words before the positions in `mask` [B, T]."""
    return np.roll(states.ids, 1, axis=1)[mask]


def story_facts(states: StoryStates, tokenizer: WordTokenizer) -> dict[str, np.ndarray]:
    """Facts that may hold at the ends of sentences in the middle of stories.

    What is true in the world, what the sentence has told, how many there were, and the word before the full stop; each
    that holds, and does not, at `LEAST` places or more.

    Returns:
        name -> bool [N], N as `states.middles()` has them.
    """
    worlds, ids = states.at(states.middles()), word_before(states, states.middles())
    events = [sentence.event.name for story in states.stories for sentence in story.sentences[1:-1]]
    found = {f"the thing: {name}": np.array([w.holder == one for w in worlds]) for one, name in HOLDERS.items()}
    found["there is a friend"] = np.array([bool(w.friend) for w in worlds])
    found["bad weather"] = np.array([bool(w.weather) for w in worlds])
    found["away from the plant"] = np.array([not w.at_plant for w in worlds])
    for name in LEXICON.wishes:
        found[f"topic: {name}"] = np.array([w.topic == name for w in worlds])
    for one, name in {HERO: "the hero", FRIEND: "the friend", BOTH: "both"}.items():
        found[f"last told of: {name}"] = np.array([w.subject == one for w in worlds])
    for number in range(2, max(len(story.sentences) for story in states.stories)):
        found[f"after sentence {number}"] = np.array([w.sentences == number for w in worlds])
    for name in sorted(set(events)):
        found[f"told: {name.replace('_', ' ')}"] = np.array([event == name for event in events])
    for id in sorted(set(ids.tolist())):
        found[f'the word "{tokenizer.tokens[id]}"'] = ids == id
    return {name: held for name, held in found.items() if LEAST <= held.sum() <= len(held) - LEAST}
