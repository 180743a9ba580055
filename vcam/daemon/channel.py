"""Both ends of the control channel as the system has it: a Unix socket, or a named pipe on Windows."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from multiprocessing.connection import Client, Connection, Listener, wait
from pathlib import Path


class SocketListener:
    """A Unix socket of mode 0600 that can be closed while another thread waits in ``accept``."""

    def __init__(self, address: str, backlog: int) -> None:
        self._address = Path(address)
        self._closing = threading.Event()
        # A file descriptor to wait for beside the socket: closing that would not end the wait.
        self._closed, self._close = socket.socketpair()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.bind(address)
            self._address.chmod(0o600)  # the folder around it is 0700 already
            self._socket.listen(backlog)
            self._socket.setblocking(False)
        except OSError:
            self.dispose()
            raise

    def accept(self) -> Connection | None:
        """The next connection; None once closed."""
        while not self._closing.is_set():
            wait([self._socket, self._closed])
            try:
                channel, _ = self._socket.accept()
            except BlockingIOError:  # the client has left again, or this is the end
                continue
            channel.setblocking(True)
            return Connection(channel.detach())
        return None

    def close(self) -> None:
        """Let nobody connect any more, and end the wait in ``accept``."""
        if not self._closing.is_set():
            self._closing.set()
            self._address.unlink(missing_ok=True)
            self._close.send(b"x")

    def dispose(self) -> None:
        """Give the descriptors back; only when no thread is in ``accept``."""
        for part in (self._socket, self._closed, self._close):
            part.close()


class PipeListener:
    """The same on Windows."""

    def __init__(self, address: str, backlog: int) -> None:
        self._address = address
        self._closing = threading.Event()
        self._listener = Listener(address, "AF_PIPE", backlog)

    def accept(self) -> Connection | None:
        connection = self._listener.accept()
        if self._closing.is_set():
            connection.close()
            return None
        return connection  # type: ignore[return-value,unused-ignore]

    def close(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            with contextlib.suppress(OSError):
                Client(self._address, "AF_PIPE").close()  # nothing else ends the wait for a client

    def dispose(self) -> None:
        self._listener.close()


def listen(address: str, backlog: int) -> SocketListener | PipeListener:
    """Open ``address`` for clients. Raises OSError where it is taken or not allowed."""
    return PipeListener(address, backlog) if sys.platform == "win32" else SocketListener(address, backlog)


def connect(address: str, limit_s: float) -> Connection:
    """Open the channel at ``address``. Raises TimeoutError after ``limit_s``, another OSError where nobody listens."""
    if sys.platform == "win32":
        return Client(address, "AF_PIPE")  # type: ignore[return-value,unused-ignore]
    deadline = time.monotonic() + limit_s
    with socket.socket(socket.AF_UNIX) as channel:
        channel.setblocking(False)
        while True:
            try:
                channel.connect(address)
            except BlockingIOError as error:  # a Unix socket's queue is full: it does not wait as TCP does
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nobody accepts at {address}") from error
                time.sleep(0.02)
                continue
            channel.setblocking(True)
            return Connection(channel.detach())
