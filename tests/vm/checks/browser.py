"""Chromium as the call application: it opens page.html, which reports back over HTTP what the camera shows."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("page.html")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--no-first-run"),
    *("--autoplay-policy=no-user-gesture-required", "--disable-background-networking"),
)
Report = dict[str, Any]


class Reports:
    """The page's latest report, for another thread to wait for."""

    def __init__(self) -> None:
        self._latest: Report = {}
        self._changed = threading.Condition()

    def put(self, report: Report) -> None:
        with self._changed:
            self._latest = report
            self._changed.notify_all()

    def wait(self, condition: Callable[[Report], bool], seconds: float = 120) -> Report:
        """The first report that meets ``condition``; fails with the last one if none comes, or if the page failed."""

        def done() -> bool:
            return bool(self._latest) and (bool(self._latest["error"]) or condition(self._latest))

        with self._changed:
            come = self._changed.wait_for(done, seconds)
            assert come, f"not what was waited for: {self._latest}"
            assert not self._latest["error"], self._latest["error"]
            return self._latest


def _handler(reports: Reports) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.read_bytes() if found else b"")

        def do_POST(self) -> None:
            reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    return Handler


@contextmanager
def watching(profile: Path) -> Iterator[Reports]:
    """Chromium with the page open; ``profile`` is an empty folder for it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "no Chromium"
    reports = Reports()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(reports))
    serving = threading.Thread(target=server.serve_forever, name="page")
    serving.start()
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/"]
    try:
        with (profile.parent / "chromium.log").open("wb") as log:
            browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                yield reports
            finally:
                browser.terminate()
                browser.wait(30)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def shows_test_picture(report: Report) -> bool:
    """Red on the left, green on the right, give or take what converting the colours costs."""
    wanted = ((255, 0, 0), (0, 255, 0))
    return all(
        abs(got - want) <= 12
        for colour, target in zip(report["colours"], wanted, strict=True)
        for got, want in zip(colour, target, strict=True)
    )
