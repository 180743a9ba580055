"""A registered portrait: everything that the pipeline needs to know of it, made once and cached on disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vcam.media import ByteArray, FloatArray

from .motion import SourceMotion, check


@dataclass(frozen=True, slots=True, eq=False)
class FaceFound:
    """The face that was taken, in pixels of the first frame's ``image`` (the picture as it was shrunk).

    ``box``: float32 [4], x1 y1 x2 y2; ``count``: how many faces there were. ``landmarks``: float32 [203, 2].
    """

    box: FloatArray
    count: int
    landmarks: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class SourceFrame:
    """One frame of the source.

    ``image``: uint8 RGB [h, w, 3], both sides even; ``crop_to_image``: float32 [3, 3], the 512 crop's pixels to the
    image's; ``eye_open``: float32 [1, 2]; ``eye_ball``: float32 [1, 6]; ``motion``: smoothed over time where the
    source is a video; ``features``: float32 [1, 32, 16, 64, 64].
    """

    image: ByteArray
    crop_to_image: FloatArray
    eye_open: FloatArray
    eye_ball: FloatArray
    motion: SourceMotion
    features: FloatArray

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(f"SourceFrame.image must be uint8 [h, w, 3], not {self.image.dtype} {self.image.shape}")
        check(self.crop_to_image, (3, 3), "SourceFrame.crop_to_image")
        check(self.eye_open, (1, 2), "SourceFrame.eye_open")
        check(self.eye_ball, (1, 6), "SourceFrame.eye_ball")
        check(self.features, (1, 32, 16, 64, 64), "SourceFrame.features")


@dataclass(frozen=True, slots=True, eq=False)
class DittoAvatar:
    """``identity``: float32 [63], the canonical key points of the unsmoothed first frame."""

    frames: tuple[SourceFrame, ...]
    identity: FloatArray
    is_video: bool
    face: FaceFound

    def __post_init__(self) -> None:
        if not self.frames:
            raise ValueError("a DittoAvatar needs at least one frame")
        check(self.identity, (63,), "DittoAvatar.identity")

    def index(self, frame: int) -> int:
        """Which source frame output frame ``frame`` shows: forwards, then backwards, and again."""
        return mirrored(frame, len(self.frames))


@dataclass(frozen=True, slots=True, eq=False)
class Character:
    """Who speaks, if it is not the portrait (the reference's ``ch_info``): another face's motion, identity and eyes.

    ``motions``: one or more; ``eye_open``: float32 [n, 2]; ``eye_ball``: float32 [n, 6].
    """

    motions: tuple[SourceMotion, ...]
    identity: FloatArray
    eye_open: FloatArray
    eye_ball: FloatArray

    def __post_init__(self) -> None:
        check(self.identity, (63,), "Character.identity")
        check(self.eye_open, (None, 2), "Character.eye_open")
        check(self.eye_ball, (None, 6), "Character.eye_ball")

    @classmethod
    def of(cls, avatar: DittoAvatar) -> Character:
        return cls(
            tuple(frame.motion for frame in avatar.frames),
            avatar.identity,
            np.concatenate([frame.eye_open for frame in avatar.frames]),
            np.concatenate([frame.eye_ball for frame in avatar.frames]),
        )


def mirrored(index: int, count: int) -> int:
    """``index`` on 0..count-1, then count-1..0, and so on; indices below 0 stand still on 0."""
    if index < 0:
        return 0
    turn, at = divmod(index, count)
    return count - 1 - at if turn % 2 else at
