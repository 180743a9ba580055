"""The face in the working crop by MediaPipe's BlazeFace (short range; arXiv 1907.05047).

128 x 128 pixels, 896 anchors: 16 x 16 cells with two each, then 8 x 8 cells with six each (three layers of stride 16
with two); all of size 1, so that the network's numbers are pixels relative to the cell's centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.backends.base import Network
from vcam.media import ByteArray, FloatArray

_SIDE = 128
_LAYERS = ((16, 2), (8, 6))  # cells a side, anchors a cell
_LEAST_SCORE = 0.5
_LEAST_OVERLAP = 0.3  # of what is taken for the same face
_LOUDEST = 100.0  # what scores are clipped to before the sigmoid, as in MediaPipe's graph

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MeshFace:
    """``box``: float64 [4], x1 y1 x2 y2; ``points``: float64 [6, 2], the eyes first, left and right as the viewer
    sees them. All in fractions of the crop."""

    box: Numbers
    points: Numbers
    score: float


class BlazeFace:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._anchors = anchors()

    def __call__(self, crop: ByteArray) -> list[MeshFace]:
        """The faces in a square RGB crop, surest first."""
        small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        outputs = self._network(input=small[None] / np.float32(127.5) - np.float32(1))
        logits = outputs["classificators"][0, :, 0].astype(np.float64)
        scores = 1 / (1 + np.exp(-np.clip(logits, -_LOUDEST, _LOUDEST)))
        numbers = outputs["regressors"][0].astype(np.float64) / _SIDE
        centres, half = self._anchors + numbers[:, :2], numbers[:, 2:4] / 2
        points = self._anchors[:, None] + numbers[:, 4:].reshape(-1, 6, 2)
        values = np.concatenate([centres - half, centres + half, points.reshape(-1, 12)], axis=1)
        sure = (scores >= _LEAST_SCORE) & np.isfinite(values).all(axis=1)
        return merged(values[sure], scores[sure])


def anchors() -> Numbers:
    """The centres of the anchors' cells, in fractions of the picture: float64 [896, 2]."""
    layers = []
    for cells, count in _LAYERS:
        centres = (np.arange(cells) + 0.5) / cells
        across, down = np.meshgrid(centres, centres)
        layers.append(np.stack([across, down], axis=-1).reshape(-1, 2).repeat(count, axis=0))
    return np.concatenate(layers)


def merged(values: Numbers, scores: Numbers) -> list[MeshFace]:
    """MediaPipe's weighted non-maximum suppression: what overlaps the surest is averaged, weighted by score.

    ``values``: float64 [n, 16], box and points; ``scores``: float64 [n].
    """
    faces = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        first = left[0]
        same = overlaps(values[first, :4], values[left, :4]) > _LEAST_OVERLAP
        same[0] = True  # even if it has no area
        members, left = left[same], left[~same]
        mean = np.average(values[members], axis=0, weights=scores[members])
        faces.append(MeshFace(mean[:4], mean[4:].reshape(6, 2), float(scores[first])))
    return faces


def overlaps(box: Numbers, boxes: Numbers) -> Numbers:
    """Intersection over union of ``box`` [4] with each of ``boxes`` [n, 4]; 0 where neither has an area."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.maximum(high - low, 0).prod(axis=1)
    areas = [np.maximum(one[..., 2:] - one[..., :2], 0).prod(axis=-1) for one in (box, boxes)]
    union = areas[0] + areas[1] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def nearest_to(faces: list[MeshFace], points: FloatArray) -> MeshFace | None:
    """The face whose box overlaps most that of ``points`` (float32 [n, 2], fractions of the crop), surest first.

    A neighbour's face may be in the crop too, and may be found more surely.
    """
    if not faces:
        return None
    box = np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float64)
    return faces[int(np.argmax(overlaps(box, np.stack([face.box for face in faces]))))]
