"""The whole pipeline on the stand-in networks: pictures that speak with the sound."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.animators.ditto.standing import Ditto, calls, ditto_profile, gated, lag, opening, streamed, words
from vcam.animators.base import Pose, Steering
from vcam.animators.ditto.animator import DittoAnimator, DittoPose
from vcam.animators.ditto.live_motion import LINGER
from vcam.audio.gate import OpenGate, make_gate
from vcam.errors import AnimatorError
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, FloatArray, silence
from vcam.offline import Pipeline
from vcam.profile.model import GateSettings, Profile
from vcam.stage import Stage

pytestmark = pytest.mark.usefixtures("stand_in")
Make = Callable[..., DittoAnimator]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[DittoAnimator] = []

    def build(profile: Profile | None = None) -> DittoAnimator:
        made.append(Ditto(profile).make())
        return made[-1]

    yield build
    for animator in made:
        animator.close()


def chunk(pts: int, sound: FloatArray | None = None) -> AudioChunk:
    quiet = silence(CHUNK_SAMPLES)
    return AudioChunk(pts, quiet if sound is None else sound, sound is not None, silence(1600))


class Live:
    """Feeds an animator with chunks that follow each other."""

    def __init__(self, animator: DittoAnimator, start: int = 0) -> None:
        self.animator = animator
        self.pts = start
        self.poses: list[DittoPose] = []
        animator.reset(start)

    def hear(self, frames: int, sound: FloatArray | None = None) -> list[DittoPose]:
        known: list[DittoPose] = []
        for k in range(2 * frames):
            piece = None if sound is None else sound[k * CHUNK_SAMPLES : (k + 1) * CHUNK_SAMPLES]
            known += self.animator.analyse(chunk(self.pts, piece))
            self.pts += CHUNK_SAMPLES
        self.poses += known
        return known


@pytest.mark.parametrize("quality", ["quality", "balanced", "low-latency", "fast"])
@pytest.mark.parametrize("gate", [GateSettings(kind="off"), GateSettings()])
def test_a_stream_has_every_frame_from_the_first_to_the_last(make: Make, quality: str, gate: GateSettings) -> None:
    animator = make(ditto_profile(quality=quality, sampling_timesteps=2))
    for seconds in (0.5, 1.97):
        animator.reset(0)
        poses = streamed(animator, gated(make_gate(gate, animator.look_ahead), words(seconds)))
        assert [pose.pts for pose in poses] == list(range(0, round(seconds * 16_000), FRAME_SAMPLES))
        assert [pose.frame for pose in poses] == list(range(len(poses)))


@pytest.mark.parametrize(
    "profile",
    [
        {"quality": "fast", "sampling_timesteps": 2},
        {"quality": "balanced", "chunk": (3, 5, 2), "overlap": 77, "sampling_timesteps": 2},
    ],
)
def test_the_mouth_opens_with_the_sound(make: Make, profile: dict[str, object]) -> None:
    animator, sound = make(ditto_profile(**profile)), words(3)  # type: ignore[arg-type]
    poses = streamed(animator, gated(OpenGate(1600), sound))
    openings = np.array([opening(animator, animator.render(pose)) for pose in poses])
    assert abs(lag(openings, sound)) < FRAME_SAMPLES / 2


def test_a_recording_is_in_step_too(make: Make) -> None:
    animator, sound = make(ditto_profile(sampling_timesteps=2)), words(3)
    stage = Stage(320, 180)
    pictures = list(
        Pipeline(make_gate(GateSettings(kind="off"), animator.look_ahead), animator, stage).run([sound[:16_000]])
    )
    assert [picture.pts for picture in pictures] == [k * FRAME_SAMPLES for k in range(25)]
    animator.reset(0)
    poses = list(animator.analyse_whole(gated(OpenGate(1600), sound)))
    openings = np.array([opening(animator, animator.render(pose)) for pose in poses])
    assert abs(lag(openings, sound)) < FRAME_SAMPLES / 2
    assert animator.stages()[-1].p50_ms > 0  # pasting is measured there too


@pytest.mark.parametrize("quality", ["quality", "balanced", "low-latency", "fast"])
@pytest.mark.parametrize("kind", ["off", "webrtc"])
def test_poses_come_within_the_latency_that_is_planned(make: Make, quality: str, kind: str) -> None:
    """With the gate's own waiting: as a session counts it (``plan_latency``), to the chunk."""
    animator = make(ditto_profile(quality=quality, sampling_timesteps=1))
    gate = make_gate(GateSettings.model_validate({"kind": kind}), animator.look_ahead)
    planned = animator.algorithmic_latency - animator.look_ahead + max(gate.hold, animator.look_ahead)
    worst = 0
    sound = words(6)
    for at in range(0, len(sound), CHUNK_SAMPLES):
        heard = at + CHUNK_SAMPLES
        for decided in gate.push(AudioChunk(at, sound[at:heard])):
            worst = max([worst, *(heard - pose.pts for pose in animator.analyse(decided))])
    assert worst == planned


def test_silence_asks_no_network_once_it_has_been_seen(make: Make) -> None:
    animator = make(ditto_profile(sampling_timesteps=2, options={"delta_eye_open_n": -1}))
    live = Live(animator)
    live.hear(50, words(2))
    live.hear(LINGER + 20)
    before = calls(animator)
    for pose in live.hear(330):  # once there and back
        animator.render(pose)
    seen = calls(animator)
    assert seen["hubert"] == before["hubert"]
    assert seen["lmdm"] == before["lmdm"]
    assert 140 <= seen["warp_network"] - before["warp_network"] <= 200
    pictures = [animator.render(pose).copy() for pose in live.hear(100)]
    assert calls(animator) == seen
    assert any((one != pictures[0]).any() for one in pictures)  # it moves all the same
    assert max(abs(opening(animator, picture)) for picture in pictures) < 3


def test_eyes_blink_in_silence(make: Make) -> None:
    animator = make(ditto_profile(sampling_timesteps=2, options={"delta_eye_open_n": 30}))
    live = Live(animator)
    for pose in live.hear(350):
        animator.render(pose)
    before = calls(animator)["warp_network"]
    for pose in live.hear(90):
        animator.render(pose)
    assert calls(animator)["warp_network"] - before == 2 * 14  # a blink of 15 frames, the first of them open, every 45


def test_steering_is_eased_kept_and_taken_back(make: Make) -> None:
    animator = make(ditto_profile(sampling_timesteps=2, options={"overall_ctrl_info": {"delta_pitch": 2.0}}))
    live = Live(animator)
    live.hear(50)
    assert {pose.control.delta_pitch for pose in live.poses} == {2.0}
    animator.steer(Steering(yaw=20, pitch=10, gaze_x=1))
    turning = live.hear(60)
    yaws = [-(pose.control.delta_yaw or 0.0) for pose in turning]
    assert 0 < yaws[0] < max(np.diff(yaws)) < 3.2
    assert yaws[-1] == 20
    assert turning[-1].control.delta_pitch == -8
    by_row: dict[object, set[object]] = {}
    for pose in live.hear(400):
        by_row.setdefault(pose.alike, set()).add(pose.control.delta_yaw)
    assert len(by_row) < 160  # a head that is held still is drawn once for each row of idle motion
    assert all(len(yaws) == 1 for yaws in by_row.values())
    animator.steer(Steering())
    back = live.hear(80)
    assert back[-1].control.delta_yaw in (None, 0.0)
    assert back[-1].control.delta_pitch == 2.0


def test_controls_of_single_frames_reach_them(make: Make) -> None:
    animator = make(ditto_profile(sampling_timesteps=1, options={"ctrl_info": {120: {"delta_yaw": 5}}}))
    poses = {pose.frame: pose for pose in Live(animator).hear(200)}
    assert poses[120].control.delta_yaw == 5
    assert poses[120].alike is None
    assert poses[121].control.delta_yaw is None


def smile(pose: DittoPose) -> float:
    """How far a corner of the mouth is up."""
    return float(pose.rest[202 + 3 * 6 + 1] - pose.row[202 + 3 * 6 + 1])


@pytest.mark.parametrize(("name", "up"), [("happy", True), ("smile", True), ("surprised", False), ("sad", False)])
def test_expressions_come_gently_and_stay(make: Make, name: str, up: bool) -> None:
    animator = make(ditto_profile(sampling_timesteps=20))
    live = Live(animator)
    live.hear(60)
    still = smile(live.poses[-1])
    animator.express(name)
    live.hear(250)
    smiles = [smile(pose) for pose in live.poses]
    assert (smiles[-1] > still + 0.01) == up
    if name == "sad":
        assert smiles[-1] < still - 0.01
    assert max(np.abs(np.diff(smiles))) < 0.01
    assert live.poses[-1].alike is not None  # idle again, with that face


def test_expressions_that_there_are_not_are_refused(make: Make) -> None:
    animator = make()
    with pytest.raises(AnimatorError, match="no expression 'smil'") as error:
        animator.express("smil")
    assert "'smile'" in error.value.hint


def test_a_gap_leaves_the_frames_their_own_time(make: Make) -> None:
    animator = make(ditto_profile(sampling_timesteps=2))
    live = Live(animator)
    live.hear(33, words(1.4))
    after = Live(animator, start=900 * FRAME_SAMPLES)
    known = after.hear(30, words(1.2))
    assert known[0].frame == 900
    assert [pose.frame for pose in known] == list(range(900, 900 + len(known)))
    head = slice(0, 202)
    before, first = live.poses[-1].row, known[0].row
    step = np.abs(np.diff([pose.row[head] for pose in live.poses], axis=0)).max()
    assert np.abs(first[head] - before[head]).max() < 30 * step  # ten frames and a gap later
    with pytest.raises(ValueError, match="multiple"):
        animator.reset(320)


def test_a_pose_of_another_animator_is_refused(make: Make) -> None:
    with pytest.raises(TypeError, match="DittoPose"):
        make().render(Pose(0))


def test_warming_up_measures_what_must_be_allowed(make: Make) -> None:
    animator = make()
    unmeasured = animator.compute_allowance
    animator.warm_up()
    assert animator.compute_allowance != unmeasured
    assert 0.01 < animator.compute_allowance <= 1.0
    assert "takes" in animator.bottleneck()
    assert all(stage.p50_ms > 0 for stage in animator.stages())
    assert [stage.name for stage in animator.stages()] == ["features", "diffusion", "stitch", "warp", "decode", "paste"]
    done = calls(animator)
    animator.warm_up()
    assert calls(animator) == done


def test_what_must_be_allowed_is_capped() -> None:
    ditto = Ditto()
    animator = ditto.make()
    ditto.backend.slow = 0.5
    animator.warm_up()
    assert animator.compute_allowance > 0.5
    ditto.backend.slow = 0.0
    animator.close()


def test_two_animators_of_the_same_networks_do_not_disturb_each_other() -> None:
    """From two threads at once: each draws what it draws alone."""
    ditto = Ditto(ditto_profile(sampling_timesteps=1))
    one = ditto.make()
    other = one.successor(ditto_profile("marlow", sampling_timesteps=1))
    assert isinstance(other, DittoAnimator)
    poses = {animator: Live(animator).hear(30, words(1.2)) for animator in (one, other)}
    alone = {animator: [animator.render(pose).copy() for pose in poses[animator]] for animator in poses}
    together: dict[DittoAnimator, list[np.ndarray]] = {}

    def draw(animator: DittoAnimator) -> None:
        together[animator] = [animator.render(pose).copy() for pose in poses[animator]]

    threads = [threading.Thread(target=draw, args=(animator,)) for animator in poses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for animator in poses:
        np.testing.assert_array_equal(alone[animator], together[animator])
    one.close()
    other.close()
    assert set(ditto.backend.frees[name] for name in ("hubert", "lmdm", "decoder")) == {1}


def test_a_stream_stays_small(make: Make) -> None:
    """Pictures included: what is kept of silence is bounded by the stretch that it plays."""
    import tracemalloc

    animator = make(ditto_profile(sampling_timesteps=1))
    live = Live(animator)

    def run(rounds: int) -> int:
        for _ in range(rounds):
            for pose in live.hear(10, words(0.5)) + live.hear(90):
                animator.render(pose)
            live.poses.clear()
        return tracemalloc.get_traced_memory()[0]

    run(4)
    tracemalloc.start()
    try:
        settled = run(1)
        assert run(3) - settled < 1_000_000
    finally:
        tracemalloc.stop()
