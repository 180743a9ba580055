from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def variation() -> ModuleType:
    return importlib.import_module("lipsync.variation")


@pytest.fixture
def batches() -> ModuleType:
    return importlib.import_module("lipsync.batches")


def test_spectra_add_up_as_the_sounds_would(variation: ModuleType, batches: ModuleType) -> None:
    random = np.random.default_rng(4)
    voice, noise = random.standard_normal((2, 16000 * 20), np.float32) * np.array([[0.1], [0.06]], np.float32)
    one, other, both = batches.decibels(np.stack([voice, noise, voice + noise]))
    powers = 10 * np.log10(10 ** (one / 10) + 10 ** (other / 10))
    by_sound, by_spectrum = both - powers, variation.together(one[None], other[None], random)[0] - powers
    assert np.abs(by_sound.mean(0) - by_spectrum.mean(0)).max() < 0.6  # dB
    assert np.abs(by_sound.std(0) / by_spectrum.std(0) - 1).max() < 0.3
    lasting = [np.mean(x[1:] * x[:-1]) / np.mean(x**2) for x in (by_sound, by_spectrum)]
    assert lasting[1] == pytest.approx(lasting[0], abs=0.15)


@pytest.mark.parametrize(("rt60", "direct_db"), [(0.15, 8), (0.3, 0), (0.6, 2), (0.9, -3)])
def test_a_room_in_spectra_is_like_one_in_sound(
    variation: ModuleType, batches: ModuleType, rt60: float, direct_db: float
) -> None:
    augment = importlib.import_module("lipsync.augment")
    random = np.random.default_rng(7)
    swell = np.maximum(0.001, np.sin(np.arange(16000 * 3) / 2000) ** 3).astype(np.float32)
    dry = random.standard_normal((16, len(swell)), np.float32) * swell
    one = batches.decibels(dry)
    wet = batches.decibels(np.stack([augment.room(sound, random, rt60, direct_db) for sound in dry]))
    shown = variation.together(one, variation.reflections(one, random, [(rt60, direct_db)] * 16), random)
    added, shown_added = (spectra.mean(0) - one.mean(0) for spectra in (wet, shown))  # [hops, 40] dB
    assert np.corrcoef(added.mean(1), shown_added.mean(1))[0, 1] > 0.98
    assert shown_added.mean(0) == pytest.approx(added.mean(0), abs=3)


def test_what_is_varied_is_as_loud_and_follows_the_voice(variation: ModuleType, batches: ModuleType) -> None:
    random = np.random.default_rng(5)
    swell = np.repeat(np.abs(np.sin(np.arange(40))), 2400).astype(np.float32)
    voices = random.standard_normal((6, len(swell)), np.float32) * swell
    hum = 0.3 * random.standard_normal((6, len(swell)), np.float32)
    heard, dry, noise = (batches.decibels(sounds) for sounds in (voices + hum, voices, hum))
    shown, dry_shown = variation.varied(variation.Spectrograms(heard, dry, dry, noise, np.ones(6, bool)), random)
    assert shown.dtype == dry_shown.dtype == np.float32
    assert shown.max((1, 2)) == pytest.approx(heard.max((1, 2)), abs=6)
    for i in range(6):
        assert np.corrcoef(dry[i].mean(1), dry_shown[i].mean(1))[0, 1] > 0.99
        assert np.corrcoef(dry[i].mean(1), shown[i].mean(1))[0, 1] > 0.5
        assert not np.allclose(shown[i], heard[i], atol=1)


def test_without_any_noise_there_is_none_to_vary(variation: ModuleType) -> None:
    random = np.random.default_rng(6)
    quiet = np.full((3, 50, 40), -110, np.float32)
    shown, _ = variation.varied(variation.Spectrograms(quiet, quiet, quiet, quiet, np.zeros(3, bool)), random)
    assert np.isfinite(shown).all()
