"""A whole measurement: on a real sound server with the preview as camera, sound and with faults put in; and without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest

from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.app import StartOptions
from vcam.audio import virtual_mic
from vcam.audio.outputs import VirtualMicSink
from vcam.audio.sink import Heard
from vcam.camera.base import Camera, CameraFormat
from vcam.camera.preview import PreviewCamera
from vcam.daemon.lock import SessionLock
from vcam.errors import UsageError, VcamError
from vcam.media import Picture
from vcam.profile.model import Profile
from vcam.selftest import Parts, SelfTest, loopback, run_selftest

pytestmark = pytest.mark.usefixtures("private_user")

OPTIONS = StartOptions(animator="lite", camera="preview", size="320x240", fps=25)
SECONDS = 6.0
EXTRA = 0.08  # s


class LateMicrophone(VirtualMicSink):
    """A device that says it is heard earlier than it is: the session, believing it, plays later."""

    def wait(self, timeout: float) -> Heard | None:
        heard = super().wait(timeout)
        return None if heard is None else replace(heard, at=heard.at - EXTRA)


class LossyCamera(PreviewCamera):
    """Drops every fifth picture and says nothing."""

    kind: ClassVar[str] = "preview"
    sent = 0

    def send(self, picture: Picture) -> None:
        self.sent += 1
        if self.sent % 5:
            super().send(picture)


def lossy(profile: Profile, spec: str | None) -> tuple[Camera, str | None]:
    camera = LossyCamera(CameraFormat.of(profile.camera), port=0)
    camera.open()
    return camera, None


def silent(why: str = "There is none.") -> Callable[[], str]:
    return lambda: why


def found(result: SelfTest, key: str) -> float:
    value = result.row(key).value
    assert value is not None, result.row(key)
    return value


def measured(parts: Parts | None = None) -> SelfTest:
    """A result in which clicks came through: on a machine that is busy with other tests, not the first perhaps."""
    for _ in range(3):
        result = run_selftest(OPTIONS, SECONDS, parts)
        if result.row("skew").value is not None:
            break
    return result


def assert_nothing_is_left() -> None:
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]
    assert not SessionLock().is_held()


@pytest.mark.audio
def test_a_session_is_measured_from_the_microphone_to_both_ends(sound_server: PulseServer) -> None:
    source = os.environ["PULSE_SOURCE"]
    result = measured()
    keys = [row.key for row in result.rows]
    assert keys[:4] == ["camera_latency", "voice_latency", "skew", "lips"]
    assert set(keys) >= {"jitter", "dropped", "repeated", "unreadable", "clocks"}
    assert 60 < found(result, "camera_latency") < 1000
    assert 60 < found(result, "voice_latency") < 1000
    difference = found(result, "camera_latency") - found(result, "voice_latency")
    assert found(result, "skew") == pytest.approx(difference, abs=100)
    assert found(result, "unreadable") < 50  # where nothing is drawn for a second, the portrait at rest has no mark
    assert result.left_out == ["The virtual camera; the preview stands in for it. The preview was asked for."]
    assert "vcam microphone" in result.voice
    assert "HTTP" in result.camera
    assert virtual_mic.modules() == []
    assert loopback.remove() == 0
    assert os.environ["PULSE_SOURCE"] == source
    assert_nothing_is_left()


@pytest.mark.audio
def test_a_voice_that_is_late_is_found_out(sound_server: PulseServer) -> None:
    result = measured(Parts(make_output=LateMicrophone))
    assert found(result, "skew") < -EXTRA * 1000 / 2
    assert not result.row("skew").passed
    assert any("skew" in text for text in result.missed)


def test_a_camera_that_drops_every_fifth_picture_is_found_out() -> None:
    result = run_selftest(OPTIONS, SECONDS, Parts(open_camera=lossy, sound_problem=silent()))
    assert found(result, "dropped") > result.seconds * 25 / 6
    assert not result.row("dropped").passed
    assert any("dropped frames" in text for text in result.missed)


def test_without_a_sound_server_the_picture_is_measured_and_the_rest_named() -> None:
    result = run_selftest(OPTIONS, SECONDS, Parts(sound_problem=silent("No sound server answers.")))
    assert 60 < found(result, "camera_latency") < 1000
    assert "skew" not in [row.key for row in result.rows]
    assert result.voice == ""
    assert result.left_out[0] == "The virtual microphone, and so the skew: No sound server answers."
    assert_nothing_is_left()


@pytest.mark.audio
def test_interrupted_it_takes_its_microphones_away_and_those_that_were_left_behind(
    sound_server: PulseServer,
) -> None:
    def sinks() -> list[str]:
        return [line.split("\t")[1] for line in sound_server.pactl("list", "short", "sinks").splitlines()]

    before = sinks()
    sound_server.pactl("load-module", "module-null-sink", f"sink_name={loopback.SINK}")
    left_behind = sound_server.pactl("list", "short", "modules")
    for number in (signal.SIGINT, signal.SIGTERM):
        command = [sys.executable, "-m", "vcam", "selftest", "--camera", "preview", "--animator", "lite"]
        process = subprocess.Popen([*command, "--size", "320x240"], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: virtual_mic.FEED in sinks(), 30)
            assert sinks().count(loopback.SINK) == 1
            assert sound_server.pactl("list", "short", "modules") != left_behind
            process.send_signal(number)
            assert process.wait(30) == (130 if number == signal.SIGINT else 143)
        finally:
            process.kill()
            process.wait()
        assert sinks() == before


def test_what_cannot_be_read_back_is_refused() -> None:
    for camera in ("none", "out.mp4"):
        with pytest.raises(UsageError, match="nothing can be read back"):
            run_selftest(replace(OPTIONS, camera=camera))


def test_beside_a_running_session_nothing_is_measured() -> None:
    with SessionLock(), pytest.raises(VcamError, match="already"):
        run_selftest(OPTIONS)


@pytest.mark.parametrize(("platform", "why"), [("darwin", "makes no microphones"), ("win32", "makes no microphones")])
def test_other_systems_say_why_the_voice_is_left_out(platform: str, why: str) -> None:
    from vcam.selftest.run import sound_problem

    assert why in sound_problem(platform)


def test_a_missing_pactl_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "pactl, which is not installed" in loopback.problem()
