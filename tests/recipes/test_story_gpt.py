from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lmbook.corpora.greentree import Story
from lmbook.corpora.greentree.instructions import TASKS
from lmbook.recipes import story_gpt
from lmbook.recipes.story_gpt import greentree_gpt

TINY = dataclasses.replace(
    story_gpt.QUICK, words=2, tasks=TASKS, stories=400, steps=2, num_layers=1, hidden_dim=16, widths=(72, 152)
)
TINY = dataclasses.replace(TINY, tokens_per_batch=152, max_sequence_length=160)


@pytest.fixture(scope="module")
def made(tmp_path_factory, gpt_without_xla):
    folder = tmp_path_factory.mktemp("models")
    return tuple(greentree_gpt(TINY, models=folder, quiet=True) for _ in range(2))


def test_a_trained_model_is_loaded_and_not_trained_again(made, assert_loaded_and_not_trained_again):
    assert_loaded_and_not_trained_again(*made)
    first, copy = made[0], made[0].copy()
    for before, after in zip(first.model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    copy.embedding.weights[0].assign_add(np.ones(copy.embedding.weights[0].shape))
    assert not np.array_equal(copy.get_weights()[0], first.model.get_weights()[0])


def test_the_tokenizer_knows_all_words_and_held_out_stories_are_of_other_pairs(made):
    stories, known = made[0], made[0].tokenizer
    for held_out in (False, True):
        examples = stories.examples(100, 5, held_out)
        assert {example.task for example in examples} == set(TASKS)
        for example in examples:
            for text in (example.instruction, example.text, example.answer, "\nAnswer:"):
                assert known.unknown_id not in known.encode(text)
        worlds = [Story.from_text(e.text, stories.held_out).world for e in examples if held_out and e.task == "mood"]
        assert all(stories.seen.held_out(world.plant, world.hero_kind) for world in worlds)


def test_batches_hold_all_examples_and_count_answers(made):
    stories = made[0]
    examples = stories.examples(50, 5)
    answers, everything = (stories.batches(examples, loss_on) for loss_on in ("answer", "everything"))
    assert answers.left_out == 0
    assert answers.tokens == sum(len(stories.tokenizer.encode(example.answer)) + 1 for example in examples)
    assert everything.tokens > answers.tokens
