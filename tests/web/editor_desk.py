"""An open landmark editor, and requests to it, for the tests of its server and of its page."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from vcam.animators.lite.photo import Landmarks
from vcam.errors import AvatarError
from vcam.web.editor.editor import LandmarkEditor
from vcam.web.editor.subject import Outcome


@dataclass
class Desk:
    """An editor, and what came of it."""

    editor: LandmarkEditor
    stored: list[Landmarks] = field(default_factory=list)
    built: list[Landmarks] = field(default_factory=list)
    zooms: list[float] = field(default_factory=list)
    trouble: str = ""

    def store(self, landmarks: Landmarks) -> None:
        if self.trouble:
            raise AvatarError(self.trouble, "Make room.")
        self.stored.append(landmarks)

    def outcome(self) -> Outcome:
        """Waits for the end, which the page or a request has brought about."""
        found: list[Outcome] = []
        waiter = threading.Thread(target=lambda: found.append(self.editor.wait()), daemon=True)
        waiter.start()
        waiter.join(20)
        assert found, "the editor did not end"
        return found[0]


OpenDesk = Callable[..., Any]


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    desk: Desk, path: str, body: object = None, *, token: str | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """One request as the page would send it: a POST if there is a body (bytes as they are, or anything as JSON)."""
    address = urlsplit(desk.editor.address)
    key = address.query.removeprefix("token=") if token is None else token
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    given = {"origin": f"http://{address.netloc}"} if body is not None else {}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        connection.request("GET" if body is None else "POST", f"{path}?token={key}", data, {**given, **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def moved(landmarks: Landmarks, name: str, dx: float, dy: float) -> dict[str, tuple[float, float]]:
    points = landmarks.points()
    x, y = points[name]
    return {**points, name: (x + dx, y + dy)}


def points_of(desk: Desk) -> dict[str, Any]:
    points: dict[str, Any] = ask(desk, "/state.json").json["points"]
    return points


def rounded(points: dict[str, tuple[float, float]]) -> dict[str, Any]:
    return {name: [round(x, 2), round(y, 2)] for name, (x, y) in points.items()}
