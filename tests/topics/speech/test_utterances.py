from __future__ import annotations

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.tokenizers.word import WordTokenizer
from lmbook.topics.speech.log_mel import LogMel
from lmbook.topics.speech.recordings import Recording
from lmbook.topics.speech.utterances import (
    SpokenSequences,
    Surroundings,
    each_utterance,
    joined,
    utterance,
)

DIGITS = WordTokenizer.train(["1 1 2"])  # ids 3 and 4


def sounds(count=6, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.1, n).astype("float32") for n in rng.integers(1200, 4000, count)]


def recordings():
    return [
        Recording(wave, text, speaker)
        for (text, speaker), wave in zip([(t, s) for t in "12" for s in "abc"], sounds(), strict=True)
    ]


def test_a_batch_is_a_function_of_its_number():
    make = {"batch_size": 4, "words": (1, 3), "seed": 5, "around": Surroundings(speed=0.1, snr=(0, 20))}
    data = SpokenSequences(recordings(), DIGITS, **make)
    batches = list(data.dataset(0, 3))
    (again,) = data.dataset(2, 1)
    np.testing.assert_array_equal(again[1], batches[2][1])
    np.testing.assert_array_equal(again[0][0], batches[2][0][0])
    assert not np.array_equal(batches[0][0][0], batches[1][0][0])
    for (features, frames), labels in batches:
        assert features.shape[0] == frames.shape[0] == labels.shape[0] == 4 and features.shape[1] == max(frames)
        assert set(np.unique(labels)) <= {0, 3, 4} and ((labels > 0).numpy().sum(axis=1) >= 1).all()


def test_an_utterance_is_of_one_speaker_and_says_the_number():
    kept = {one.samples.tobytes(): one for one in recordings()}
    quiet = Surroundings(pause=(0.1, 0.1), snr=(300, 300))
    said = utterance("1 2 2", list(kept.values()), quiet, seed=4)
    parts = [kept_one for kept_one in kept.values() if kept_one.speaker == said.speaker]
    one, two = (next(part.samples for part in parts if part.text == text) for text in "12")
    expected = joined([one, two, two], quiet, np.random.default_rng(0))
    np.testing.assert_allclose(said.samples, expected, atol=1e-6)
    with pytest.raises(LmbookError, match="'3'"):
        utterance("1 3", list(kept.values()), quiet, seed=4)


def test_each_utterance_in_its_own_order():
    waves = sounds(7)
    lengths = each_utterance(lambda features, frames: (features[:, :, :1], frames), waves, LogMel(20), batch_size=3)
    assert [len(one) for one in lengths] == [LogMel.frames(len(wave)) for wave in waves]
    with pytest.raises(LmbookError, match="Utterance 2"):
        each_utterance(None, [waves[0], waves[0][:100]])


@pytest.mark.parametrize("changes", [{"batch_size": 0}, {"words": (0, 2)}, {"words": (3, 2)}])
def test_what_makes_no_batch_is_refused(changes):
    with pytest.raises(LmbookError, match="make no batches"):
        SpokenSequences(recordings(), DIGITS, **{"batch_size": 2, **changes})
