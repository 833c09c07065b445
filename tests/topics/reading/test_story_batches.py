from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.reading.story_batches import StoryBatches, StoryVocabulary, told

STORIES = [
    [("Mary went home.", None), ("Tom left.", None), ("Where is Mary?", "home"), ("Is Tom here?", "I don't know.")],
    [("Tom went away.", None), ("Where is Tom?", "away")],
    [("Mary left.", None)] * 5 + [("Is Mary here?", "no")],
]
VOCABULARY = StoryVocabulary(STORIES)


def make(**changes):
    options = {"lines_per_batch": 16, "widths": (4, 8), **changes}
    return StoryBatches(STORIES, VOCABULARY, **options)


def test_vocabulary_shares_one_word_answers_with_the_words():
    assert VOCABULARY.answer_id("home") == VOCABULARY.encode("Mary went home.")[2]
    whole = VOCABULARY.answer_id("I don't know.")
    assert whole == VOCABULARY.size - 1 and VOCABULARY.answer(whole) == "I don't know."
    assert VOCABULARY.answer_id("never said") == VOCABULARY.encode("xyz")[0]


def test_stories_of_records_go_on_until_another_begins():
    records = [
        {"story": ["a.", "b."], "question": "x?", "answer": "1"},
        {"story": ["a.", "b.", "c."], "question": "y?", "answer": "2"},
        {"story": ["a.", "d."], "question": "z?", "answer": "3"},
    ]
    first, second = told(records)
    assert first == [("a.", None), ("b.", None), ("x?", "1"), ("c.", None), ("y?", "2")]
    assert second == [("a.", None), ("d.", None), ("z?", "3")]


def test_each_epoch_has_every_question_once():
    data = make()
    assert [VOCABULARY.answer(id) for id in data.answers] == ["home", "I don't know.", "away", "no"]
    assert data.context == 8 and data.batch_size == 2
    for epoch in range(2):
        found = []
        for x, y, w in data.dataset(epoch * data.steps_per_epoch):
            assert x.shape[1] * x.shape[0] == 16 and x.shape[2] == 4
            found += y.numpy()[w.numpy() > 0].tolist()
        assert sorted(found) == sorted(data.answers.tolist())


def test_each_answers_in_order():
    data = make()
    last_words = data.each(lambda x: x[:, :, 2])
    assert [VOCABULARY.answer(id) for id in last_words] == ["mary", "here", "tom", "here"]


def test_words_are_exchanged_throughout_a_story():
    data = make(alike=[("Mary", "Tom"), ("home", "away")])
    seen = set()
    for x, y, w in data.dataset(0, 40):
        for row, answers, weights in zip(x.numpy(), y.numpy(), w.numpy(), strict=True):
            words = [[VOCABULARY.answer(id) for id in line if id] for line in row]
            if words[0][1:3] == ["went", "away"] or words[0][1:3] == ["went", "home"]:
                question = next(line for line, weight in enumerate(weights) if weight)
                assert words[question][2] == words[0][0]  # who went is asked for
                assert VOCABULARY.answer(answers[question]) == words[0][2]
                seen.add(tuple(words[0][:3]))
    assert seen == {(who, "went", where) for who in ("mary", "tom") for where in ("home", "away")}


def test_batches_depend_on_their_number_alone():
    data = make(alike=[("Mary", "Tom")], seed=2)
    whole = [x.numpy() for x, _, _ in data.dataset(0, 6)]
    for number, (x, _, _) in enumerate(data.dataset(3, 3)):
        np.testing.assert_array_equal(x, whole[3 + number])


def test_wrong_stories_are_refused():
    with pytest.raises(LmbookError, match="6 lines"):
        make(widths=(4,))
    with pytest.raises(LmbookError, match="No story has a question"):
        StoryBatches([[("Tom left.", None)]], VOCABULARY, lines_per_batch=16, widths=(8,))
