"""What client and server of the control channel share: bounded byte messages, time limits, proof of the key, JSON.

One connection carries one request::

    server   "vcam-control 1 " + nonce
    client   nonce + HMAC(key, "client" + both nonces)
    server   HMAC(key, "server" + both nonces)           or "wrong key", and closes
    client   {"v": 1, "do": "status", …}
    server   {"ok": true, "result": …} or {"ok": false, "error": "…", "hint": "…"}

Never ``Connection.send`` and ``recv``: those unpickle what comes in, before or after authentication.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import math
import os
import secrets
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

VERSION = 1
REQUEST_BYTES = 64 * 1024
REPLY_BYTES = 1024 * 1024
HELLO = b"vcam-control "
REFUSAL = b"wrong key"
NONCE_BYTES = 32
PROOF_BYTES = hashlib.sha256().digest_size


class WireError(Exception):
    """The other side does not speak this protocol."""


class WrongVersion(WireError):
    """The other side speaks another version of it."""


class Oversized(WireError):
    """A message has more bytes than it may have; they were not read."""


class Link:
    """One connection with time limits: ``hang_up`` may be called from any thread and ends whatever waits on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._socket = socket.socket(fileno=os.dup(connection.fileno())) if sys.platform != "win32" else None

    def send(self, message: bytes) -> None:
        self._connection.send_bytes(message)

    def receive(self, most: int) -> bytes:
        """One message. Raises EOFError at the end, OSError on a broken one, Oversized on more than ``most`` bytes."""
        try:
            return self._connection.recv_bytes(most)
        except OSError as error:
            if self._connection.closed or self._connection.readable:
                raise
            raise Oversized(f"it has more than {most} bytes") from error  # nothing more is read from such a connection

    @contextlib.contextmanager
    def limit(self, seconds: float) -> Iterator[threading.Event]:
        """Hang up after ``seconds``; the event yielded is set if that was done.

        A timer and no poll(): poll waits for a message's first byte only, and the rest may never come.
        """
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.hang_up()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield expired
        finally:
            timer.cancel()

    def hang_up(self) -> None:
        if self._socket is None:
            self._connection.close()
            return
        with contextlib.suppress(OSError):  # the other side was first
            self._socket.shutdown(socket.SHUT_RDWR)

    def peer_uid(self) -> int | None:
        """The user of the process at the other end; None where the system does not tell."""
        if sys.platform != "linux" or self._socket is None:
            return None
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])

    def close(self) -> None:
        self._connection.close()
        if self._socket is not None:
            self._socket.close()


def admit(link: Link, key: bytes) -> bool:
    """The server's side of the greeting: True if the client has proved that it knows ``key``."""
    ours = secrets.token_bytes(NONCE_BYTES)
    link.send(HELLO + b"%d " % VERSION + ours)
    answer = link.receive(NONCE_BYTES + PROOF_BYTES)
    theirs, proof = answer[:NONCE_BYTES], answer[NONCE_BYTES:]
    if not hmac.compare_digest(proof, _proof(key, b"client", ours, theirs)):
        link.send(REFUSAL)
        return False
    link.send(_proof(key, b"server", ours, theirs))
    return True


def greet(link: Link, key: bytes) -> bool:
    """The client's side: True if each side knows ``key``. Raises WireError for a server that is not (this) vcam."""
    hello, _, version_and_nonce = link.receive(256).partition(HELLO)
    version, _, theirs = version_and_nonce.partition(b" ")
    if hello or not version.isdigit():
        raise WireError("something else than vcam answers there")
    if int(version) != VERSION:
        raise WrongVersion(f"it speaks version {int(version)} of the control protocol, this vcam version {VERSION}")
    ours = secrets.token_bytes(NONCE_BYTES)
    link.send(ours + _proof(key, b"client", theirs, ours))
    return hmac.compare_digest(link.receive(PROOF_BYTES), _proof(key, b"server", theirs, ours))


def encode(message: dict[str, Any]) -> bytes:
    """JSON that every reader takes: a level of minus infinity dB, legal in Python's JSON alone, becomes null."""
    return json.dumps(_finite(message), allow_nan=False).encode()


def decode(message: bytes) -> dict[str, Any]:
    """The JSON object in ``message``. Raises WireError for anything else, however deeply nested."""
    try:
        found = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise WireError("not JSON") from error
    if not isinstance(found, dict):
        raise WireError("not a JSON object")
    return found


def _proof(key: bytes, role: bytes, server_nonce: bytes, client_nonce: bytes) -> bytes:
    # The role keeps a server from being used to compute the answer to its own question.
    return hmac.digest(key, role + server_nonce + client_nonce, "sha256")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
