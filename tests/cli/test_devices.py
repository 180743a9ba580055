"""`vcam devices`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.camera.fake_v4l2 import FakeKernel
from tests.pulse import PulseServer
from vcam.audio.devices import AudioDevice
from vcam.cli import devices

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks for v4l2loopback")
pytestmark = [pytest.mark.usefixtures("private_user"), linux_only]

app = typer.Typer()
devices.register(app)


def shown() -> str:
    result = CliRunner().invoke(app, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def found() -> dict[str, Any]:
    result = CliRunner().invoke(app, "--json", catch_exceptions=False)
    assert result.exit_code == 0
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def line(text: str, word: str) -> str:
    """The first line with ``word``, its spaces made single."""
    return re.sub(r"\s+", " ", next(line for line in text.splitlines() if word in line)).strip()


def test_everything_that_is_there_is_listed(desk: list[AudioDevice], kernel: FakeKernel) -> None:
    kernel.add_webcam(0)
    kernel.add_loopback(10, "my camera")
    text = shown()
    assert line(text, "Yeti") == "0 Yeti [2]: USB ALSA 2 48000 9 ms"
    assert line(text, "Built-in") == "→ 2 Built-in Microphone ALSA 1 48000 9 ms"
    assert line(text, "BlackHole").endswith("virtual")
    assert line(text, "Loudspeaker").startswith("→ 3")
    assert line(text, "HD Webcam") == f"{kernel.dev}/video0 HD Webcam uvcvideo real no. It is a real camera, " + (
        "not a virtual one."
    )
    assert line(text, "my camera").startswith(f"→ {kernel.dev}/video10 my camera v4l2loopback virtual yes")
    assert line(text, "takes:") == (
        f"→ vcam start takes: Built-in Microphone (ALSA); {kernel.dev}/video10 (my camera)."
    )


def test_the_json_has_the_same(desk: list[AudioDevice], kernel: FakeKernel) -> None:
    kernel.add_webcam(0)
    kernel.add_loopback(10)
    answer = found()
    assert set(answer) == {"audio_problem", "microphones", "speakers", "cameras", "picked"}
    assert answer["audio_problem"] is None
    assert [device["index"] for device in answer["microphones"]] == [0, 1, 2]
    assert [device["index"] for device in answer["speakers"]] == [1, 3]
    assert set(answer["microphones"][0]) == {
        *("index", "name", "host_api", "inputs", "outputs", "default_rate", "latency"),
        *("is_default_input", "is_default_output", "is_virtual"),
    }
    assert [camera["is_virtual"] for camera in answer["cameras"]] == [False, True]
    assert set(answer["cameras"][0]) == {"device", "label", "driver", "is_virtual", "usable", "why_not", "busy"}
    assert set(answer["picked"]["audio"]) == {"kind", "name", "why", "fix", "latency"}
    assert answer["picked"]["audio"]["name"] == "Built-in Microphone (ALSA)"
    assert answer["picked"]["camera"]["kind"] == "virtual"
    assert answer["picked"]["camera"]["name"] == f"{kernel.dev}/video10 (vcam)"


def test_the_default_profile_is_heeded(desk: list[AudioDevice], kernel: FakeKernel, private_user: Path) -> None:
    folder = private_user / "vcam" / "profiles"
    folder.mkdir(parents=True)
    (folder / "default.yaml").write_text("audio: {device: yeti}\ncamera: {kind: preview}\n")
    kernel.add_loopback(10)
    picked = found()["picked"]
    assert picked["audio"]["name"] == "Yeti [2]: USB (ALSA)"
    assert picked["camera"]["kind"] == "preview"
    assert line(shown(), "takes:").endswith("Yeti [2]: USB (ALSA); the browser preview.")


def test_a_broken_default_profile_is_no_reason_not_to_list(
    desk: list[AudioDevice], kernel: FakeKernel, private_user: Path
) -> None:
    folder = private_user / "vcam" / "profiles"
    folder.mkdir(parents=True)
    (folder / "default.yaml").write_text("nonsense: [\n")
    assert found()["picked"]["audio"]["name"] == "Built-in Microphone (ALSA)"


def test_nothing_at_all_is_explained(no_audio: None, kernel: FakeKernel) -> None:
    text = shown()
    for what in ("Microphones: none", "Speakers: none", "Cameras: none"):
        assert what in text
    assert "v4l2loopback" in text
    assert "vcam start --demo" in text
    assert line(text, "takes:").endswith("no sound to listen to (try --demo); the browser preview.")
    assert found()["picked"]["audio"]["kind"] == ""


def test_a_missing_portaudio_is_explained_and_cameras_are_still_listed(no_portaudio: None, kernel: FakeKernel) -> None:
    kernel.add_loopback(10)
    text = shown()
    assert "PortAudio library not found" in text
    assert "apt install" in text
    assert line(text, "video10").startswith("→")
    assert "PortAudio library not found" in found()["audio_problem"]


def test_a_busy_camera_is_passed_over(no_audio: None, kernel: FakeKernel) -> None:
    kernel.add_loopback(10).permitted = False
    kernel.add_loopback(11)
    assert found()["picked"]["camera"]["name"].startswith(f"{kernel.dev}/video11")


def test_cameras_that_cannot_be_used_lead_to_the_preview(no_audio: None, kernel: FakeKernel) -> None:
    kernel.add_loopback(10).permitted = False
    picked = found()["picked"]["camera"]
    assert picked["kind"] == "preview"
    assert "may not use it" in picked["why"]
    assert "usermod" in picked["fix"]
    assert "usermod" in shown()


def test_names_of_devices_cannot_steer_the_terminal(
    no_audio: None, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.add_loopback(10, "evil \x1b[31m [red]name")
    assert "evil ?[31m [red]name" in shown()


def test_an_output_without_unicode_is_no_reason_to_fail(private_user: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "vcam", "devices"], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""


@pytest.mark.audio
def test_a_real_sound_server(pulse: PulseServer) -> None:
    command = [sys.executable, "-m", "vcam", "devices", "--json"]
    done = subprocess.run(command, env={**os.environ, **pulse.env}, capture_output=True, check=True)
    answer = json.loads(done.stdout)
    if not any(device["name"] == "pulse" for device in answer["microphones"]):
        pytest.skip("PortAudio or ALSA's plugin for PulseAudio is not installed")
    assert answer["picked"]["audio"]["kind"] == "microphone"
    assert any(device["is_default_output"] for device in answer["speakers"])
    assert done.stderr == b""
