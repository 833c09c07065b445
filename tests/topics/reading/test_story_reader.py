from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.reading.story_reader import StoryReader, StoryReaderConfig

V, W, QUESTION = 20, 3, 7
every_core = pytest.mark.parametrize("core", ["transformer", "lstm"])


def make(core, seed=2, **options):
    keras.utils.set_random_seed(seed)
    shape = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "intermediate_dim": 24, **options}
    model = StoryReader(StoryReaderConfig(V, QUESTION, W, core=core, **shape))
    model.head.kernel.assign(model.head.kernel * 20)  # it starts so small that nothing could be told apart
    return model


def story(seed=0, lines=6):
    ids = np.random.default_rng(seed).integers(8, V, (1, lines, W)).astype("int32")
    ids[:, 3, 2] = QUESTION
    return ids


def logits(model, ids):
    return np.asarray(model(ids))


@every_core
def test_later_lines_and_padding_change_nothing(core):
    model, ids = make(core), story()
    other = ids.copy()
    other[:, 4:] = 9
    np.testing.assert_allclose(logits(model, ids)[:, :4], logits(model, other)[:, :4], atol=1e-5)
    padded = np.pad(ids, ((0, 1), (0, 3), (0, 0)))
    np.testing.assert_allclose(logits(model, padded)[:1, :6], logits(model, ids), atol=1e-5)


@every_core
def test_the_order_of_words_and_of_lines_matters(core):
    model, ids = make(core), story()
    turned, swapped = ids.copy(), ids.copy()
    turned[:, 1] = ids[:, 1, ::-1]
    swapped[:, [0, 1]] = ids[:, [1, 0]]
    for other in (turned, swapped):
        assert np.abs(logits(model, other)[:, -1] - logits(model, ids)[:, -1]).max() > 1e-4


def test_a_question_has_no_effect_on_others():
    ids, other = story(), story()
    other[:, 3, :2] = 8
    same = np.delete(np.arange(6), 3)
    for core, expected in (("transformer", True), ("lstm", False)):
        model = make(core)
        equal = np.allclose(logits(model, ids)[:, same], logits(model, other)[:, same], atol=1e-5)
        assert equal is expected


def test_a_line_looks_first_at_lines_with_the_same_words():
    ids = np.array([[[8, 9, 10], [11, 12, 13], [14, 15, 16], [11, 12, 17]]], "int32")

    def mean_weights(mimetic):
        """What the last line looks at, [S], over heads and eight models."""
        seen = []
        for seed in range(8):
            model = make("transformer", seed, hidden_dim=64, mimetic=mimetic)
            _, (weights,) = model.core[0](model.embedding(ids), return_weights=True)
            seen.append(np.asarray(weights)[0, :, 3, :3].mean(axis=0))
        return np.mean(seen, axis=0)

    like, unlike = mean_weights(True), mean_weights(False)
    assert like[1] > 2 * max(like[0], like[2])
    assert unlike[1] < 2 * max(unlike[0], unlike[2])


@every_core
def test_config_makes_the_same_model(core):
    model = make(core)
    twin = StoryReader.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(logits(twin, story()), logits(model, story()), atol=1e-6)


def test_unknown_core_is_refused():
    with pytest.raises(LmbookError, match="core"):
        StoryReaderConfig(V, QUESTION, W, core="gru")
