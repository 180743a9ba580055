from __future__ import annotations

import numpy as np
import pytest

from tests.animators.lite.speech import chunks, vowel
from vcam.animators.lite.prosody import Prosody
from vcam.media import FloatArray, samples, silence


def emphases(sound: FloatArray, speech: bool = True) -> list[float]:
    prosody = Prosody()
    found = []
    for chunk in chunks(sound, speech):
        prosody.push(chunk)
        found.append(prosody.emphasis)
    return found


def syllables(stressed: int, count: int = 20) -> FloatArray:
    """Five a second; each ``stressed``-th one is 8 dB louder."""
    parts = []
    for n in range(count):
        parts += [vowel("a", 150) * np.float32(2.5 if n % stressed == stressed - 1 else 1.0), silence(samples(50))]
    return np.concatenate(parts)


@pytest.mark.parametrize("gain", [0.05, 1.0, 3.0])
def test_loud_syllables_stand_out_at_any_level_of_the_voice(gain: float) -> None:
    found = np.array(emphases((gain * syllables(4)).astype(np.float32)))[2 * 40 :].reshape(-1, 10).max(axis=1)
    assert found[3::4].min() > 0.5
    assert np.delete(found, slice(3, None, 4)).max() < 0.5 * found[3::4].min()


def test_silence_and_what_is_no_speech_have_no_stress() -> None:
    assert set(emphases(silence(16000))) == {0.0}
    assert set(emphases(syllables(4), speech=False)) == {0.0}


def test_after_a_reset_the_voice_is_still_known() -> None:
    prosody = Prosody()
    stream = list(chunks(syllables(4)))
    for chunk in stream:
        prosody.push(chunk)
    prosody.reset()
    assert prosody.emphasis == 0.0
    prosody.push(max(stream, key=lambda chunk: float(np.abs(chunk.samples).max())))
    assert prosody.emphasis > 0


@pytest.mark.parametrize("before", [0.0, 0.0005, 0.01])
def test_the_first_words_are_not_all_stressed(before: float) -> None:
    """Before them the gate lets some of the room through: its pre-roll."""
    noise = np.random.default_rng(1).normal(0, 1, samples(60)).astype(np.float32)
    found = np.array(emphases(np.concatenate([np.float32(before) * noise, syllables(4, 40)])))[3:]
    first, later = found[: 4 * 40], found[4 * 40 :]
    assert first[:40].mean() < 1.5 * later.mean()


def test_after_a_bang_or_far_from_the_microphone_stresses_are_heard_again() -> None:
    bang = np.full(samples(20), 0.7, np.float32)
    found = np.array(emphases(np.concatenate([bang, np.float32(0.02) * syllables(4, 60)])))
    assert found[200:].max() > 0.5
