from __future__ import annotations

import numpy as np

from lmbook.topics.speech.recordings import RATE
from lmbook.topics.speech.synthetic_digits import synthetic_digits


def spectrum(samples, parts=4):
    """Log power of 16 bands in each quarter: [64]."""
    pieces = [np.abs(np.fft.rfft(piece)) ** 2 for piece in np.array_split(samples, parts)]
    bands = [[band.mean() for band in np.array_split(piece, 16)] for piece in pieces]
    logs = np.log(np.array(bands) + 1e-3).ravel()
    return logs - logs.mean()


def test_digits_are_sound_of_about_the_length_of_words():
    recordings = synthetic_digits(1, speakers=3)
    assert sorted({one.text for one in recordings}) == list("0123456789") and len(recordings) == 30
    for one in recordings:
        assert one.samples.dtype == np.float32 and np.isfinite(one.samples).all()
        assert 0.1 < np.abs(one.samples).max() <= 0.31
        assert 0.12 < len(one.samples) / RATE < 0.9


def test_the_seed_decides():
    first, again, other = (synthetic_digits(1, speakers=1, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[5].samples, again[5].samples)
    assert len(first[5].samples) != len(other[5].samples) or not np.array_equal(first[5].samples, other[5].samples)


def test_they_can_be_told_apart_across_utterances():
    train, test = synthetic_digits(6, seed=0), synthetic_digits(2, seed=1)
    templates = np.stack([spectrum(one.samples) for one in train])
    hits = [train[((templates - spectrum(one.samples)) ** 2).sum(axis=1).argmin()].text == one.text for one in test]
    assert np.mean(hits) > 0.7
