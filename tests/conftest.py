"""Fixtures that several folders of tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pulse import PulseServer, missing_tools


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseServer]:
    """A private PulseAudio server; this process, and whatever it starts, finds it as the device "pulse"."""
    if missing := missing_tools():
        pytest.skip(f"not installed: {', '.join(missing)} (packages pulseaudio, pulseaudio-utils)")
    with PulseServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def private_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of their own, as far as vcam can tell: empty folders. Gives their configuration folder."""
    for name in ("RUNTIME_DIR", "CONFIG_HOME", "DATA_HOME", "STATE_HOME", "CACHE_HOME"):
        folder = tmp_path / "user" / name.lower()
        folder.mkdir(mode=0o700, parents=True)
        monkeypatch.setenv(f"XDG_{name}", str(folder))
    return tmp_path / "user" / "config_home"
