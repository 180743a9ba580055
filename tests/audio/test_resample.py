from __future__ import annotations

import numpy as np
import pytest

from tests.audio.sounds import peak, pitch, tone
from vcam.audio.resample import Downmix, Resampler, cleaned
from vcam.media import SAMPLE_RATE, FloatArray

RATES = [8000, 11025, 22050, 32000, 44100, 48000, 96000, 192000]


def pushed(resampler: Resampler, sound: FloatArray, block: int) -> list[FloatArray]:
    return [resampler.push(sound[start : start + block]) for start in range(0, len(sound), block)]


@pytest.mark.parametrize("rate", RATES)
def test_delay_is_what_an_impulse_shows(rate: int) -> None:
    resampler = Resampler(rate)
    t = np.arange(rate) / rate - 0.5
    impulse = (np.sinc(6000 * t) * np.exp(-((800 * t) ** 2) / 2)).astype(np.float32)  # below 3 kHz, centred on 0.5 s
    heard = np.concatenate(pushed(resampler, impulse, rate // 100))
    assert np.argmax(heard) / SAMPLE_RATE - 0.5 == pytest.approx(resampler.delay, abs=0.0002)
    assert resampler.delay <= 0.030


@pytest.mark.parametrize("rate", RATES)
def test_every_block_comes_out_at_once_and_whole(rate: int) -> None:
    block = rate // 100
    counts = [len(out) for out in pushed(Resampler(rate), tone(440, 2, rate)[: 199 * block], block)]
    due = np.arange(1, 200) * block * SAMPLE_RATE / rate
    assert np.max(np.abs(np.cumsum(counts) - due)) <= 1


@pytest.mark.parametrize("rate", RATES)
def test_tone_keeps_its_pitch_and_level(rate: int) -> None:
    heard = np.concatenate(pushed(Resampler(rate), tone(1000, 1, rate), rate // 100))[4000:]
    assert pitch(heard) == pytest.approx(1000, abs=1)
    assert peak(heard) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_what_16_khz_cannot_hold_is_removed(rate: int) -> None:
    heard = np.concatenate(pushed(Resampler(rate), tone(10_000, 1, rate), rate // 100))[4000:]
    assert peak(heard) < 1e-4


def test_16_khz_passes_unchanged_and_without_delay() -> None:
    resampler = Resampler(SAMPLE_RATE)
    sound = tone(440, 0.1)
    assert resampler.delay == 0
    np.testing.assert_array_equal(np.concatenate(pushed(resampler, sound, 160)), sound)


def test_overshoot_is_clipped() -> None:
    square = np.sign(tone(300, 0.5, 48_000))
    assert np.max(np.abs(np.concatenate(pushed(Resampler(48_000), square, 480)))) == 1.0


@pytest.mark.parametrize("silent", [0, 1])
def test_microphone_on_one_side_keeps_its_level(silent: int) -> None:
    stereo = np.stack([tone(440, 1, 48_000)] * 2, axis=1)
    stereo[:, silent] *= 0.01
    heard = np.concatenate(pushed(Resampler(48_000, 2), stereo, 480))[4000:]
    assert peak(heard) == pytest.approx(0.5, rel=0.02)


def test_two_sides_are_averaged() -> None:
    stereo = np.stack([tone(440, 1), tone(440, 1, level=0.3)], axis=1)
    assert peak(Downmix(SAMPLE_RATE, 2)(stereo)) == pytest.approx(0.4, rel=0.01)


def test_side_that_falls_silent_is_faded_not_cut() -> None:
    left = tone(100, 5, level=0.5)
    right = left.copy()
    right[SAMPLE_RATE:] = 0
    downmix = Downmix(SAMPLE_RATE, 2)
    stereo = np.stack([left, right], axis=1)
    mono = np.concatenate([downmix(stereo[start : start + 160]) for start in range(0, len(stereo), 160)])
    assert peak(mono[-SAMPLE_RATE:]) == pytest.approx(0.5, rel=0.01)
    steps = np.abs(np.diff(mono[SAMPLE_RATE + 1 :]))
    assert steps.max() < 1.3 * np.abs(np.diff(left)).max()


def test_silence_stays_silence() -> None:
    assert not Resampler(48_000, 2).push(np.zeros((480, 2), np.float32)).any()
    assert len(Resampler(48_000, 2).push(np.zeros((0, 2), np.float32))) == 0


def test_cleaning_leaves_sound_as_it_is() -> None:
    stereo = np.stack([tone(440, 0.1), tone(440, 0.1, level=1.5)], axis=1)  # louder than 1 is loud, not broken
    assert cleaned(stereo) is stereo
    assert len(cleaned(stereo[:0])) == 0


@pytest.mark.parametrize(("broken", "instead"), [(np.nan, 0), (np.inf, 1), (-np.inf, -1), (3e38, 1)])
def test_cleaning_makes_sound_of_what_is_none(broken: float, instead: float) -> None:
    block = tone(440, 0.1)
    block[100] = broken
    expected = tone(440, 0.1)
    expected[100] = instead
    np.testing.assert_array_equal(cleaned(block), expected)
