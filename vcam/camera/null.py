"""The camera that shows nothing, for measuring and for tests."""

from __future__ import annotations

from typing import ClassVar

from vcam.camera.base import Camera
from vcam.media import Picture


class NullCamera(Camera):
    kind: ClassVar[str] = "none"

    def open(self) -> None:
        """Nothing to open."""

    def send(self, picture: Picture) -> None:
        """The picture is dropped."""

    def close(self) -> None:
        """Nothing to close."""
