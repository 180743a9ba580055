"""A session without audio, animator or camera. Run as a script it is a background process that holds one."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from vcam.daemon.lock import SessionLock
from vcam.daemon.main import main
from vcam.daemon.server import ControlServer
from vcam.errors import AnimatorError, AvatarError, SourceError, UsageError

logger = logging.getLogger("stand_in")

EXPRESSIONS = ("neutral", "smile", "wink")


class StandIn:
    """Keeps the promises of SessionControl, and a list of what it was asked."""

    def __init__(self, state: str = "live") -> None:
        self.state = state
        self.asked: list[str] = []
        self.ended = threading.Event()
        self.ignore_stop = False
        self._started = time.monotonic()
        self._muted = self._paused = self._cut = False

    def status(self) -> dict[str, Any]:
        return {
            "state": "cut" if self._cut else "paused" if self._paused else "muted" if self._muted else self.state,
            "uptime_s": time.monotonic() - self._started,
            "profile": "default",
            "avatar": "robin",
            "animator": "lite",
            "audio": {
                "device": "USB [2]",
                "sample_rate": 48000,
                "level_dbfs": float("-inf"),
                "speech": False,
                "overruns": 0,
            },
            "camera": {
                "kind": "virtual",
                "device": "/dev/video9",
                "width": 1280,
                "height": 720,
                "fps": 25.0,
                "presented": 7,
                "repeated": 1,
                "skipped": 0,
            },
            "latency_ms": {
                "algorithmic": 60.0,
                "compute_p50": 9.0,
                "compute_p95": 12.5,
                "device": 40.0,
                "total": 112.5,
            },
            "muted": self._muted,
            "paused": self._paused,
            "cut": self._cut,
            "expressions": list(EXPRESSIONS),
            "warnings": ["the microphone is very quiet"],
        }

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = self._cut = False

    def cut(self) -> None:
        self._paused = self._cut = True

    def mute(self) -> None:
        self._muted = True

    def unmute(self) -> None:
        self._muted = False

    def express(self, name: str) -> None:
        self.asked.append(f"express {name}")
        if name not in EXPRESSIONS:
            raise AnimatorError(f"There is no expression {name!r}.", "Did you mean 'smile'?")
        logger.info("Showing %s", name)

    def pose(self, yaw: float, pitch: float, roll: float, gaze_x: float, gaze_y: float) -> None:
        self.asked.append(f"pose {yaw:g} {pitch:g} {roll:g} {gaze_x:g} {gaze_y:g}")

    def switch(self, target: str) -> None:
        self.asked.append(f"switch {target}")
        if target == "nobody":
            raise AvatarError("there is no avatar called nobody", "Did you mean robin?")
        logger.info("Switched to %s", target)

    def stop(self) -> None:
        self.asked.append("stop")
        if not self.ignore_stop:
            self.ended.set()


def run(options: dict[str, Any]) -> int:
    with SessionLock() as lock:
        session = StandIn(str(options.get("state", "live")))
        session.ignore_stop = bool(options.get("ignore_stop"))

        def on_signal(number: int, frame: FrameType | None) -> None:
            session.stop()

        signal.signal(signal.SIGTERM, on_signal)
        if "fail" in options:
            raise SourceError(str(options["fail"]), "Plug one in.")
        if "misuse" in options:
            raise UsageError(str(options["misuse"]))
        if "crash" in options:
            raise RuntimeError(str(options["crash"]))
        with ControlServer(session, lock.address, lock.key):
            logger.info("Live")
            session.ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(run))
