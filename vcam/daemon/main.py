"""The background process: takes its options from its parent, sends everything to the log, runs a session."""

from __future__ import annotations

import dataclasses
import faulthandler
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from vcam.daemon import logs
from vcam.errors import VcamError

logger = logging.getLogger(__name__)


def run_session(options: dict[str, Any]) -> int:
    """Run the session that ``vcam start`` described; returns its exit code."""
    from vcam import app

    known = {field.name for field in dataclasses.fields(app.StartOptions)}
    if unknown := sorted(options.keys() - known):
        raise VcamError(f"the background process does not know the options {', '.join(unknown)}")
    return app.run_session(app.StartOptions(**options))


def main(run: Callable[[dict[str, Any]], int] = run_session) -> int:
    """Read ``{"options": …, "level": …, "log": …}`` from stdin and run; returns the exit code.

    ``run`` takes the options. It may handle signals itself; until it does, SIGTERM ends the process in order.
    """
    payload = json.load(sys.stdin)
    _close_stdin()
    logs.set_up(Path(payload["log"]), payload["level"])
    faulthandler.enable()  # a crash in a native library then leaves its Python stack in the log
    signal.signal(signal.SIGTERM, _leave)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal that it was started from may close
    logger.info("Starting in the background, pid %d", os.getpid())
    try:
        code = run(payload["options"])
    except VcamError as error:
        logger.error("%s", " ".join(str(error).split("\n")))
        code = error.exit_code
    logger.info("Ended with exit status %d", code)
    return code


def _close_stdin() -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)


def _leave(number: int, frame: FrameType | None) -> None:
    # An exception, so that every `with` and `finally` on the way out is run.
    raise SystemExit(0)
