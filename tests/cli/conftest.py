from __future__ import annotations

from pathlib import Path

import pytest

from tests.camera.fake_v4l2 import FakeKernel
from vcam.audio import devices
from vcam.audio.devices import AudioDevice
from vcam.camera import v4l2
from vcam.errors import SourceError


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    """A computer without cameras, to which some can be added."""
    made = FakeKernel(tmp_path)
    monkeypatch.setattr(v4l2, "V4L2", lambda: made.v4l2)
    return made


def audio_device(index: int, name: str, inputs: int, outputs: int = 0, **more: bool) -> AudioDevice:
    flags = {"is_default_input": False, "is_default_output": False, "is_virtual": False, **more}
    return AudioDevice(index, name, "ALSA", inputs, outputs, 48_000, 0.0087, **flags)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> list[AudioDevice]:
    """A desk with two microphones, one of them virtual, and a loudspeaker."""
    found = [
        audio_device(0, "Yeti [2]: USB", 2),
        audio_device(1, "BlackHole 2ch", 2, 2, is_virtual=True),
        audio_device(2, "Built-in Microphone", 1, is_default_input=True),
        audio_device(3, "Loudspeaker", 0, 2, is_default_output=True),
    ]
    set_audio(monkeypatch, found)
    return found


@pytest.fixture
def no_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    set_audio(monkeypatch, [])


@pytest.fixture
def no_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = SourceError("Audio devices cannot be used: PortAudio library not found.", "Install it: apt install it.")
    set_audio(monkeypatch, [], problem)


def set_audio(monkeypatch: pytest.MonkeyPatch, found: list[AudioDevice], problem: SourceError | None = None) -> None:
    monkeypatch.setattr(devices, "list_audio_devices", lambda: found)
    monkeypatch.setattr(devices, "audio_problem", lambda: problem)
