"""One session a user: a lock that dies with its process, and a note of who holds it and where it answers."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from vcam.daemon.logs import active_log
from vcam.daemon.paths import control_address, runtime_dir
from vcam.errors import VcamError

# Longer than any `is_held` probe keeps the lock, so that asking never makes a start fail.
ACQUIRE_LIMIT_S = 0.5
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """Who holds the lock: process, its parent, start in seconds since the epoch, control address, log ("" for none)."""

    pid: int
    parent: int
    started: float
    address: str
    log: str

    @property
    def since(self) -> str:
        """The start as local time, with the date if that was not today."""
        then, now = time.localtime(self.started), time.localtime()
        return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


class SessionLock:
    """Held for a session's whole life.

    The kernel lets go of the lock when the process ends, however it ends; what a killed session left beside it is
    cleared by the next ``acquire``. While it is held, ``key`` is the secret of the control channel at ``address``.
    """

    def __init__(self, runtime: Path | None = None) -> None:
        self.runtime = runtime or runtime_dir()
        # thread_local off: a session may be stopped by another thread than the one that started it.
        self._lock = FileLock(self.runtime / "session.lock", mode=0o600, thread_local=False)
        self.address = control_address(self.runtime)
        self.key = b""

    def acquire(self, log: Path | None = None) -> None:
        """Take the lock and note who has it. Raises VcamError where another session of this user runs."""
        try:
            self._lock.acquire(timeout=ACQUIRE_LIMIT_S, poll_interval=0.02)
        except Timeout as error:
            raise already_running(self.info()) from error
        except OSError as error:
            raise VcamError(f"cannot lock {self.runtime / 'session.lock'}: {error.strerror}") from error
        self._clear()
        self.key = secrets.token_bytes(KEY_BYTES)
        _write_private(self._key_file, self.key)
        info = SessionInfo(os.getpid(), os.getppid(), time.time(), self.address, str(log or ""))
        _write_private(self._info_file, json.dumps(asdict(info)).encode())

    def release(self) -> None:
        """Remove the note and the key, then let go. Harmless when not held."""
        if self._lock.is_locked:
            self._clear()
            self._lock.release()

    def is_held(self) -> bool:
        """Whether some process, this one included, holds the lock now."""
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return True
        self._lock.release()
        return False

    def clear_stale(self) -> bool:
        """Remove what a killed session left; False where a session runs (then nothing is touched)."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        self._clear()
        self._lock.release()
        return True

    def info(self) -> SessionInfo | None:
        """The last holder's note; None where there is none or it cannot be understood. The holder may be dead."""
        try:
            found = json.loads(self._info_file.read_bytes())
            return SessionInfo(
                int(found["pid"]),
                int(found["parent"]),
                float(found["started"]),
                str(found["address"]),
                str(found["log"]),
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def read_key(self) -> bytes:
        """The running session's secret, for a client; empty where there is none."""
        try:
            return self._key_file.read_bytes()
        except OSError:
            return b""

    def __enter__(self) -> SessionLock:
        self.acquire(active_log())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def _info_file(self) -> Path:
        return self.runtime / "session.json"

    @property
    def _key_file(self) -> Path:
        return self.runtime / "control.key"

    def _clear(self) -> None:
        self._info_file.unlink(missing_ok=True)
        self._key_file.unlink(missing_ok=True)
        if sys.platform != "win32":
            Path(self.address).unlink(missing_ok=True)


def already_running(info: SessionInfo | None) -> VcamError:
    """The error for a second session; ``info`` is the first one's note, None in the moment before it is written."""
    who = f" (pid {info.pid}, since {info.since})" if info else ""
    return VcamError(f"vcam is already running{who}", "End it with `vcam stop`, or look at it with `vcam status`.")


def _write_private(path: Path, content: bytes) -> None:
    """Put ``content`` in place in one step, readable by this user alone from its first byte."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
        file.write(content)
    part.replace(path)
