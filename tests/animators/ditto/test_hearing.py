from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.animators.ditto.marking import MarkingHubert, mark, marked_audio
from vcam.animators.ditto.features import AudioFeatures
from vcam.animators.ditto.hearing import Heard, Hearing
from vcam.animators.ditto.latency import Chunking
from vcam.audio.gate import HoldingGate, OpenGate
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, FloatArray

CHUNKINGS = [Chunking(3, 5, 2), Chunking(3, 2, 2), Chunking(2, 3, 2), Chunking(0, 4, 1), Chunking(4, 1, 0)]


class LevelGate(HoldingGate):
    """Speech is whatever is not silence."""

    def _judge(self, sound: FloatArray) -> range:
        return range(int(sound.any()))


def hearing_of(chunking: Chunking) -> tuple[Hearing, MarkingHubert]:
    network = MarkingHubert()
    return Hearing(AudioFeatures(network, chunking), chunking), network


def chunks(sound: FloatArray, start: int = 0) -> list[AudioChunk]:
    return [AudioChunk(start + at, sound[at : at + CHUNK_SAMPLES]) for at in range(0, len(sound), CHUNK_SAMPLES)]


def heard(hearing: Hearing, gate: HoldingGate, sound: FloatArray, start: int = 0) -> list[Heard]:
    given = [out for chunk in chunks(sound, start) for out in gate.push(chunk)] + list(gate.flush())
    return [one for chunk in given if (one := hearing.push(chunk)) is not None]


@pytest.mark.parametrize("chunking", CHUNKINGS)
@pytest.mark.parametrize("more", [0, 960])
def test_each_row_is_of_its_own_frame(chunking: Chunking, more: int) -> None:
    """Also where the gate holds more than is needed."""
    hearing, _ = hearing_of(chunking)
    hold = -(-hearing.look_ahead // CHUNK_SAMPLES) * CHUNK_SAMPLES + more
    made = heard(hearing, OpenGate(hold), marked_audio(60))
    rows = np.concatenate([one.rows for one in made])
    assert [mark(row) for row in rows] == [k + 1 for k in range(60 // chunking.now * chunking.now)]
    assert all(one.voiced.all() for one in made)
    assert all(len(one.rows) == chunking.now for one in made)


def test_the_window_is_that_of_a_stream_that_is_heard_whole() -> None:
    """Context and look-ahead included: what the network is given is the same as without a gate."""
    sound = np.random.default_rng(0).normal(0, 0.1, 40 * FRAME_SAMPLES).astype(np.float32)
    for chunking in CHUNKINGS:
        seen: list[list[bytes]] = []
        for live in (True, False):
            windows: list[bytes] = []

            class Noting(MarkingHubert):
                def run(self, inputs, keep=(), into=windows):  # type: ignore[no-untyped-def]
                    into.append(np.asarray(inputs["input_values"]).tobytes())
                    return super().run(inputs, keep)

            if live:
                hearing = Hearing(AudioFeatures(Noting(), chunking), chunking)
                heard(hearing, OpenGate(-(-hearing.look_ahead // CHUNK_SAMPLES) * CHUNK_SAMPLES), sound)
            else:
                AudioFeatures(Noting(), chunking).push(sound)
            seen.append(windows)
        count = len(seen[1])  # the gate goes on to the end with silence ahead
        assert count > 5
        assert seen[0][:count] == seen[1]


def test_silence_asks_nothing_until_something_is_heard() -> None:
    chunking = Chunking(3, 5, 2)
    hearing, network = hearing_of(chunking)
    quiet, speech = np.zeros(30 * FRAME_SAMPLES, np.float32), marked_audio(10)
    made = heard(hearing, LevelGate(1600), np.concatenate([quiet, speech, quiet]))
    rows = np.concatenate([one.rows for one in made])
    voiced = np.concatenate([one.voiced for one in made])
    assert voiced.tolist() == [30 <= k < 40 for k in range(70)]
    assert [mark(row) for row in rows[30:40]] == list(range(1, 11))
    assert not rows[:30].any()
    # once for silence itself, twice for the speech, once more while it is still in the window
    assert network.calls == 4


def test_sound_that_the_gate_has_closed_for_is_heard_as_what_comes_next_only() -> None:
    """``ahead`` is not gated: it is context of frames with speech, and nothing of frames without."""
    chunking = Chunking(3, 5, 2)
    hearing, network = hearing_of(chunking)
    for k in range(20):
        hearing.push(AudioChunk(k * 320, np.zeros(320, np.float32), False, np.ones(1600, np.float32)))
    assert network.calls == 1


def test_a_muted_microphone_is_silence_to_an_open_gate() -> None:
    hearing, network = hearing_of(Chunking(3, 5, 2))
    made = heard(hearing, OpenGate(1600), np.zeros(20 * FRAME_SAMPLES, np.float32))
    assert not any(one.voiced.any() for one in made)
    assert network.calls == 1


def test_after_a_reset_nothing_is_left_of_what_was_heard() -> None:
    chunking = Chunking(3, 5, 2)
    hearing, _ = hearing_of(chunking)
    heard(hearing, OpenGate(1600), marked_audio(13))  # a window has begun
    hearing.reset()
    made = heard(hearing, OpenGate(1600), marked_audio(10), start=64_000)
    assert [mark(row) for one in made for row in one.rows] == list(range(1, 11))


def test_frames_with_any_speech_in_them_are_speech() -> None:
    chunking = Chunking(3, 1, 1)
    hearing, _ = hearing_of(chunking)
    ahead = np.zeros(960, np.float32)
    flags = [False, True, True, False, False, False]
    made = [
        hearing.push(AudioChunk(k * 320, np.full(320, float(flag), np.float32), flag, ahead))
        for k, flag in enumerate(flags)
    ]
    assert [bool(one.voiced) for one in made if one is not None] == [True, True, False]
    assert all((a is None) != (b is None) for a, b in pairwise(made))
