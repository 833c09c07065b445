"""Recordings as arrays: reading WAV files, joining them, adding noise."""

from __future__ import annotations

import math
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmbook.errors import LmbookError

RATE = 8000  # samples per second, as in a telephone: they hold frequencies up to 4 kHz
LONGEST = 600  # seconds
HOW_TO_CONVERT = "Convert it, for example with: ffmpeg -i FILE -c:a pcm_s16le FILE.wav"


@dataclass(frozen=True)
class Recording:
    """A recording of something that was said.

    Attributes:
        samples: float32 [N] in -1 … 1, one channel.
        text: the words.
        speaker: who spoke.
    """

    samples: np.ndarray
    text: str
    speaker: str


def read_wav(path: str | Path, rate: int = RATE) -> np.ndarray:
    """The sound of a WAV file as one channel: float32 [N] in -1 … 1, `rate` samples a second.

    Samples of 8, 16, 24 and 32 bit (whole numbers) are read, channels are averaged, and another rate is resampled by
    a filter that first removes what the new rate cannot hold.

    Args:
        path: the file.
        rate: samples per second of what is returned.

    Raises:
        LmbookError: the file is missing, no such WAV file, empty, cut off, or longer than ten minutes.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise LmbookError(f"There is no file {path}.", "Check the path.")
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, own_rate, frames = file.getparams()[:4]
            if frames > LONGEST * own_rate:
                raise LmbookError(f"{path} is longer than {LONGEST // 60} minutes.", "Cut it into shorter files.")
            data = file.readframes(frames)
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it ends within its header"
        raise LmbookError(f"{path} is no WAV file that can be read ({reason}).", HOW_TO_CONVERT) from None
    if not frames or not own_rate:
        raise LmbookError(f"{path} holds no sound.", "Record it again.")
    if len(data) != frames * channels * width:
        raise LmbookError(f"{path} is cut off: {len(data):,} bytes of sound are there, {frames * channels * width:,} "
                          "were announced.", "Copy or record it again.")  # fmt: skip
    samples = _numbers(data, width, path).reshape(frames, channels).mean(axis=1)
    return resample(samples, own_rate, rate).astype("float32")


def _numbers(data: bytes, width: int, path: Path) -> np.ndarray:
    """Samples of `width` bytes as float64 in -1 … 1; those of one byte are unsigned, as the format has it."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype("float64") - 128) / 128
    if width not in (2, 3, 4):
        raise LmbookError(f"{path} has samples of {8 * width} bit.", HOW_TO_CONVERT)
    wide = np.zeros((len(data) // width, 4), np.uint8)  # little endian: the missing low bytes come first
    wide[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return wide.reshape(-1).view("<i4") / 2.0**31


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """The same sound [N] with another number of samples per second: [about N new_rate / rate]."""
    if rate == new_rate:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(rate, new_rate)
    return resample_poly(samples, new_rate // common, rate // common)


def join(parts: Sequence[np.ndarray], pauses: Sequence[float], rate: int = RATE) -> np.ndarray:
    """Sounds one after the other in silence: before the first, between them, after the last a pause.

    Args:
        parts: K sounds.
        pauses: K + 1 of them, in seconds.
        rate: samples per second.
    """
    if len(pauses) != len(parts) + 1:
        raise ValueError(f"{len(parts)} sounds have {len(parts) + 1} pauses, not {len(pauses)}")
    silences = [np.zeros(round(pause * rate), "float32") for pause in pauses]
    pieces = [silences[0]]
    for part, silence in zip(parts, silences[1:], strict=True):
        pieces += [part, silence]
    return np.concatenate(pieces)


def add_noise(samples: np.ndarray, snr: float, rng: np.random.Generator) -> np.ndarray:
    """The sound in white noise, whose power is `snr` decibel below the mean power of the sound.

    20 dB is a quiet room, 0 dB is noise as strong as the voice. The pauses count for the mean as well.
    """
    power = float(np.mean(np.square(samples, dtype="float64"))) / 10 ** (snr / 10)
    return samples + np.float32(math.sqrt(power)) * rng.standard_normal(len(samples), dtype="float32")
