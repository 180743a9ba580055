"""`vcam selftest` on a real v4l2loopback device: its pictures are read back through V4L2, marks and all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.live.parts import CountingAnimator
from tests.pulse import PulseServer
from vcam.app import StartOptions
from vcam.selftest import Parts, run_selftest

from .browser import KEPT
from .loopback import LIMIT

NO_SERVER = {"PULSE_SERVER": "unix:/run/no-sound-server"}


def check_the_device_is_read_back_and_its_marks_are_read(device: Path) -> None:
    # this machine is emulated, and too slow to draw a portrait in time
    parts = Parts(make_animator=lambda _: (CountingAnimator(320, 240), ""))
    result = run_selftest(StartOptions(camera=str(device), size="320x240", fps=5), 12, parts)
    (KEPT / "selftest.json").write_text(json.dumps(result.to_dict(), indent=2))
    assert str(device) in result.camera
    assert "V4L2" in result.camera
    assert not any("preview stands in" in text for text in result.left_out)
    latency = result.row("camera_latency").value
    assert latency is not None
    assert latency > 0


def measure(device: Path, name: str, environment: dict[str, str]) -> str:
    """What `vcam selftest` prints, all limits kept: by the slow clock of this machine it is as quick as others."""
    command = [sys.executable, "-m", "vcam", "selftest", "--camera", str(device), "--animator", "lite"]
    command += ["--size", "320x240", "--fps", "10", "--seconds", "20"]
    wide = {**os.environ, **environment, "COLUMNS": "130"}
    done = subprocess.run(command, env=wide, capture_output=True, text=True, timeout=LIMIT, check=False)
    (KEPT / f"{name}.txt").write_text(done.stdout)
    sys.stderr.write(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout
    assert f"{device} (vcam), read by: V4L2 reader" in done.stdout
    return done.stdout


def row(report: str, name: str) -> str:
    return next(line for line in report.splitlines() if name in line)


def check_report_without_a_sound_server(device: Path) -> None:
    report = measure(device, "selftest-file", NO_SERVER)
    assert "selftest's own source" in report
    assert "all limits kept, of what could be measured" in report
    assert "clicks" in row(report, "mouth to camera")


def check_report_with_a_sound_server(device: Path) -> None:
    with PulseServer() as server:
        report = measure(device, "selftest-pulseaudio", server.env)
    assert "vcam_selftest, a null sink" in report
    assert "clicks" in row(report, "mouth to camera")
