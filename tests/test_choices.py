"""What a session would use, without starting one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audio.sounds import tone, write_wav
from vcam.camera import devices
from vcam.camera.devices import CameraDevice
from vcam.choices import choose_camera, choose_sound
from vcam.profile.model import CameraSettings

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
