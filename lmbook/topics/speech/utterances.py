"""Batches of log-mel features, and an endless supply of utterances joined from a set of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import NumberedBatches, padded
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer
from lmbook.topics.speech.recordings import RATE, Recording, add_noise, join

WINDOW, STRIDE, FFT = RATE // 40, RATE // 100, 256  # samples: windows of 25 ms, one every 10 ms
QUIETEST = 1e-4  # lower limit of the power: without it the logarithm would turn silence into noise
SHORTEST = WINDOW  # samples


class LogMel:
    """Waves to log-mel features: how strong the sound is in each of M bands, every 10 ms.

    The spectrum of 25 ms of sound is summed up in bands that are as wide as the ear's (mel), and the logarithm makes
    of "twice as strong" a fixed step. Each utterance then has its mean subtracted and its spread made 1, so that
    neither the distance from the microphone nor its gain matters. Padding changes nothing.

    Args:
        num_mel_bins: M.

    Call:
        waves [B, N] float32, filled up with 0, and their lengths [B] in samples -> (features [B, T, M] float32, 0
        where there is padding; frames [B] int32, how many of the T are real).

    Reference:
        Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition".
    """

    def __init__(self, num_mel_bins: int = 40):
        self.num_mel_bins = num_mel_bins
        self._mel = keras.layers.MelSpectrogram(
            fft_length=FFT,
            sequence_stride=STRIDE,
            sequence_length=WINDOW,
            sampling_rate=RATE,
            num_mel_bins=num_mel_bins,
            min_freq=60.0,
            power_to_db=False,  # its decibels are cut 80 below the loudest place of the whole batch
        )

    def __call__(self, waves, lengths):
        power = self._mel(waves)  # [B, M, T']
        frames = self.frames(lengths)
        logs = tf.transpose(tf.math.log(tf.maximum(power, QUIETEST)), [0, 2, 1])[:, : tf.reduce_max(frames)]
        real = tf.sequence_mask(frames, tf.shape(logs)[1], tf.float32)[:, :, None]  # [B, T, 1]
        count = tf.cast(frames, tf.float32)[:, None, None] * self.num_mel_bins
        mean = tf.reduce_sum(logs * real, axis=[1, 2], keepdims=True) / count
        centred = (logs - mean) * real
        spread = tf.sqrt(tf.reduce_sum(tf.square(centred), axis=[1, 2], keepdims=True) / count)
        return centred / (spread + 1e-3), frames

    @staticmethod
    def frames(lengths):
        """Real frames of waves of so many samples: those around whose middle the sound goes on for half an FFT."""
        return (lengths - FFT // 2) // STRIDE + 1


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


def filled_up(waves: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Waves as rows, 0 after their ends: float32 [B, N] and lengths int32 [B]. N is a multiple of half a second."""
    lengths = np.array([len(wave) for wave in waves], np.int32)
    half_seconds = -(-int(lengths.max() + FFT) // (RATE // 2))
    return padded(waves, half_seconds * (RATE // 2), 0.0, np.float32), lengths


def rows(labels: Sequence[Sequence[int]], tokenizer: Tokenizer | SpecialIds) -> np.ndarray:
    """Labels as rows, filled up with padding: int32 [B, U]."""
    return padded(labels, max(map(len, labels)), tokenizer.pad_id)
