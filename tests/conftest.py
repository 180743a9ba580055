"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipewire import PipeWireServer
from tests.pipewire import missing_tools as missing_pipewire
from tests.pulse import PulseServer, missing_tools


def pytest_configure() -> None:
    """Whoever runs the tests in the background may have Ctrl-C ignored, and what they start would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def ordinary_priority() -> Iterator[None]:
    """A test that plays a sound library's thread runs its callback, which goes first: no later test shall."""
    yield
    if sys.platform == "linux" and os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


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
def pipewire(monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeWireServer]:
    """A private PipeWire instead of PulseAudio, with PortAudio in this process looking at it."""
    from vcam.audio import portaudio
    from vcam.audio.devices import audio_problem, list_audio_devices

    if missing := missing_pipewire():
        pytest.skip(f"not installed: {', '.join(missing)} (packages pipewire, pipewire-pulse, wireplumber, dbus)")
    if (problem := audio_problem()) is not None:
        pytest.skip(problem.message)
    server = PipeWireServer()
    with server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        portaudio.rescan()
        if not any(device.name == "pulse" for device in list_audio_devices()):
            pytest.skip("ALSA's plugin for PulseAudio is not installed (package libasound2-plugins)")
        yield server


@pytest.fixture
def sound_server(pulse: PulseServer) -> PulseServer:
    """The private PulseAudio server, with PortAudio in this process looking at it."""
    from vcam.audio import portaudio
    from vcam.audio.devices import audio_problem, list_audio_devices

    if (problem := audio_problem()) is not None:
        pytest.skip(problem.message)
    portaudio.rescan()
    if not any(device.name == "pulse" for device in list_audio_devices()):
        pytest.skip("ALSA's plugin for PulseAudio is not installed (package libasound2-plugins)")
    return pulse


@pytest.fixture
def private_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of their own, as far as vcam can tell: empty folders. Gives their configuration folder."""
    for name in ("RUNTIME_DIR", "CONFIG_HOME", "DATA_HOME", "STATE_HOME", "CACHE_HOME"):
        folder = tmp_path / "user" / name.lower()
        folder.mkdir(mode=0o700, parents=True)
        monkeypatch.setenv(f"XDG_{name}", str(folder))
    return tmp_path / "user" / "config_home"
