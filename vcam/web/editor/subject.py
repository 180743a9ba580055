"""What is being edited, and how that ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.media import ByteArray

#: Keeps the avatar with these landmarks. Raises VcamError if that cannot be done. Called from another thread.
Store = Callable[[Landmarks], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """``rgb``: uint8 [h, w, 3]; ``landmarks``: where editing begins; ``proposal``: what can be gone back to.

    ``found``: which face this is and how sure that is, for the reader; ``stored``: whether ``landmarks`` are what is
    kept now; ``next_steps``: what the user may do once it is saved, in words and as text to be copied;
    ``notices``: what to know of the picture and the proposal, a sentence each, with commands in backticks.
    """

    name: str
    rgb: ByteArray
    landmarks: Landmarks
    proposal: Landmarks
    found: str = ""
    stored: bool = False
    next_steps: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return int(self.rgb.shape[1]), int(self.rgb.shape[0])


@dataclass(frozen=True, slots=True)
class Outcome:
    """``landmarks``: those that were saved, or None, and then ``why`` says why nothing was."""

    landmarks: Landmarks | None
    why: str
