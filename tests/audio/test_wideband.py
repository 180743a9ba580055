from __future__ import annotations

import numpy as np
import pytest

from tests.audio.sounds import peak, tone
from vcam.audio.resample import Resampler
from vcam.audio.wideband import RATIO, VOICE_RATE, FullBand, Widener
from vcam.media import SAMPLE_RATE, FloatArray, silence


def both(rate: int, sound: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The sound at 16 kHz and at 48 kHz, as a microphone of that rate hands it out."""
    resampler = Resampler(rate)
    full_band = FullBand(rate, resampler.delay)
    narrow, wide = [], []
    for start in range(0, len(sound), rate // 100):
        block = sound[start : start + rate // 100]
        narrow.append(resampler.push(block))
        wide.append(full_band.push(block, len(narrow[-1])))
        assert len(wide[-1]) == RATIO * len(narrow[-1])
    return np.concatenate(narrow), np.concatenate(wide)


@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000, 96_000])
def test_both_rates_tell_of_the_same_moment(rate: int) -> None:
    sound = silence(rate * 2)
    click = rate + 123
    sound[click : click + rate // 1000] = 0.5  # 1 ms
    narrow, wide = both(rate, sound)
    centre_narrow = np.average(np.arange(len(narrow)), weights=np.square(narrow)) / SAMPLE_RATE
    centre_wide = np.average(np.arange(len(wide)), weights=np.square(wide)) / VOICE_RATE
    assert centre_wide == pytest.approx(centre_narrow, abs=0.0004)


@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_what_a_telephone_would_lose_is_kept(rate: int) -> None:
    _, wide = both(rate, tone(12_000, 1, rate))
    assert peak(wide[VOICE_RATE // 2 :]) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("frequency", [100, 1000, 3500, 6500])
def test_widening_keeps_the_level_and_adds_no_images(frequency: float) -> None:
    widener = Widener()
    narrow = tone(frequency, 1)
    wide = np.concatenate([widener.push(narrow[start : start + 160]) for start in range(0, len(narrow), 160)])
    assert len(wide) == RATIO * len(narrow)
    spectrum = np.abs(np.fft.rfft(wide[4800:43_200] * np.hanning(38_400)))
    at = frequency * 38_400 / VOICE_RATE
    strongest = spectrum.max()
    assert np.argmax(spectrum) == pytest.approx(at, abs=1)
    assert peak(wide[4800:43_200]) == pytest.approx(0.5, rel=0.02)
    assert spectrum[round(at) + 400 :].max() < strongest * 10 ** (-50 / 20)


def test_nothing_in_nothing_out() -> None:
    assert len(Widener().push(silence(0))) == 0
