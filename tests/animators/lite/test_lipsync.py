from __future__ import annotations

import importlib
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest

from tests.animators.lite.speech import chunks, sentence
from tests.audio.sounds import room
from vcam.animators.lite.lipsync import FUTURE, LOOK_AHEAD, OUTPUTS, STEP, LipNet, LipSync, Mouth
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, samples, silence

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
JAW, WIDE, PRESSED, PRESENCE = (OUTPUTS.index(name) for name in ("jaw", "wide", "pressed", "presence"))


def mouths(sound: FloatArray, lips: LipSync | None = None, **options: bool | int) -> list[tuple[int, Mouth]]:
    lips = lips or LipSync()
    return [found for chunk in chunks(sound, **options) for found in lips.push(chunk)]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def utterance() -> tuple[FloatArray, FloatArray]:
    """A sentence by a voice that training did not know, and what the mouth should do, every 20 ms."""
    if find_library("espeak-ng") is None:
        pytest.skip("libespeak-ng is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        spoken = importlib.import_module("lipsync.heldout").development(1)
    sound, aims = np.concatenate([s for _, s, _ in spoken[:4]]), np.concatenate([a for _, _, a in spoken[:4]])
    return sound, aims


def rows(sound: FloatArray) -> FloatArray:
    return LipNet().push(np.concatenate([sound, silence(FUTURE)]))


def agreement(shown: FloatArray, aims: FloatArray, column: int) -> float:
    return float(np.corrcoef(shown[: len(aims), column], aims[:, column])[0, 1])


def test_a_frame_for_every_40_ms_from_where_it_was_reset() -> None:
    lips = LipSync()
    lips.reset(64_000)
    found = mouths(sentence(1.0), lips, pts=64_000)
    assert [pts for pts, _ in found] == list(range(64_000, 64_000 + SAMPLE_RATE, FRAME_SAMPLES))


def test_outputs_keep_their_ranges() -> None:
    shown = rows(np.concatenate([sentence(2.0), silence(8000), 30 * sentence(1.0)]))
    assert shown.shape[1] == len(OUTPUTS)
    assert np.isfinite(shown).all()
    assert shown.max() <= 1
    assert shown.min() >= -1
    assert np.delete(shown, WIDE, 1).min() >= 0


def test_pieces_of_any_length_give_what_the_whole_gives() -> None:
    sound = sentence(2.0)
    whole = LipNet().push(sound)
    net, random, at = LipNet(), np.random.default_rng(2), 0
    pieces = []
    while at < len(sound):
        length = int(random.integers(1, 700))
        pieces.append(net.push(sound[at : at + length]))
        at += length
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-5)


def test_a_frame_hears_nothing_later_than_60_ms_after_its_end() -> None:
    sound = sentence(1.0)
    other = sound.copy()
    heard = 20 * FRAME_SAMPLES + samples(60)
    other[heard:] = 0.1 * _noise(len(sound) - heard)
    before, after = mouths(sound), mouths(other)
    assert before[:20] == after[:20]
    assert before[20] != after[20]


def test_nothing_later_than_80_ms_after_an_instant_is_heard() -> None:
    sound = sentence(1.0)
    known = LipNet().push(sound)
    assert samples(80) == FUTURE
    assert len(known) == (len(sound) - FUTURE) // STEP + 1
    longer = LipNet().push(np.concatenate([sound, sentence(0.5)]))
    assert np.allclose(longer[: len(known)], known, atol=1e-6)


def test_the_same_sound_gives_the_same_mouth_also_after_a_reset() -> None:
    sound = sentence(1.5)
    first = mouths(sound)
    assert mouths(sound) == first
    lips = LipSync()
    mouths(np.concatenate([sound, silence(SAMPLE_RATE)]), lips)
    lips.reset(0)
    again = mouths(sound, lips)
    for (_, a), (_, b) in zip(first[15:], again[15:], strict=True):
        assert a == b  # before that it eases from the mouth that it had, and the gate's ramp


def test_a_reset_does_not_make_the_mouth_jump(utterance: tuple[FloatArray, FloatArray]) -> None:
    lips = LipSync()
    before = mouths(utterance[0], lips)
    middle = max(range(len(before)), key=lambda i: before[i][1].jaw)
    lips = LipSync()
    open_ = mouths(utterance[0][: (middle + 1) * FRAME_SAMPLES], lips)[-1][1]
    lips.reset(0)
    closing = [mouth.jaw for _, mouth in mouths(silence(5 * FRAME_SAMPLES), lips)]
    assert open_.jaw > 0.4
    assert abs(closing[0] - open_.jaw) < 0.5 * open_.jaw
    assert closing[-1] < 0.1


def _noise(count: int) -> FloatArray:
    return np.random.default_rng(5).standard_normal(count).astype(np.float32)


def _hum(count: int) -> FloatArray:
    at = np.arange(count) / SAMPLE_RATE
    return sum(np.sin(2 * np.pi * 50 * k * at) / k for k in range(1, 12)).astype(np.float32)  # type: ignore[union-attr]


def _clicks(count: int) -> FloatArray:
    clicks, strike = np.zeros(count, np.float32), _noise(60) * np.exp(-np.arange(60) / 12)
    for at in range(1000, count - 60, 2900):
        clicks[at : at + 60] = strike
    return clicks


@pytest.mark.parametrize("make", [silence, _noise, _hum, _clicks])
@pytest.mark.parametrize("peak", [0.5, 0.02])
def test_what_is_no_speech_leaves_the_mouth_closed(make: object, peak: float) -> None:
    assert callable(make)
    sound = make(3 * SAMPLE_RATE)
    sound = sound * np.float32(peak / max(1e-9, np.abs(sound).max()))
    drawn = [mouth.jaw * mouth.presence for _, mouth in mouths(sound)]
    assert max(drawn) < 0.15
    assert float(np.mean(drawn)) < 0.03


def test_the_mouth_follows_the_words(utterance: tuple[FloatArray, FloatArray]) -> None:
    sound, aims = utterance
    shown = rows(sound)
    assert agreement(shown, aims, JAW) > 0.88
    assert agreement(shown, aims, WIDE) > 0.75
    closed = aims[:, PRESSED] > 0.8
    assert shown[: len(aims)][closed, JAW].mean() < 0.15
    assert shown[: len(aims)][closed, PRESSED].mean() > 0.6


@pytest.mark.parametrize("seed", [2, 3])
def test_an_echoing_room_costs_little(utterance: tuple[FloatArray, FloatArray], seed: int) -> None:
    sound, aims = utterance
    assert agreement(rows(sound), aims, JAW) - agreement(rows(room(sound, seed)), aims, JAW) < 0.025


@pytest.mark.parametrize("decibels", [-40, -20])
def test_gain_does_not_matter(utterance: tuple[FloatArray, FloatArray], decibels: int) -> None:
    sound, aims = utterance
    loud = sound / np.abs(sound).max()
    quiet = loud * np.float32(10 ** (decibels / 20))
    assert abs(agreement(rows(quiet), aims, JAW) - agreement(rows(loud), aims, JAW)) < 0.02


def test_the_gate_closes_the_mouth_gently() -> None:
    shown = [mouth for _, mouth in mouths(sentence(3.0), speech=True)]
    assert max(mouth.presence for mouth in shown) > 0.9
    lips, presence = LipSync(), []
    for chunk in chunks(sentence(2.4), speech=lambda pts: pts < 2 * SAMPLE_RATE):
        presence += [mouth.presence for _, mouth in lips.push(chunk)]
    closing = presence[50:]
    assert closing == sorted(closing, reverse=True)
    assert closing[-1] == 0
    assert closing[0] > 0.2


def test_a_chunk_without_enough_ahead_is_followed_by_silence() -> None:
    lips = LipSync()
    found = [
        mouth
        for i in range(50)
        for _, mouth in lips.push(AudioChunk(i * samples(20), np.zeros(samples(20), np.float32), True))
    ]
    assert len(found) == 25
    assert samples(60) == LOOK_AHEAD
    assert max(mouth.jaw for mouth in found) < 0.1


def test_after_a_long_silence_the_words_are_followed_as_before(utterance: tuple[FloatArray, FloatArray]) -> None:
    sound, _ = utterance
    pause = silence(4 * SAMPLE_RATE)
    fresh = [mouth for _, mouth in mouths(sound)]
    lips = LipSync()
    mouths(pause, lips, speech=False)
    late = [mouth for _, mouth in mouths(sound, lips, pts=len(pause))]
    settled = range(25, len(fresh) - 5)
    differences = [abs(late[i].jaw - fresh[i].jaw) for i in settled]
    assert max(differences) < 0.1
