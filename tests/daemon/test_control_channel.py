"""Server and client of the control channel over a real socket, and clients that mean no good."""

from __future__ import annotations

import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.stand_in import StandIn
from vcam.control import SessionControl
from vcam.daemon import wire
from vcam.daemon.channel import connect
from vcam.daemon.client import ControlClient, NotRunning
from vcam.daemon.lock import SessionLock
from vcam.daemon.server import CONNECTIONS, ControlServer
from vcam.errors import ControlError, VcamError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="speaks to the Unix socket directly")


class Door:
    """A stand-in session with its control channel open."""

    def __init__(self, runtime: Path, read_limit_s: float) -> None:
        self.session = StandIn()
        self.lock = SessionLock(runtime)
        self.lock.acquire()
        self._read_limit_s = read_limit_s
        self.server = self._serve()
        self.client = ControlClient(runtime)

    def _serve(self) -> ControlServer:
        server = ControlServer(self.session, self.lock.address, self.lock.key, read_limit_s=self._read_limit_s)
        server.start()
        return server

    def reopen(self) -> None:
        """With the commands as the session has them now."""
        self.server.stop()
        self.server = self._serve()

    def raw(self) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX)
        channel.settimeout(20)
        channel.connect(self.lock.address)
        return channel

    def authenticated(self) -> wire.Link:
        link = wire.Link(connect(self.lock.address, 5))
        assert wire.greet(link, self.lock.key)
        return link

    def ask_bytes(self, message: bytes) -> dict[str, Any]:
        link = self.authenticated()
        try:
            link.send(message)
            return wire.decode(link.receive(wire.REPLY_BYTES))
        finally:
            link.close()

    def close(self) -> None:
        self.server.stop()
        self.lock.release()


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    doors: list[Door] = []

    def open_one(read_limit_s: float = 5.0) -> Door:
        doors.append(Door(tmp_path, read_limit_s))
        return doors[-1]

    yield open_one
    for door in doors:
        door.close()
    for thread in threading.enumerate():
        if thread.name.startswith("vcam-control"):
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture
def door(open_door: Callable[..., Door]) -> Door:
    return open_door()


def closed_by_the_server(channel: socket.socket) -> bool:
    """Read until the end; False if the server keeps the connection open."""
    try:
        while channel.recv(4096):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def test_round_trip(door: Door) -> None:
    control: SessionControl = door.session  # the stand-in keeps to the protocol
    assert control.status()["state"] == "live"
    status = door.client.call("status")
    assert status["camera"]["device"] == "/dev/video9"
    assert status["audio"]["level_dbfs"] is None  # minus infinity is not JSON
    door.client.call("mute")
    assert door.client.call("status")["state"] == "muted"
    door.client.call("unmute")
    door.client.call("pause")
    assert door.client.call("status")["state"] == "paused"
    door.client.call("resume")
    assert door.client.call("status")["state"] == "live"
    door.client.call("switch", target="Ünïcode, \n and [brackets]")
    door.client.call("express", name="smile")
    door.client.call("pose", yaw=10.5, pitch=-3, roll=0, gaze_x=0, gaze_y=0.25)
    assert door.session.asked == ["switch Ünïcode, \n and [brackets]", "express smile", "pose 10.5 -3 0 0 0.25"]


def test_the_socket_is_for_this_user_alone(door: Door) -> None:
    assert Path(door.lock.address).stat().st_mode & 0o777 == 0o600


def test_the_sessions_own_errors_arrive_with_their_hint(door: Door) -> None:
    with pytest.raises(ControlError, match="no avatar called nobody") as caught:
        door.client.call("switch", target="nobody")
    assert caught.value.hint == "Did you mean robin?"
    with pytest.raises(ControlError, match="no expression 'smlie'") as caught:
        door.client.call("express", name="smlie")
    assert caught.value.hint == "Did you mean 'smile'?"


def test_stop_is_answered_before_it_is_done_and_may_close_the_server_itself(door: Door) -> None:
    original = door.session.stop

    def stop() -> None:
        door.server.stop()
        original()

    door.session.stop = stop  # type: ignore[method-assign]
    door.client.call("stop")
    assert door.session.ended.wait(10)
    door.server.stop()
    assert not Path(door.lock.address).exists()


def test_a_wrong_key_is_refused(door: Door, tmp_path: Path) -> None:
    (tmp_path / "control.key").write_bytes(b"x" * 32)
    with pytest.raises(ControlError, match="key does not match"):
        door.client.call("stop")
    assert door.session.asked == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell who connects")
def test_another_user_is_not_greeted_even_if_the_files_let_him_in(door: Door) -> None:
    with tempfile.TemporaryDirectory(prefix="vcam-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        address = f"{folder}/socket"
        with ControlServer(door.session, address, door.lock.key):
            Path(address).chmod(0o666)
            stranger = (
                "import os, socket, sys; os.setuid(int(sys.argv[2])); channel = socket.socket(socket.AF_UNIX);"
                "channel.connect(sys.argv[1]); print(len(channel.recv(4096)))"
            )
            heard = [subprocess.check_output([sys.executable, "-c", stranger, address, str(uid)]) for uid in (0, 12345)]
    assert int(heard[0]) > 0
    assert int(heard[1]) == 0


def test_no_request_is_heard_before_the_proof(door: Door) -> None:
    with door.raw() as channel:
        request = wire.encode({"v": 1, "do": "stop"})
        channel.sendall(struct.pack("!i", len(request)) + request)
        assert closed_by_the_server(channel)
    door.client.call("status")
    assert door.session.asked == []


def test_an_answer_cannot_be_replayed(door: Door) -> None:
    first = wire.Link(connect(door.lock.address, 5))
    hello = first.receive(256)
    first.close()
    second = wire.Link(connect(door.lock.address, 5))
    assert second.receive(256) != hello
    second.close()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0\xff\xfe",
        b"not json",
        b"[]",
        b"null",
        b'"status"',
        b"{}",
        b'{"v": 1}',
        b'{"v": 2, "do": "status"}',
        b'{"v": "1", "do": "status"}',
        b'{"v": 1, "do": "nonsense"}',
        b'{"v": 1, "do": "__class__"}',
        b'{"v": 1, "do": ["status"]}',
        b'{"v": 1, "do": {"status": 1}}',
        b'{"v": 1, "do": "status", "more": "x"}',
        b'{"v": 1, "do": "switch"}',
        b'{"v": 1, "do": "switch", "target": 3}',
        b'{"v": 1, "do": "switch", "target": null}',
        b'{"v": 1, "do": "switch", "target": "a", "self": "b"}',
        b'{"v": 1, "do": "pose", "yaw": true, "pitch": 0, "roll": 0, "gaze_x": 0, "gaze_y": 0}',
        b'{"v": 1, "do": "pose", "yaw": 1' + b"0" * 400 + b', "pitch": 0, "roll": 0, "gaze_x": 0, "gaze_y": 0}',
        b"[" * 60_000,
        b'{"v": ' + b"1" * 60_000 + b"}",
        pickle.dumps({"v": 1, "do": "status"}),
    ],
    ids=lambda message: repr(message[:32]),
)
def test_nonsense_from_a_client_with_the_key_gets_an_error(message: bytes, door: Door) -> None:
    reply = door.ask_bytes(message)
    assert reply["ok"] is False
    assert reply["error"].startswith("bad request: ")
    assert door.client.call("status")["state"] == "live"
    assert door.session.asked == []


@pytest.mark.parametrize("size", [wire.REQUEST_BYTES, 10_000_000], ids=["fits into the socket", "does not"])
def test_an_oversized_request_is_not_read_and_gets_an_error(size: int, door: Door) -> None:
    with pytest.raises(ControlError, match="bad request: it has more than 65536 bytes"):
        door.client.call("switch", target="x" * size)
    assert door.client.call("status")["state"] == "live"
    assert door.session.asked == []


def test_an_oversized_greeting_gets_nothing(door: Door) -> None:
    with door.raw() as channel:
        channel.sendall(struct.pack("!i", wire.REQUEST_BYTES))
        greeting = 4 + len(wire.HELLO) + 2 + wire.NONCE_BYTES
        assert len(channel.recv(greeting, socket.MSG_WAITALL)) == greeting
        assert closed_by_the_server(channel)
    assert door.client.call("status")["state"] == "live"


def test_a_command_that_breaks_in_an_unforeseen_way_is_an_error_and_in_the_log(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(target: str) -> None:
        raise ZeroDivisionError("inside vcam")

    monkeypatch.setattr(door.session, "switch", fail)
    door.reopen()
    with pytest.raises(ControlError, match="switch failed: ZeroDivisionError") as caught:
        door.client.call("switch", target="robin")
    assert "fault in vcam" in caught.value.hint
    assert "ZeroDivisionError: inside vcam" in caplog.text
    assert door.client.call("status")["state"] == "live"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 100,
        struct.pack("!i", 2**31 - 1),
        struct.pack("!i", -7) + b"x" * 64,
        struct.pack("!iQ", -1, 2**63),
        bytes(5000),
    ],
    ids=repr,
)
def test_garbage_on_the_socket_ends_that_connection_alone(data: bytes, door: Door) -> None:
    with door.raw() as channel:
        channel.sendall(data)
        channel.shutdown(socket.SHUT_WR)
        assert closed_by_the_server(channel)
    assert door.client.call("status")["state"] == "live"


def test_many_silent_and_slow_clients_do_not_keep_out_a_good_one(open_door: Callable[..., Door]) -> None:
    door = open_door(read_limit_s=60)
    crowd = []
    for number in range(3 * CONNECTIONS):
        channel = door.raw()
        channel.sendall(b"\0\0"[: number % 3])  # part of a message's length, or nothing
        crowd.append(channel)
        if number % CONNECTIONS == 0:
            assert door.client.call("status")["state"] == "live"
    assert door.client.call("status")["state"] == "live"
    assert threading.active_count() < 2 * CONNECTIONS + 20
    assert closed_by_the_server(crowd[0])  # the oldest made room
    for channel in crowd:
        channel.close()


def test_a_client_that_drips_is_cut_off(open_door: Callable[..., Door]) -> None:
    door = open_door(read_limit_s=0.3)
    with door.raw() as silent, door.raw() as dripping:
        # The length of a whole greeting, then a little of it.
        dripping.sendall(struct.pack("!i", wire.NONCE_BYTES + wire.PROOF_BYTES) + b"x")
        assert closed_by_the_server(silent)
        assert closed_by_the_server(dripping)
    link = door.authenticated()
    with pytest.raises((EOFError, OSError)):
        link.receive(10)
    link.close()
    assert door.client.call("status")["state"] == "live"


def test_many_clients_at_once_are_all_answered(door: Door) -> None:
    states: list[str] = []

    def ask() -> None:
        for _ in range(10):
            states.append(door.client.call("status")["state"])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == ["live"] * 60


def test_requests_at_work_are_not_cut_off_for_newcomers(door: Door) -> None:
    working, go_on = threading.Semaphore(0), threading.Event()
    status = door.session.status

    def slow_status() -> dict[str, Any]:
        working.release()
        go_on.wait(20)
        return status()

    door.server._commands["status"] = ({}, slow_status)  # bound at construction
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(door.client.call("status", limit_s=30)["state"]))
        for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert working.acquire(timeout=20)
    with pytest.raises(ControlError, match="hung up"):
        door.client.call("mute")
    go_on.set()
    for thread in threads:
        thread.join()
    assert results == ["live"] * CONNECTIONS


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="not running") as caught:
        ControlClient(tmp_path).call("status")
    assert "vcam start" in caught.value.hint


def test_a_session_that_does_not_listen_yet(tmp_path: Path) -> None:
    with SessionLock(tmp_path), pytest.raises(ControlError, match="does not take requests yet"):
        ControlClient(tmp_path).call("status")


@pytest.mark.parametrize("backlog", [0, 5])
def test_a_session_that_hangs_is_reported_in_time(backlog: int, tmp_path: Path) -> None:
    with SessionLock(tmp_path) as lock, socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(lock.address)
        deaf.listen(backlog)
        waiting = [connect(lock.address, 5)] if backlog == 0 else []
        with pytest.raises(ControlError, match=r"did not answer within 0\.3 s") as caught:
            ControlClient(tmp_path).call("status", limit_s=0.3)
        assert "--force" in caught.value.hint
        for connection in waiting:
            connection.close()


@pytest.mark.parametrize(
    ("hello", "message"),
    [
        (wire.HELLO + b"2 " + b"n" * 32, "another version: it speaks version 2"),
        (b"SSH-2.0-OpenSSH", "something else"),
        (b"", "something else"),
    ],
)
def test_another_server_at_the_address(hello: bytes, message: str, tmp_path: Path) -> None:
    with SessionLock(tmp_path) as lock, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(lock.address)
        listener.listen()

        def answer() -> None:
            channel, _ = listener.accept()
            with channel:
                channel.sendall(struct.pack("!i", len(hello)) + hello)
                closed_by_the_server(channel)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ControlError, match=message):
            ControlClient(tmp_path).call("status")
        thread.join()


def test_an_impostor_without_the_key_is_not_believed(tmp_path: Path) -> None:
    with SessionLock(tmp_path) as lock:
        session = StandIn()
        with ControlServer(session, lock.address, b"another key"), pytest.raises(ControlError, match="key does not"):
            ControlClient(tmp_path).call("stop")
        assert session.asked == []


def test_a_taken_address_is_an_error(door: Door) -> None:
    second = ControlServer(door.session, door.lock.address, door.lock.key)
    with pytest.raises(VcamError, match="cannot open the control channel"):
        second.start()
    second.stop()
    assert door.client.call("status")["state"] == "live"


def test_the_socket_may_vanish_before_the_server_stops(door: Door) -> None:
    Path(door.lock.address).unlink()
    door.server.stop()


def test_what_goes_over_the_wire_is_plain_json() -> None:
    message = wire.encode({"a": [float("nan"), float("inf"), 1.5], "b": (1, None)})
    assert json.loads(message, parse_constant=pytest.fail) == {"a": [None, None, 1.5], "b": [1, None]}
