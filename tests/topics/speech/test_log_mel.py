from __future__ import annotations

import numpy as np
import pytest

from lmbook.topics.speech.log_mel import LogMel, filled_up
from lmbook.topics.speech.recordings import RATE


def sounds(count=6, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.1, n).astype("float32") for n in rng.integers(1200, 4000, count)]


def test_padding_changes_no_feature():
    waves, log_mel = sounds(), LogMel(20)
    features, frames = (np.asarray(part) for part in log_mel(*filled_up(waves)))
    for row, wave in enumerate(waves):
        alone, (own,) = (np.asarray(part) for part in log_mel(*filled_up([wave])))
        assert own == frames[row]
        np.testing.assert_allclose(features[row, :own], alone[0], atol=1e-4)
        assert not features[row, own:].any()


def test_features_do_not_depend_on_the_level():
    wave = sounds(1)[0]
    features, _ = LogMel(20)(*filled_up([wave, 5 * wave]))
    np.testing.assert_allclose(features[0], features[1], atol=1e-2)
    assert np.mean(features[0]) == pytest.approx(0, abs=1e-4) and np.std(features[0]) == pytest.approx(1, abs=0.01)


def test_a_higher_tone_is_in_a_higher_band_and_time_goes_on():
    at = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * f * at[:4000]) for f in (300, 2500))
    features, frames = LogMel(20)(*filled_up([np.concatenate([low, high])]))
    bands = np.asarray(features)[0].argmax(axis=1)
    assert len(bands) == frames[0] == (RATE - 128) // 80 + 1
    assert len(set(bands[5:45])) == 1 and len(set(bands[55:-5])) == 1 and bands[60] > bands[20] + 5
