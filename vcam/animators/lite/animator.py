"""The ``lite`` animator: hears with :mod:`features`, lives with :mod:`life`, draws with :mod:`compositor`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from vcam.animators.base import Animator, Pose, Scene
from vcam.errors import AnimatorError
from vcam.media import FRAME_SAMPLES, AudioChunk, ByteArray
from vcam.profile.model import LiteOptions

from .avatar import Avatar, load_avatar
from .compositor import Compositor, HeadPose
from .eyes import EyeShape
from .features import Features, MouthTarget
from .life import Life, Motion
from .mouth import MouthShape
from .photo.compositor import PHOTO_REACH, PhotoCompositor
from .photo.package import PhotoAvatar

logger = logging.getLogger(__name__)

_MOUTH_STEPS = 64  # mouth and eyes are drawn in this many steps of each number
_EYE_STEPS = 32


@dataclass(frozen=True, slots=True)
class LitePose(Pose):
    """Everything that a frame shows."""

    head: HeadPose
    mouth: MouthShape
    eyes: EyeShape


class LiteAnimator(Animator):
    """Animates a painted, layered portrait on the CPU, in the scene's own size."""

    kind: ClassVar[str] = "lite"
    look_ahead = Features.look_ahead

    def __init__(self, avatar: Avatar | PhotoAvatar | str | Path, options: LiteOptions, scene: Scene) -> None:
        """Raises AvatarError if the avatar cannot be read, AnimatorError if the scene cannot be drawn."""
        _check(scene)
        self.avatar = load_avatar(avatar) if isinstance(avatar, str | Path) else avatar
        self._options = options
        self._features = Features()
        self._life = Life(options.seed, options.sway, options.blinks_per_minute)
        self._compositor, self._reach = _drawn(self.avatar, scene)
        self._portrait = self._compositor.draw(HeadPose(), MouthShape(), EyeShape()).copy()
        self._portrait.flags.writeable = False

    def portrait(self) -> ByteArray:
        return self._portrait

    def analyse(self, chunk: AudioChunk) -> Sequence[LitePose]:
        return [self._pose(pts, target) for pts, target in self._features.push(chunk)]

    def render(self, pose: Pose) -> ByteArray:
        if not isinstance(pose, LitePose):
            raise TypeError(f"expected a LitePose, not {type(pose).__name__}")
        return self._compositor.draw(pose.head, pose.mouth, pose.eyes)

    def reset(self, pts: int) -> None:
        if pts % FRAME_SAMPLES:
            raise ValueError(f"pts must be a multiple of {FRAME_SAMPLES}, not {pts}")
        self._features.reset(pts)
        self._life.resume()

    def _pose(self, pts: int, target: MouthTarget) -> LitePose:
        motion = self._life.at(pts, target.presence, target.jaw)
        amount = target.presence * self._options.expressiveness
        mouth = MouthShape(
            _rounded(min(1.0, target.jaw * amount), _MOUTH_STEPS),
            _rounded(max(-1.0, min(1.0, target.wide * amount)), _MOUTH_STEPS),
            _rounded(target.pressed * min(1.0, amount), _MOUTH_STEPS),
        )
        eyes = EyeShape(
            _rounded(motion.lid, _EYE_STEPS), _rounded(motion.gaze_x, _EYE_STEPS), _rounded(motion.gaze_y, _EYE_STEPS)
        )
        return LitePose(pts, self._head(motion, mouth), mouth, eyes)

    def _head(self, motion: Motion, mouth: MouthShape) -> HeadPose:
        reach = self._reach
        return HeadPose(
            x=motion.x * reach.x,
            y=motion.y * reach.y,
            roll=motion.roll * reach.roll,
            yaw=motion.yaw * reach.yaw,
            pitch=motion.pitch * reach.pitch,
            jaw=mouth.jaw * reach.jaw,
            brow=motion.brow * reach.brow,
            breath=motion.breath * reach.breath,
        )


def _drawn(avatar: Avatar | PhotoAvatar, scene: Scene) -> tuple[Compositor | PhotoCompositor, HeadPose]:
    """What draws this kind of avatar, and how far its head goes for each number of a Motion."""
    if isinstance(avatar, PhotoAvatar):
        return PhotoCompositor(avatar, scene), PHOTO_REACH
    rig = avatar.rig
    (x, y), (yaw, pitch) = rig.motion.shift, rig.motion.turn
    lift = rig.brows.lift if rig.brows else 0.0
    reach = HeadPose(x, y, rig.motion.roll, yaw, pitch, rig.jaw.drop, lift, rig.motion.breath)
    return Compositor(avatar, scene), reach


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
