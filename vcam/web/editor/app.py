"""The editor's web application: the page, the picture, the points, the preview, and the two ways to end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, TypeVar

import simplejpeg
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vcam.errors import AvatarError, VcamError
from vcam.web.editor.layout import HINT, layout_of
from vcam.web.editor.points import (
    MAX_BODY_BYTES,
    ModeMessage,
    Nothing,
    PointsMessage,
    landmarks_from,
    what_is_wrong,
)
from vcam.web.editor.preview import MODES, LivePreview
from vcam.web.editor.subject import Outcome, Store, Subject
from vcam.web.editor.visitors import Visitors
from vcam.web.feed import FullHouse
from vcam.web.guard import Guard
from vcam.web.live import LiveResponse
from vcam.web.pictures import PictureFeed

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
Message = TypeVar("Message", bound=BaseModel)

_BOUNDARY = "vcam-picture"
_DELIMITER = f"--{_BOUNDARY}\r\n".encode()
_HEAD = b"Content-Type: image/jpeg\r\n\r\n"
_JPEG_QUALITY = 92

_SCRIPTS = ("canvas", "editor", "guide", "model", "server", "shapes", "view")

#: Path on the server -> file in the package ``vcam.web`` and its type. Nothing else is ever read from disk.
_FILES = {
    "/": ("editor/static/index.html", "text/html"),
    "/editor.css": ("editor/static/editor.css", "text/css"),
    "/icon.svg": ("static/icon.svg", "image/svg+xml"),
    **{f"/{name}.js": (f"editor/static/{name}.js", "text/javascript") for name in _SCRIPTS},
}


class EditorApp:
    """Builds the ASGI application. Its state belongs to the event loop; ``ended`` is called there, once."""

    def __init__(
        self,
        subject: Subject,
        store: Store,
        preview: LivePreview,
        pictures: PictureFeed,
        ended: Callable[[Outcome], None],
    ) -> None:
        self.visitors = Visitors(lambda: self._end(Outcome(None, "The page was closed.")))
        self._subject = subject
        self._store = store
        self._preview = preview
        self._pictures = pictures
        self._ended = ended
        self._over = False
        self._saving = False
        self._first = subject.landmarks.points()
        self._points = self._first  # the newest that can be a face
        self._mode = ModeMessage(mode="speaking", close=True)
        self._state: dict[str, Any] = {"preview": "making"}

    def build(self, token: str, cookie: str) -> Starlette:
        package = resources.files("vcam.web")
        jpeg = simplejpeg.encode_jpeg(self._subject.rgb, _JPEG_QUALITY, "RGB", "444")
        files = [
            Route(path, _content(package.joinpath(name).read_bytes(), kind)) for path, (name, kind) in _FILES.items()
        ]
        return Starlette(
            routes=[
                *files,
                Route("/picture.jpg", _content(jpeg, "image/jpeg")),
                Route("/state.json", self._tell_state),
                Route("/stream.mjpg", self._stream),
                Route("/events", self._events),
                Route("/points", self._take_points, methods=["POST"]),
                Route("/mode", self._set_mode, methods=["POST"]),
                Route("/save", self._save, methods=["POST"]),
                Route("/cancel", self._cancel, methods=["POST"]),
            ],
            middleware=[Middleware(Guard, token=token, cookie=cookie, what="editor", max_body_bytes=MAX_BODY_BYTES)],
        )

    def preview_reports(self, news: dict[str, Any]) -> None:
        """In the event loop: what the preview is doing."""
        self._state = news
        self.visitors.tell(news)

    async def _tell_state(self, request: Request) -> Response:
        subject = self._subject
        width, height = subject.size
        return JSONResponse(
            {
                "name": subject.name,
                "found": subject.found,
                "notices": subject.notices,
                "hint": HINT,
                "picture": {"width": width, "height": height},
                **layout_of(self._first).as_json(),
                "modes": MODES,
                **self._mode.model_dump(),
                "proposal": subject.proposal.points(),
                "points": self._points,
                "saved": self._first if subject.stored else None,
            }
        )

    async def _events(self, request: Request) -> Response:
        media_type = "application/x-ndjson"
        if request.method == "HEAD":
            return Response(media_type=media_type)
        try:
            visitor = self.visitors.join()
        except FullHouse:
            return _refused("Too many pages are open.", "Close the others.", 503)
        visitor.tell(self._state)
        return LiveResponse(visitor, media_type)

    async def _stream(self, request: Request) -> Response:
        media_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        if request.method == "HEAD":
            return Response(media_type=media_type)
        try:
            viewer = self._pictures.join()
        except FullHouse:
            return _refused("Too many pages are open.", "Close the others.", 503)
        self._preview.look()
        # Each part is followed by the next one's head at once, or Chromium shows it only when that comes.
        return LiveResponse(viewer, media_type, opening=_DELIMITER + _HEAD, wrap=_part)

    async def _take_points(self, request: Request) -> Response:
        message = await _read(request, PointsMessage)
        if isinstance(message, Response):
            return message
        subject = self._subject
        try:
            landmarks = landmarks_from(message.points, self._first, subject.size)
        except AvatarError as error:
            return _refused(error.message, error.hint, 422)
        self._points = message.points
        self._preview.show(landmarks)
        return Response(status_code=204)

    async def _set_mode(self, request: Request) -> Response:
        message = await _read(request, ModeMessage)
        if isinstance(message, Response):
            return message
        self._preview.set_mode(message.mode, message.close)
        self._mode = message
        return Response(status_code=204)

    async def _save(self, request: Request) -> Response:
        message = await _read(request, PointsMessage)
        if isinstance(message, Response):
            return message
        if self._saving or self._over:
            return _refused("This avatar is being saved already.", "", 409)
        self._saving = True
        try:
            landmarks = landmarks_from(message.points, self._first, self._subject.size)
            await asyncio.to_thread(self._store, landmarks)
        except VcamError as error:
            return _refused(error.message, error.hint, 422)
        finally:
            self._saving = False
        name = self._subject.name
        answer = {"name": name, "next": self._subject.next_steps}
        # The page must have its answer before the server goes.
        return JSONResponse(answer, background=BackgroundTask(self._finish, Outcome(landmarks, "")))

    async def _cancel(self, request: Request) -> Response:
        message = await _read(request, Nothing)
        if isinstance(message, Response):
            return message
        return Response(status_code=204, background=BackgroundTask(self._finish, Outcome(None, "Cancelled.")))

    async def _finish(self, outcome: Outcome) -> None:
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        if not self._over and not self._saving:
            self._over = True
            self._ended(outcome)


async def _read(request: Request, kind: type[Message]) -> Message | Response:
    """The request's body as a message, or the answer to one that is none."""
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        return _refused(f"The request is not valid: {what_is_wrong(error)}.", "Reload the page.", 422)


def _part(jpeg: bytes) -> bytes:
    return b"".join((jpeg, b"\r\n", _DELIMITER, _HEAD))


def _content(content: bytes, media_type: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return endpoint


def _refused(message: str, hint: str, status: int) -> Response:
    return JSONResponse({"error": message, "hint": hint}, status)
