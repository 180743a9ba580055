"""A sound server that hangs must not keep a session from ending."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.daemon.client import ControlClient, NotRunning
from vcam.errors import ControlError

pytestmark = pytest.mark.audio


def state() -> object:
    try:
        return ControlClient().call("status")["state"]
    except (NotRunning, ControlError):
        return "not there yet"


def test_a_session_ends_although_its_sound_server_hangs(
    sound_server: PulseServer, private_user: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "call.yaml"
    profile.write_text("animator: {kind: lite}\ncamera: {size: 320x240, kind: none}\n")
    command = [sys.executable, "-m", "vcam", "start", str(profile), "--audio", "pulse"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: process.poll() is not None or state() == "live", 30)
            assert process.poll() is None
            sound_server.signal(signal.SIGSTOP)
            process.terminate()
            assert process.wait(20) == 0
        finally:
            sound_server.signal(signal.SIGCONT)
            process.kill()
