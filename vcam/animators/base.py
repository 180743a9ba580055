"""What every animator offers. An animator turns audio into frames of one avatar.

The work is split in two, because a live session may skip one half but not the other: ``analyse`` follows the
sound and must see all of it; ``render`` draws one frame and is left out for frames that would come too late.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from vcam.errors import AnimatorError, nearest
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, ByteArray, Picture, silence

if TYPE_CHECKING:
    from vcam.profile.model import Profile


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
class Steering:
    """Where head and eyes are asked to turn, on top of what they do by themselves.

    ``yaw``, ``pitch``, ``roll`` in degrees, at most 30 either way; ``gaze_x``, ``gaze_y`` from -1 to 1. As the picture
    is seen: positive yaw and gaze_x to the right, positive pitch and gaze_y up, positive roll clockwise.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0

    def __post_init__(self) -> None:
        for name, limit in (("yaw", 30), ("pitch", 30), ("roll", 30), ("gaze_x", 1), ("gaze_y", 1)):
            if not abs(getattr(self, name)) <= limit:  # nan too
                raise AnimatorError(f"{name} must be between -{limit} and {limit}, not {getattr(self, name):g}.")

    def mirrored(self) -> Steering:
        """What looks the same once the picture's left and right are swapped."""
        return Steering(-self.yaw, self.pitch, -self.roll, -self.gaze_x, self.gaze_y)


@dataclass(frozen=True, slots=True)
class StageLoad:
    """What one stage of an animator's work costs lately: ms for a call, and the share of real time that it takes."""

    name: str
    p50_ms: float
    p95_ms: float
    share: float


@dataclass(frozen=True, slots=True)
class Pose:
    """What a frame will show, before it is drawn. Animators subclass it. ``pts`` is a multiple of 640."""

    pts: int


class Animator(ABC):
    """Turns audio into frames. Used from one thread at a time; never blocks on anything but its own computation."""

    kind: ClassVar[str]

    #: What does the most of its work, such as a provider's or a GPU's name; "" for the processor, as always.
    runs_on: str = ""

    #: Names that :meth:`express` takes.
    expressions: ClassVar[tuple[str, ...]] = ()

    #: PTS samples after the newest chunk that the animator wants to see with it, as ``chunk.ahead``.
    look_ahead: int = 0

    #: Seconds that the session allows for one frame's analysis, drawing and staging; part of the fixed delay.
    compute_allowance: float = 0.015

    @property
    def algorithmic_latency(self) -> int:
        """Samples from a frame's first sample until the last one needed for it, look-ahead included.

        An animator whose poses come later than their own sound has been pushed says here how much later.
        """
        return FRAME_SAMPLES + self.look_ahead

    @property
    def tail(self) -> int:
        """Samples of silence that must follow the end of a stream until its last pose has come. A multiple of 320."""
        behind = max(0, self.algorithmic_latency - FRAME_SAMPLES - self.look_ahead)
        return -(-behind // CHUNK_SAMPLES) * CHUNK_SAMPLES

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

    def draw(self, pose: Pose) -> ByteArray | Picture:
        """What :meth:`render` draws, in the form that costs least on its way to the camera: I420 as a Picture where
        the animator draws it so, else RGB. Kept and changed no more than there."""
        return self.render(pose)

    def draw_all(self, poses: Iterable[Pose]) -> Iterator[tuple[Pose, ByteArray | Picture]]:
        """Every pose with what :meth:`draw` gives, in order, where nobody waits for the first.

        An animator may take some poses ahead, to draw several frames at once or one while another is being copied. A
        frame is valid until the next one is asked for. Nothing else may be drawn meanwhile.
        """
        for pose in poses:
            yield pose, self.draw(pose)

    def analyse_whole(self, chunks: Iterable[AudioChunk]) -> Iterator[Pose]:
        """The poses of a whole recording, in PTS order: one for each frame that begins within it.

        Streams, unless the animator does better where nobody waits.
        """
        end = 0
        for chunk in chunks:
            end = chunk.end
            yield from self.analyse(chunk)
        for pts in range(end, end + self.tail, CHUNK_SAMPLES):
            chunk = AudioChunk(pts, silence(CHUNK_SAMPLES), False, silence(self.look_ahead))
            yield from (pose for pose in self.analyse(chunk) if pose.pts < end)

    def repeats(self, pose: Pose) -> bool:
        """Whether ``render(pose)`` would draw what it drew last: the caller may leave it out and show that again."""
        return False

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

    def steer(self, steering: Steering) -> None:
        """Turn head and eyes there from the next analysed frame on, easing, until told otherwise. From any thread.

        Raises AnimatorError if this animator cannot.
        """
        raise AnimatorError("This animator's head cannot be turned on request.")

    def set_away(self, away: bool) -> None:
        """Whether nobody listens at the moment: an idling portrait may show it. From any thread."""

    def successor(self, profile: Profile) -> Animator | None:
        """An animator for another profile that shares what this one has loaded; None if it could share nothing.

        Raises VcamError if the profile cannot be animated. Called while this animator is in use, from any thread.
        """
        return None

    def stages(self) -> Sequence[StageLoad]:
        """What the parts of the work cost lately, in the order of the data. From any thread."""
        return ()

    def bottleneck(self) -> str:
        """For a user whose frames are skipped: what takes the time and which setting would help; "" if unknown."""
        return ""

    def warm_up(self) -> None:
        """Do once whatever makes the first frames slow. Called before the session goes live, and before its delay is
        fixed: ``compute_allowance`` may be measured here."""

    def close(self) -> None:
        """Free what is held. May be called twice."""
