"""When to try a lost device again."""

from __future__ import annotations

import time

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
