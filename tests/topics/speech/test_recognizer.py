from __future__ import annotations

import keras
import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.speech.recognizer import SpeechConfig, SpeechRecognizer

SMALL = SpeechConfig(5, num_mel_bins=6, hidden_dim=8, intermediate_dim=16, num_heads=2, num_layers=2)


def make():
    keras.utils.set_random_seed(0)
    return SpeechRecognizer(SMALL)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 6, 7, 8, 13])
def test_padding_changes_no_logit(frames):
    model = make()
    features = np.random.default_rng(frames).normal(size=(1, frames, 6)).astype("float32")
    alone = np.asarray(model(features, np.array([frames])))
    positions = int(SpeechRecognizer.positions(frames))
    assert alone.shape == (1, positions, 5)
    for more in (1, 2, 3, 7):
        longer = np.pad(features, ((0, 1), (0, more), (0, 0)))
        longer[1] = 1.0
        found = np.asarray(model(longer, np.array([frames, frames + more])))
        np.testing.assert_allclose(found[:1, :positions], alone, atol=1e-5)


def test_every_position_hears_every_frame():
    model = make()
    features = np.random.default_rng(0).normal(size=(1, 16, 6)).astype("float32")
    before = np.asarray(model(features, np.array([16])))
    for frame in (0, 7, 15):
        changed = features.copy()
        changed[0, frame] += 1
        assert (np.abs(np.asarray(model(changed, np.array([16]))) - before).max(axis=-1) > 0).all()


def test_saved_and_loaded_it_gives_the_same_logits(assert_saved_as_it_is):
    assert_saved_as_it_is(make(), np.ones((1, 9, 6), "float32"), np.array([9]))


@pytest.mark.parametrize("changes", [{"vocabulary_size": 0}, {"hidden_dim": 10}, {"dropout": 1.0}, {"num_mel_bins": 0}])
def test_a_wrong_value_is_named(changes):
    ((name, value),) = changes.items()
    with pytest.raises(LmbookError, match=f"{name}={value}"):
        SpeechConfig(**{"vocabulary_size": 5, "num_heads": 2, **changes})
