from __future__ import annotations

import wave

import numpy as np
import pytest

from lmbook.errors import LmbookError
from lmbook.topics.speech.recordings import add_noise, join, read_wav, resample

TONE = 440.0


def tone(rate, seconds=0.5, frequency=TONE):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


def write(path, samples, rate=8000, width=2):
    """Samples [N] or [N, channels] in -1 … 1 as a WAV file of `width` bytes."""
    samples = samples if samples.ndim == 2 else samples[:, None]
    if width == 1:
        data = (np.round(samples * 127) + 128).astype(np.uint8).tobytes()
    else:
        numbers = np.round(samples * (2 ** (8 * width - 1) - 1)).astype("<i4")
        data = numbers.reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


@pytest.mark.parametrize(("width", "step"), [(1, 1e-2), (2, 1e-4), (3, 1e-6), (4, 1e-6)])
def test_samples_of_every_width(tmp_path, width, step):
    samples = np.concatenate([tone(8000), [-0.99, 0.0, 0.99]])
    found = read_wav(write(tmp_path / "a.wav", samples, width=width))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, samples, atol=step)


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 44100, 48000])
def test_another_rate_gives_the_same_tone(tmp_path, rate):
    found = read_wav(write(tmp_path / "a.wav", tone(rate), rate))
    inside = slice(400, 3600)  # the filter needs some samples at the ends
    np.testing.assert_allclose(found[inside], tone(8000)[inside], atol=0.01)
    assert abs(len(found) - 4000) <= 1


def test_what_the_new_rate_cannot_hold_is_filtered_out(tmp_path):
    high = tone(48000, frequency=7000.0)  # would be heard at 1,000 Hz if every sixth sample were taken
    assert np.abs(read_wav(write(tmp_path / "a.wav", high, 48000))[400:3600]).max() < 0.01
    assert np.abs(high[::6][400:3600]).max() > 0.4


def test_channels_are_averaged(tmp_path):
    both = np.stack([tone(8000), np.zeros(4000)], axis=1)
    np.testing.assert_allclose(read_wav(write(tmp_path / "a.wav", both)), tone(8000) / 2, atol=1e-4)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    good = write(tmp_path / "good.wav", tone(8000)).read_bytes()
    broken = {
        "text.wav": b"this is no sound",
        "empty.wav": b"",
        "header.wav": good[:20],
        "silent.wav": write(tmp_path / "none.wav", np.zeros((0, 1))).read_bytes(),
        "short.wav": good[:2000],
        "float.wav": good[:20] + b"\x03\x00" + good[22:],  # format 3: floating point
    }
    messages = {"silent.wav": "no sound", "short.wav": "cut off"}
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(LmbookError, match=messages.get(name, "no WAV file")) as caught:
            read_wav(tmp_path / name)
        assert name in caught.value.message and caught.value.fix
    with pytest.raises(LmbookError, match="There is no file"):
        read_wav(tmp_path / "missing.wav")


def test_too_long_a_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lmbook.topics.speech.recordings.LONGEST", 0.1)
    with pytest.raises(LmbookError, match="longer than"):
        read_wav(write(tmp_path / "a.wav", tone(8000)))


def test_resampling_keeps_the_length_in_seconds():
    assert len(resample(np.zeros(1000), 20, 21)) == 1050
    same = np.zeros(7)
    assert resample(same, 8000, 8000) is same


def test_joined_sounds_keep_their_places():
    a, b = np.ones(5, "float32"), np.full(3, 2, "float32")
    found = join([a, b], [0.001, 0.002, 0.0], rate=1000)
    assert found.tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 2, 2, 2]
    with pytest.raises(ValueError, match="3 pauses"):
        join([a, b], [0.0])


@pytest.mark.parametrize("snr", [20, 0, -5])
def test_noise_has_the_power_asked_for(snr):
    sound = tone(8000, 4.0).astype("float32")
    noise = add_noise(sound, snr, np.random.default_rng(0)) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(noise**2)) == pytest.approx(snr, abs=0.3)
