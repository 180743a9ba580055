"""The control channel's server: lets this user's other processes ask a running session things."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from vcam.control import SessionControl
from vcam.daemon import wire
from vcam.daemon.channel import PipeListener, SocketListener, listen
from vcam.errors import ControlError, VcamError

logger = logging.getLogger(__name__)

CONNECTIONS = 16
READ_LIMIT_S = 5.0  # for the greeting and the request together
WRITE_LIMIT_S = 5.0
JOIN_LIMIT_S = 2.0
FAULT = "This is a fault in vcam; `vcam logs` has more."


class ControlServer:
    """Answers requests to ``control`` at ``address``, each in a thread of its own, until ``stop``.

    At most ``CONNECTIONS`` are open at once. When full, the one that has been silent the longest makes room, so that
    clients which connect and say nothing cannot keep out one that speaks.
    """

    def __init__(
        self, control: SessionControl, address: str, authkey: bytes, *, read_limit_s: float = READ_LIMIT_S
    ) -> None:
        self._control = control
        self._address = address
        self._key = authkey
        self._read_limit_s = read_limit_s
        self._listener: SocketListener | PipeListener | None = None
        self._acceptor: threading.Thread | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._workers: dict[threading.Thread, wire.Link] = {}
        self._unheard: dict[threading.Thread, wire.Link] = {}  # those whose request has not come yet, oldest first
        self._commands: dict[str, tuple[dict[str, type], Callable[..., Any]]] = {
            "status": ({}, control.status),
            "pause": ({}, control.pause),
            "resume": ({}, control.resume),
            "cut": ({}, control.cut),
            "mute": ({}, control.mute),
            "unmute": ({}, control.unmute),
            "express": ({"name": str}, control.express),
            "pose": (dict.fromkeys(("yaw", "pitch", "roll", "gaze_x", "gaze_y"), float), control.pose),
            "switch": ({"target": str}, control.switch),
            "stop": ({}, lambda: None),  # done after the reply, or the reply might not get out
        }

    def start(self) -> None:
        """Open the channel. Raises ControlError where that is not possible."""
        try:
            self._listener = listener = listen(self._address, CONNECTIONS)
        except OSError as error:
            raise ControlError(f"cannot open the control channel {self._address}: {error.strerror}") from error
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), name="vcam-control", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Close the channel and end its threads; may be called twice, and from within a request."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is None:
            return
        self._stopping.set()
        listener.close()
        if self._acceptor is not None:
            self._acceptor.join()
        listener.dispose()
        with self._lock:
            workers = dict(self._workers)
        for link in workers.values():
            link.hang_up()
        for thread in workers:
            if thread is not threading.current_thread():
                thread.join(JOIN_LIMIT_S)

    def __enter__(self) -> ControlServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self, listener: SocketListener | PipeListener) -> None:
        while not self._stopping.is_set():
            try:
                connection = listener.accept()
            except OSError as error:
                logger.warning("The control channel cannot accept a connection: %s", error)
                self._stopping.wait(0.2)  # out of file descriptors, most likely: do not spin
                continue
            if connection is not None:
                self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        try:
            link = wire.Link(connection)
        except OSError as error:
            connection.close()
            logger.warning("The control channel had to drop a connection: %s", error)
            return
        worker = threading.Thread(target=self._serve, args=(link,), name="vcam-control-request", daemon=True)
        with self._lock:
            if len(self._workers) >= CONNECTIONS:
                if not self._unheard:
                    logger.warning("The control channel is busy: %d requests at work", len(self._workers))
                    link.close()
                    return
                oldest = next(iter(self._unheard))
                self._unheard.pop(oldest).hang_up()
                del self._workers[oldest]
            self._workers[worker] = self._unheard[worker] = link
        worker.start()

    def _serve(self, link: wire.Link) -> None:
        try:
            self._converse(link)
        except (EOFError, OSError, wire.WireError) as error:
            logger.debug("A control connection ended early: %s", error)
        finally:
            with self._lock:
                self._workers.pop(threading.current_thread(), None)
                self._unheard.pop(threading.current_thread(), None)
            link.close()

    def _converse(self, link: wire.Link) -> None:
        uid = link.peer_uid()
        if uid is not None and sys.platform != "win32" and uid != os.geteuid():
            logger.warning("Refused a control connection from user %d", uid)
            return
        with link.limit(self._read_limit_s):
            if not wire.admit(link, self._key):
                logger.warning("Refused a control connection with a wrong key")
                return
            request = self._read(link)
        with self._lock:
            self._unheard.pop(threading.current_thread(), None)
        reply, stop = self._answer(request)
        with link.limit(WRITE_LIMIT_S):
            link.send(wire.encode(reply))
        if stop:
            self._control.stop()

    def _read(self, link: wire.Link) -> dict[str, Any] | wire.WireError:
        """The request, or what is wrong with it."""
        try:
            return wire.decode(link.receive(wire.REQUEST_BYTES))
        except wire.WireError as error:
            return error

    def _answer(self, request: dict[str, Any] | wire.WireError) -> tuple[dict[str, Any], bool]:
        """The reply, and whether the session is to stop after it."""
        name = "the request"
        try:
            if isinstance(request, wire.WireError):
                raise request
            name, command, arguments = self._parse(request)
            return {"ok": True, "result": command(**arguments)}, name == "stop"
        except wire.WireError as error:
            return {"ok": False, "error": f"bad request: {error}", "hint": ""}, False
        except VcamError as error:
            return {"ok": False, "error": error.message, "hint": error.hint}, False
        except Exception as error:  # whatever it is, who asked is told, and the session goes on
            logger.exception("%s failed", name)
            return {"ok": False, "error": f"{name} failed: {error!r}", "hint": FAULT}, False

    def _parse(self, request: dict[str, Any]) -> tuple[str, Callable[..., Any], dict[str, Any]]:
        if request.pop("v", None) != wire.VERSION:
            raise wire.WireError(f"this session speaks version {wire.VERSION} of the control protocol")
        name = request.pop("do", None)
        if not isinstance(name, str) or name not in self._commands:
            raise wire.WireError(f"there is no command {str(name)[:40]!r}, only {', '.join(self._commands)}")
        wanted, command = self._commands[name]
        if sorted(request) != sorted(wanted) or not all(_is(value, wanted[key]) for key, value in request.items()):
            kinds = {str: "text", float: "number"}
            arguments = ", ".join(f"{key} ({kinds[kind]})" for key, kind in wanted.items())
            raise wire.WireError(f"{name} takes {arguments or 'no arguments'}")
        try:
            return name, command, {key: wanted[key](value) for key, value in request.items()}
        except OverflowError as error:  # JSON's numbers may have any number of digits
            raise wire.WireError("a number is too large") from error


def _is(value: object, kind: type) -> bool:
    if kind is float:  # JSON has one kind of number, and Python takes True for one
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)
