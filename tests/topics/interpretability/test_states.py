from __future__ import annotations

from lmbook.corpora.greentree import Grammar, tell_stories
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.interpretability.states import story_states

GRAMMAR = Grammar(LEXICON.first(4, kinds=24, wishes=6), split="seen", max_sentences=6)
STORIES = [story.english for story in tell_stories(30, 5, grammar=GRAMMAR)]
WORDS = WordTokenizer.train(STORIES)


def test_the_stories_are_those_of_generate_word_for_word():
    states = story_states(30, 5, GRAMMAR, WORDS)
    assert states.ids[:, -1].any() and not states.real[:, -1].all()  # the longest fills its row
    for row, text in enumerate(STORIES):
        assert states.ids[row][states.real[row]].tolist() == WORDS.encode(text)
        assert states.ids[row, 0] == WORDS.end_id and not states.real[row, 0]
        assert states.stories[row].english == text
        assert states.closes[row].sum() == len(states.stories[row].sentences)


def test_a_world_changes_at_the_last_word_of_a_sentence():
    states = story_states(30, 5, GRAMMAR, WORDS)
    found = 0
    for row, story in enumerate(states.stories):
        ends = states.closes[row].nonzero()[0]
        assert [states.worlds[row][place].sentences for place in ends] == list(range(1, len(ends) + 1))
        assert states.worlds[row][ends[-1]] == story.world
        for number, sentence in enumerate(story.sentences):
            if sentence.event.name == "find":
                found += 1
                assert states.worlds[row][ends[number]].holder is not None
                assert states.worlds[row][ends[number] - 1].holder is None
    assert found > 3
    assert len(states.at(states.closes)) == states.closes.sum()
