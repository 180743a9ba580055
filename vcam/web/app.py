"""The preview's web application: the page, the pictures, the voice, the status and what the buttons ask for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from vcam.camera.base import CameraFormat
from vcam.control import SessionControl
from vcam.errors import VcamError
from vcam.media import SAMPLE_RATE
from vcam.web.feed import FullHouse
from vcam.web.guard import Guard
from vcam.web.live import LiveResponse
from vcam.web.pictures import PictureFeed
from vcam.web.sound import SoundFeed

Endpoint = Callable[[Request], Awaitable[Response]]

_BOUNDARY = "vcam-picture"
_DELIMITER = f"--{_BOUNDARY}\r\n".encode()
_HEAD = b"Content-Type: image/jpeg\r\n\r\n"
_ELSEWHERE = " (<code>vcam status</code> shows it again)"
_PICTURE_SECONDS = 2.0  # how long /frame.jpg waits for a first picture

#: Path on the server -> file in ``static`` and its type. Nothing else is ever read from disk.
_FILES = {
    "/": ("index.html", "text/html"),
    "/preview.css": ("preview.css", "text/css"),
    "/preview.js": ("preview.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


class PreviewApp:
    """Builds the ASGI application over the two feeds. ``control`` may be set, or changed, at any time."""

    def __init__(self, format: CameraFormat, pictures: PictureFeed, sound: SoundFeed) -> None:
        self.control: SessionControl | None = None
        self._format = format
        self._pictures = pictures
        self._sound = sound
        self._run = secrets.token_hex(4)

    def build(self, token: str, cookie: str) -> Starlette:
        static = resources.files("vcam.web").joinpath("static")
        files = [
            Route(path, _file_endpoint(static.joinpath(name).read_bytes(), kind))
            for path, (name, kind) in _FILES.items()
        ]
        return Starlette(
            routes=[
                *files,
                Route("/stream.mjpg", self._stream),
                Route("/frame.jpg", self._frame),
                Route("/audio", self._audio),
                Route("/status.json", self._status),
                Route("/control/{action}", self._act, methods=["POST"]),
            ],
            middleware=[Middleware(Guard, token=token, cookie=cookie, what="preview", elsewhere=_ELSEWHERE)],
        )

    async def _stream(self, request: Request) -> Response:
        media_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        if request.method == "HEAD":
            return Response(media_type=media_type)
        try:
            viewer = self._pictures.join()
        except FullHouse:
            return _full_house(f"{self._pictures.audience.limit} others are watching already.")
        if "prompt" in request.query_params:
            return LiveResponse(viewer, media_type, opening=_DELIMITER + _HEAD, wrap=_prompt_part)
        return LiveResponse(viewer, media_type, opening=_DELIMITER, wrap=_part)

    async def _frame(self, request: Request) -> Response:
        try:
            with self._pictures.join() as viewer:
                jpeg = await asyncio.wait_for(viewer.next(), _PICTURE_SECONDS)
        except FullHouse:
            return _full_house(f"{self._pictures.audience.limit} others are watching already.")
        except asyncio.TimeoutError:
            jpeg = None
        if jpeg is None:
            return PlainTextResponse("There is no picture yet.\n", 503, {"retry-after": "1"})
        return Response(jpeg, media_type="image/jpeg")

    async def _audio(self, request: Request) -> Response:
        # Not audio/L16: that is big-endian by RFC 2586.
        media_type = "application/octet-stream"
        headers = {"x-audio-format": f"s16le; rate={SAMPLE_RATE}; channels=1"}
        if request.method == "HEAD":
            return Response(media_type=media_type, headers=headers)
        try:
            listener = self._sound.join()
        except FullHouse:
            return _full_house(f"{self._sound.audience.limit} others are listening already.")
        return LiveResponse(listener, media_type, headers)

    async def _status(self, request: Request) -> Response:
        preview = {
            "width": self._format.width,
            "height": self._format.height,
            "fps": float(self._format.fps),
            "viewers": len(self._pictures.audience),
            "viewers_limit": self._pictures.audience.limit,
            "listeners": len(self._sound.audience),
            "run": self._run,
            "controllable": self.control is not None,
        }
        status: dict[str, Any] = {}
        if self.control is not None:
            try:
                status = await asyncio.to_thread(self.control.status)
            except VcamError as error:
                return _refused(error)
            camera = status.get("camera")
            if isinstance(camera, dict) and camera.get("device"):
                # The cookie is hidden from scripts, so its value should not reach them this way.
                status["camera"] = {**camera, "device": str(camera["device"]).partition("?")[0]}
        return JSONResponse({**status, "preview": preview})

    async def _act(self, request: Request) -> Response:
        control = self.control
        if control is None:
            return PlainTextResponse("There is no session to control.\n", 409)
        actions: dict[str, Callable[[], None]] = {
            "mute": control.mute,
            "unmute": control.unmute,
            "pause": control.pause,
            "resume": control.resume,
            "cut": control.cut,
        }
        action = actions.get(request.path_params["action"])
        if action is None:
            return PlainTextResponse(f"Possible are: {', '.join(actions)}.\n", 404)
        try:
            await asyncio.to_thread(action)
        except VcamError as error:
            return _refused(error)
        return Response(status_code=204)


def _part(jpeg: bytes) -> bytes:
    """One part of multipart/x-mixed-replace (RFC 2046, 5.1) with its length, closed by its delimiter at once."""
    return b"".join((b"Content-Length: %d\r\n" % len(jpeg), _HEAD, jpeg, b"\r\n", _DELIMITER))


def _prompt_part(jpeg: bytes) -> bytes:
    """The same with the next part's head in advance, so without lengths, which are not known yet.

    Chromium shows a part when it has read the head of the next: otherwise each picture is late by one.
    """
    return b"".join((jpeg, b"\r\n", _DELIMITER, _HEAD))


def _file_endpoint(content: bytes, media_type: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return endpoint


def _full_house(reason: str) -> Response:
    return PlainTextResponse(f"{reason} Close one of them and try again.\n", 503, {"retry-after": "5"})


def _refused(error: VcamError) -> Response:
    return JSONResponse({"error": error.message, "hint": error.hint}, 409)
