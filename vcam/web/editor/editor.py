"""The editor as its command sees it: open the page, wait for the user, and close."""

from __future__ import annotations

import queue
import secrets
import socket
from dataclasses import replace
from types import TracebackType
from typing import Any

from vcam.errors import VcamError
from vcam.web.editor.app import EditorApp
from vcam.web.editor.points import inside
from vcam.web.editor.preview import HEIGHT, WIDTH, Build, LivePreview
from vcam.web.editor.subject import Outcome, Store, Subject
from vcam.web.pictures import PictureFeed
from vcam.web.server import BackgroundServer, address_of

_TURN_SECONDS = 0.5  # Windows delivers Ctrl+C only between waits
# As for the camera's preview: a slow page falls behind by a picture or two and not by seconds of them.
_SEND_BUFFER_BYTES = 128 * 1024


class LandmarkEditor:
    """Serves the page on this computer until the user has saved or given up. Used as a context manager, once.

    ``build`` makes the animator of the preview; ``store`` keeps what the user saves.
    """

    def __init__(self, subject: Subject, build: Build, store: Store) -> None:
        size = subject.size
        subject = replace(subject, landmarks=inside(subject.landmarks, size), proposal=inside(subject.proposal, size))
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._token = secrets.token_urlsafe(24)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._host, self._port = address_of(self._listener)
        self._server = BackgroundServer(self._listener)
        self._pictures = PictureFeed(WIDTH, HEIGHT, self._server.post)
        self._preview = LivePreview(build, self._pictures, self._preview_reports)
        self._preview.show(subject.landmarks)
        self._app = EditorApp(subject, store, self._preview, self._pictures, self._outcomes.put)

    @property
    def address(self) -> str:
        """What to open in a browser, with the key."""
        return f"http://{self._host}:{self._port}/?token={self._token}"

    def __enter__(self) -> LandmarkEditor:
        """Raises VcamError if the server does not start."""
        if not self._server.start(self._app.build(self._token, f"vcam_editor_{self._port}")):
            self._listener.close()
            raise VcamError("The editor's web server did not start.", "See the log for the reason.")
        self._pictures.start()
        self._preview.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._preview.stop()
        self._pictures.stop()
        self._server.stop(self._say_goodbye)

    def wait(self) -> Outcome:
        """Returns once the user has saved, cancelled or closed the page. Raises VcamError if the server ends."""
        while self._server.alive:
            try:
                return self._outcomes.get(timeout=_TURN_SECONDS)
            except queue.Empty:
                continue
        raise VcamError("The editor's web server has stopped.", "See the log for the reason.")

    def _preview_reports(self, news: dict[str, Any]) -> None:
        self._server.post(self._app.preview_reports, news)

    def _say_goodbye(self) -> None:
        self._app.visitors.audience.end()
        self._pictures.audience.end()
