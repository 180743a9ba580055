"""A whole session, as a program, whose disk has no room left: neither log, nor what the sound libraries print."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.daemon.client import ControlClient, NotRunning
from vcam.errors import ControlError

resource = pytest.importorskip("resource", reason="limits of a file's size are Unix's")
if not hasattr(resource, "prlimit"):
    pytest.skip("only Linux can limit a running process", allow_module_level=True)

pytestmark = pytest.mark.audio

PROFILE = "camera: {size: 320x240, fps: 25, port: 0}\nanimator: {kind: lite}\n"


class Running:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.client = ControlClient()

    def status(self) -> dict[str, Any]:
        try:
            return self.client.call("status")
        except (NotRunning, ControlError):
            return {"state": "not there yet"}

    def presented(self) -> int:
        return int(self.status()["camera"]["presented"])


@pytest.fixture
def running(pulse: PulseServer, private_user: Path, tmp_path: Path) -> Iterator[Running]:
    profile = tmp_path / "call.yaml"
    profile.write_text(PROFILE)
    log = (tmp_path / "log").open("w+")
    command = [sys.executable, "-m", "vcam", "start", str(profile), "--audio", "pulse", "--camera", "preview"]
    with log, subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process:
        running = Running(process)
        try:
            wait_until(lambda: process.poll() is not None or running.status()["state"] == "live", 30)
            assert process.poll() is None, Path(log.name).read_text()
            yield running
        finally:
            process.terminate()
            try:
                assert process.wait(15) == 0, Path(log.name).read_text()
            finally:
                process.kill()  # or leaving Popen would wait for it without end


def test_the_camera_goes_on_and_a_microphone_is_found_again(running: Running, pulse: PulseServer) -> None:
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, 0))
    pulse.kill()
    wait_until(lambda: running.status()["state"] == "degraded", 20)
    shown = running.presented()
    assert any("Trying again" in text for text in running.status()["warnings"])
    wait_until(lambda: running.presented() > shown + 25)
    pulse.start()
    wait_until(lambda: running.status()["state"] == "live", 20)
    assert running.status()["warnings"] == []
    shown = running.presented()
    wait_until(lambda: running.presented() > shown + 25)
