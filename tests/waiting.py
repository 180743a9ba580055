"""Waiting for a condition, for tests of things that happen on other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return as soon as ``condition()`` is true; fail the test if it is not within ``seconds``."""
    never = threading.Event()
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        never.wait(0.01)
