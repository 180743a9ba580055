"""Faults put into a session on purpose: the camera keeps its rate, and the status says what happened."""

from __future__ import annotations

import itertools
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.live.parts import CountingAnimator, Microphone, RecordingCamera
from tests.waiting import wait_until
from vcam.animators.base import Animator, Pose
from vcam.build import build_animator, camera_format
from vcam.camera.file import FileCamera
from vcam.errors import CameraError
from vcam.live import supervisor
from vcam.media import FRAME_SAMPLES, ByteArray
from vcam.profile.model import Profile
from vcam.session import Session

PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}, "gate": {"kind": "off"}})


class WrongAnimator(CountingAnimator):
    """Gives what it is told to give instead of a frame."""

    wrong: Callable[[ByteArray], Any] | None = None

    def render(self, pose: Pose) -> ByteArray:
        frame = super().render(pose)
        return frame if self.wrong is None else self.wrong(frame)


class Bench:
    def __init__(self, make: Callable[[Profile], Animator] | None = None) -> None:
        self.camera = RecordingCamera(camera_format(PROFILE))
        self.animators: list[Animator] = []
        self._make = make or (lambda _: WrongAnimator(320, 240))
        self.session = Session(PROFILE, Microphone(), lambda: self.camera, make_animator=self._noted)

    def _noted(self, profile: Profile) -> tuple[Animator, str]:
        self.animators.append(self._make(profile))
        return self.animators[-1], ""

    @property
    def animator(self) -> WrongAnimator:
        animator = self.animators[-1]
        assert isinstance(animator, WrongAnimator)
        return animator

    def shown(self, seconds: float) -> None:
        target = len(self.camera.pictures) + round(seconds * 25)
        wait_until(lambda: len(self.camera.pictures) >= target, seconds + 10)

    def told(self, text: str) -> bool:
        return any(text in warning for warning in self.session.status()["warnings"])

    def rate_kept(self) -> bool:
        return max(b[1] - a[1] for a, b in itertools.pairwise(self.camera.pictures)) < 0.5

    def behind(self) -> int:
        """How many frames the newest picture is behind what belongs there; -1 where its brightness was rounded up."""
        pts, _, luma = self.camera.pictures[-1]
        return (pts // FRAME_SAMPLES - round((luma - 16) * 255 / 219 - 50) + 1) % 100 - 1


@pytest.fixture
def bench(caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
    caplog.set_level(logging.CRITICAL)
    bench = Bench()
    yield bench
    bench.session.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


NO_FRAMES: dict[str, Callable[[ByteArray], Any]] = {
    "none": lambda frame: None,
    "grey": lambda frame: frame[..., 0],
    "empty": lambda frame: frame[:0],
    "floats": lambda frame: frame / 255,
}


@pytest.mark.parametrize("kind", NO_FRAMES)
def test_an_animator_that_gives_no_frame_is_made_anew(bench: Bench, kind: str) -> None:
    with bench.session as session:
        bench.shown(0.5)
        bench.animator.wrong = NO_FRAMES[kind]
        wait_until(lambda: len(bench.animators) == 2)
        wait_until(lambda: bench.told("It was restarted"))
        bench.shown(0.5)
        assert session.state == "live"
        assert bench.behind() <= 4
    assert bench.rate_kept()


def test_one_that_hangs_is_told_as_that_and_not_as_load(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "WATCH_WINDOW", 1.5)
    with bench.session as session:
        bench.shown(0.5)
        hanging = bench.animator
        hanging.hanging = True
        wait_until(lambda: bench.told("It was restarted"), 20)
        bench.shown(2)
        assert [text for text in session.status()["warnings"] if "were skipped" in text] == []
        hanging.hang.set()
    assert bench.rate_kept()


@pytest.mark.parametrize("size", [(120, 160), (480, 640), (241, 319), (240, 4)])
def test_frames_of_another_size_are_fitted(bench: Bench, size: tuple[int, int]) -> None:
    with bench.session as session:
        bench.shown(0.5)
        bench.animator.wrong = lambda frame: np.full((*size, 3), frame[0, 0, 0], np.uint8)
        bench.shown(1)
        assert session.status()["warnings"] == []
        assert len(bench.animators) == 1
    assert bench.rate_kept()


def test_frames_that_come_late_are_left_out_and_told_and_the_delay_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "WATCH_WINDOW", 1.0)
    with bench.session as session:
        bench.shown(0.5)
        plan = session.latency
        bench.animator.slow = 0.4
        wait_until(lambda: bench.told("were skipped"))
        bench.shown(1)
        assert session.latency == plan
        assert session.status()["camera"]["skipped"] > 10
        bench.animator.slow = 0.0
        wait_until(lambda: bench.behind() <= 2)
    assert bench.rate_kept()


# -- networks --------------------------------------------------------------------------------------------------------


def test_a_network_file_that_disappears_is_missed_at_a_restart_and_lite_takes_over(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vcam.animators.ditto.standin import stand_in_checkpoint

    caplog.set_level(logging.CRITICAL)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(supervisor, "RETRY_PAUSE", 0.5)
    folder = tmp_path / "networks"
    shutil.copytree(stand_in_checkpoint(), folder)
    profile = PROFILE.with_changes("animator", kind="ditto", ditto={"checkpoint": str(folder), "sampling_timesteps": 2})
    bench = Bench(lambda _: build_animator(profile)[0])
    with bench.session as session:
        bench.shown(0.5)
        assert session.status()["animator"] == "ditto"
        shutil.rmtree(folder)
        bench.shown(0.5)
        assert session.state == "live", "what is loaded is not read again"

        def fail(pose: Pose) -> ByteArray:
            raise RuntimeError("the driver was reset")

        bench.animators[0].draw = fail  # type: ignore[method-assign]
        wait_until(lambda: bench.told("could not be restarted"))
        assert bench.told("the driver was reset")
        assert session.state == "degraded"
        wait_until(lambda: bench.told("lite has taken over"))
        assert session.status()["animator"] == "lite"
        bench.shown(0.5)
    assert bench.rate_kept()


# -- disks -----------------------------------------------------------------------------------------------------------

resource = pytest.importorskip("resource", reason="limits of a file's size are Unix's")


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 2 MB, which a full disk is like."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_recording_without_room_ends_the_session_says_so_and_can_be_played(
    small_files: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    path = tmp_path / "call.mp4"
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)

    def open_camera() -> FileCamera:
        camera = FileCamera(camera_format(PROFILE), path)
        camera.open()
        return camera

    def make(_: Profile) -> tuple[Animator, str]:
        animator = WrongAnimator(320, 240)
        animator.wrong = lambda frame: np.roll(noise, int(frame[0, 0, 0]), axis=1)
        return animator, ""

    session = Session(PROFILE, Microphone(), open_camera, make_animator=make)
    session.start()
    with pytest.raises(CameraError, match=r"as large as it may be here; its first .* s are kept"):
        session.wait(30)
    assert session.state == "failed"
    assert "as large as it may be here" in str(session.status()["error"])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]
    with av.open(str(path)) as recording:
        assert sum(1 for _ in recording.decode(video=0)) > 10
