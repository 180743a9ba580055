"""`vcam start` as a user runs it, seen by FFmpeg and by a page in a browser; its camera goes away and comes back."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.waiting import wait_until
from vcam.audio.demo import demo_source
from vcam.daemon.client import ControlClient, NotRunning
from vcam.errors import ControlError
from vcam.media import SAMPLE_RATE

from . import loopback
from .browser import KEPT, watching
from .check_virtual_camera import WRITE_WITH_FFMPEG, keeps_viewers, other_program
from .command import Command, running, vcam
from .loopback import LABEL, LIMIT, Viewer, record, wait_for_producer

RATE = 10  # pictures a second: this machine is emulated
SMALL = ("--animator", "lite", "--size", "320x240", "--fps", str(RATE))
PERIOD = 10.0  # s; half of it is speech
# Nothing but the mouth moves.
STILL = "animator: {lite: {sway: 0, blinks_per_minute: 0}}\n"


@contextmanager
def vcam_start(camera: Path | str, *arguments: str) -> Iterator[Command]:
    """`vcam start` with the bundled speech, again and again; a small picture, because the machine is slow."""
    sound = [] if "--audio" in arguments else ["--audio", "demo"]
    with running("start", *SMALL, "--camera", str(camera), *sound, *arguments) as command:
        wait_for_producer()
        yield command


def status() -> dict[str, Any]:
    """What `vcam status` shows; {} while the session does not answer, which may take its time here."""
    try:
        found: dict[str, Any] = ControlClient().call("status", limit_s=60)
    except (ControlError, NotRunning):
        return {}
    return found


def camera_trouble(condition: Callable[[str], bool], seconds: float = LIMIT) -> str:
    """The session's warning about its camera, or "", once it meets the condition."""
    told = [""]

    def met() -> bool:
        found = status()
        told[0] = " ".join(text for text in found.get("warnings", []) if "Trying again until it is back" in text)
        return bool(found) and condition(told[0])

    wait_until(met, seconds)
    return told[0]


# -- pictures --------------------------------------------------------------------------------------------------------


def check_ffmpeg_reads_a_moving_portrait(device: Path) -> None:
    with vcam_start(device) as session:
        recording = record(5)
        assert (recording.fourcc, recording.width, recording.height) == ("I420", 320, 240)
        with Viewer(320, 240) as viewer:
            first = last = viewer.more(1)  # perhaps the portrait that stands still while the animator loads
            moved = 0
            while moved < 20 and session.runs:
                last = viewer.more(5)
                moved = int(np.abs(last.astype(np.int16) - first).max())
        cv2.imwrite(str(KEPT / "portrait.png"), cv2.cvtColor(last, cv2.COLOR_YUV2BGR_I420))
        assert moved >= 20, "nothing moves"
        assert float(last[:240].std()) > 10, "the picture is plain"
        session.end()


def check_it_ends_by_itself(device: Path) -> None:
    code, said = vcam("start", *SMALL, "--camera", str(device), "--audio", "demo", "--duration", "5")
    assert code == 0
    assert f"on {device} ({LABEL})" in said


def check_auto_finds_the_camera(device: Path) -> None:
    with vcam_start("auto") as session:
        wait_until(status, LIMIT)
        assert status()["camera"]["device"] == f"{device} ({LABEL})"
        session.end()


def spoken_and_silent(path: Path) -> None:
    """Ten minutes in which speech and silence take turns, five seconds each."""
    source = demo_source(realtime=False)
    source.open()
    spoken: list[np.ndarray] = []
    half = round(PERIOD / 2 * SAMPLE_RATE)
    while sum(map(len, spoken)) < half:
        block = source.read(1.0)
        assert block is not None
        spoken.append(block.samples)
    source.close()
    speech = np.concatenate(spoken)[:half]
    turns = np.tile(np.concatenate((speech, np.zeros(half, np.float32))), 60)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((turns * 32767).astype("<i2").tobytes())


def takes_turns(moves: list[list[float]]) -> tuple[float, float]:
    """How much the picture moves in the speech and in the silence, wherever in the period the speech is."""
    moves = moves[1:]  # the first picture has none before it
    at = np.array([move[0] for move in moves]) / 1000 % PERIOD
    how_much = np.array([move[1] for move in moves])
    best = (0.0, 1.0)
    for begin in np.arange(0, PERIOD, 0.25):
        phase = (at - begin) % PERIOD
        # half a second at each end is the mouth's: it closes, and pictures may be late
        speech = how_much[(phase > 0.5) & (phase < PERIOD / 2 - 0.5)]
        silence = how_much[(phase > PERIOD / 2 + 0.5) & (phase < PERIOD - 0.5)]
        if len(speech) and len(silence):
            best = max(best, (float(speech.mean()), float(silence.mean())), key=lambda pair: pair[0] - pair[1])
    return best


def check_page_shows_a_mouth_that_moves_with_the_speech(device: Path, tmp_path: Path) -> None:
    profile, speech = tmp_path / "still.yaml", tmp_path / "turns.wav"
    profile.write_text(STILL)
    spoken_and_silent(speech)
    with ExitStack() as stack:
        session = stack.enter_context(vcam_start(device, str(profile), "--audio", str(speech)))
        page = stack.enter_context(watching(tmp_path / "profile", label=LABEL, motion="yes"))
        report = page.wait(lambda report: report["frames"] >= 5)
        began = report["moves"][-1][0]
        # three periods, and the pictures must have come at the camera's rate at some time
        report = page.wait(lambda report: report["moves"][-1][0] >= began + 3000 * PERIOD)
        page.wait(lambda report: 0.8 * RATE <= report["rate"] <= 1.2 * RATE and report["moves"][-1][1] > 8)
        page.keep_screenshot("chromium-start")  # in speech
        session.end()
    assert report["cameras"] == [LABEL]
    assert (report["width"], report["height"]) == (320, 240)
    speaking, silent = takes_turns([move for move in report["moves"] if move[0] >= began])
    sys.stderr.write(f"picture's motion: {speaking:.1f} in speech, {silent:.1f} in silence\n")
    assert speaking > 8
    assert silent < speaking / 2, "what moves beside the mouth: the chest, which breathes, and the eyes"


# -- again and again -------------------------------------------------------------------------------------------------


def check_a_second_start_finds_the_camera_again(device: Path) -> None:
    for _ in range(2):
        with vcam_start(device) as session:
            assert len(record(5).frames) == 5
            session.end()


@keeps_viewers
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def check_viewer_sees_it_again_after_a_restart(device: Path, number: signal.Signals) -> None:
    with ExitStack() as stack:
        with vcam_start(device) as session:
            viewer = stack.enter_context(Viewer(320, 240))
            viewer.more(5)
            session.send_signal(number)
            session.wait()
        with vcam_start(device) as session:
            assert float(viewer.more(10)[:240].std()) > 10
            session.end()


# -- the camera goes away --------------------------------------------------------------------------------------------


def check_module_of_a_live_session_cannot_be_taken_out(device: Path) -> None:
    with vcam_start(device) as session, Viewer(320, 240) as viewer:
        refused = subprocess.run(["/sbin/rmmod", "v4l2loopback"], capture_output=True, text=True, check=False)
        assert refused.returncode != 0
        assert "in use" in refused.stderr
        viewer.more(10)
        assert camera_trouble(lambda told: not told) == ""
        session.end()


def check_module_is_made_anew_under_a_live_session(device: Path) -> None:
    """The device is taken away, its module unloaded, loaded again, and another program is there first."""
    with ExitStack() as other, vcam_start(device) as session:
        wait_until(status, LIMIT)
        device.unlink()
        assert "Trying again until it is back" in camera_trouble(bool)
        assert "is gone: it was removed" in session.words
        loopback.wait_until_unused()
        session.send_signal(signal.SIGSTOP)  # so that it is not there first
        try:
            loopback.load_module()
            program = other.enter_context(other_program(*WRITE_WITH_FFMPEG, str(device)))
        finally:
            session.send_signal(signal.SIGCONT)
        told = camera_trouble(lambda told: "is using it" in told)
        assert f"ffmpeg (process {program.pid})" in told
        assert session.runs
        other.close()
        camera_trouble(lambda told: not told)
        recording = record(5)
        assert (recording.width, recording.height) == (320, 240)
        assert float(recording.frames[-1][:240].std()) > 10
        session.end()


def check_device_node_that_comes_back_is_used_again(device: Path) -> None:
    number = device.stat().st_rdev
    with vcam_start(device) as session:
        wait_until(status, LIMIT)
        device.unlink()
        camera_trouble(bool)
        os.mknod(device, 0o666 | stat.S_IFCHR, number)
        camera_trouble(lambda told: not told)
        assert len(record(5).frames) == 5
        session.end()


def check_busy_device_is_named_at_the_start_and_auto_takes_the_preview(device: Path) -> None:
    start = ("start", *SMALL, "--audio", "demo", "--duration", "1")
    with other_program(*WRITE_WITH_FFMPEG, str(device)) as program:
        code, said = vcam(*start, "--camera", str(device))
        assert code != 0
        assert f"ffmpeg (process {program.pid}) is using it" in said
        code, said = vcam(*start, "--camera", "auto")
        assert code == 0
        assert "The preview in the browser is used instead" in said
