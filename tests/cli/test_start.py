"""`vcam start` as a user runs it: a process of its own, real files, real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.daemon.client import ControlClient, NotRunning
from vcam.errors import ControlError

START = (sys.executable, "-m", "vcam", "start")
DEMO = (*START, "--audio", "demo", "--size", "320x240")


pytestmark = pytest.mark.usefixtures("private_user")


def run(*arguments: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)


def state() -> str:
    try:
        return str(ControlClient().call("status")["state"])
    except (NotRunning, ControlError):
        return "not there"


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    """A demo session that is live."""
    command = (*DEMO, "--camera", "none")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            wait_until(lambda: state() == "live" or process.poll() is not None, 30)
            assert process.poll() is None, process.communicate()[0]
            yield process
        finally:
            process.kill()


def test_a_recording_of_the_demo_has_picture_and_voice_of_the_asked_length(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    done = run(*DEMO, "--camera", str(path), "--duration", "2", "--fps", "25")
    assert done.returncode == 0, done.stderr
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height) == (320, 240)
        assert video.frames == 50
        assert video.start_time == 0
        assert audio.duration is not None
        assert audio.time_base is not None
        assert float(audio.duration * audio.time_base) == pytest.approx(2, abs=0.1)


def test_a_file_ends_the_session_when_it_has_been_spoken(tmp_path: Path) -> None:
    voice = tmp_path / "voice.wav"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", str(voice)], check=True)
    done = run(*START, "--audio", str(voice), "--camera", "none", "--size", "320x240")
    assert done.returncode == 0, done.stderr


def test_the_delay_of_ditto_is_told_before_it_is_live() -> None:
    done = run(*DEMO, "--stand-in", "--camera", "none", "--duration", "0.5", seconds=60)
    assert done.returncode == 0, done.stderr
    assert 0 < done.stderr.index("485 ms of listening") < done.stderr.index("live:")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nobody"], 1, 'no profile "nobody"'),
        (["--size", "1281x720"], 2, "even"),
        (["--size", "large"], 2, "1280x720"),
        (["--fps", "1000"], 2, "fps"),
        (["--animator", "lipstick"], 2, "animator"),
        (["--animator", "ditto"], 1, "ditto"),
        (["--audio", "no-such-file.wav"], 1, "no-such-file.wav"),
        (["--audio", "no such microphone"], 1, "microphone"),
        (["--monitor", "no such loudspeaker"], 1, "output device"),
        (["--camera", "film.avi"], 1, ".mp4"),
        (["--camera", "/nowhere/film.mp4"], 1, "/nowhere"),
        (["--camera", "/dev/video99"], 1, "video99"),
        (["--duration", "inf"], 2, "--duration"),
        (["--duration", "nan"], 2, "--duration"),
        (["--duration", "1e305"], 2, "--duration"),
        (["--animator", "lite", "--stand-in"], 2, "--stand-in"),
        (["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_what_a_user_can_get_wrong_is_said_in_a_line_or_two(arguments: list[str], code: int, says: str) -> None:
    base = [*START, "--size", "320x240"] if "--size" not in arguments else [*START]
    if "--audio" not in arguments:
        base += ["--audio", "demo"]
    if "--camera" not in arguments:
        base += ["--camera", "none"]
    if "--animator" not in arguments:
        base += ["--animator", "lite"]  # auto has a line to say too
    done = run(*base, *arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    if code == 1:
        assert len(done.stderr.strip().splitlines()) <= 3, done.stderr


def test_a_page_that_there_is_not_is_told_to_those_who_asked_for_it() -> None:
    brief = (*DEMO, "--animator", "lite", "--camera", "none", "--duration", "0.5")
    asked = run(*brief, "--open")
    assert asked.returncode == 0, asked.stderr
    assert "no page to open" in asked.stderr
    assert "no page to open" not in run(*brief, "--demo").stderr  # which opens a page by itself, where there is one


def test_a_page_that_there_is_not_is_told_in_the_background_too() -> None:
    begun = run(*DEMO, "--animator", "lite", "--camera", "none", "--background", "--open")
    try:
        assert begun.returncode == 0, begun.stderr
        assert "no page to open" in begun.stderr
    finally:
        assert run(sys.executable, "-m", "vcam", "stop").returncode == 0


@pytest.mark.parametrize("content", [b"", b"this is not sound", b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_a_file_that_is_not_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(content)
    done = run(*START, "--audio", str(path), "--camera", "none")
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(started: subprocess.Popen[str], number: signal.Signals) -> None:
    started.send_signal(number)
    output, _ = started.communicate(timeout=15)
    assert started.returncode == 0, output
    assert "Traceback" not in output
    assert state() == "not there"


def test_a_second_start_is_refused_and_the_first_goes_on(started: subprocess.Popen[str]) -> None:
    done = run(*DEMO, "--camera", "none")
    assert done.returncode == 1
    assert f"pid {started.pid}" in done.stderr
    assert state() == "live"


def test_after_a_kill_it_starts_again(started: subprocess.Popen[str]) -> None:
    started.kill()
    started.wait(10)
    done = run(*DEMO, "--camera", "none", "--duration", "0.5")
    assert done.returncode == 0, done.stderr


def test_the_preview_takes_another_port_when_its_own_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        profile = tmp_path / "p.yaml"
        profile.write_text(f"camera: {{port: {port}, size: 320x240}}")
        done = run(*START, str(profile), "--audio", "demo", "--camera", "preview", "--duration", "0.5")
    assert done.returncode == 0, done.stderr
    assert f"Port {port} is in use" in done.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_ends_the_recording_and_keeps_what_was_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        path = disk / "out.mp4"
        done = run(*START, "--audio", "demo", "--camera", str(path), "--duration", "60", seconds=60)
        assert done.returncode == 1
        assert "disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        with av.open(str(path)) as container:
            frames = sum(1 for _ in container.decode(video=0))
        assert frames >= 25
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_background_status_switch_and_stop() -> None:
    vcam = (sys.executable, "-m", "vcam")
    begun = run(*DEMO, "--camera", "none", "--background")
    assert begun.returncode == 0, begun.stderr
    try:
        status = json.loads(run(*vcam, "status", "--json").stdout)
        assert status["state"] == "live"
        assert status["avatar"] == "robin"
        assert run(*vcam, "switch", "puppet").returncode == 0
        assert json.loads(run(*vcam, "status", "--json").stdout)["avatar"] == "puppet"
        assert run(*vcam, "pause").returncode == 0
        assert json.loads(run(*vcam, "status", "--json").stdout)["state"] == "paused"
    finally:
        assert run(*vcam, "stop").returncode == 0
    assert run(*vcam, "status").returncode == 1


@pytest.mark.audio
def test_the_virtual_microphone_is_there_while_it_runs_and_also_after_a_kill_not_for_long(pulse: PulseServer) -> None:
    def microphones() -> list[str]:
        return [line for line in pulse.pactl("list", "short", "sources").splitlines() if "vcam_microphone\t" in line]

    command = (*START, "--audio", "pulse", "--monitor", "virtual-mic", "--camera", "none", "--size", "320x240")
    for end in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                wait_until(lambda: state() == "live" or process.poll() is not None, 30)
                assert len(microphones()) == 1
                process.send_signal(end)
                process.communicate(timeout=15)
            finally:
                process.kill()
    assert microphones() == []


@pytest.mark.audio
def test_a_missing_sound_server_is_one_clear_error_and_auto_goes_without(
    pulse: PulseServer,
) -> None:
    pulse.kill()
    demo = (*DEMO, "--camera", "none", "--animator", "lite")
    done = run(*demo, "--monitor", "virtual-mic")
    assert done.returncode == 1
    assert "No sound server answers" in done.stderr
    assert "--monitor none" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2, done.stderr
    done = run(*demo, "--monitor", "auto", "--duration", "0.5")
    assert done.returncode == 0, done.stderr
    assert "not played to others" in done.stderr
