from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.live.parts import CountingAnimator, Microphone, RecordingCamera
from tests.waiting import wait_until
from vcam.animators.base import Animator
from vcam.build import camera_format
from vcam.errors import AvatarError, CameraError, SourceError
from vcam.profile.model import Profile
from vcam.session import Session, plan_latency

PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}, "gate": {"kind": "off"}})


class Bench:
    """A session with a microphone and a camera under the test's control."""

    def __init__(self, make_animator: Callable[[Profile], tuple[Animator, str]] | None = None) -> None:
        self.microphone = Microphone()
        self.camera = RecordingCamera(camera_format(PROFILE))
        self.animators: list[CountingAnimator] = []
        self.session = Session(
            PROFILE, self.microphone, lambda: self.camera, make_animator=make_animator or self.make_counting
        )

    def make_counting(self, profile: Profile) -> tuple[Animator, str]:
        self.animators.append(CountingAnimator(320, 240))
        return self.animators[-1], ""

    def rate_kept(self) -> bool:
        """Whether the camera got a picture at every tick, whatever else happened."""
        times = [at for _, at, _ in self.camera.pictures]
        return max(b - a for a, b in zip(times, times[1:], strict=False)) < 0.5

    def shown(self, seconds: float = 1.0) -> None:
        """Wait until so many more seconds of pictures have come."""
        target = len(self.camera.pictures) + round(seconds * 25)
        wait_until(lambda: len(self.camera.pictures) >= target, seconds + 10)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for animator in bench.animators:
        animator.hang.set()
    bench.session.close()


def test_goes_live_and_shows_a_new_frame_at_every_tick(bench: Bench) -> None:
    with bench.session as session:
        assert session.state == "live"
        bench.shown(2)
        status = session.status()
    values = [value for _, _, value in bench.camera.pictures[-25:]]
    assert len(set(values)) >= 20
    assert status["camera"]["presented"] == len(bench.camera.pictures) or status["camera"]["presented"] > 40
    assert status["camera"]["repeated"] <= 5
    assert bench.camera.closes >= 1
    assert bench.animators[0].closed


def test_status_is_json_and_has_what_was_promised(bench: Bench) -> None:
    with bench.session as session:
        bench.shown()
        status = json.loads(json.dumps(session.status()))
    assert {"state", "uptime_s", "profile", "avatar", "animator", "audio", "camera", "latency_ms", "warnings"} <= set(
        status
    )
    assert {"device", "sample_rate", "level_dbfs", "speech", "overruns"} <= set(status["audio"])
    assert {"kind", "device", "width", "height", "fps", "presented", "repeated", "skipped"} <= set(status["camera"])
    assert {"algorithmic", "compute_p50", "compute_p95", "device", "total"} <= set(status["latency_ms"])
    assert status["audio"]["device"] == "test microphone"
    assert status["animator"] == "counting"


def test_latency_is_the_frame_plus_the_longer_of_pre_roll_and_look_ahead() -> None:
    animator = CountingAnimator()
    animator.look_ahead = 960
    plan = plan_latency(animator, 640, 0.020, 0.010)
    assert plan.algorithmic == pytest.approx(0.040 + 0.060)
    assert plan_latency(animator, 1600, 0.0, 0.0).algorithmic == pytest.approx(0.040 + 0.100)
    assert plan.total == pytest.approx(0.100 + animator.compute_allowance + 0.030)


def test_ends_after_its_duration() -> None:
    bench = Bench()
    bench.session.duration = 0.6
    bench.session.start()
    assert bench.session.wait(10)
    assert bench.camera.pictures[-1][0] < 0.6 * 16_000
    bench.session.close()


def test_no_microphone_is_an_error_and_nothing_is_left_running(bench: Bench) -> None:
    bench.microphone.plugged = False
    with pytest.raises(SourceError, match="not there"):
        bench.session.start()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


def test_no_camera_is_an_error_and_nothing_is_left_running(bench: Bench) -> None:
    def refuse() -> RecordingCamera:
        raise CameraError("The test camera is busy.")

    session = Session(PROFILE, bench.microphone, refuse, make_animator=bench.make_counting)
    with pytest.raises(CameraError, match="busy"):
        session.start()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


def test_an_animator_that_fails_is_restarted_and_the_second_time_replaced_by_lite(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "vcam.live.worker")
    with bench.session as session:
        bench.shown(0.5)
        bench.animators[0].fail = True
        wait_until(lambda: len(bench.animators) == 2)
        wait_until(lambda: any("restarted" in text for text in session.status()["warnings"]))
        bench.shown(0.5)
        assert session.state == "live"
        bench.animators[1].fail = True
        wait_until(lambda: session.status()["animator"] == "lite")
        bench.shown(0.5)
        assert session.state == "degraded"
        assert any("lite has taken over" in text for text in session.status()["warnings"])
    assert bench.rate_kept()


def test_an_animator_that_hangs_is_replaced_while_the_camera_goes_on(bench: Bench) -> None:
    with bench.session as session:
        bench.shown(0.5)
        bench.animators[0].hanging = True
        wait_until(lambda: len(bench.animators) == 2)
        wait_until(lambda: any("does not answer" in text for text in session.status()["warnings"]))
        bench.shown(0.5)
        values = {value for _, _, value in bench.camera.pictures[-10:]}
        bench.animators[0].hang.set()
    assert len(values) > 5
    assert bench.rate_kept()


def test_a_slow_animator_skips_frames_but_delay_does_not_grow(bench: Bench) -> None:
    with bench.session as session:
        bench.shown(0.5)
        bench.animators[0].slow = 0.06
        bench.shown(3)
        status = session.status()
        pts, _, luma = bench.camera.pictures[-1]
    drawn = (luma - 16) * 255 / 219 - 50  # the frame's number modulo 100, back from limited-range luma
    assert status["camera"]["skipped"] > 5
    assert (pts // 640 - drawn) % 100 <= 4


def test_a_microphone_that_goes_away_degrades_the_session_and_comes_back(bench: Bench) -> None:
    with bench.session as session:
        bench.shown(0.5)
        bench.microphone.plugged = False
        wait_until(lambda: session.state == "degraded")
        bench.shown(1)
        bench.microphone.plugged = True
        wait_until(lambda: session.state == "live")
        bench.shown(0.5)
    assert bench.rate_kept()


def test_mute_and_pause_are_shown_and_independent(bench: Bench) -> None:
    with bench.session as session:
        session.mute()
        assert session.state == "muted"
        session.pause()
        assert session.state == "paused"
        session.resume()
        assert session.state == "muted"
        session.unmute()
        assert session.state == "live"


def test_switch_to_something_unknown_changes_nothing(bench: Bench) -> None:
    with bench.session as session:
        with pytest.raises(AvatarError, match="nobody-here"):
            session.switch("nobody-here")
        assert len(bench.animators) == 1


def test_switch_changes_the_avatar_without_a_gap() -> None:
    profile = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}, "gate": {"kind": "off"}})
    camera = RecordingCamera(camera_format(profile))
    with Session(profile, Microphone(), lambda: camera) as session:
        wait_until(lambda: len(camera.pictures) > 30)
        session.switch("puppet")
        wait_until(lambda: session.status()["avatar"] == "puppet")
        seen = len(camera.pictures)
        wait_until(lambda: len(camera.pictures) > seen + 20)
    times = [at for _, at, _ in camera.pictures]
    assert max(b - a for a, b in zip(times, times[1:], strict=False)) < 0.5


def test_close_can_be_called_twice_and_before_start(bench: Bench) -> None:
    bench.session.close()
    bench.session.close()
