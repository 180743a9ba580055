"""Echoes are taken off, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.animators.lite.speech import sentence
from tests.audio.sounds import room, tone
from vcam.audio.dereverb import LINES, ComplexArray, Dereverberation
from vcam.audio.logmel import HOP, Spectra
from vcam.media import SAMPLE_RATE, FloatArray, silence

SPEECH = sentence(6.0)
LATE = slice(2 * SAMPLE_RATE // HOP, None)  # hops: when the room is known


def heard_and_taken(sound: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    spectra = Spectra().of(sound)
    return spectra, Dereverberation().push(spectra)


def power(spectra: ComplexArray) -> FloatArray:
    found: FloatArray = np.abs(spectra[LATE, :LINES]) ** 2
    return found


def decibels(a: FloatArray, b: FloatArray) -> float:
    """By how much ``a`` is more than ``b``, on the whole."""
    return float(10 * np.log10(a.sum() / b.sum()))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [1.0, 0.01])
def test_pauses_between_syllables_are_quieter_than_the_room_leaves_them(seed: int, level: float) -> None:
    dry = power(Spectra().of(SPEECH))
    spectra, taken = heard_and_taken(room(SPEECH, seed) * np.float32(level))
    pause = dry.sum(1) < 1e-4 * dry.sum(1).mean()
    assert pause.sum() > 10
    assert decibels(power(spectra)[pause], power(taken)[pause]) > 2.5
    assert decibels(power(spectra)[~pause], power(taken)[~pause]) < 2


def test_speech_without_a_room_stays_what_it_is() -> None:
    spectra, taken = heard_and_taken(SPEECH)
    assert decibels(power(spectra), power(taken)) < 1


def test_a_steady_hum_gets_quieter_by_6_db_and_no_more() -> None:
    spectra, taken = heard_and_taken(tone(150, 6.0) + tone(50, 6.0))
    assert decibels(power(spectra), power(taken)) == pytest.approx(6.02, abs=0.1)
    assert (np.abs(taken) >= 0.499 * np.abs(spectra)).all()


def test_noise_stays() -> None:
    noise = np.random.default_rng(2).standard_normal(6 * SAMPLE_RATE).astype(np.float32)
    spectra, taken = heard_and_taken(noise)
    assert abs(decibels(power(spectra), power(taken))) < 0.5


def test_no_line_gets_louder_and_those_above_5_khz_are_left() -> None:
    spectra, taken = heard_and_taken(room(SPEECH))
    assert (np.abs(taken) <= np.abs(spectra) * 1.000001).all()
    assert (taken[:, LINES:] == spectra[:, LINES:]).all()


def test_hops_one_by_one_and_after_a_reset_give_the_same() -> None:
    spectra, taken = heard_and_taken(room(SPEECH))
    dereverberation = Dereverberation()
    dereverberation.push(spectra[::2])
    dereverberation.reset()
    again = np.concatenate([dereverberation.push(spectra[i : i + 1]) for i in range(len(spectra))])
    assert (again == taken).all()


def test_what_is_given_is_left_as_it_was() -> None:
    spectra = Spectra().of(room(SPEECH))
    before = spectra.copy()
    Dereverberation().push(spectra)
    assert (spectra == before).all()


@pytest.mark.parametrize(
    "between",
    [silence(60 * SAMPLE_RATE), tone(1000, 60.0), np.tile(np.concatenate([room(SPEECH), tone(1000, 2.0)]), 40)],
    ids=["silence", "a tone", "five minutes of speech and tones"],
)
def test_after_minutes_of_anything_pauses_are_as_quiet(between: FloatArray) -> None:
    dry = power(Spectra().of(SPEECH))
    pause = dry.sum(1) < 1e-4 * dry.sum(1).mean()
    spectra, taken = heard_and_taken(np.concatenate([between, room(SPEECH)]))
    assert np.isfinite(taken).all()
    assert (
        decibels(power(spectra[-len(pause) - LATE.start :])[pause], power(taken[-len(pause) - LATE.start :])[pause]) > 2
    )


def test_a_bang_after_silence_does_no_harm() -> None:
    bang = np.concatenate([silence(SAMPLE_RATE), 30 * sentence(0.2), room(SPEECH)])
    spectra, taken = heard_and_taken(bang)
    assert np.isfinite(taken).all()
    assert decibels(power(spectra), power(taken)) < 3
