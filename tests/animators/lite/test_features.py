from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from tests.animators.lite.speech import chunks, hiss, vowel
from vcam.animators.lite.features import Features, MouthTarget
from vcam.audio.decode import decode
from vcam.media import FloatArray, ms, samples, silence

PAUSE = silence(samples(300))


def targets(sound: FloatArray, **options: object) -> dict[float, MouthTarget]:
    """By the time in ms at which each frame begins."""
    features = Features()
    return {
        ms(pts): target
        for chunk in chunks(sound, **options)  # type: ignore[arg-type]
        for pts, target in features.push(chunk)
    }


def middle(name: str) -> MouthTarget:
    """The mouth in the middle of a vowel, after others have been heard."""
    heard = [vowel(other, 150) for other in "aiuoe" * 2]
    before = np.concatenate([PAUSE, *heard, PAUSE])
    found = targets(np.concatenate([before, vowel(name, 300), PAUSE]))
    return found[(ms(len(before)) + 120) // 40 * 40]


def test_open_vowels_open_the_jaw_more_than_close_ones() -> None:
    assert middle("a").jaw > middle("i").jaw + 0.1
    assert middle("a").jaw > middle("u").jaw + 0.1
    assert min(middle(name).jaw for name in "aiu") > 0.12


def test_front_vowels_are_wide_and_back_ones_round() -> None:
    assert middle("i").wide > 0.3
    assert middle("u").wide < -0.1
    assert middle("o").wide < -0.1


def test_an_s_is_narrow_and_not_pressed() -> None:
    begin = np.concatenate([PAUSE, vowel("a", 300)])
    found = targets(np.concatenate([begin, hiss(240), vowel("a", 300), PAUSE]))
    at_s = found[(ms(len(begin)) + 100) // 40 * 40]
    assert 0.03 < at_s.jaw < 0.3
    assert at_s.wide > 0.1


def test_the_lips_meet_in_a_short_stop() -> None:
    sound = np.concatenate([PAUSE, vowel("a", 250), silence(samples(70)), vowel("a", 250), PAUSE])
    found = targets(sound)
    stop = [target for at, target in found.items() if 520 <= at <= 620]
    assert min(target.jaw for target in stop) < 0.2
    assert max(target.pressed for target in stop) > 0.5


def test_the_mouth_is_open_within_80_ms_of_the_onset_and_not_long_before() -> None:
    found = targets(np.concatenate([silence(samples(800)), vowel("a", 400)]))
    assert max(target.jaw for at, target in found.items() if at + 40 <= 720) < 0.05
    assert found[840].jaw > 0.4


def test_without_speech_the_mouth_is_at_rest_within_120_ms_and_gets_there_smoothly() -> None:
    end = samples(400)
    found = targets(vowel("a", 1200), speech=lambda pts: pts < end)
    presence = [target.presence for at, target in found.items() if at >= 320]
    assert presence[0] == 1
    assert [target.presence for at, target in found.items() if at >= 480] == [0] * 18
    assert -np.diff(presence).min() < 0.6
    assert found[480] == MouthTarget()


def test_noise_far_below_a_voice_does_not_move_the_mouth() -> None:
    noise = 0.0003 * np.random.default_rng(2).standard_normal(samples(3000)).astype(np.float32)
    found = targets(np.concatenate([vowel("a", 400), noise]))
    assert max(target.jaw for at, target in found.items() if at > 700) < 0.05


@pytest.mark.skipif(which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_synthetic_speech_opens_and_closes_the_mouth(tmp_path: Path) -> None:
    wav = tmp_path / "speech.wav"
    subprocess.run(["espeak-ng", "-w", str(wav), "Papa bought a big boat, and mama may bake bread."], check=True)
    jaw = np.array([target.jaw for target in targets(np.concatenate(list(decode(wav)))).values()])
    assert np.mean(jaw > 0.3) > 0.2
    assert np.mean(jaw < 0.15) > 0.15
    turns = np.count_nonzero(np.diff(np.sign(np.diff(jaw[np.abs(np.diff(jaw, prepend=0)) > 0.05]))))
    assert turns / (len(jaw) / 25) < 11  # no flapping: about two turns a syllable
