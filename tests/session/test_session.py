from __future__ import annotations

import itertools
import json
import logging
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.live.parts import CountingAnimator, Microphone, RecordingCamera
from tests.session.bench import PROFILE, Bench
from tests.waiting import wait_until
from vcam.animators.base import Animator, Steering
from vcam.animators.lite import LiteAnimator
from vcam.build import build_animator, camera_format
from vcam.errors import AnimatorError, AvatarError, CameraError, SourceError
from vcam.live.latency import plan_latency
from vcam.profile.model import Profile
from vcam.session import Session


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


def test_expressions_reach_the_animator_and_survive_a_switch() -> None:
    made: list[Animator] = []

    def make(profile: Profile) -> tuple[Animator, str]:
        made.append(build_animator(profile)[0])
        return made[-1], ""

    def smiling() -> float:
        assert isinstance(made[-1], LiteAnimator)
        return made[-1].face.smile

    camera = RecordingCamera(camera_format(PROFILE))
    session = Session(PROFILE, Microphone(), lambda: camera, make_animator=make)
    with pytest.raises(AnimatorError, match="not live"):
        session.express("smile")
    with session:
        assert "smile" in session.status()["expressions"]
        session.express("smile")
        with pytest.raises(AnimatorError, match="'smlie'") as error:
            session.express("smlie")
        assert "'smile'" in error.value.hint
        wait_until(lambda: smiling() > 0.7, 10)
        session.switch("puppet")
        assert len(made) == 2
        wait_until(lambda: smiling() > 0.7, 10)
        session.express("neutral")
        wait_until(lambda: smiling() == 0, 10)


def test_the_head_turns_as_the_picture_is_seen_also_in_a_mirror(
    private_user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Steering] = []
    monkeypatch.setattr(LiteAnimator, "steer", lambda self, steering: told.append(steering))
    mirrored = tmp_path / "mirrored.yaml"
    mirrored.write_text("avatar: {mirror: true}\nanimator: {kind: lite}\n")
    profile = Profile.model_validate({"animator": {"kind": "lite"}, "camera": {"size": "320x240", "fps": 25}})
    camera = RecordingCamera(camera_format(profile))
    with Session(profile, Microphone(), lambda: camera) as session:
        session.pose(20, 5, 10, 0.5, 0.25)
        assert told[-1] == Steering(20, 5, 10, 0.5, 0.25)
        session.switch(str(mirrored))
        assert told[-1] == Steering(-20, 5, -10, -0.5, 0.25)
        session.pose(0, 0, 15, 0, 0)
        assert told[-1] == Steering(0, 0, -15, 0, 0)
        session.switch("puppet")
        assert told[-1] == Steering(0, 0, -15, 0, 0)


def test_an_animator_without_expressions_says_so(bench: Bench) -> None:
    with bench.session as session:
        assert session.status()["expressions"] == []
        with pytest.raises(AnimatorError, match="no expressions"):
            session.express("smile")


def test_a_pause_tells_the_animator_that_nobody_is_there(bench: Bench) -> None:
    def away() -> bool:
        return bench.animators[0].away

    with bench.session as session:
        assert not away()
        session.pause()
        assert away()
        session.mute()
        session.resume()
        assert not away()


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
    assert max(b - a for a, b in itertools.pairwise(times)) < 0.5


def test_close_can_be_called_twice_and_before_start(bench: Bench) -> None:
    bench.session.close()
    bench.session.close()


def test_the_real_animator_survives_every_switch(private_user: Path) -> None:
    profile = Profile.model_validate({"animator": {"kind": "lite"}, "camera": {"size": "320x240", "fps": 25}})
    camera = RecordingCamera(camera_format(profile))
    with Session(profile, Microphone(), lambda: camera) as session:
        for target in ("puppet", "robin") * 3:
            seen = len(camera.pictures)
            session.switch(target)
            wait_until(lambda seen=seen: len(camera.pictures) > seen + 5)  # type: ignore[misc]
            assert session.status()["avatar"] == target
        assert session.state == "live"
        assert session.status()["warnings"] == []


def test_colours_come_back_with_the_portrait_they_were_chosen_for(private_user: Path) -> None:
    profile = Profile.model_validate(
        {
            "avatar": {"look": {"hair": "#2a2320"}},
            "animator": {"kind": "lite"},
            "camera": {"size": "320x240", "fps": 25},
        }
    )
    camera = RecordingCamera(camera_format(profile))
    with Session(profile, Microphone(), lambda: camera) as session:
        for target, hair in (("puppet", "painted"), ("marlow", "painted"), ("robin", "#2a2320")):
            session.switch(target)
            assert session.profile.avatar.look.hair == hair


def test_the_picture_moves_on_while_the_microphone_is_away(bench: Bench) -> None:
    with bench.session as session:
        bench.shown(0.5)
        bench.microphone.plugged = False
        wait_until(lambda: session.state == "degraded")
        bench.shown(0.5)
        seen = len(bench.camera.pictures)
        bench.shown(2)
        assert len({value for _, _, value in bench.camera.pictures[seen:]}) > 30
        assert [text for text in session.status()["warnings"] if "unplugged" not in text] == []


def test_what_is_muted_before_it_is_live_stays_muted(bench: Bench) -> None:
    bench.session.mute()
    with bench.session as session:
        bench.shown(0.5)
        assert session.state == "muted"
        assert session._parts.pump is not None
        assert session._parts.pump.muted


def test_stop_while_starting_ends_it_without_going_live(bench: Bench) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        entered.set()
        go_on.wait(10)

    def make(profile: Profile) -> tuple[Animator, str]:
        animator, notice = bench.make_counting(profile)
        animator.warm_up = slowly  # type: ignore[method-assign]
        return animator, notice

    session = Session(PROFILE, bench.microphone, lambda: bench.camera, make_animator=make)
    starting = threading.Thread(target=session.start)
    starting.start()
    entered.wait(10)
    session.stop()
    go_on.set()
    starting.join(10)
    assert session.wait(5)
    assert session.state == "stopping"
    assert bench.animators[0].closed
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


def test_an_animator_that_cannot_be_rebuilt_does_not_keep_the_session_from_ending(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    made: list[CountingAnimator] = []

    def make(profile: Profile) -> tuple[Animator, str]:
        if made:
            raise MemoryError("no room")
        made.append(CountingAnimator(320, 240))
        return made[0], ""

    bench = Bench(make)
    with bench.session as session:
        bench.shown(0.5)
        made[0].fail = True
        wait_until(lambda: session.state == "degraded")
        wait_until(lambda: any("could not be restarted" in text for text in session.status()["warnings"]))
        session.stop()
        assert session.wait(10)


def animator_failed(session: Session) -> bool:
    worker = session._parts.animation.worker
    return worker is None or worker.error is not None


def test_switch_replaces_a_failed_animator_and_ends_the_trouble(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with bench.session as session:
        bench.shown(0.5)
        for number in range(2):
            bench.animators[number].fail = True
            wait_until(lambda: not animator_failed(session) and session.notices.texts())
        wait_until(lambda: session.state == "degraded")
        session.switch("puppet")
        wait_until(lambda: session.state == "live")
        assert session.status()["warnings"] == []
        assert len(bench.animators) == 3


def test_a_microphone_slower_than_it_says_raises_the_delay_and_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vcam.live.supervisor.WATCH_WINDOW", 0.5)
    with bench.session as session:
        bench.shown(0.5)
        before = session.latency.delay
        bench.microphone.late = 0.2
        wait_until(lambda: session.latency.delay > before + 0.15)
        assert any("the delay was raised" in text for text in session.status()["warnings"])
        seen = len(bench.camera.pictures)
        bench.shown(1)
        assert len({value for _, _, value in bench.camera.pictures[seen + 10 :]}) > 8


def test_while_the_microphone_is_away_the_picture_goes_on_as_evenly_and_no_load_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr("vcam.live.supervisor.WATCH_WINDOW", 0.5)
    with bench.session as session:
        bench.shown(1)
        bench.microphone.plugged = False
        wait_until(lambda: session.state == "degraded")
        bench.shown(0.5)  # until it is known, and silence stands in for it, frames have come late
        before = session.status()["camera"]
        bench.shown(3)
        after = session.status()["camera"]
        assert after["skipped"] - before["skipped"] <= 5
        assert after["repeated"] - before["repeated"] <= 15
        bench.microphone.plugged = True
        wait_until(lambda: session.state == "live")
        bench.shown(1.5)
    assert not [text for text in caplog.messages if "skipped" in text]


def test_an_error_found_while_closing_the_camera_is_not_lost(bench: Bench) -> None:
    def full() -> None:
        raise CameraError("The disk is full.")

    bench.camera.close = full  # type: ignore[method-assign]
    bench.session.start()
    bench.session.stop()
    with pytest.raises(CameraError, match="disk is full"):
        bench.session.wait(10)


def test_a_profile_switched_to_brings_all_that_is_seen_and_leaves_the_camera_as_it_is(
    bench: Bench, tmp_path: Path, private_user: Path
) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((60, 80, 3), 90, np.uint8))
    other = tmp_path / "other.yaml"
    other.write_text(
        "avatar: {mirror: true}\nanimator: {kind: lite}\n"
        'camera: {size: 1280x720, fps: 10, badge: "AI", background: {kind: image, image: wall.png}}\n'
    )
    with bench.session as session:
        session.switch(str(other))
        camera = session.profile.camera
        assert session.profile.avatar.mirror
        assert (camera.badge, camera.background.image) == ("AI", tmp_path / "wall.png")
        assert (camera.size, camera.fps) == (PROFILE.camera.size, PROFILE.camera.fps)
        assert session.status()["profile"] == "other"
        session.switch("puppet")
        assert session.profile.camera == camera
