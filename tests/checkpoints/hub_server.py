"""A small server that speaks the part of the Hugging Face hub's language that a pull needs, and can misbehave."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

REPOSITORY = "digital-avatar/ditto-talkinghead"
COMMIT = "a" * 40
LARGE = 1000  # bytes from which on a file is kept in LFS


@dataclass
class Behaviour:
    """``break_after``: bytes of a file after which the connection is cut, once for each entry; ``status``: the answer
    to what matches a path; ``lie``: bytes to send instead of a file's own; ``ranges``: whether offsets are honoured;
    ``moved``: whether files are elsewhere on this server, as the hub's large files are; ``answer``: of the list of
    files, changed by a test.
    """

    break_after: dict[str, list[int]] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    lie: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    moved: bool = True
    answer: Callable[[dict[str, Any]], Any] | None = None


class HubServer:
    """``files`` by path. ``requests``: what was asked of it: (path, the Range header or "")."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.behaviour = Behaviour()
        self.requests: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def downloads(self) -> list[tuple[str, str]]:
        """The files that were asked for, with their Range headers."""
        return [(path.split("/blob/")[1], ranged) for path, ranged in self.requests if "/blob/" in path]

    def listing(self) -> Any:
        siblings = []
        for path, content in self.files.items():
            pointer = content if len(content) < LARGE else b"version of a pointer"
            blob = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()
            one: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": blob}
            if len(content) >= LARGE:
                sha256 = hashlib.sha256(content).hexdigest()
                one["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
            siblings.append(one)
        answer = {"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": siblings, "private": False}
        return self.behaviour.answer(answer) if self.behaviour.answer else answer


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append((path, self.headers.get("Range", "")))
            behaviour = hub.behaviour
            for part, status in behaviour.status.items():
                if part in path:
                    self._send(status, b"sorry", **_error_headers(status))
                    return
            if path.startswith("/api/models/"):
                self._list(path)
            elif match := re.fullmatch(rf"/{REPOSITORY}/resolve/{COMMIT}/(.+)", path):
                if behaviour.moved:
                    self._send(302, b"", Location=f"/blob/{match[1]}")
                else:
                    self._file(match[1])
            elif path.startswith("/blob/"):
                self._file(path.removeprefix("/blob/"))
            else:
                self._send(404, b"", **{"X-Error-Code": "RepoNotFound"})

        def _list(self, path: str) -> None:
            name, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            if name != REPOSITORY:
                self._send(404, b"", **{"X-Error-Code": "RepoNotFound"})
            elif revision not in ("", "main", COMMIT):
                self._send(404, b"", **{"X-Error-Code": "RevisionNotFound"})
            else:
                listing = hub.listing()
                text = listing if isinstance(listing, bytes) else json.dumps(listing).encode()
                self._send(200, text, **{"Content-Type": "application/json"})

        def _file(self, name: str) -> None:
            behaviour = hub.behaviour
            content = behaviour.lie.get(name, hub.files[name])
            ranged = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if behaviour.ranges else None
            start = int(ranged[1]) if ranged else 0
            self.send_response(206 if ranged else 200)
            self.send_header("Content-Length", str(len(content) - start))
            if ranged:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            # closes after each answer, so that no thread waits for a client's next question
            cuts = behaviour.break_after.get(name)
            if cuts:
                self.wfile.write(content[start : cuts.pop(0)])
            else:
                self.wfile.write(content[start:])

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Tests say what they need to know."""

    return Handler


def _error_headers(status: int) -> dict[str, str]:
    codes = {401: "RepoNotFound", 403: "GatedRepo", 404: "EntryNotFound"}
    return {"X-Error-Code": codes[status]} if status in codes else {}
