"""Registering a portrait: from a picture or video and seven networks to all that the pipeline needs of it.

The defaults do the right thing; :data:`REFERENCE` repeats what the reference does instead:

    what                                    here                            reference
    crop_vx_ratio                           moves the crop                  is ignored
    the crop's angle                        from the direction itself       from its cosine in single precision
    a video's frames                        25 a second                     every one, whatever its rate
    shrinking a large picture               by areas                        bilinear, which leaves jagged edges
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from vcam.errors import AvatarError
from vcam.media import ByteArray, FloatArray

from .avatar import DittoAvatar, FaceFound, SourceFrame
from .backends.base import Network
from .face.blaze import BlazeFace
from .face.crop import FacePoints, Framing, blob, crop_matrix, cut, inverse, transformed
from .face.eyes import EyeReader
from .face.finders import FaceFinder, InsightFace
from .face.landmarks import Landmarks203
from .face.mesh import FaceMesh
from .motion import SourceMotion
from .observing import Observe, nobody
from .options import RunOptions
from .source import Source, load_source

logger = logging.getLogger(__name__)

CROP_SIDE = 512
_NETWORK_SIDE = 256
_LEAST_FACE = 48.0  # pixels: the longer side of the landmarks' box; below it there is nothing left to enlarge
_LEAST_EYES = 0.3  # the distance of the eyes over that from eyes to lips: about 1 from the front, cos(73 degrees)
Progress = Callable[[int, int], None]  # frames done, and how many there are


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where to do as the reference does; see the module's table."""

    ignore_vx: bool = False
    by_cosine: bool = False
    every_frame: bool = False
    bilinear: bool = False


NO_QUIRKS = Quirks()
REFERENCE = Quirks(ignore_vx=True, by_cosine=True, every_frame=True, bilinear=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationNetworks:
    """The networks that are needed once for each portrait, by the names of ``networks.REGISTRATION``.

    The first two are InsightFace's; they may be None if the face is found in another way.
    """

    insightface_det: Network | None = None
    landmark106: Network | None = None
    landmark203: Network
    blaze_face: Network
    face_mesh: Network
    appearance_extractor: Network
    motion_extractor: Network

    def __post_init__(self) -> None:
        for field in fields(self):
            network = getattr(self, field.name)
            if network is not None and network.spec.name != field.name:
                raise ValueError(f"RegistrationNetworks.{field.name} is the network {network.spec.name}")

    def finder(self) -> FaceFinder:
        """InsightFace. Raises AvatarError if its networks are not there."""
        if self.insightface_det is None or self.landmark106 is None:
            raise AvatarError(
                "The networks that find the face, insightface_det and landmark106, are missing.",
                "Fetch them with `vcam checkpoints pull`, or choose the landmarks that need none.",
            )
        return InsightFace(self.insightface_det, self.landmark106)

    def close(self) -> None:
        """Free them all. May be called twice."""
        for field in fields(self):
            network = getattr(self, field.name)
            if network is not None:
                network.close()


def _nothing(done: int, total: int) -> None:
    """Nobody waits."""


def register(
    source: Path,
    options: RunOptions,
    networks: RegistrationNetworks,
    *,
    finder: FaceFinder | None = None,
    quirks: Quirks = NO_QUIRKS,
    observe: Observe = nobody,
    progress: Progress = _nothing,
) -> DittoAvatar:
    """Register the picture or video ``source``. ``finder``: None for InsightFace.

    Raises AvatarError if the file cannot be used, or shows no face that can be animated; AnimatorError if a network
    fails.
    """
    loaded = load_source(
        source,
        options.max_size,
        options.template_n_frames,
        every_frame=quirks.every_frame,
        sharp=not quirks.bilinear,
    )
    return register_frames(loaded, options, networks, finder=finder, quirks=quirks, observe=observe, progress=progress)


def register_frames(
    source: Source,
    options: RunOptions,
    networks: RegistrationNetworks,
    *,
    finder: FaceFinder | None = None,
    quirks: Quirks = NO_QUIRKS,
    observe: Observe = nobody,
    progress: Progress = _nothing,
) -> DittoAvatar:
    """The same for frames that have been loaded. ``observe`` sees each frame's values in turn, under the names of the
    conformance data."""
    finder = networks.finder() if finder is None else finder
    look = Landmarks203(networks.landmark203, by_cosine=quirks.by_cosine)
    eyes = EyeReader(BlazeFace(networks.blaze_face), FaceMesh(networks.face_mesh))
    framing = Framing(
        options.crop_scale,
        0.0 if quirks.ignore_vx else options.crop_vx_ratio,
        options.crop_vy_ratio,
        options.crop_flag_do_rot,
        quirks.by_cosine,
    )
    progress(0, len(source.frames))
    rough = finder.find(source.frames[0], observe)
    if rough.count > 1:
        logger.info("there are %d faces in the picture; the largest is used", rough.count)
    face = rough.points
    for _ in range(finder.looks - 1):
        face = FacePoints.of(look(source.frames[0], face))
    first: FloatArray | None = None
    read: list[_Reading] = []
    for number, image in enumerate(source.frames):
        observe("source_frames", image)
        try:
            points = look(image, face)
            observe("lmk203", points)
            face = _checked(FacePoints.of(points), image, framing.scale)
            matrix = crop_matrix(face, CROP_SIDE, framing)
            read.append(_read(image, matrix, points, eyes, networks, observe))
        except AvatarError as error:
            if number == 0:
                raise
            raise AvatarError(
                f"The face is lost in frame {number + 1} of {len(source.frames)}. {error.message}",
                "Use only the frames before it (template_n_frames), or another video.",
            ) from error
        first = points if first is None else first
        progress(number + 1, len(source.frames))
    assert first is not None
    motions = smoothed([one.motion for one in read], options.smo_k_s) if source.is_video else [r.motion for r in read]
    for motion in motions:
        for key in SourceMotion.SHAPES:
            observe(f"xs_used_{key}", getattr(motion, key))
    frames = tuple(
        SourceFrame(image, one.crop_to_image, one.eye_open, one.eye_ball, motion, one.features)
        for image, one, motion in zip(source.frames, read, motions, strict=True)
    )
    identity = read[0].motion.kp[0].copy()
    observe("sc", identity)
    return DittoAvatar(frames, identity, source.is_video, FaceFound(rough.box, rough.count, first))


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """What one frame gives."""

    crop_to_image: FloatArray
    eye_open: FloatArray
    eye_ball: FloatArray
    motion: SourceMotion
    features: FloatArray


def _read(
    image: ByteArray,
    matrix: FloatArray,
    points: FloatArray,
    eyes: EyeReader,
    networks: RegistrationNetworks,
    observe: Observe,
) -> _Reading:
    crop, back = cut(image, matrix, CROP_SIDE), inverse(matrix)
    observe("M_c2o", back)
    observe("crop512", crop)
    state = eyes(crop, transformed(points, matrix) / np.float32(CROP_SIDE))
    observe("lmk478", state.mesh)
    observe("eye_open", state.open)
    observe("eye_ball", state.ball)
    small = np.asarray(cv2.resize(crop, (_NETWORK_SIDE, _NETWORK_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    picture = blob(small)
    found = networks.motion_extractor(image=picture)
    motion = SourceMotion(**{key: found[key] for key in SourceMotion.SHAPES})
    for key in SourceMotion.SHAPES:
        observe(f"xs_raw_{key}", found[key])
    features = networks.appearance_extractor(image=picture)["pred"]
    observe("f_s", features)
    return _Reading(back, state.open, state.ball, motion, features)


def smoothed(motions: list[SourceMotion], width: int) -> list[SourceMotion]:
    """Each motion the mean of those up to ``width`` // 2 frames before and after it; fewer at both ends."""
    keys = {key: np.concatenate([getattr(one, key) for one in motions]) for key in SourceMotion.SHAPES}
    reach = width // 2
    return [
        SourceMotion(
            **{key: rows[max(0, k - reach) : k + reach + 1].mean(axis=0, keepdims=True) for key, rows in keys.items()}
        )
        for k in range(len(motions))
    ]


def _checked(face: FacePoints, image: ByteArray, scale: float) -> FacePoints:
    """Raises AvatarError for a face that is too small, turned away, or cut off by the picture's edge."""
    height, width = image.shape[:2]
    size = float((face.points.max(axis=0) - face.points.min(axis=0)).max())
    if size < _LEAST_FACE:
        raise AvatarError(
            f"The face is too small: {size:.0f} pixels.",
            f"It should be at least {_LEAST_FACE:.0f}, and {math.ceil(CROP_SIDE / scale)} for a sharp picture:"
            " cut the picture closer, or use a larger one (max_size shrinks it).",
        )
    for point in (face.left, face.right, face.lips):
        if not (0 <= point[0] < width and 0 <= point[1] < height):
            raise AvatarError(
                "The face is cut off by the picture's edge.",
                "Use a picture that shows the whole face, with some room around it.",
            )
    apart, tall = np.linalg.norm(face.right - face.left), np.linalg.norm(face.lips - face.eyes)
    if apart < _LEAST_EYES * tall:
        raise AvatarError(
            "The face is turned too far to the side: its eyes cannot be told apart.",
            "Use a picture in which both eyes look at the viewer.",
        )
    return face
