from lmbook.corpora.greentree import Grammar, Story, tell_stories

TEXT = (
    "A green tree stands tall in the garden. Here lives Tom, a shy fox who packs a bag. "
    "Soon Tom makes friends with Mia, a brave owl. Mia finds a shiny kite in the grass. She gives the kite to Tom. "
    "Tom and Mia walk to the river. Tom takes the kite home and treasures it forever."
)


def test_questions_are_answered_by_the_world_of_the_story():
    story = Story.from_text(TEXT, Grammar())
    answers = {question.kind: (question.english, question.answer) for question in story.questions()}
    assert answers == {
        "plant_place": ("Where is the tree?", "In the garden."),
        "plant_look": ("What is the tree like?", "Green."),
        "hero_kind": ("Who is Tom?", "A fox."),
        "hero_place": ("Where was Tom last?", "By the river."),
        "mood": ("How does the story end?", "It ends happily."),
        "friend_name": ("Who is the friend of Tom?", "Mia."),
        "holder": ("Who has the kite?", "Tom."),
        "finder": ("Who found the kite?", "Mia."),
    }
    chinese = {question.kind: question.chinese_answer for question in story.questions()}
    assert chinese["holder"] == "汤姆。" and chinese["hero_place"] == "在河边。"


def test_a_lost_thing_is_held_by_nobody():
    text = TEXT.replace(
        "Tom takes the kite home and treasures it forever.",
        "Tom loses the kite by the river. Tom never sees the kite again.",
    )
    answers = {question.kind: question.answer for question in Story.from_text(text, Grammar()).questions()}
    assert answers["holder"] == "Nobody."
    assert answers["mood"] == "It ends sadly."


def test_labels():
    story = Story.from_text(TEXT, Grammar())
    assert (story.topic, story.mood) == ("journey", "happy")
    stories = tell_stories(600, seed=20)
    assert {s.topic for s in stories} == {"food", "friendship", "treasure", "weather", "journey", "garden"}
    assert {s.mood for s in stories} == {"happy", "calm", "sad", "angry"}


def test_text_and_story_are_inverse():
    for story in tell_stories(50, seed=21):
        again = Story.from_text(story.chinese, Grammar())
        assert again.english == story.english
        assert again.questions() == story.questions()


def test_dialogue_alternates_and_tells_the_story():
    turns = Story.from_text(TEXT, Grammar()).dialogue()
    assert turns[0] == ("reader", "Tell me a story about a shy fox.")
    assert turns[1] == ("teller", TEXT)
    assert [speaker for speaker, _ in turns] == ["reader", "teller"] * (len(turns) // 2)
