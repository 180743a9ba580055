"""A session in the background whose only camera is a recording, and no room on its disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until
from vcam.daemon.client import ControlClient
from vcam.daemon.paths import log_file

resource = pytest.importorskip("resource", reason="limits of a file's size are Unix's")


def vcam(*arguments: str, file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    command = [sys.executable, "-m", "vcam", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limit, check=False)


def test_it_ends_and_status_and_log_say_why(private_user: Path, tmp_path: Path) -> None:
    path = tmp_path / "call.mp4"
    options = ("--audio", "demo", "--animator", "lite", "--camera", str(path), "--size", "640x360", "--background")
    started = vcam("start", *options, file_bytes=200_000)
    assert started.returncode == 0, started.stderr
    wait_until(lambda: not ControlClient().running(), 40)
    said = vcam("status")
    assert said.returncode == 1
    assert "the last one in the background failed at" in said.stderr
    assert f"Recording {path} has stopped" in said.stderr
    log = log_file().read_text()
    assert "Ended with exit status 1" in log
    assert f"Recording {path} has stopped" in log
