"""Which face of a profile's portrait ditto animates, and how sharp that will be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vcam.profile.model import Profile

from .avatar import DittoAvatar
from .backends.base import Backend
from .backends.onnx import OnnxBackend
from .build import live_plan
from .cache import AvatarCache
from .checkpoint import Checkpoint
from .location import checkpoint_folder
from .picture import source_of
from .registered import registered
from .registration import CROP_SIDE

_SEEN = 256  # pixels: the side of the square in which the networks see a face
_ENLARGED = 1.1  # times, above which it shows


@dataclass(frozen=True, slots=True)
class FaceTaken:
    """``picture``: width and height as the picture is used; ``face``: left, top, right, bottom in its pixels;
    ``faces``: how many there were; ``crop``: the side, in the same pixels, of the square that is drawn anew with 512;
    ``frames``: more than 1 for a video; ``landmarks``: who found the face, as in the profile."""

    picture: tuple[int, int]
    face: tuple[int, int, int, int]
    faces: int
    crop: int
    frames: int
    landmarks: str
    stand_in: bool

    @property
    def sharpness(self) -> str:
        """What the crop's size means for the viewer."""
        times = self.crop / CROP_SIDE
        if times > _ENLARGED:
            return f"enlarged {times:.1f} times: softer than the picture around it"
        if self.crop < _SEEN:
            return f"less than the {_SEEN} that the networks look at: soft"
        return "as sharp as the picture"

    @property
    def warnings(self) -> tuple[str, ...]:
        out = []
        if self.faces > 1:
            out.append(f"There are {self.faces} faces in the picture; the largest is used. Cut it to take another.")
        if self.crop < _SEEN:
            out.append("The face is small: cut the picture closer, or use a larger one.")
        if self.stand_in:
            out.append("Stand-in networks guess where the face is; the real ones look closer.")
        return tuple(out)


def face_taken(profile: Profile, waiting: Callable[[], None] = lambda: None) -> FaceTaken:
    """From the cache, or by registering the portrait, which is then kept; ``waiting`` is called before the latter.

    Raises AnimatorError if there is no checkpoint, or a network fails; AvatarError if the portrait cannot be used.
    """
    settings = profile.animator.ditto
    checkpoint = Checkpoint.open(checkpoint_folder(profile))

    def backend() -> Backend:
        waiting()
        return OnnxBackend(settings.provider, device_index=settings.gpu)

    options = live_plan(profile, checkpoint).options
    avatar = registered(source_of(profile), settings, options, checkpoint, backend, AvatarCache())
    return _told(avatar, settings.landmarks, settings.stand_in)


def _told(avatar: DittoAvatar, landmarks: str, stand_in: bool) -> FaceTaken:
    first = avatar.frames[0]
    height, width = first.image.shape[:2]
    left, top, right, bottom = (round(float(value)) for value in avatar.face.box)
    side = float(np.hypot(*first.crop_to_image[:2, 0])) * CROP_SIDE
    return FaceTaken(
        (width, height),
        (left, top, right, bottom),
        avatar.face.count,
        round(side),
        len(avatar.frames),
        landmarks,
        stand_in,
    )
