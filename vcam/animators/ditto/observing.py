"""How a part shows what it did, for conformance checks and tools: a function that is handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Called with the name that the conformance data give a value, and the value. What it gets it must not change, and
#: must copy what it keeps: buffers are used again.
Observe = Callable[[str, Any], None]


def nobody(name: str, value: Any) -> None:
    """Nobody looks."""
