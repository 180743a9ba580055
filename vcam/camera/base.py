"""What every camera offers: somewhere to put pictures of one fixed size, and for files the sound as well."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from vcam.control import SessionControl
from vcam.media import AudioChunk, Picture
from vcam.profile.model import CameraSettings

# Television's rates, which people and devices round to two decimals or three.
_TELEVISION = tuple(Fraction(thousands * 1000, 1001) for thousands in (24, 30, 60, 120))
_ROUNDING = 0.005  # frames a second


@dataclass(frozen=True, slots=True)
class CameraFormat:
    """Size in pixels (both even) and frames a second; fixed for a whole session."""

    width: int
    height: int
    fps: Fraction

    @classmethod
    def of(cls, settings: CameraSettings) -> CameraFormat:
        """The format that a profile asks for; 29.97 becomes 30000/1001."""
        width, height = settings.size
        meant = (rate for rate in _TELEVISION if abs(settings.fps - rate) < _ROUNDING)
        fps = next(meant, None) or Fraction(settings.fps).limit_denominator(1001)
        return cls(width, height, fps)


class Camera(ABC):
    """Takes pictures at a steady rate from one thread. ``send`` must return quickly and never wait for a viewer."""

    kind: ClassVar[str]
    #: True where ``send_audio`` should be given the raw voice, in step with the pictures.
    wants_audio: ClassVar[bool] = False
    #: True where the picture's PTS, not the moment of sending, decides when it is shown (files): no tick is left out.
    timed_by_pts: ClassVar[bool] = False

    def __init__(self, format: CameraFormat) -> None:
        self.format = format

    @property
    def device(self) -> str:
        """Shown to the user: the device's name, the page's address or the file's path."""
        return self.kind

    @property
    def device_latency(self) -> float:
        """Seconds between ``send`` and the picture being there for an application, as far as it is known."""
        return 0.0

    @abstractmethod
    def open(self) -> None:
        """Make ready. Raises CameraError with a hint if that cannot be done."""

    def attach(self, control: SessionControl) -> None:
        """The session that uses this camera, for cameras that show more of it than its pictures."""

    @abstractmethod
    def send(self, picture: Picture) -> None:
        """Show one picture of exactly this camera's size; it must not be changed or kept after the call returns.

        Raises CameraLost if the device went away (close, then open again later), CameraError if it cannot go on.
        """

    def send_audio(self, chunk: AudioChunk) -> None:
        """Record 20 ms of the raw voice (cameras with ``wants_audio``); chunks come in PTS order, without gaps."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the device or finish the file. May be called twice."""
