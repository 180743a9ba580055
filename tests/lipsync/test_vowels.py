from __future__ import annotations

import importlib
from ctypes.util import find_library
from types import ModuleType

import numpy as np
import pytest

from vcam.media import FloatArray


@pytest.fixture
def vowels() -> ModuleType:
    return importlib.import_module("lipsync.vowels")


def _sung(formants: tuple[float, ...], seconds: float = 0.04, rate: int = 10_000) -> FloatArray:
    """Pulses at 100 Hz, falling by 6 dB an octave, through resonances 80 Hz wide."""
    sound = np.zeros(round(seconds * rate) + 1000)
    sound[:: rate // 100] = 1.0
    radius = np.exp(-np.pi * 80 / rate)
    turns = [2 * radius * np.cos(2 * np.pi * formant / rate) for formant in formants]
    for first, second in [(0.97, 0.0), *((turn, -(radius**2)) for turn in turns)]:
        for i in range(2, len(sound)):
            sound[i] += first * sound[i - 1] + second * sound[i - 2]
    window: FloatArray = sound[1000:].astype(np.float32)
    return window


@pytest.mark.parametrize("first", [300.0, 450.0, 600.0, 850.0])
def test_the_first_formant_of_a_made_vowel_is_found(vowels: ModuleType, first: float) -> None:
    found = vowels.first_formant(_sung((first, 1500.0, 2500.0, 3500.0)))
    assert found == pytest.approx(first, abs=45)  # a harmonic may pull it, half their distance at most


def test_silence_has_no_formant(vowels: ModuleType) -> None:
    assert vowels.first_formant(np.zeros(400, np.float32)) is None


def test_openness_grows_with_the_first_formant_from_close_to_open_vowels(vowels: ModuleType) -> None:
    grown = [vowels.openness(formant) for formant in (200, 280, 400, 600, 850, 1000)]
    assert grown == sorted(grown)
    assert (grown[0], grown[-1]) == (0.25, 1.0)


@pytest.mark.skipif(find_library("espeak-ng") is None, reason="libespeak-ng is not installed")
def test_vowels_are_as_open_as_they_sound_not_as_they_are_called(vowels: ModuleType) -> None:
    espeak = importlib.import_module("lipsync.espeak").Espeak()
    italian = vowels.heights(espeak, "it", ["La nonna beve vino. Le case sono vicine. Andiamo a casa con i bambini."])
    assert italian["i", 0] < italian["e", 0] < italian["a", 0]
    hungarian = vowels.heights(espeak, "hu", ["A hét szép kék kép. Kérem, az édesanyám beszél a ház mellett."])
    assert hungarian["eː", 0] < italian["e", 0]  # espeak's Hungarian long e is nearly an i


@pytest.mark.skipif(find_library("espeak-ng") is None, reason="libespeak-ng is not installed")
def test_measured_vowels_move_the_jaw_and_nothing_else(vowels: ModuleType) -> None:
    espeak, targets = (importlib.import_module(f"lipsync.{name}") for name in ("espeak", "targets"))
    segments = [espeak.Segment(ipa, start, start + 0.2) for ipa, start in (("", 0.0), ("b", 0.2), ("eː", 0.4))]
    named, heard = (targets.targets(segments, 30, 1.0, heights) for heights in (None, {("eː", 0): 0.3}))
    assert named[25, 0] == pytest.approx(0.45, abs=0.01)
    assert heard[25, 0] == pytest.approx(0.3, abs=0.01)
    assert np.array_equal(named[:, 1:], heard[:, 1:])
    assert np.array_equal(named[:10], heard[:10])
