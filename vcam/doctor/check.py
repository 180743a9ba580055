"""One finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "info", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """``name`` stays the same from version to version. ``fix``: one command, or one thing to do, if there is any.

    ``fail``: `vcam start --demo` cannot run here; ``warn``: something that a call needs is missing; ``info``: optional.
    """

    name: str
    status: Status
    detail: str
    fix: str = ""


def can_work(checks: Iterable[Check]) -> bool:
    """Whether the main job can be done here: some camera, be it the preview, and sound, be it the demo."""
    return all(check.status != "fail" for check in checks)
