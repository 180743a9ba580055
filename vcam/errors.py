"""Everything that vcam raises on purpose.

VcamError                 what happened, why, and what to do next; exit code 1
├── UsageError            the command or its options are wrong; exit code 2
├── ProfileError          a profile cannot be read or has a wrong key
├── AvatarError           a portrait cannot be found, read or animated
├── AnimatorError         an animator cannot start or has failed
├── SourceError           an audio device or file cannot be opened or read
│   └── SourceLost        it was open and went away; worth trying again
├── OutputError           the voice cannot be played where it was asked to be
│   └── OutputLost        it was played and went away; worth trying again
├── CameraError           a camera cannot be opened or written
│   └── CameraLost        it was open and went away; worth trying again
└── ControlError          the running session cannot be reached, or refused a request
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VcamError(Exception):
    """An error for the user: ``message`` says what and why, ``hint`` (optional) what to do next."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(VcamError):
    exit_code = 2


class ProfileError(VcamError):
    pass


class AvatarError(VcamError):
    pass


class AnimatorError(VcamError):
    pass


class SourceError(VcamError):
    pass


class SourceLost(SourceError):
    pass


class OutputError(VcamError):
    pass


class OutputLost(OutputError):
    pass


class CameraError(VcamError):
    pass


class CameraLost(CameraError):
    pass


class ControlError(VcamError):
    pass


def nearest(word: str, known: Iterable[str], count: int = 3, likeness: float = 0.5) -> list[str]:
    """The names in ``known`` most like ``word``, best first, whatever their case; empty if none is near.

    ``likeness`` 0..1 is difflib's ratio from which one counts; 1 are the same letters.
    """
    by_folded = {name.casefold(): name for name in known}
    folded = word.casefold()
    inside = [name for key, name in by_folded.items() if folded in key]
    close = [by_folded[key] for key in difflib.get_close_matches(folded, by_folded, count, cutoff=likeness)]
    return list(dict.fromkeys(inside + close))[:count]
