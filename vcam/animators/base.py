"""What every animator offers. An animator turns audio into frames of one avatar.

The work is split in two, because a live session may skip one half but not the other: ``analyse`` follows the
sound and must see all of it; ``render`` draws one frame and is left out for frames that would come too late.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from vcam.errors import AnimatorError, nearest
from vcam.media import FRAME_SAMPLES, AudioChunk, ByteArray


@dataclass(frozen=True, slots=True)
class Scene:
    """What the animator should draw on, if it can: the camera's size and the backdrop behind the portrait.

    ``backdrop``: uint8 RGB [height, width, 3], or None for the portrait's own background. ``zoom`` 1 shows the
    portrait as it was composed, more comes closer; ``shift_x``, ``shift_y`` move it, in fractions of the picture's
    height. An animator may ignore the scene and render in its own size: the stage fits what is not the camera's size.
    """

    width: int
    height: int
    zoom: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    backdrop: ByteArray | None = None


@dataclass(frozen=True, slots=True)
class Pose:
    """What a frame will show, before it is drawn. Animators subclass it. ``pts`` is a multiple of 640."""

    pts: int


class Animator(ABC):
    """Turns audio into frames. Used from one thread at a time; never blocks on anything but its own computation."""

    kind: ClassVar[str]

    #: Names that :meth:`express` takes.
    expressions: ClassVar[tuple[str, ...]] = ()

    #: PTS samples that must be known *after* a frame's last sample before its pose can be given.
    look_ahead: int = 0

    #: Seconds that the session allows for one frame's analysis, drawing and staging; part of the fixed delay.
    compute_allowance: float = 0.015

    @property
    def algorithmic_latency(self) -> int:
        """Samples from a frame's first sample until the last one needed for it, look-ahead included."""
        return FRAME_SAMPLES + self.look_ahead

    @abstractmethod
    def portrait(self) -> ByteArray:
        """The avatar at rest: uint8 RGB [h, w, 3]. Cheap; shown until the first frame and when all else fails."""

    @abstractmethod
    def analyse(self, chunk: AudioChunk) -> Sequence[Pose]:
        """Take the next 20 ms and return the poses that it completes, in PTS order (often none or one).

        Chunks are contiguous, ``chunk.ahead`` holds at least ``look_ahead`` samples (the session sees to both);
        after a gap the session calls :meth:`reset` first.
        """

    @abstractmethod
    def render(self, pose: Pose) -> ByteArray:
        """Draw one frame: uint8 RGB [h, w, 3], C-contiguous. The caller must not change it, and may keep it only
        until the next call."""

    def reset(self, pts: int) -> None:
        """Sound before ``pts`` (a multiple of 640) will not come: forget what was heard, ease to rest."""

    def express(self, name: str) -> None:
        """Show one of ``expressions`` from the next analysed frame on, easing. From any thread.

        Raises AnimatorError if there is none of that name.
        """
        if not self.expressions:
            raise AnimatorError("this animator has no expressions", "The lite animator has: vcam start --animator lite")
        if name not in self.expressions:
            near = nearest(name, self.expressions, 1)
            known = f"Possible are: {', '.join(self.expressions)}."
            raise AnimatorError(
                f"There is no expression {name[:40]!r}.", f"Did you mean {near[0]!r}? {known}" if near else known
            )

    def set_away(self, away: bool) -> None:
        """Whether nobody listens at the moment: an idling portrait may show it. From any thread."""

    def warm_up(self) -> None:
        """Do once whatever makes the first frames slow. Called before the session goes live."""

    def close(self) -> None:
        """Free what is held. May be called twice."""
