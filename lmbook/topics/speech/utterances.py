"""Utterances joined from recordings, and endless batches of them as log-mel features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import NumberedBatches, padded
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer
from lmbook.topics.speech.log_mel import SHORTEST, LogMel, filled_up
from lmbook.topics.speech.recordings import Recording, add_noise, join


@dataclass(frozen=True)
class Surroundings:
    """How utterances are varied.

    Args:
        pause: seconds of silence around and between the parts, from and to.
        snr: decibel of the sound over white noise, from and to.
        speed: parts are played up to so much faster or slower, 0.1 for a tenth; the pitch changes with it.
    """

    pause: tuple[float, float] = (0.03, 0.15)
    snr: tuple[float, float] = (30.0, 30.0)
    speed: float = 0.0


def joined(parts: Sequence[np.ndarray], around: Surroundings, rng: np.random.Generator) -> np.ndarray:
    """One utterance from recordings: float32 [N]."""
    if around.speed:
        parts = [_played(part, rng.uniform(1 - around.speed, 1 + around.speed)) for part in parts]
    wave = join(parts, rng.uniform(*around.pause, len(parts) + 1))
    return add_noise(wave, rng.uniform(*around.snr), rng)


def _played(part: np.ndarray, speed: float) -> np.ndarray:
    """The sound played `speed` times as fast, by linear interpolation: a filter would be ten times as slow."""
    return np.interp(np.arange(0, len(part) - 1, speed), np.arange(len(part)), part).astype("float32")


def utterance(number: str, recordings: Sequence[Recording], around: Surroundings, seed) -> Recording:
    """A number, words with spaces, said with recordings of one speaker drawn by `seed`.

    Raises:
        LmbookError: no recording has one of the words.
    """
    rng = np.random.default_rng(seed)
    speakers = sorted({recording.speaker for recording in recordings})
    speaker = speakers[rng.integers(len(speakers))]
    parts = []
    for word in number.split():
        said = [one.samples for one in recordings if one.text == word and one.speaker == speaker]
        if not said:
            raise LmbookError(f"No recording of {speaker} says {word!r}.", "Use words that were recorded.")
        parts.append(said[rng.integers(len(said))])
    return Recording(joined(parts, around, rng), number, speaker)


class SpokenSequences(NumberedBatches):
    """Endless batches of utterances that are joined from recordings of one speaker, new ones in every batch.

    The words of an utterance are drawn evenly, so that nothing but the sound tells which they are. Batch k is a pure
    function of (seed, k): ((features float32 [B, T, M], frames int32 [B]), labels int32 [B, U]), for
    `train_recognizer`.

    Args:
        recordings: each of one word.
        tokenizer: encodes their texts, and its `pad_id` fills up labels.
        batch_size: B.
        words: how many an utterance has, from and to.
        around: what is between, around and behind them.
        log_mel: makes the features.
        seed: of everything.

    Attributes:
        steps_per_epoch: 1, since every batch is new.

    Example:
        for (features, frames), labels in data.dataset(0, 100): …  # [B, T, M], [B]; [B, U]

    Raises:
        LmbookError: there is no recording, or an argument is out of its range.
    """

    steps_per_epoch = 1
    signature = tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, None], tf.int32)

    def __init__(
        self,
        recordings: Sequence[Recording],
        tokenizer: Tokenizer,
        *,
        batch_size: int,
        words: tuple[int, int] = (1, 8),
        around: Surroundings = Surroundings(),  # noqa: B008
        log_mel: LogMel | None = None,
        seed: int = 0,
    ):
        if not recordings or batch_size < 1 or not 1 <= words[0] <= words[1]:
            raise LmbookError(
                f"{len(recordings)} recordings, batch_size={batch_size}, words={words} make no batches.",
                "Give recordings, and numbers of at least 1, the smaller one first.",
            )
        self.tokenizer, self._ids = tokenizer, [tokenizer.encode(recording.text) for recording in recordings]
        self._samples = [recording.samples for recording in recordings]
        speakers = sorted({recording.speaker for recording in recordings})
        self._of = [[i for i, one in enumerate(recordings) if one.speaker == speaker] for speaker in speakers]
        self._batch_size, self._words, self._around, self._seed = batch_size, words, around, seed
        self._log_mel = log_mel or LogMel()

    def _dataset(self, start_step: int, steps: int) -> tf.data.Dataset:
        batches = super()._dataset(start_step, steps)
        return batches.map(lambda waves, lengths, labels: (self._log_mel(waves, lengths), labels))

    def _batches(self, start_step: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        for step in range(start_step, start_step + steps):
            rng = np.random.default_rng([self._seed, step])
            waves, labels = [], []
            for count in rng.integers(self._words[0], self._words[1] + 1, self._batch_size):
                chosen = rng.choice(self._of[rng.integers(len(self._of))], count)
                waves.append(joined([self._samples[i] for i in chosen], self._around, rng))
                labels.append([id for i in chosen for id in self._ids[i]])
            yield *filled_up(waves), rows(labels, self.tokenizer)


def each_utterance(
    function: Callable, waves: Sequence[np.ndarray], log_mel: LogMel | None = None, batch_size: int = 32
) -> list[np.ndarray]:
    """What `function` (features [B, T, M], frames [B]) -> ([B, T', …], lengths [B]) makes of each, without padding.

    Raises:
        LmbookError: a wave is too short to hold a frame.
    """
    log_mel = log_mel or LogMel()
    for number, wave in enumerate(waves, start=1):
        if len(wave) < SHORTEST:
            raise LmbookError(f"Utterance {number} has {len(wave)} samples.", f"Give at least {SHORTEST}.")
    order, found = sorted(range(len(waves)), key=lambda i: len(waves[i])), {}
    for first in range(0, len(order), batch_size):
        places = order[first : first + batch_size]  # of about one length
        values, lengths = function(*log_mel(*filled_up([waves[i] for i in places])))
        values, lengths = np.asarray(values), np.asarray(lengths)
        found.update((place, values[row, : lengths[row]]) for row, place in enumerate(places))
    return [found[place] for place in range(len(waves))]


def rows(labels: Sequence[Sequence[int]], tokenizer: Tokenizer | SpecialIds) -> np.ndarray:
    """Labels as rows, filled up with padding: int32 [B, U]."""
    return padded(labels, max(map(len, labels)), tokenizer.pad_id)
