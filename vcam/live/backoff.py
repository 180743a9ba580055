"""Trying a lost device again: when, and on which thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FIRST = 0.25  # s
LONGEST = 5.0  # s


class Backoff:
    """Pauses that double from a quarter of a second to five seconds, and start anew after a success."""

    def __init__(self) -> None:
        self._pause = FIRST
        self._retry_at = 0.0

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._retry_at

    def fail(self) -> None:
        """It did not work: wait, and longer the next time."""
        self._retry_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST)

    def succeed(self) -> None:
        self._pause = FIRST


class Attempt:
    """One call on a thread of its own, for devices that take seconds to open while others must go on."""

    def __init__(self, call: Callable[[], None], name: str) -> None:
        self.error: Exception | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether the call has returned, or failed with ``error``."""
        return not self._thread.is_alive()

    def wait(self, timeout: float) -> bool:
        """Wait for the end; True if it has come."""
        self._thread.join(timeout)
        return self.done

    def _run(self) -> None:
        try:
            self._call()
        except Exception as error:  # noqa: BLE001 - handed to whoever asked for the attempt
            self.error = error
