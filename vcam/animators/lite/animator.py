"""The ``lite`` animator: hears with :mod:`lipsync`, lives with :mod:`life`, draws with :mod:`compositor`.

What speech, life and the asked expression do to the same face is put together here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import cv2

from vcam.animators.base import Animator, Pose, Scene, Steering
from vcam.animators.easing import EasedSteering
from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES, AudioChunk, ByteArray
from vcam.profile.model import LiteOptions
from vcam.smoothstep import smoothstep

from .avatar import Avatar, load_avatar
from .compositor import Compositor, HeadPose
from .expressions import EXPRESSIONS, Expression, Face, subdued
from .eyes import EyeShape
from .life import Life, Motion
from .lipsync import LipSync, Mouth
from .mouth import MouthShape
from .photo.compositor import PHOTO_REACH, PhotoCompositor
from .photo.package import PhotoAvatar
from .prosody import Prosody

logger = logging.getLogger(__name__)

_MOUTH_STEPS = 64  # mouth and eyes are drawn in this many steps of each number
_EYE_STEPS = 32
_HARDLY = 0.25  # pixels: a smaller move is not drawn yet; idle heads move 3 to 6 pixels a second, so none is stepped
_TURN_A_DEGREE = 1.5 / 30  # of a Motion, for each degree that is asked
_PART, _MEET = 0.2, 0.6  # of pressed: up to here lips may part, from there they meet
_WORDS_OVER = 0.06  # a frame: an expression's own mouth is back two thirds of a second after the last word
_AT_ONCE = 0.45  # of teeth and tongue's ways, in a frame
_SHUT_AT_ONCE = 0.25  # of the way from a picture's open smile to closed lips, in a frame
_RELAXED = 0.7  # of an expression: what is gone of it while nobody is there
_CHEEKS = 7.0  # units that a full smile lifts the cheeks by


@dataclass(frozen=True, slots=True)
class LitePose(Pose):
    """Everything that a frame shows."""

    head: HeadPose
    mouth: MouthShape
    eyes: EyeShape

    @property
    def shows(self) -> tuple[HeadPose, MouthShape, EyeShape]:
        """All of it but the PTS: what is alike looks alike."""
        return self.head, self.mouth, self.eyes


class LiteAnimator(Animator):
    """Animates a painted, layered portrait on the CPU, in the scene's own size."""

    kind: ClassVar[str] = "lite"
    look_ahead = LipSync.look_ahead
    expressions: ClassVar[tuple[str, ...]] = tuple(EXPRESSIONS)

    def __init__(self, avatar: Avatar | PhotoAvatar | str | Path, options: LiteOptions, scene: Scene) -> None:
        """Raises AvatarError if the avatar cannot be read, AnimatorError if the scene cannot be drawn."""
        _check(scene)
        self.avatar = load_avatar(avatar) if isinstance(avatar, str | Path) else avatar
        self._options = options
        self._lips = LipSync()
        self._prosody = Prosody()
        self._life = Life(options.seed, options.sway, options.blinks_per_minute)
        self._face = Face(options.expression)
        self._speaking = 0.0  # 1 while words are spoken, the quiet moments between their sounds included
        self._teeth = self._tongue = 0.0
        self._steering = EasedSteering()
        self._asked: str | None = None  # an expression, by any thread, for the next frame
        self._compositor, self._reach = _drawn(self.avatar, scene)
        self._held: LitePose | None = None  # the newest pose that moved
        self._shown: LitePose | None = None  # the pose drawn last
        self._shut = self._closed(self._face.shown)
        rest = self._put_together(0, Motion(), Mouth(), self._face.shown)  # where the first frame sets out
        self._portrait = self._compositor.draw(*rest.shows).copy()
        self._portrait.flags.writeable = False

    def portrait(self) -> ByteArray:
        return self._portrait

    def analyse(self, chunk: AudioChunk) -> Sequence[LitePose]:
        self._prosody.push(chunk)
        return [self._pose(pts, target) for pts, target in self._lips.push(chunk)]

    def render(self, pose: Pose) -> ByteArray:
        if not isinstance(pose, LitePose):
            raise TypeError(f"expected a LitePose, not {type(pose).__name__}")
        self._shown = pose
        return self._compositor.draw(pose.head, pose.mouth, pose.eyes)

    def repeats(self, pose: Pose) -> bool:
        return isinstance(pose, LitePose) and self._shown is not None and pose.shows == self._shown.shows

    def reset(self, pts: int) -> None:
        if pts % FRAME_SAMPLES:
            raise ValueError(f"pts must be a multiple of {FRAME_SAMPLES}, not {pts}")
        self._lips.reset(pts)
        self._prosody.reset()
        self._life.resume()
        self._face.resume(pts)

    @property
    def face(self) -> Expression:
        """The expression of the newest pose, as far as it has come."""
        return self._face.shown

    def warm_up(self) -> None:
        # OpenCV's helper threads spin while they wait for work: with parts this small they cost more than they save
        cv2.setNumThreads(1)

    def express(self, name: str) -> None:
        super().express(name)
        self._asked = name

    def steer(self, steering: Steering) -> None:
        self._steering.turn_to(steering)

    def set_away(self, away: bool) -> None:
        self._life.away = away

    def _pose(self, pts: int, target: Mouth) -> LitePose:
        asked, self._asked = self._asked, None
        if asked is not None:
            self._face.turn_to(asked, pts)
        motion = self._life.at(pts, target.presence, self._prosody.emphasis)
        gone = self._life.gone
        face = subdued(self._face.at(pts), _RELAXED * gone)
        motion = _steered(motion, self._steering.next(), 1 - gone)
        return self._hold(self._put_together(pts, motion, target, face))

    def _put_together(self, pts: int, motion: Motion, target: Mouth, face: Expression) -> LitePose:
        mouth = self._mouth(target, face)
        return LitePose(pts, self._head(motion, mouth, face), mouth, _eyes(motion, face))

    def _hold(self, pose: LitePose) -> LitePose:
        """The pose before once more, as long as the head has hardly moved since: idling, that halves the drawing."""
        held = self._held
        alike = held is not None and held.shows[1:] == pose.shows[1:]
        if held is not None and alike and self._compositor.moved(held.head, pose.head) < _HARDLY:
            return replace(held, pts=pose.pts)
        self._held = pose
        return pose

    def _mouth(self, target: Mouth, face: Expression) -> MouthShape:
        """Lips do what is spoken, in the expression's place as far as there is speech; the corners always smile."""
        amount = target.presence * self._options.expressiveness
        # a closure is quiet too: the expression's own mouth waits until the words are over
        self._speaking = max(target.presence, self._speaking - _WORDS_OVER)
        silent = (1 - self._speaking) ** 2
        self._teeth = _towards(self._teeth, _sure(target.teeth) * min(1.0, amount))
        self._tongue = _towards(self._tongue, _sure(target.tongue) * min(1.0, amount) * (1 - self._teeth))
        self._shut = min(self._closed(face), self._shut + _SHUT_AT_ONCE)
        # rounded and pressed lips cannot smile as broadly
        smiling = 1 - target.presence * (0.35 * max(0.0, -target.wide) + 0.15 * target.pressed)
        return MouthShape(
            _rounded(min(1.0, target.jaw * amount * _apart(target.pressed) + silent * face.jaw), _MOUTH_STEPS),
            _rounded(max(-1.0, min(1.0, target.wide * amount + silent * face.wide)), _MOUTH_STEPS),
            _rounded(target.pressed * min(1.0, amount) + silent * face.pressed, _MOUTH_STEPS),
            _rounded(face.smile * smiling, _MOUTH_STEPS),
            _rounded(face.skew, _MOUTH_STEPS),
            _rounded(self._teeth, _MOUTH_STEPS),
            _rounded(self._tongue, _MOUTH_STEPS),
            _rounded(self._shut, _MOUTH_STEPS),
        )

    def _closed(self, face: Expression) -> float:
        """How far a picture's open smile is to close: between the sounds and for other faces' own mouths."""
        own = max(0.0, -1.5 * face.smile, 2.5 * face.jaw)
        return min(1.0, max(self._speaking, own)) if self._compositor.mouth_open else 0.0

    def _head(self, motion: Motion, mouth: MouthShape, face: Expression) -> HeadPose:
        reach, sway = self._reach, min(1.0, self._options.sway)
        return HeadPose(
            x=motion.x * reach.x,
            y=motion.y * reach.y,
            roll=(motion.roll + sway * face.roll) * reach.roll,
            yaw=(motion.yaw + sway * face.yaw) * reach.yaw,
            pitch=(motion.pitch + sway * face.pitch) * reach.pitch,
            jaw=mouth.jaw * reach.jaw,
            brow_left=(motion.brow + face.brow_left) * reach.brow_left,
            brow_right=(motion.brow + face.brow_right) * reach.brow_right,
            frown=face.frown * reach.frown,
            cheeks=max(0.0, face.smile) * reach.cheeks,
            breath=motion.breath * reach.breath,
        )


def _steered(motion: Motion, asked: Steering, part: float) -> Motion:
    """Turned by ``part`` of what was asked. A picture can be turned only so far: 30 degrees are half as much again as
    the head goes by itself."""
    turn = part * _TURN_A_DEGREE
    return replace(
        motion,
        yaw=motion.yaw + asked.yaw * turn,
        pitch=motion.pitch - asked.pitch * turn,
        roll=motion.roll + asked.roll * turn,
        gaze_x=motion.gaze_x + part * asked.gaze_x,
        gaze_y=motion.gaze_y - part * asked.gaze_y,
    )


def _eyes(motion: Motion, face: Expression) -> EyeShape:
    # an expression that looks elsewhere keeps looking there
    free = 1 - max(abs(face.gaze_x), abs(face.gaze_y))
    lid = motion.lid + (1 - motion.lid) * face.droop
    return EyeShape(
        _rounded(lid, _EYE_STEPS),
        _rounded(max(-1.0, min(1.0, free * motion.gaze_x + face.gaze_x)), _EYE_STEPS),
        _rounded(max(-1.0, min(1.0, free * motion.gaze_y + face.gaze_y)), _EYE_STEPS),
        _rounded(face.squint, _EYE_STEPS),
        _rounded(face.widen, _EYE_STEPS),
    )


def _drawn(avatar: Avatar | PhotoAvatar, scene: Scene) -> tuple[Compositor | PhotoCompositor, HeadPose]:
    """What draws this kind of avatar, and how far its head goes for each number of a Motion."""
    if isinstance(avatar, PhotoAvatar):
        return PhotoCompositor(avatar, scene), PHOTO_REACH
    rig = avatar.rig
    (x, y), (yaw, pitch) = rig.motion.shift, rig.motion.turn
    lift = rig.brows.lift if rig.brows else 0.0
    reach = HeadPose(
        x, y, rig.motion.roll, yaw, pitch, rig.jaw.drop, lift, lift, 1.5 * lift, _CHEEKS, rig.motion.breath
    )
    return Compositor(avatar, scene), reach


def _towards(value: float, target: float) -> float:
    """``target``, or as near to it as one frame may come."""
    return min(value + _AT_ONCE, max(value - _AT_ONCE, target))


def _apart(pressed: float) -> float:
    """1 lips that may part, 0 lips that meet: the surest sign of an m, b or p counts more than how open the jaw is."""
    return smoothstep((_MEET - pressed) / (_MEET - _PART))


def _sure(heard: float) -> float:
    """What the network is unsure of is not shown: a little of each would only make the mouth tremble."""
    return smoothstep((heard - 0.25) / 0.5)


def _rounded(value: float, steps: int) -> float:
    return round(value * steps) / steps


def _check(scene: Scene) -> None:
    if not (160 <= scene.width <= 3840 and 120 <= scene.height <= 2160) or scene.width % 2 or scene.height % 2:
        raise AnimatorError(
            f"lite cannot draw {scene.width}x{scene.height}.", "Use an even size between 160x120 and 3840x2160."
        )
    backdrop = scene.backdrop
    if backdrop is not None and (backdrop.shape != (scene.height, scene.width, 3) or backdrop.dtype.name != "uint8"):
        raise AnimatorError(f"The backdrop must be uint8 RGB of {scene.width}x{scene.height}, not {backdrop.shape}.")
