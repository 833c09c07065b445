from lmbook.corpora.greentree import is_grammatical, tell_stories
from lmbook.corpora.greentree.lexicon import LEXICON
from lmbook.topics.bias.counterfactual import exchange, exchange_english

PAIRS = [*((g.english, b.english) for g, b in zip(LEXICON.girls, LEXICON.boys, strict=True)), ("she", "he")]


def test_stories_stay_stories_and_twice_is_once():
    for story in tell_stories(50, seed=30):
        other = exchange(story.english, PAIRS)
        assert other != story.english and is_grammatical(other)
        assert exchange(other, PAIRS) == story.english


def test_english_sentences():
    for sentence, other in {
        "She lost her key.": "He lost his key.",
        "I saw her and his brother.": "I saw him and her sister.",
        "The book is hers.": "The book is his.",
        "The book is his.": "The book is hers.",
        "Her mother gave him the keys.": "His father gave her the keys.",
        "MR Smith sings.": "Mrs Smith sings.",
    }.items():
        assert exchange_english(sentence) == other
