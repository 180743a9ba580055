"""Paths as people write them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path


def quoted(path: str | Path) -> str:
    """As it is written in a command, for the user to copy."""
    return subprocess.list2cmdline([str(path)]) if sys.platform == "win32" else shlex.quote(str(path))


def at_home(path: str | Path) -> Path:
    """``~`` and ``~name`` as home folders; what begins so and is nobody's home stays as it is, as in a shell."""
    path = Path(path)
    first = path.parts[0] if path.parts else ""
    if not first.startswith("~"):
        return path
    try:  # a file may be called ~photo.jpg, too
        home = Path(first).expanduser()
        known = first == "~" or home.is_dir()  # Windows takes any name for somebody's
    except (OSError, ValueError, RuntimeError):
        return path
    return home.joinpath(*path.parts[1:]) if known else path
