from lmbook.corpora.greentree import tell_stories
from lmbook.corpora.greentree.text import last_mood


def test_the_mood_of_the_last_sentence_is_found_whatever_stands_before():
    for story in tell_stories(100, seed=12):
        assert last_mood(story.english) == last_mood(story.chinese) == story.mood
        assert last_mood("happy happy . " + story.english) == story.mood
        assert last_mood(story.english + " He sings.") == ""
    assert last_mood("") == ""
