from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.web.client import Address, FakeSession, ask, plain, preview
from vcam.camera.preview import PreviewCamera

PATHS = ["/", "/stream.mjpg", "/frame.jpg", "/audio", "/status.json", "/preview.js", "/preview.css", "/no-such-thing"]


@pytest.fixture(scope="module")
def camera() -> Iterator[PreviewCamera]:
    with preview() as camera:
        yield camera


@pytest.fixture
def session(camera: PreviewCamera) -> FakeSession:
    session = FakeSession()
    camera.attach(session)
    return session


def origin(camera: PreviewCamera) -> dict[str, str]:
    return {"origin": f"http://{Address.of(camera).netloc}"}


@pytest.mark.parametrize("path", PATHS)
def test_strangers_get_nothing(camera: PreviewCamera, path: str) -> None:
    for suffix in ("", "?token=", "?token=wrong", "?token=%C3%A9%ff"):
        answer = ask(camera, path + suffix, token=False)
        assert answer.status == 403
    assert ask(camera, path, token=False, headers={"cookie": f"vcam_{Address.of(camera).port}=x"}).status == 403


def test_strangers_hear_where_the_address_is_shown(camera: PreviewCamera) -> None:
    page = ask(camera, "/", token=False).body.decode()
    assert "This preview is private" in page
    assert "(<code>vcam status</code> shows it again)" in page


def test_the_first_visit_trades_the_token_for_a_cookie(camera: PreviewCamera) -> None:
    address = Address.of(camera)
    answer = ask(camera, "/?bare=1")
    assert answer.status == 303
    assert answer.headers["location"] == "/?bare=1"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    pair = cookie.partition(";")[0]
    # The name has the port in it, because browsers send cookies to every port of a host.
    assert pair == f"vcam_{address.port}={address.token}"
    page = ask(camera, "/", token=False, headers={"cookie": pair})
    assert page.status == 200
    assert b"<title>vcam preview</title>" in page.body


def test_scripts_do_not_learn_the_token(camera: PreviewCamera, session: FakeSession) -> None:
    status = json.loads(ask(camera, "/status.json").body)
    assert status["camera"]["device"] == "http://127.0.0.1:8765/"
    assert "secret" in session.status()["camera"]["device"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8765", "LOCALHOST:80"])
def test_names_of_this_computer_are_answered(camera: PreviewCamera, host: str) -> None:
    assert ask(camera, "/status.json", headers={"host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", "", "127.1"])
def test_other_names_are_refused(camera: PreviewCamera, host: str) -> None:
    """A page of another site whose name was rebound to 127.0.0.1 says that name."""
    assert ask(camera, "/status.json", headers={"host": host}).status == 400


def test_changes_need_the_pages_own_origin(camera: PreviewCamera, session: FakeSession) -> None:
    for headers in (
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": f"http://127.0.0.1:{Address.of(camera).port + 1}"},
        {"origin": f"http://localhost:{Address.of(camera).port}"},
    ):
        assert ask(camera, "/control/mute", "POST", headers=headers).status == 403
    assert session.asked == []
    assert ask(camera, "/control/mute", "POST", headers=origin(camera), token=False).status == 403
    assert ask(camera, "/control/mute", "POST", headers=origin(camera)).status == 204
    assert session.asked == ["mute"]


def test_every_action_and_no_other(camera: PreviewCamera, session: FakeSession) -> None:
    for action in ("mute", "unmute", "pause", "resume", "cut"):
        assert ask(camera, f"/control/{action}", "POST", headers=origin(camera)).status == 204
    for action in ("stop", "switch", "status", "__init__"):
        assert ask(camera, f"/control/{action}", "POST", headers=origin(camera)).status == 404
    assert ask(camera, "/control/mute").status == 405
    assert session.asked == ["mute", "unmute", "pause", "resume", "cut"]


def test_what_the_session_refuses_is_said() -> None:
    with preview() as camera:
        assert ask(camera, "/control/mute", "POST", headers=origin(camera)).status == 409
        camera.attach(FakeSession(refuses=True))
        answer = ask(camera, "/control/mute", "POST", headers=origin(camera))
        assert answer.status == 409
        assert json.loads(answer.body) == {"error": "The session is stopping.", "hint": "Start it again."}


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/static/../app.py",
        "/%2e%2e/app.py",
        "/..%2fapp.py",
        "//etc/passwd",
        "/static/preview.js",
        "/preview.js/../index.html",
        "/index.html",
        "/preview.js%00.css",
    ],
)
def test_only_listed_files_are_served(camera: PreviewCamera, path: str) -> None:
    assert ask(camera, path).status == 404


def test_large_requests_are_refused(camera: PreviewCamera) -> None:
    post = origin(camera)
    assert ask(camera, "/control/mute", "POST", headers=post, body=b"x" * 2000).status == 413
    assert ask(camera, "/control/mute", "POST", headers={**post, "content-length": "99999999999"}).status == 413
    chunked = {**post, "transfer-encoding": "chunked"}
    assert ask(camera, "/control/mute", "POST", headers=chunked, body=b"0\r\n\r\n").status == 413


def test_a_request_head_without_end_is_cut_off(camera: PreviewCamera) -> None:
    address = Address.of(camera)
    with socket.create_connection((address.host, address.port), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        sent = 0
        try:
            while sent < 16 * 2**20:
                sent += raw.send(b"a" * 2**16)
        except ConnectionError:
            pass
        assert sent < 16 * 2**20


def test_nonsense_does_not_hurt(camera: PreviewCamera, caplog: pytest.LogCaptureFixture) -> None:
    address = Address.of(camera)
    for nonsense in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ):
        with socket.create_connection((address.host, address.port), timeout=10) as raw:
            raw.sendall(nonsense)
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(100)[:12] in (b"HTTP/1.1 400", b"")
    camera.send(plain(1))
    assert ask(camera, "/frame.jpg").status == 200
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("path", ["/status.json", "/preview.js", "/no-such-thing", "/"])
def test_answers_forbid_what_the_page_does_not_need(camera: PreviewCamera, path: str) -> None:
    for token in (True, False):
        headers = ask(camera, path, token=token).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
