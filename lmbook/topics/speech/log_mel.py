"""Log-mel features: from the samples of a recording to what a speech recognizer reads."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from lmbook.pipelines.batches import padded
from lmbook.topics.speech.recordings import RATE

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


def filled_up(waves: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Waves as rows, 0 after their ends: float32 [B, N] and lengths int32 [B]. N is a multiple of half a second."""
    lengths = np.array([len(wave) for wave in waves], np.int32)
    half_seconds = -(-int(lengths.max() + FFT) // (RATE // 2))
    return padded(waves, half_seconds * (RATE // 2), 0.0, np.float32), lengths
