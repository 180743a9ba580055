"""The control channel's client: one request a call, with a time limit and an error that says what to do."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from vcam.daemon import wire
from vcam.daemon.channel import connect
from vcam.daemon.lock import SessionInfo, SessionLock
from vcam.errors import ControlError

CALL_LIMIT_S = 5.0
# A switch prepares the new portrait before it answers.
SLOW_CALLS_LIMIT_S = {"switch": 60.0}


class NotRunning(ControlError):
    """There is no session to talk to."""


class ControlClient:
    """Talks to this user's running session; holds no connection between calls."""

    def __init__(self, runtime: Path | None = None) -> None:
        self._lock = SessionLock(runtime)

    def info(self) -> SessionInfo:
        """Who the running session is. Raises NotRunning where there is none."""
        info = self._lock.info()
        if info is None or not self._lock.is_held():
            raise not_running()
        return info

    def running(self) -> bool:
        """Whether a session runs, one that is starting or hangs included."""
        return self._lock.is_held()

    def clear_stale(self) -> None:
        """Remove what a killed session left behind; does nothing while one runs."""
        self._lock.clear_stale()

    def call(self, do: str, *, limit_s: float | None = None, **arguments: str | float) -> Any:
        """Ask for ``do`` and return the result, JSON types.

        Raises NotRunning where no session runs, ControlError where it refuses, answers not within ``limit_s`` or
        is another version.
        """
        limit_s = SLOW_CALLS_LIMIT_S.get(do, CALL_LIMIT_S) if limit_s is None else limit_s
        # The session's files may vanish at any point from here on: then it has just ended.
        info = self.info()
        try:
            link = wire.Link(connect(info.address, limit_s))
        except TimeoutError as error:
            raise _silent(info, limit_s) from error
        except OSError as error:
            if not self._lock.is_held():
                raise not_running() from error
            raise ControlError(f"vcam (pid {info.pid}) does not take requests yet", "Try again in a moment.") from error
        try:
            return self._ask(link, info, limit_s, {"v": wire.VERSION, "do": do, **arguments})
        finally:
            link.close()

    def _ask(self, link: wire.Link, info: SessionInfo, limit_s: float, request: dict[str, Any]) -> Any:
        with link.limit(limit_s) as expired:
            try:
                if not wire.greet(link, self._lock.read_key()):
                    raise ControlError(
                        f"vcam (pid {info.pid}) refused the request: the key does not match", "Try `vcam stop --force`."
                    )
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    link.send(wire.encode(request))  # of one that is too large it need not have read all to answer
                reply = wire.decode(link.receive(wire.REPLY_BYTES))
            except (EOFError, OSError) as error:
                if expired.is_set():
                    raise _silent(info, limit_s) from error
                if not self._lock.is_held():
                    raise not_running() from error
                raise ControlError(
                    f"vcam (pid {info.pid}) hung up without an answer", "Look at `vcam logs`."
                ) from error
            except wire.WrongVersion as error:
                hint = "Start it again with this version: `vcam stop --force`, then `vcam start --background`."
                raise ControlError(f"the running vcam (pid {info.pid}) is another version: {error}", hint) from error
            except wire.WireError as error:
                raise ControlError(f"no sensible answer from {info.address}: {error}") from error
        if reply.get("ok") is not True:
            raise ControlError(str(reply.get("error", "refused, without a reason")), str(reply.get("hint", "")))
        return reply.get("result")


def not_running() -> NotRunning:
    return NotRunning("vcam is not running", "Start it with `vcam start --background`.")


def _silent(info: SessionInfo, limit_s: float) -> ControlError:
    hint = "Look at `vcam logs`, or end it with `vcam stop --force`."
    return ControlError(f"vcam (pid {info.pid}) did not answer within {limit_s:g} s", hint)
