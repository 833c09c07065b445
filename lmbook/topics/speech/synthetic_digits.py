"""Digits "spoken" by a small formant synthesiser: not a voice, but sound of a similar shape, made offline.

The voice is a sum of harmonics of the speaker's pitch, each as strong as it is near to a resonance of the mouth (a
formant); hisses are noise around a frequency. What a learner has to do is the same as with recordings: speakers differ
in pitch, in the length of the vocal tract and in speed, and no two utterances are the same.

Reference:
    Klatt 1980, "Software for a cascade/parallel formant synthesizer"; the vowels' formants are those that Peterson
    and Barney 1952 measured.
"""

from __future__ import annotations

import numpy as np

from lmbook.topics.speech.recordings import RATE, Recording

# Formants 1 to 3 in Hz, loudness of the voice, loudness of the hiss, its frequency in Hz, milliseconds.
_SOUNDS = {
    "iy": (270, 2290, 3010, 1.0, 0.0, 3000, 120),
    "ih": (390, 1990, 2550, 1.0, 0.0, 3000, 80),
    "eh": (530, 1840, 2480, 1.0, 0.0, 3000, 100),
    "ah": (640, 1190, 2390, 1.0, 0.0, 3000, 110),
    "aa": (730, 1090, 2440, 1.0, 0.0, 3000, 110),
    "ao": (570, 840, 2410, 1.0, 0.0, 3000, 130),
    "uw": (300, 870, 2240, 0.9, 0.0, 3000, 150),
    "ow": (450, 900, 2300, 1.0, 0.0, 3000, 130),
    "w": (290, 610, 2150, 0.6, 0.0, 3000, 60),
    "r": (310, 1060, 1380, 0.6, 0.0, 3000, 60),
    "n": (250, 1400, 2500, 0.4, 0.0, 3000, 80),
    "v": (250, 1100, 2100, 0.3, 0.1, 2500, 60),
    "z": (250, 1500, 2500, 0.3, 0.4, 3500, 80),
    "s": (300, 1700, 2600, 0.0, 0.5, 3600, 120),
    "f": (300, 1100, 2200, 0.0, 0.2, 2600, 90),
    "th": (300, 1400, 2500, 0.0, 0.2, 3100, 80),
    "k": (300, 1800, 2500, 0.0, 0.5, 1800, 25),
    "t": (300, 1800, 2600, 0.0, 0.5, 3300, 25),
    "-": (400, 1500, 2500, 0.0, 0.0, 3000, 40),  # the mouth is closed before k and t
}
_WORDS = {
    "0": "z iy r ow",
    "1": "w ah n",
    "2": "- t uw",
    "3": "th r iy",
    "4": "f ao r",
    "5": "f aa iy v",
    "6": "s ih - k s",
    "7": "s eh v ah n",
    "8": "eh iy - t",
    "9": "n aa iy n",
}
_WIDTHS = np.array([80.0, 110.0, 170.0])[:, None]  # of the formants, Hz
_FRAME = RATE // 200  # 5 ms: one frame of the formants


def synthetic_digits(repetitions: int, speakers: int = 4, seed: int = 0) -> list[Recording]:
    """Each speaker says each digit so many times; the text is "0" to "9".

    The speakers are the same whatever the seed; only how they say it differs.
    """
    rng = np.random.default_rng(seed)
    return [
        Recording(_say(_WORDS[digit], speaker, rng), digit, f"voice {speaker}")
        for speaker in range(speakers)
        for digit in _WORDS
        for _ in range(repetitions)
    ]


def _say(sounds: str, speaker: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [N]."""
    own = np.random.default_rng([speaker, 7])
    pitch, tract = own.uniform(90, 220) * rng.uniform(0.93, 1.07), own.uniform(0.88, 1.15)
    speed = own.uniform(0.8, 1.2) * rng.uniform(0.85, 1.15)
    rows = np.array([_SOUNDS[name] for name in sounds.split()])  # [sounds, 7]
    rows[:, :3] *= tract * rng.normal(1, 0.03, (len(rows), 3))
    frames = np.maximum(3, rows[:, 6] * rng.uniform(0.8, 1.25, len(rows)) / (5 * speed)).astype(int)
    shape = np.repeat(rows[:, :6], frames, axis=0)
    shape = np.stack([np.convolve(np.pad(row, 3, "edge"), np.ones(7) / 7, "valid") for row in shape.T])  # [6, F]
    at = np.arange(shape.shape[1] * _FRAME) / _FRAME
    places = np.arange(shape.shape[1])
    glide = np.cumsum(pitch * np.linspace(1.05, 0.92, len(at))) / RATE  # the voice falls towards the end
    sound = np.zeros(len(at))
    for harmonic in range(1, int(3800 / (1.05 * pitch)) + 1):
        strength = (1 / (1 + ((harmonic * pitch - shape[:3]) / _WIDTHS) ** 2)).sum(axis=0) * shape[3]
        sound += np.interp(at, places, strength) * np.sin(2 * np.pi * harmonic * glide)
    carrier = np.cos(2 * np.pi * np.cumsum(np.interp(at, places, shape[5])) / RATE)
    hiss = np.convolve(rng.normal(size=len(at)), np.ones(5) / 5, "same") * carrier
    sound += 4 * np.interp(at, places, shape[4]) * hiss
    sound *= np.minimum(1, np.minimum(at, at[::-1]) / 2)  # no click at the ends
    return (0.3 * rng.uniform(0.5, 1.0) * sound / np.abs(sound).max()).astype("float32")
