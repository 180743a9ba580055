"""What a session would use, without starting one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audio.sounds import tone, write_wav
from tests.pulse import PulseServer
from vcam.camera import devices
from vcam.camera.devices import CameraDevice
from vcam.choices import choose_camera, choose_output, choose_sound
from vcam.profile.model import CameraSettings, OutputSettings

OBS = "OBS Virtual Camera"


def set_cameras(monkeypatch: pytest.MonkeyPatch, *cameras: CameraDevice) -> None:
    monkeypatch.setattr(devices, "list_cameras", lambda platform: list(cameras))


def test_a_file_is_listened_to_without_a_device(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    write_wav(path, tone(440, 0.5))
    choice = choose_sound(str(path))
    assert (choice.kind, choice.name) == ("file", "speech.wav")


def test_a_file_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_text("not a sound")
    choice = choose_sound(str(path))
    assert not choice.ok
    assert "speech.wav" in choice.why


def test_a_camera_of_obs_is_chosen_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    set_cameras(monkeypatch, CameraDevice(OBS, OBS, "obs", True, True))
    for platform in ("darwin", "win32"):
        choice = choose_camera(CameraSettings(), platform)
        assert (choice.kind, choice.name) == ("virtual", OBS)


def test_without_obs_there_is_the_preview_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    set_cameras(monkeypatch, CameraDevice(OBS, OBS, "obs", True, False, "OBS is not installed."))
    choice = choose_camera(CameraSettings(), "darwin")
    assert choice.kind == "preview"
    assert "OBS is not installed." in choice.why
    assert "obsproject.com" in choice.fix
    refused = choose_camera(CameraSettings(kind="virtual"), "darwin")
    assert not refused.ok
    assert refused.fix == choice.fix


def test_a_device_that_is_asked_for_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    set_cameras(monkeypatch, CameraDevice(OBS, OBS, "obs", True, True))
    assert not choose_camera(CameraSettings(device="Another"), "win32").ok
    assert choose_camera(CameraSettings(device=OBS), "win32").ok


@pytest.mark.parametrize("kind", ["preview", "none"])
def test_the_profiles_word_is_taken(kind: str) -> None:
    settings = CameraSettings.model_validate({"kind": kind, "device": "unused"})
    assert choose_camera(settings).kind == kind


def test_the_voice_is_played_to_nobody_unless_it_is_asked_for() -> None:
    choice = choose_output(OutputSettings())
    assert (choice.kind, choice.name) == ("none", "nobody")


@pytest.mark.parametrize("device", ["virtual-mic", "auto"])
@pytest.mark.parametrize(("mode", "when"), [("sync", "in step with the lips"), ("direct", "ahead of the lips")])
def test_the_virtual_microphone_is_named_with_when_it_plays(
    sound_server: PulseServer, device: str, mode: str, when: str
) -> None:
    choice = choose_output(OutputSettings.model_validate({"device": device, "mode": mode}), "linux")
    assert choice.kind == "virtual-mic"
    assert choice.name.startswith("vcam microphone")
    assert when in choice.why
    assert "vcam_microphone" not in sound_server.pactl("list", "short", "sinks"), "nothing is made"


def test_without_a_sound_server_it_is_refused_or_done_without_as_the_profile_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'nothing'}")
    wanted = choose_output(OutputSettings(device="virtual-mic"), "linux")
    assert not wanted.ok
    assert wanted.fix
    automatic = choose_output(OutputSettings(device="auto"), "linux")
    assert (automatic.kind, automatic.why) == ("none", wanted.why)


def test_an_output_that_is_not_there_is_refused() -> None:
    assert not choose_output(OutputSettings(device="no such device")).ok
