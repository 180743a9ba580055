from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tests.animators.ditto.marking import MarkingHubert, MarkingLmdm, mark, marked_audio
from tests.animators.ditto.test_conditions import NEUTRAL, character
from vcam.animators.ditto.conditions import Conditions, ConditionUse
from vcam.animators.ditto.features import AudioFeatures
from vcam.animators.ditto.joining import JoinRules
from vcam.animators.ditto.latency import Chunking, algorithmic_latency
from vcam.animators.ditto.motion_stream import REFERENCE, MotionRows, OfflineMotion, OnlineMotion, StreamQuirks
from vcam.animators.ditto.options import RunOptions
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.sampler import Sampler
from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES, FloatArray

SOURCE = np.zeros(265, np.float32)
RIGHT = StreamQuirks()
SOUND_ONLY = ConditionUse(emotion=False, eye_open=False, eye_ball=False, identity=False)


def conditions() -> Conditions:
    """Without anything after the sound, so that the networks' mark is the last column."""
    return Conditions(SOUND_ONLY, character(), NEUTRAL)


def online(overlap: int, quirks: StreamQuirks = RIGHT, network: MarkingLmdm | None = None) -> OnlineMotion:
    rules = JoinRules.online(RunOptions(overlap_v2=overlap))
    silence = np.zeros((overlap, 1024), np.float32)
    sampler = Sampler(network or MarkingLmdm(), 1, Seeded(0))
    return OnlineMotion(sampler, conditions(), rules, SOURCE, silence, quirks=quirks)


def marked_rows(first: int, count: int) -> FloatArray:
    """Features of the frames from ``first`` on, as ``marked_audio`` gives them."""
    return np.arange(first + 1, first + count + 1, dtype=np.float32)[:, None].repeat(1024, axis=1)


def shown(made: list[MotionRows]) -> list[tuple[int, float]]:
    return [(motion.first + at, mark(row)) for motion in made for at, row in enumerate(motion.rows)]


@pytest.mark.parametrize("overlap", range(40, 80))
def test_every_frame_has_its_own_sound(overlap: int) -> None:
    """From samples to motion, whatever the chunks, and no frame is lost or comes later than was promised."""
    for now in range(1, 6):
        chunking, frames = Chunking(3, now, 2), 97
        promised = algorithmic_latency(chunking, overlap)
        audio = marked_audio(frames)
        heard, motion = AudioFeatures(MarkingHubert(), chunking), online(overlap)
        made: list[MotionRows] = []
        for sample in range(0, len(audio), 320):
            left = motion.push(heard.push(audio[sample : sample + 320]))
            made += left
            # A frame that left now can have been known at most one piece earlier.
            assert all(sample - one.first * FRAME_SAMPLES <= promised for one in left)
        made += motion.push(heard.finish()) + motion.finish()
        got = shown(made)
        assert [frame for frame, _ in got] == list(range(frames))
        np.testing.assert_allclose([value for _, value in got], np.arange(1, frames + 1), rtol=1e-6)


@pytest.mark.parametrize("frames", [0, 1, 9, 10, 11, 20, 79, 80, 81, 135])
def test_a_stream_of_any_length_ends_with_its_sound(frames: int) -> None:
    motion = online(70)
    made = motion.push(marked_rows(0, frames))
    made += motion.finish()
    assert [frame for frame, _ in shown(made)] == list(range(frames))
    np.testing.assert_allclose([value for _, value in shown(made)], np.arange(1, frames + 1), rtol=1e-6)


def test_how_the_rows_are_pushed_changes_nothing() -> None:
    def run(piece: int) -> FloatArray:
        motion, made = online(72), []
        for start in range(0, 100, piece):
            made += motion.push(marked_rows(start, min(piece, 100 - start)))
        return np.concatenate([one.rows for one in made + motion.finish()])

    for piece in (1, 3, 8, 50, 100):
        np.testing.assert_array_equal(run(piece), run(7))


@pytest.mark.parametrize("overlap", [1, 10, 39])
def test_an_overlap_that_loses_frames_is_refused(overlap: int) -> None:
    with pytest.raises(AnimatorError, match=f"overlap of {overlap}"):
        online(overlap)


def test_the_reference_loses_frames_with_a_small_overlap() -> None:
    motion = online(10, REFERENCE)
    made = motion.push(marked_rows(0, 140))
    assert [one.first for one in made] == [60]
    made += motion.finish()
    assert [frame for frame, _ in shown(made)] == list(range(60, 140))


def test_the_reference_waits_for_batches() -> None:
    def clip_ends(quirks: StreamQuirks) -> list[int]:
        motion, out = online(70, quirks), []
        for start in range(0, 60, 3):
            out.append(sum(len(one.rows) for one in motion.push(marked_rows(start, 3))))
        return out

    assert clip_ends(StreamQuirks()) == [10 if k in (6, 9, 13, 16, 19) else 0 for k in range(20)]
    assert clip_ends(REFERENCE) == [{7: 10, 11: 10, 15: 10, 19: 20}.get(k, 0) for k in range(20)]


@pytest.mark.parametrize(("frames", "written"), [(140, 150), (135, 140), (111, 120), (9, 10)])
def test_the_reference_shows_more_frames_than_were_spoken(frames: int, written: int) -> None:
    motion = online(70, REFERENCE)
    made = motion.push(marked_rows(0, frames)) + motion.finish()
    assert [frame for frame, _ in shown(made)] == list(range(written))


def test_d0_is_the_first_row_of_the_first_clip() -> None:
    motion = online(70)
    motion.push(marked_rows(0, 9))
    assert motion.d0 is None
    other = online(70)
    other.push(marked_rows(0, 10))
    before = other.d0
    assert before is not None
    assert before.tolist() == [0] * 265  # silence
    other.push(marked_rows(10, 50))
    assert other.d0 is before


def test_conditions_are_told_frame_by_frame() -> None:
    network, overlap = MarkingLmdm(), 76
    use = ConditionUse(emotion=True, eye_open=False, eye_ball=False, identity=False)
    told = Conditions(use, character(), tuple((k,) for k in range(8)))
    silence = np.zeros((overlap, 1024), np.float32)
    rules = JoinRules.online(RunOptions(overlap_v2=overlap))
    motion = OnlineMotion(Sampler(network, 1, Seeded(0)), told, rules, SOURCE, silence)
    motion.push(marked_rows(0, 40))
    for clip, call in enumerate(network.calls):
        rows = call["cond"][0]
        frames = range(clip * 4 - overlap, clip * 4 + 4)
        assert rows[:, 0].tolist() == [max(0, frame + 1) for frame in frames]
        assert rows[:, 1024:].argmax(axis=1).tolist() == [max(0, frame) % 8 for frame in frames]
    assert len(network.calls) == 10


def test_idle_motion_needs_no_network() -> None:
    network, asked = MarkingLmdm(), []

    def idle(first: int, tail: FloatArray) -> FloatArray | None:
        asked.append((first, mark(tail[-1])))
        return tail[-1:].repeat(10, axis=0) if 30 <= first < 60 else None

    rules = JoinRules.online(RunOptions(overlap_v2=70))
    silence = np.zeros((70, 1024), np.float32)
    motion = OnlineMotion(Sampler(network, 1, Seeded(0)), conditions(), rules, SOURCE, silence, idle=idle)
    made = motion.push(marked_rows(0, 100))
    assert [first for first, _ in asked] == list(range(10, 100, 10))  # the first clip is always diffused
    assert len(network.calls) == 7
    got = dict(shown(made))
    assert list(got) == list(range(90))
    for frame, value in got.items():
        if frame < 30 or frame >= 60:
            assert value == pytest.approx(frame + 1)
        elif frame < 50:
            assert value == pytest.approx(30)
        else:  # fading from idle motion to what the sound says
            share = (frame - 50) / 10
            assert value == pytest.approx(30 * (1 - share) + (frame + 1) * share)
    # Sound that was not diffused is context all the same.
    assert network.calls[-1]["cond"][0, :, 0].tolist() == list(range(21, 101))


def test_after_a_gap_the_frames_go_on_in_their_own_time() -> None:
    motion = online(70)
    *_, (last, value) = shown(motion.push(marked_rows(0, 57)))
    assert last == 39
    assert value == pytest.approx(40)
    motion.restart(200)
    assert not motion.push(marked_rows(200, 19))
    made = motion.push(marked_rows(219, 31))
    got = shown(made)
    assert [frame for frame, _ in got] == list(range(200, 240))
    for at, (frame, value) in enumerate(got):
        share = min(at / 10, 1)  # what had not left yet fades into the new
        assert value == pytest.approx((41 + at) * (1 - share) + (frame + 1) * share, rel=1e-5)
    assert [frame for frame, _ in shown(motion.finish())] == list(range(240, 250))


def test_a_gap_before_anything_was_shown() -> None:
    motion = online(70)
    motion.push(marked_rows(0, 7))
    motion.restart(50)
    made = motion.push(marked_rows(50, 25)) + motion.finish()
    assert shown(made) == [(frame, pytest.approx(frame + 1)) for frame in range(50, 75)]


def test_an_endless_stream_stays_small() -> None:
    motion = online(78)
    rows = marked_rows(0, 50)

    def hold(count: int) -> int:
        for _ in range(count):
            motion.push(rows)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        assert hold(60) - hold(20) < 20_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("overlap", [1, 10, 20, 70])
@pytest.mark.parametrize("frames", [0, 1, 79, 80, 81, 135, 220])
def test_a_whole_recording(overlap: int, frames: int) -> None:
    for quirks in (StreamQuirks(), REFERENCE):
        network = MarkingLmdm()
        rules = JoinRules.offline(RunOptions(overlap_v2=overlap))
        motion = OfflineMotion(Sampler(network, 1, Seeded(0)), conditions(), rules, SOURCE, quirks=quirks)
        rows = motion.run(marked_rows(0, frames))
        np.testing.assert_allclose([mark(row) for row in rows], np.arange(1, frames + 1), rtol=1e-6)


@pytest.mark.parametrize(("frames", "overlap", "here", "reference"), [(135, 10, 2, 2), (135, 20, 2, 3), (80, 70, 1, 8)])
def test_clips_of_a_recording(frames: int, overlap: int, here: int, reference: int) -> None:
    for quirks, clips in ((StreamQuirks(), here), (REFERENCE, reference)):
        network = MarkingLmdm()
        rules = JoinRules.offline(RunOptions(overlap_v2=overlap))
        OfflineMotion(Sampler(network, 1, Seeded(0)), conditions(), rules, SOURCE, quirks=quirks).run(
            marked_rows(0, frames)
        )
        assert len(network.calls) == clips


def test_schedules_refuse_each_others_rules() -> None:
    options = RunOptions(overlap_v2=70)
    sampler = Sampler(MarkingLmdm(), 1, Seeded(0))
    with pytest.raises(ValueError, match=r"JoinRules\.online"):
        OnlineMotion(sampler, conditions(), JoinRules.offline(options), SOURCE, np.zeros((70, 1024), np.float32))
    with pytest.raises(ValueError, match=r"JoinRules\.offline"):
        OfflineMotion(sampler, conditions(), JoinRules.online(options), SOURCE)
