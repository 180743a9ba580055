"""The motion of a live stream: in step with the sound, idle in silence, and nowhere a jump."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.animators.ditto.marking import MarkingHubert, MarkingLmdm, mark, marked_audio
from tests.animators.ditto.test_conditions import NEUTRAL, character
from vcam.animators.ditto.backends.base import Network, Tensor
from vcam.animators.ditto.conditions import Conditions, ConditionUse
from vcam.animators.ditto.emotions import EMOTIONS
from vcam.animators.ditto.features import AudioFeatures
from vcam.animators.ditto.hearing import Heard, Hearing
from vcam.animators.ditto.latency import Chunking, algorithmic_latency
from vcam.animators.ditto.live_motion import EMOTION_EASE, LINGER, LiveMotion, MotionRow
from vcam.animators.ditto.motion import EXP, MOTION_SIZE, YAW
from vcam.animators.ditto.networks import LMDM
from vcam.animators.ditto.options import CLIP, RunOptions
from vcam.animators.ditto.presets import PRESETS
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.sampler import Sampler
from vcam.animators.ditto.seams import EASE, LIPS
from vcam.audio.gate import Gate, OpenGate
from vcam.live.chunker import Chunker
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, FloatArray

PACES = [(preset.chunking, preset.options["overlap_v2"]) for preset in PRESETS.values()]
ODD = [
    (Chunking(3, 5, 2), 77),  # five frames at a time, three a clip
    (Chunking(3, 4, 2), 73),
    (Chunking(2, 3, 2), 75),
    (Chunking(3, 1, 1), 79),
    (Chunking(5, 7, 0), 50),
    (Chunking(3, 5, 2), 40),
]
SOURCE = np.zeros(MOTION_SIZE, np.float32)
SILENT = np.zeros((CLIP, 1024), np.float32)
EYE, HEAD = EXP.start + 33, YAW.start
HAPPY = EMOTIONS.index("happy")


def motion_of(network: Network, overlap: int, emotion: bool = False, **options: object) -> LiveMotion:
    use = ConditionUse(emotion=emotion, eye_open=False, eye_ball=False, identity=False)
    sampler = Sampler(network, 1, Seeded(0))
    settings = RunOptions(overlap_v2=overlap, online_mode=True).replaced(options)
    return LiveMotion(sampler, Conditions(use, character(), NEUTRAL), settings, SOURCE, SILENT)


class Actor(Network):
    """Moves as its conditions say, and all of a clip at once, as a network does that sees all of it.

    The head is at 0.5 in a clip of silence, else at -0.5; the lips are open by the sound's mark; the eyes show how
    happy the frame is.
    """

    spec = LMDM

    def __init__(self) -> None:
        self.calls = 0

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        self.calls += 1
        told = np.asarray(inputs["cond"])
        motion = np.zeros((1, CLIP, MOTION_SIZE), np.float32)
        motion[0, :, HEAD] = -0.5 if told[0, :, 0].any() else 0.5
        motion[0][:, LIPS] = told[0, :, :1]
        if told.shape[2] > 1024:
            motion[0, :, EYE] = told[0, :, 1024 + HAPPY]
        return {"pred_noise": np.zeros_like(motion), "x_start": motion}


@dataclass
class Stream:
    """Feeds a LiveMotion frame by frame, a chunk of ``now`` at a time, and notes what comes."""

    motion: LiveMotion
    now: int = 1
    frame: int = 0
    rows: list[MotionRow] = field(default_factory=list)

    def say(self, frames: int, loud: float = 0.0) -> list[MotionRow]:
        """So many frames of sound; what it made known."""
        known: list[MotionRow] = []
        for _ in range(0, frames, self.now):
            heard = Heard(np.full((self.now, 1024), loud, np.float32), np.full(self.now, loud > 0))
            known += self.motion.push(heard)
            self.frame += self.now
        self.rows += known
        return known

    def idles(self) -> bool:
        return self.motion.idling

    def column(self, index: int) -> FloatArray:
        return np.array([one.row[index] for one in self.rows])

    @property
    def largest_step(self) -> float:
        """Of the head, from one frame to the next."""
        return float(np.abs(np.diff(self.column(HEAD))).max())


@pytest.mark.parametrize(("chunking", "overlap"), PACES + ODD)
@pytest.mark.parametrize("more", [0, 960])
def test_each_frame_has_its_own_sound_and_comes_when_it_was_promised(
    chunking: Chunking, overlap: int, more: int
) -> None:
    hearing = Hearing(AudioFeatures(MarkingHubert(), chunking), chunking)
    motion = motion_of(MarkingLmdm(), overlap)
    gate: Gate = OpenGate(-(-hearing.look_ahead // CHUNK_SAMPLES) * CHUNK_SAMPLES + more)
    promised = algorithmic_latency(chunking, overlap) - hearing.look_ahead + gate.hold
    frames, start = 131, 1000  # as long as it takes chunks and clips to meet in every way
    hearing.reset()
    motion.restart(start)
    chunker = Chunker()
    got: list[MotionRow] = []
    waited = []
    for chunk in chunker.push(marked_audio(frames + 90)):
        for decided in gate.push(chunk):
            heard = hearing.push(decided)
            known = motion.push(heard) if heard is not None else []
            waited += [chunk.end - (one.frame - start) * FRAME_SAMPLES for one in known]
            got += known
    assert [one.frame for one in got[:frames]] == list(range(start, start + frames))
    np.testing.assert_allclose([mark(one.row) for one in got[:frames]], np.arange(1, frames + 1), rtol=1e-5)
    assert max(waited) == promised  # not a chunk more than is needed, and none less


@pytest.mark.parametrize(("chunking", "overlap"), PACES + ODD)
def test_silence_is_not_diffused(chunking: Chunking, overlap: int) -> None:
    network = Actor()
    stream = Stream(motion_of(network, overlap), chunking.now)
    stream.say(chunking.now * 20, 1.0)
    stream.say(LINGER + 2 * (CLIP - overlap) + chunking.now)
    before = network.calls
    known = stream.say(400)
    assert network.calls == before
    assert stream.idles()
    assert known[-1].idle is not None
    assert all(not one.row[LIPS].any() for one in known[-100:])


@pytest.mark.parametrize("overlap", [70, 75, 78, 79])
def test_the_head_never_jumps(overlap: int) -> None:
    """From speech to idle motion, back, and over a gap: the two have it in different places."""
    stream = Stream(motion_of(Actor(), overlap))
    gentle = 2 / EASE  # a smooth way of 1 takes 1.5 at its steepest, and a fade may add to it; the jump would be 1
    for silent in (200, 5, 40, 80, 13, 26, 300):
        stream.say(60, 1.0)
        stream.say(silent)
    assert {round(float(value), 3) for value in stream.column(HEAD)} >= {-0.5, 0.5}
    assert stream.largest_step < gentle
    for _ in range(3):
        stream.motion.restart(stream.frame + 500)
        stream.frame += 500
        stream.say(33, 1.0)
        stream.motion.restart(stream.frame + 500)
        stream.frame += 500
        stream.say(150)
    assert stream.largest_step < gentle


@pytest.mark.parametrize("overlap", [70, 78])
def test_speech_after_silence_is_seen_at_once(overlap: int) -> None:
    """The lips do not wait for the head: their first frame is diffused, in the time that every frame takes."""
    valid = CLIP - overlap
    stream = Stream(motion_of(Actor(), overlap))
    stream.say(300)
    assert stream.idles()
    known = stream.say(3 * valid, 1.0)
    spoken = [one for one in known if one.frame >= 300]
    assert [one.frame for one in spoken] == list(range(300, 300 + len(spoken)))
    assert len(spoken) == 2 * valid
    assert all(one.idle is None for one in spoken)
    assert spoken[-1].row[LIPS[0]] == pytest.approx(1)
    assert not stream.rows[-1 - 2 * valid].row[LIPS].any()


def test_idle_rows_that_have_one_number_are_alike() -> None:
    class Swaying(Actor):
        def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
            made = super().run(inputs, keep)
            np.asarray(made["x_start"])[0, :, HEAD] = np.sin(np.arange(CLIP) / 20)
            return made

    stream = Stream(motion_of(Swaying(), 75))
    stream.say(1000)
    by_number: dict[tuple[int, int], list[float]] = {}
    for one in stream.rows:
        if one.idle is not None:
            by_number.setdefault(one.idle, []).append(float(one.row[HEAD]))
    assert len(by_number) > 100
    step = 1 / 20  # from one frame to the next
    assert max(max(values) - min(values) for values in by_number.values()) < step / 4
    assert sum(map(len, by_number.values())) > 900


def test_a_gap_is_followed_by_frames_in_their_own_time() -> None:
    network = Actor()
    stream = Stream(motion_of(network, 75))
    stream.say(57, 1.0)
    stream.motion.restart(4000)
    known = stream.say(10, 1.0)
    assert [one.frame for one in known] == list(range(4000, 4005))
    # and silence after a gap is silence
    stream.motion.restart(5000)
    stream.say(LINGER + 30)
    assert stream.idles()


def test_emotions_come_in_gently_and_stay_in_silence() -> None:
    network = Actor()
    stream = Stream(motion_of(network, 75, emotion=True))
    stream.say(100, 1.0)
    stream.say(100)
    assert stream.idles()
    assert stream.column(EYE).max() < 0.01
    first = {one.idle for one in stream.rows[-20:]}
    stream.motion.set_emotions(((HAPPY,),))
    asked = stream.frame
    stream.say(30)
    assert not stream.idles()  # it must be diffused to be seen
    stream.say(150)
    assert stream.idles()
    happy = stream.column(EYE)
    assert happy[asked - 1] < 0.01
    assert happy[asked + EMOTION_EASE + 5 :].min() > 0.98
    assert np.abs(np.diff(happy)).max() < 0.25
    assert stream.largest_step < 2 / EASE
    before = network.calls
    stream.say(200)
    assert network.calls == before
    assert first.isdisjoint({one.idle for one in stream.rows[-20:]})  # faces drawn of the other are not taken for these
    assert stream.rows[-1].idle is not None


def test_a_new_emotion_waits_for_silence_as_long_as_it_must() -> None:
    network = Actor()
    stream = Stream(motion_of(network, 75, emotion=True))
    stream.motion.set_emotions(((HAPPY,),))
    for _ in range(10):
        stream.say(30)
        stream.say(10, 1.0)
    assert not stream.idles()
    stream.say(75 + LINGER + 20)
    assert stream.idles()
    assert not stream.rows[-1].row[LIPS].any()


def test_the_bounds_of_motion_hold_for_idle_motion_and_d0() -> None:
    bounds = np.stack([np.full(MOTION_SIZE, -0.2), np.full(MOTION_SIZE, 0.2)]).astype(np.float32)
    stream = Stream(motion_of(Actor(), 75, v_min_max_for_clip=bounds))
    stream.say(300)
    assert stream.motion.rest[HEAD] == pytest.approx(0.2)
    assert stream.column(HEAD).max() == pytest.approx(0.2)


def test_two_hours_need_no_more_than_two_minutes() -> None:
    motion = motion_of(Actor(), 40)
    frames = 0

    def talk(minutes: int) -> int:
        """Ten seconds of speech, twenty of silence, and so on; the size of all that is held then."""
        nonlocal frames
        for _ in range(minutes * 30):
            loud = frames // 250 % 3 == 0
            motion.push(Heard(np.full((50, 1024), float(loud), np.float32), np.full(50, loud)))
            frames += 50
        return len(pickle.dumps(motion))

    settled = talk(2)
    assert abs(talk(118) - settled) < 2000
    assert frames == 2 * 3600 * 25
