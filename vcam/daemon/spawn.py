"""Starting a session in the background, and waiting until it is live."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vcam.daemon import logs
from vcam.daemon.client import ControlClient
from vcam.daemon.lock import SessionLock, already_running
from vcam.daemon.paths import log_file
from vcam.errors import ControlError, UsageError, VcamError

START_LIMIT_S = 30.0
END_LIMIT_S = 3.0
POLL_S = 0.1
LOG_LINES = 8
NOT_YET = ("starting", "stopping", "failed")


def start_background(
    options: Mapping[str, Any],
    *,
    level: int = logging.INFO,
    limit_s: float = START_LIMIT_S,
    on_progress: Callable[[str], None] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "vcam.daemon"),
) -> int:
    """Start a session with ``options`` (JSON types) in a process of its own; return its pid once it is live.

    ``on_progress`` is told the session's state, whenever that changes. Paths in ``options`` must be absolute: the
    process has another working directory, so as not to keep this one from being unmounted.

    Raises VcamError with the log's last lines where the session ends, or is not live within ``limit_s`` seconds: it
    is then ended, as it is if the caller is interrupted.
    """
    lock = SessionLock()
    if lock.is_held():
        raise already_running(lock.info())
    log = log_file()
    begin = log.stat().st_size if log.exists() else 0
    process = _spawn(command, log)
    try:
        _hand_over(process, {"options": dict(options), "level": level, "log": str(log)})
        _wait_until_live(process, lock, log, begin, limit_s, on_progress or (lambda state: None))
    except BaseException:
        _end(process)
        raise
    pid = process.pid
    # It outlives this process on purpose; without this, subprocess warns of a child that nobody waited for.
    process.returncode = 0
    return pid


def _spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    with logs.open_private(log) as output:
        try:
            # In the log's folder, which is private: `python -m` imports from where it is started.
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=log.parent, **detached
            )
        except OSError as error:
            raise VcamError(f"cannot start a background process: {error.strerror}") from error


def _hand_over(process: subprocess.Popen[bytes], payload: dict[str, Any]) -> None:
    """Through a pipe and not the arguments, which every user can read in the list of processes."""
    assert process.stdin is not None
    try:
        with process.stdin:
            process.stdin.write(json.dumps(payload).encode())
    except BrokenPipeError:
        logging.getLogger(__name__).debug("The background process ended before it read its options")


def _wait_until_live(
    process: subprocess.Popen[bytes],
    lock: SessionLock,
    log: Path,
    begin: int,
    limit_s: float,
    on_progress: Callable[[str], None],
) -> None:
    client = ControlClient()
    deadline = time.monotonic() + limit_s
    told = ""
    while (remaining := deadline - time.monotonic()) > 0:
        try:
            code = process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            pass
        else:
            error = _failed(f"vcam ended before it was live (exit status {code})", log, begin)
            error.exit_code = code if code == UsageError.exit_code else error.exit_code
            raise error
        info = lock.info()
        # Another start may have won the lock. On Windows a virtual environment's python.exe is the real one's parent.
        if info is None or process.pid not in (info.pid, info.parent):
            continue
        try:
            state = str(client.call("status", limit_s=remaining).get("state", "starting"))
        except ControlError:
            state = "starting"
        if state != told:
            told = state
            on_progress(state)
        if state not in NOT_YET:
            return
    raise _failed(f"vcam was not live after {limit_s:g} s", log, begin)


def _failed(message: str, log: Path, begin: int) -> VcamError:
    # A log that is shorter than before has been rotated: then all of it is this start's.
    since = begin if log.stat().st_size >= begin else 0
    lines = logs.tail(log, LOG_LINES, since=since)
    return VcamError("\n".join([f"{message}; the log ends with:", *lines]) if lines else message, f"Log: {log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
