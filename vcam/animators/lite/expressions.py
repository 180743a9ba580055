"""Expressions on request: what a face does besides speaking, and how it gets from one to the next."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

from vcam.media import FRAME_SAMPLES, samples
from vcam.smoothstep import smoothstep

EASE = samples(440)  # from one expression to the next; faces take 300 to 500 ms (Schmidt et al., 2006)


@dataclass(frozen=True, slots=True)
class Expression:
    """A face at full strength; all 0 is the portrait as painted.

    ``smile`` -1 corners down to 1 up; ``skew`` -1..1 lifts the picture's right corner and lowers the left; ``jaw``,
    ``wide`` and ``pressed`` as in a mouth's shape, seen while silent; ``brow_left``, ``brow_right`` and ``frown`` (1
    inner ends down and together, -1 up) in the rig's lifts; ``squint`` 0..1 lower lids up, ``widen`` 0..1 upper lids
    up, ``droop`` 0..1 upper lids down; ``roll``, ``yaw``, ``pitch`` and gaze as in a Motion.
    """

    smile: float = 0.0
    skew: float = 0.0
    jaw: float = 0.0
    wide: float = 0.0
    pressed: float = 0.0
    brow_left: float = 0.0
    brow_right: float = 0.0
    frown: float = 0.0
    squint: float = 0.0
    widen: float = 0.0
    droop: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0


NEUTRAL = "neutral"

# Which muscles take part follows the action units of each emotion (Ekman & Friesen, 1978), at about half strength:
# a call is no stage. A smile without the eyes (6 without 12) is what looks false.
EXPRESSIONS: dict[str, Expression] = {
    NEUTRAL: Expression(),
    "smile": Expression(smile=0.75, squint=0.35, brow_left=0.2, brow_right=0.2, roll=0.35, pitch=-0.15),
    "laugh": Expression(smile=1.0, jaw=0.36, squint=0.75, brow_left=0.8, brow_right=0.8, roll=0.5, pitch=-0.45),
    "surprised": Expression(
        smile=-0.4, jaw=0.46, wide=-0.85, brow_left=1.6, brow_right=1.6, widen=1.0, pitch=-0.4,
    ),
    "sad": Expression(
        smile=-0.95, frown=-1.0, brow_left=-0.2, brow_right=-0.2, droop=0.16, roll=-0.6, pitch=0.6, gaze_y=0.4,
    ),
    "angry": Expression(
        smile=-0.8, pressed=0.3, frown=1.0, brow_left=-0.35, brow_right=-0.35, squint=0.3, pitch=0.4,
    ),
    "skeptical": Expression(
        smile=-0.35, skew=0.55, brow_left=-0.7, brow_right=1.7, frown=0.2, squint=0.3, roll=0.8, yaw=-0.3,
    ),
    "thinking": Expression(
        smile=-0.3, skew=-0.5, wide=-0.2, pressed=0.3, brow_left=1.2, brow_right=0.2, frown=0.2, squint=0.1,
        roll=-0.7, yaw=0.5, pitch=-0.3, gaze_x=0.8, gaze_y=-0.9,
    ),
}  # fmt: skip


def subdued(face: Expression, part: float) -> Expression:
    """The same face, ``part`` (0..1) of the way to the portrait as painted; its gaze is soon free."""
    left = 1 - part
    faded = Expression(*(left * value for value in astuple(face)))
    return replace(faded, gaze_x=left * faded.gaze_x, gaze_y=left * faded.gaze_y)


class Face:
    """Which expression is shown at each moment; eases from whatever is shown to the one asked for."""

    def __init__(self, name: str = NEUTRAL) -> None:
        """Raises KeyError if there is no expression ``name``."""
        self._target = EXPRESSIONS[name]
        self._from = self._target
        self._since: int | None = None  # PTS of the frame before the change
        self._shown = self._target

    @property
    def shown(self) -> Expression:
        """What :meth:`at` gave last."""
        return self._shown

    def turn_to(self, name: str, pts: int) -> None:
        """From the frame at ``pts`` on, go to ``name``. Raises KeyError if there is none such."""
        target = EXPRESSIONS[name]
        if target != self._target:
            self._target, self._from, self._since = target, self._shown, pts - FRAME_SAMPLES

    def resume(self, pts: int) -> None:
        """Frames go on from ``pts``, which does not follow the last: what was on its way goes on from where it is."""
        if self._since is not None:
            self._from, self._since = self._shown, pts - FRAME_SAMPLES

    def at(self, pts: int) -> Expression:
        """The face of the frame at ``pts``; frames are asked for in order."""
        if self._since is not None:
            part = (pts - self._since) / EASE
            if part >= 1:
                self._since, self._shown = None, self._target
            else:
                part = smoothstep(part)
                pairs = zip(astuple(self._from), astuple(self._target), strict=True)
                self._shown = Expression(*(old + part * (new - old) for old, new in pairs))
        return self._shown
