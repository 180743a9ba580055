"""The rotated square crop around a face: geometry only.

A similarity is a [3, 3] matrix that takes (x, y, 1), float32 unless said. Pixel coordinates are those of OpenCV: whole
numbers are the pixels' centres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.motion import check
from vcam.errors import AvatarError
from vcam.media import ByteArray, FloatArray

Similarity = npt.NDArray[Any]

#: Indices of the left eye, the right eye (as the viewer sees them) and the lips, for each set of landmarks.
_FEATURES = {
    106: ((33, 35, 40, 39), (87, 89, 94, 93), (52, 61)),
    203: ((0, 6, 12, 18), (24, 30, 36, 42), (48, 66)),
}
_NO_LENGTH = 1e-3  # pixels
_FARTHEST = 1e5  # pixels from the picture's corner


@dataclass(frozen=True, slots=True, eq=False)
class FacePoints:
    """Landmarks, and what gives the face its direction: float32, pixels of the picture.

    ``points`` [n, 2]; ``left``, ``right``, ``lips`` [2]: the middles of the eyes, left and right as the viewer sees
    them, and of the lips. Raises AvatarError if a number is not finite or beyond reason: the networks saw no face.
    """

    points: FloatArray
    left: FloatArray
    right: FloatArray
    lips: FloatArray

    def __post_init__(self) -> None:
        check(self.points, (None, 2), "FacePoints.points")
        for name in ("left", "right", "lips"):
            check(getattr(self, name), (2,), f"FacePoints.{name}")
        if not all((np.abs(array) < _FARTHEST).all() for array in (self.points, self.left, self.right, self.lips)):
            raise AvatarError(
                "The points of the face could not be told.", "Use a sharper picture of a face from the front."
            )

    @classmethod
    def of(cls, points: FloatArray) -> FacePoints:
        """From the 106 or the 203 landmarks. Raises ValueError for another number."""
        if len(points) not in _FEATURES:
            raise ValueError(f"expected 106 or 203 points, not {len(points)}")
        left, right, lips = (points[list(part)].mean(axis=0) for part in _FEATURES[len(points)])
        return cls(points, left, right, lips)

    @property
    def eyes(self) -> FloatArray:
        """Between the eyes: float32 [2]."""
        return (self.left + self.right) / np.float32(2)

    @property
    def down(self) -> FloatArray:
        """The unit vector from the eyes to the lips, float32 [2]; straight down where they coincide."""
        way = self.lips - self.eyes
        length = np.linalg.norm(way)
        return np.asarray(way / length, np.float32) if length > _NO_LENGTH else np.array([0, 1], np.float32)


@dataclass(frozen=True, slots=True)
class Framing:
    """How much around a face is cut out.

    ``scale``: the square's side in terms of the longer side of the points' box; ``right``, ``down``: how far the
    square is moved, in its sides, along the face's own axes; ``turned``: whether the square turns with the face.

    ``by_cosine`` takes the angle from its cosine alone in single precision, as the reference does; for a face that is
    nearly level it is then wrong by up to 0.02 degrees.
    """

    scale: float
    right: float = 0.0
    down: float = 0.0
    turned: bool = True
    by_cosine: bool = False


def crop_matrix(face: FacePoints, side: int, framing: Framing) -> FloatArray:
    """The similarity from the picture to a crop of ``side`` x ``side`` pixels.

    Raises AvatarError if the points have no extent.
    """
    down = face.down
    right = np.array([down[1], -down[0]], np.float32)
    middle = face.points.mean(axis=0)
    along = (face.points - middle) @ np.array([right, down]).T
    low, high = along.min(axis=0), along.max(axis=0)
    size = (high - low).max() * np.float32(framing.scale)
    if size < _NO_LENGTH:
        raise AvatarError("The face has no size: all its points coincide.", "Use another picture.")
    across_by, down_by = (low + high) / 2
    centre = middle + right * across_by + down * down_by
    centre = centre + right * (np.float32(framing.right) * size) + down * (np.float32(framing.down) * size)
    cosine, sine = _turn(right, framing)
    return _similarity(cosine, sine, np.float32(side) / size, centre, np.float32(side / 2))


def square_matrix(box: FloatArray, around: float, side: int) -> Similarity:
    """The same for an upright square around the middle of ``box`` (float32 [4], x1 y1 x2 y2), of ``around`` times its
    longer side; float64."""
    size = np.maximum(box[2] - box[0], box[3] - box[1]) * np.float32(around)
    scale = np.float32(side) / np.maximum(size, np.float32(_NO_LENGTH))
    x, y = np.float32(side / 2) - (box[:2] + box[2:]) / 2 * scale
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1]], np.float64)


def inverse(matrix: Similarity) -> Similarity:
    return np.asarray(np.linalg.inv(matrix), matrix.dtype)


def transformed(points: FloatArray, matrix: Similarity) -> FloatArray:
    """``points``, float32 [n, 2], taken through a similarity."""
    return np.asarray(points @ matrix[:2, :2].T + matrix[:2, 2], np.float32)


def cut(image: ByteArray, matrix: Similarity, side: int) -> ByteArray:
    """The crop, uint8 [side, side, 3]: bilinear, black outside the picture."""
    return np.asarray(cv2.warpAffine(image, matrix[:2], (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def blob(crop: ByteArray) -> FloatArray:
    """A crop as most networks take it: float32 [1, 3, side, side] in 0..1, the channels in the crop's order."""
    return np.ascontiguousarray((crop.astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None])


def _turn(right: FloatArray, framing: Framing) -> tuple[np.float32, np.float32]:
    if not framing.turned:
        return np.float32(1), np.float32(0)
    if not framing.by_cosine:
        return np.float32(right[0]), np.float32(right[1])
    angle = math.copysign(math.acos(max(-1.0, min(1.0, float(right[0])))), float(right[1]))
    return np.float32(math.cos(angle)), np.float32(math.sin(angle))


def _similarity(
    cosine: np.float32, sine: np.float32, scale: np.float32, centre: FloatArray, to: np.float32
) -> FloatArray:
    """Turns and scales around ``centre``, which goes to (to, to)."""
    x, y = centre
    return np.array(
        [
            [scale * cosine, scale * sine, to - scale * (cosine * x + sine * y)],
            [-scale * sine, scale * cosine, to - scale * (-sine * x + cosine * y)],
            [0, 0, 1],
        ],
        np.float32,
    )
