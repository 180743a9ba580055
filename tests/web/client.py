"""A preview to talk to, and a client that can misbehave in ways that browsers and HTTP libraries do not."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from vcam.camera.base import CameraFormat
from vcam.camera.preview import PreviewCamera
from vcam.errors import ControlError
from vcam.media import ByteArray, Picture

SIZE = (320, 240)


@contextmanager
def preview(size: tuple[int, int] = SIZE, **options: Any) -> Iterator[PreviewCamera]:
    camera = PreviewCamera(CameraFormat(*size, Fraction(25)), port=0, **options)
    camera.open()
    try:
        yield camera
    finally:
        camera.close()


def plain(shade: int, size: tuple[int, int] = SIZE, pts: int = 0) -> Picture:
    """A picture of one grey, 0 to 255."""
    return picture_of(np.full((size[1], size[0], 3), shade, np.uint8), pts)


def picture_of(rgb: ByteArray, pts: int = 0) -> Picture:
    return Picture(pts, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).astype(np.uint8))


def rgb_of(jpeg: bytes) -> ByteArray:
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None, "not a JPEG"
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8)


def shade_of(jpeg: bytes) -> int:
    return round(float(rgb_of(jpeg).mean()))


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting until {what}"
        pause.wait(0.01)


@dataclass
class Address:
    host: str
    port: int
    token: str

    @classmethod
    def of(cls, camera: PreviewCamera) -> Address:
        parts = urlsplit(camera.device)
        assert parts.hostname is not None
        assert parts.port is not None
        return cls(parts.hostname, parts.port, parts.query.removeprefix("token="))

    @property
    def netloc(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    camera: PreviewCamera,
    path: str,
    method: str = "GET",
    *,
    token: bool = True,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request, sent as it is: no normalised paths, no redirects followed. ``token`` adds it to the address."""
    address = Address.of(camera)
    if token:
        path += f"{'&' if '?' in path else '?'}token={address.token}"
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class Stream:
    """An endless answer, read part by part; or not read at all."""

    def __init__(
        self, camera: PreviewCamera, path: str = "/stream.mjpg", query: str = "", receive_buffer: int = 0
    ) -> None:
        address = Address.of(camera)
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect((address.host, address.port))
        request = f"GET {path}?token={address.token}{query} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
        self.socket.sendall(request.encode())
        self.response = http.client.HTTPResponse(self.socket)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.socket.close()

    def begin(self) -> int:
        """Reads the head; returns the status."""
        self.response.begin()
        return self.response.status

    def part(self) -> bytes:
        """The next picture, checked against the multipart format; EOFError at the end."""
        line = self.response.readline()
        if not line:
            raise EOFError
        if line == b"--vcam-picture\r\n":
            line = self.response.readline()
            if not line:
                raise EOFError
        name, _, length = line.partition(b": ")
        assert name == b"Content-Length"
        assert self.response.readline() == b"Content-Type: image/jpeg\r\n"
        assert self.response.readline() == b"\r\n"
        data = self.response.read(int(length))
        # What closes a part comes with it, not with the next one.
        assert self.response.readline() == b"\r\n"
        assert self.response.readline() == b"--vcam-picture\r\n"
        return data

    def rest(self) -> list[bytes]:
        """All pictures until the end."""
        parts = []
        try:
            while True:
                parts.append(self.part())
        except EOFError:
            return parts


@dataclass
class FakeSession:
    """A session as its doors see it (``SessionControl``)."""

    asked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    muted: bool = False
    paused: bool = False
    is_cut: bool = False
    refuses: bool = False

    def status(self) -> dict[str, Any]:
        return {
            "state": "cut" if self.is_cut else "paused" if self.paused else "muted" if self.muted else "live",
            "uptime_s": 12.5,
            "profile": "default",
            "avatar": "robin",
            "animator": "lite",
            "audio": {
                "device": "Built-in Microphone",
                "sample_rate": 48000,
                "level_dbfs": -21.4,
                "speech": True,
                "overruns": 0,
            },
            "camera": {
                "kind": "preview",
                "device": "http://127.0.0.1:8765/?token=secret",
                "width": 640,
                "height": 360,
                "fps": 25.0,
                "presented": 312,
                "repeated": 4,
                "skipped": 0,
            },
            "latency_ms": {
                "algorithmic": 100.0,
                "compute_p50": 6.2,
                "compute_p95": 9.1,
                "device": 26.0,
                "total": 135.1,
            },
            "warnings": list(self.warnings),
            "muted": self.muted,
            "paused": self.paused,
            "cut": self.is_cut,
        }

    def _note(self, name: str) -> None:
        if self.refuses:
            raise ControlError("The session is stopping.", "Start it again.")
        self.asked.append(name)

    def pause(self) -> None:
        self._note("pause")
        self.paused = True

    def resume(self) -> None:
        self._note("resume")
        self.paused = self.is_cut = False

    def mute(self) -> None:
        self._note("mute")
        self.muted = True

    def unmute(self) -> None:
        self._note("unmute")
        self.muted = False

    def express(self, name: str) -> None:
        self._note(f"express {name}")

    def pose(self, yaw: float, pitch: float, roll: float, gaze_x: float, gaze_y: float) -> None:
        self._note(f"pose {yaw:g} {pitch:g} {roll:g} {gaze_x:g} {gaze_y:g}")

    def cut(self) -> None:
        self._note("cut")
        self.paused = self.is_cut = True

    def switch(self, target: str) -> None:
        self._note(f"switch {target}")

    def stop(self) -> None:
        self._note("stop")
