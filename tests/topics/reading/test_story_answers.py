from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.topics.reading.story_answers import answer_stories
from lmbook.topics.reading.story_batches import StoryBatches, StoryVocabulary
from lmbook.topics.reading.story_reader import StoryReader, StoryReaderConfig

STORIES = [
    [("Mary went home.", None), ("Where is Mary?", "home"), ("Tom left.", None), ("Where is Tom?", "away")],
    [("Tom left.", None), ("Where is Tom?", "away")],
]


def test_answers_are_those_of_the_logits_at_the_questions():
    keras.utils.set_random_seed(0)
    vocabulary = StoryVocabulary(STORIES)
    sizes = vocabulary.size, vocabulary.question_id, vocabulary.max_words
    config = StoryReaderConfig(*sizes, hidden_dim=16, num_layers=1, num_heads=2, intermediate_dim=16)
    model = StoryReader(config)
    data = StoryBatches(STORIES, vocabulary, lines_per_batch=8, widths=(2, 4))
    answers = answer_stories(model, data)
    x, _, _ = next(iter(StoryBatches(STORIES[:1], vocabulary, lines_per_batch=4, widths=(4,)).dataset()))
    logits = np.asarray(model(x))[0, [1, 3]]
    assert answers.chosen[:2].tolist() == logits.argmax(axis=1).tolist()
    assert answers.accuracy == np.mean([a == b for a, b in zip(answers.chosen, data.answers, strict=True)])
    np.testing.assert_allclose(np.exp(answers.log_probabilities).sum(axis=1), 1, rtol=1e-5)
    right = answers.log_probabilities[[0, 1, 2], data.answers]
    assert answers.nats == pytest.approx(-right.mean(), abs=1e-5)
