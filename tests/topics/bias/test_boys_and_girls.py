from lmbook.corpora.greentree import tell_stories
from lmbook.topics.bias.boys_and_girls import people


def test_everybody_is_found_with_their_kind():
    for story in tell_stories(300, seed=13):
        world = story.world
        expected = {(world.hero_kind, world.hero)}
        if world.friend:
            expected.add((world.friend_kind, world.friend))
        assert set(people(story.english)) == expected


def test_broken_text_is_read_as_far_as_it_goes():
    assert people("a shy fox named tom tom named . happy") == [("fox", "tom")]
    assert people("") == []
