"""Who reads the camera back, where there is nothing to read."""

from __future__ import annotations

import pytest

from vcam.camera.base import CameraFormat
from vcam.camera.preview import PreviewCamera
from vcam.errors import CameraError
from vcam.profile.model import CameraSettings
from vcam.selftest import viewer
from vcam.selftest.viewer import DeviceViewer, PreviewViewer


def test_a_device_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(viewer, "_PATIENCE", 0.2)
    reader = DeviceViewer("/dev/video-that-is-none")
    with pytest.raises(CameraError, match="/dev/video-that-is-none cannot be read back"):
        reader.open()
    reader.close()
    assert capfd.readouterr().err == ""


def test_a_preview_that_refuses_or_is_gone_is_named() -> None:
    camera = PreviewCamera(CameraFormat.of(CameraSettings(size=(160, 120))), port=0)
    camera.open()
    address = camera.device
    stranger = PreviewViewer(address.partition("?")[0])
    with pytest.raises(CameraError, match="answers 403"):
        stranger.open()
    stranger.close()
    camera.close()
    reader = PreviewViewer(address)
    with pytest.raises(CameraError, match="does not answer"):
        reader.open()
    reader.close()
