"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def at_home(path: str | Path) -> Path:
    """``~`` and ``~name`` as home folders; what begins so and is nobody's home stays as it is, as in a shell."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # a file may be called ~photo.jpg, too
        return Path(path)
