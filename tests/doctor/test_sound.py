"""Microphones, the demo, and the virtual microphone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pulse import PulseServer
from vcam.audio import devices, outputs, virtual_mic
from vcam.doctor import Check, install, sound

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks for what Linux alone has")


def test_without_portaudio_only_the_demo_is_left(tmp_path: Path, user: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    program = (
        "import json; from dataclasses import asdict; from vcam.doctor import sound; "
        "print(json.dumps([asdict(check()) for check in (sound.portaudio, sound.microphone)]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    portaudio, microphone = json.loads(done.stdout)
    assert portaudio["status"] == microphone["status"] == "warn"
    assert "PortAudio library not found" in portaudio["detail"]
    assert portaudio["fix"] == install.install_command("portaudio")
    assert "without PortAudio" in microphone["detail"]


@pytest.mark.audio
@linux_only
def test_the_virtual_microphone_can_be_made_or_it_is_said_what_is_missing(
    user: Path, sound_server: PulseServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = sound.virtual_microphone("linux")
    assert (found.name, found.status) == ("virtual-microphone", "ok")
    assert "--monitor virtual-mic" in found.detail
    virtual_mic.create()
    left = sound.virtual_microphone("linux")
    assert left.status == "warn"
    assert "left behind" in left.detail
    for command in left.fix.split(" && "):
        subprocess.run(command.split(), check=True)
    assert virtual_mic.modules() == []
    sound_server.kill()
    assert "No sound server" in sound.virtual_microphone("linux").detail
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = sound.virtual_microphone("linux")
    assert "pactl" in missing.detail
    assert missing.fix == install.install_command("pactl")


@pytest.mark.parametrize(("platform", "how"), [("darwin", "brew install blackhole-2ch"), ("win32", "VB-Cable")])
def test_where_none_can_be_made_it_is_said_which_one_to_install(
    platform: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "audio_problem", lambda: None)
    monkeypatch.setattr(outputs, "list_audio_devices", list)
    found = sound.virtual_microphone(platform)
    assert found.status == "info"
    assert how in found.fix


def test_a_missing_demo_prevents_the_main_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vcam.audio import demo

    monkeypatch.setattr(demo, "files", lambda package: tmp_path)
    assert sound.demo().status == "fail"
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "demo.flac").write_bytes(b"x" * 2048)
    assert sound.demo() == Check("demo", "ok", "The bundled voice is there (2 kB).")
