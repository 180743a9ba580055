"""Faces by the InsightFace detector: letterboxed picture, distances around anchor points, overlapping boxes dropped.

The published network (SCRFD, arXiv 2105.04714) is licensed for non-commercial use only; ``finders`` has another way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vcam.animators.ditto.backends.base import Array, Network
from vcam.animators.ditto.motion import check
from vcam.media import ByteArray, FloatArray

_SIDE = 512
_STRIDES = (8, 16, 32)
_ANCHORS = 2  # for each cell
_LEAST_SCORE = 0.5
_MOST_OVERLAP = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces, surest first: float32, pixels of the picture. ``boxes`` [n, 5]: x1, y1, x2, y2, score; ``points``
    [n, 5, 2]: left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them."""

    boxes: FloatArray
    points: FloatArray

    def __post_init__(self) -> None:
        check(self.boxes, (None, 5), "Detections.boxes")
        check(self.points, (len(self.boxes), 5, 2), "Detections.points")

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def largest(self) -> FloatArray:
        """The box with the largest area, not the highest score: float32 [4]. Raises ValueError if there is none."""
        sides = self.boxes[:, 2:4] - self.boxes[:, :2]
        return self.boxes[int(np.argmax(sides.prod(axis=1))), :4]


class FaceDetector:
    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, image: ByteArray) -> Detections:
        """The faces in ``image``, uint8 RGB [h, w, 3]."""
        fitted, scale = letterbox(image)
        bgr = (fitted[:, :, ::-1].astype(np.float32) - np.float32(127.5)) / np.float32(128)
        found = decoded(self._network(image=np.ascontiguousarray(bgr.transpose(2, 0, 1)[None])))
        order = np.argsort(found.boxes[:, 4])[::-1]
        boxes, points = found.boxes[order], found.points[order] / np.float32(scale)
        boxes[:, :4] /= np.float32(scale)
        kept = suppressed(boxes)
        return Detections(boxes[kept], points[kept])


def letterbox(image: ByteArray) -> tuple[ByteArray, float]:
    """The picture fitted into the top left of a black square of 512 pixels, and by how much it was scaled."""
    height, width = image.shape[:2]
    if height > width:
        size = (max(1, int(_SIDE / (height / width))), _SIDE)
    else:
        size = (_SIDE, max(1, int(_SIDE * (height / width))))
    square = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    square[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return square, size[1] / height


def decoded(outputs: dict[str, Array]) -> Detections:
    """What the network says of each anchor, where it is sure enough, in pixels of the letterboxed square."""
    boxes, points = [], []
    for number, stride in enumerate(_STRIDES, 1):
        scores = outputs[f"scores{number}"][:, 0]
        sure = scores >= _LEAST_SCORE
        anchors = _anchors(stride)[sure]
        edges = outputs[f"boxes{number}"][sure] * np.float32(stride)
        corners = (anchors - edges[:, :2], anchors + edges[:, 2:])
        boxes.append(np.concatenate([*corners, scores[sure, None]], axis=1))
        ways = outputs[f"kps{number}"][sure].reshape(-1, 5, 2) * np.float32(stride)
        points.append(anchors[:, None] + ways)
    every, marks = np.concatenate(boxes).astype(np.float32), np.concatenate(points).astype(np.float32)
    finite = np.isfinite(every).all(axis=1) & np.isfinite(marks).all(axis=(1, 2))
    return Detections(every[finite], marks[finite])


def suppressed(boxes: FloatArray) -> list[int]:
    """Which of ``boxes`` [n, 5], surest first, to keep: those that overlap a surer kept one by at most 0.4 of both.

    Sides count their last pixel, as in the first R-CNN's code: x2 - x1 + 1.
    """
    kept: list[int] = []
    left = np.arange(len(boxes))
    areas = (boxes[:, 2:4] - boxes[:, :2] + 1).prod(axis=1)
    while len(left):
        first, left = int(left[0]), left[1:]
        kept.append(first)
        low = np.maximum(boxes[first, :2], boxes[left, :2])
        high = np.minimum(boxes[first, 2:4], boxes[left, 2:4])
        common = np.maximum(high - low + 1, 0).prod(axis=1)
        left = left[common / (areas[first] + areas[left] - common) <= _MOST_OVERLAP]
    return kept


def _anchors(stride: int) -> FloatArray:
    """The corner of each cell, once for each anchor: float32 [n, 2], rows from left to right."""
    cells = np.arange(_SIDE // stride, dtype=np.float32) * stride
    across, down = np.meshgrid(cells, cells)
    return np.stack([across, down], axis=-1).reshape(-1, 2).repeat(_ANCHORS, axis=0)
