"""Chromium as the call application: it opens page.html, which reports back over HTTP what the camera shows."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

from .loopback import LIMIT

PAGE = Path(__file__).with_name("page.html")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--no-first-run"),
    *("--autoplay-policy=no-user-gesture-required", "--disable-background-networking", "--remote-debugging-pipe"),
    "--window-size=720,520",
)
KEPT = Path("/run/vm")  # what is left here goes out with test-vm's --out
Report = dict[str, Any]


class Page:
    """The page's latest report, for another thread to wait for; and the browser's own side of the page."""

    def __init__(self) -> None:
        self._latest: Report = {}
        self._changed = threading.Condition()
        self._tools: DevTools | None = None

    def put(self, report: Report) -> None:
        with self._changed:
            self._latest = report
            self._changed.notify_all()

    def wait(self, condition: Callable[[Report], bool], seconds: float = LIMIT) -> Report:
        """The first report that meets ``condition``; fails with the last one if none comes, or if the page failed."""

        def done() -> bool:
            return bool(self._latest) and (bool(self._latest["error"]) or condition(self._latest))

        with self._changed:
            come = self._changed.wait_for(done, seconds)
            assert come, f"not what was waited for: {self._latest}"
            assert not self._latest["error"], self._latest["error"]
            return self._latest

    def attach(self, tools: DevTools) -> None:
        self._tools = tools

    def call(self, script: str) -> None:
        """Run a script in the page; its errors count as the page's."""
        assert self._tools is not None
        self._tools.ask("Runtime.evaluate", expression=f"(async () => {{ {script} }})().catch(failed)")

    def keep_screenshot(self, name: str) -> Path:
        """What the browser's window shows, as NAME.png among what is kept."""
        assert self._tools is not None
        path = KEPT / f"{name}.png"
        path.write_bytes(base64.b64decode(self._tools.ask("Page.captureScreenshot", format="png")["data"]))
        return path


class DevTools:
    """Chromium's DevTools protocol over its debugging pipe (JSON, ended by NUL), attached to its one page."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = requests
        self._answers = answers
        self._received = b""
        self._asked = 0
        self._session = ""
        self._send("Target.setDiscoverTargets", discover=True)
        target = self._until(_tells_of_the_page)["params"]["targetInfo"]["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(self, method: str, **parameters: object) -> Report:
        number = self._send(method, **parameters)
        answer = self._until(lambda message: message.get("id") == number)
        assert "error" not in answer, answer
        result: Report = answer["result"]
        return result

    def _send(self, method: str, **parameters: object) -> int:
        self._asked += 1
        request: Report = {"id": self._asked, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._requests, json.dumps(request).encode() + b"\0")
        return self._asked

    def _until(self, wanted: Callable[[Report], bool]) -> Report:
        while True:
            while b"\0" not in self._received:
                assert select.select([self._answers], [], [], LIMIT)[0], "the browser does not answer"
                more = os.read(self._answers, 1 << 20)
                assert more, "the browser is gone"
                self._received += more
            text, _, self._received = self._received.partition(b"\0")
            message: Report = json.loads(text)
            if wanted(message):
                return message

    def close(self) -> None:
        os.close(self._requests)
        os.close(self._answers)


def _tells_of_the_page(message: Report) -> bool:
    target = message.get("params", {}).get("targetInfo", {})
    return target.get("type") == "page" and str(target.get("url", "")).startswith("http:")


def _handler(page: Page) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.read_bytes() if found else b"")

        def do_POST(self) -> None:
            page.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    return Handler


@contextmanager
def watching(profile: Path, **query: str) -> Iterator[Page]:
    """Chromium with the page open; ``profile`` is an empty folder for it, ``query`` is for the page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "no Chromium"
    page = Page()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(page))
    serving = threading.Thread(target=server.serve_forever, name="page")
    serving.start()
    command = [
        chromium,
        *FLAGS,
        f"--user-data-dir={profile}",
        f"http://127.0.0.1:{server.server_port}/?{urlencode(query)}",
    ]
    try:
        with (profile.parent / "chromium.log").open("wb") as log, _started(command, log) as tools:
            page.attach(tools)
            yield page
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def _started(command: list[str], log: IO[bytes]) -> Iterator[DevTools]:
    """The browser, which wants its debugging pipe as descriptors 3 (in) and 4 (out)."""
    theirs_in, requests = os.pipe()
    answers, theirs_out = os.pipe()
    joined = ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "browser", *command]
    browser = subprocess.Popen(
        joined, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(theirs_in, theirs_out)
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        tools = DevTools(requests, answers)
        try:
            yield tools
        finally:
            tools.close()
    finally:
        browser.terminate()
        try:
            browser.wait(30)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()


def shows_test_picture(report: Report) -> bool:
    """Red on the left, green on the right, give or take what converting the colours costs."""
    wanted = ((255, 0, 0), (0, 255, 0))
    return all(
        abs(got - want) <= 12
        for colour, target in zip(report["colours"], wanted, strict=True)
        for got, want in zip(colour, target, strict=True)
    )
