"""The 478 points of a face and its irises by MediaPipe's face mesh."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vcam.animators.ditto.backends.base import Network
from vcam.media import ByteArray, FloatArray

from .blaze import MeshFace

_SIDE = 256
_AROUND = 1.5  # the region's side in terms of the longer side of the face's box
POINTS = 478


class FaceMesh:
    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, crop: ByteArray, face: MeshFace) -> FloatArray:
        """float32 [478, 3] of ``face`` in a square RGB crop: x, y and depth in fractions of its side.

        The region is a square turned so that the eyes are level; it is sampled through its corners, bilinear, black
        outside the crop.
        """
        side = crop.shape[1]
        x, y = (face.box[:2] + face.box[2:]) / 2 * side
        size = float((face.box[2:] - face.box[:2]).max()) * side * _AROUND
        across, down = face.points[1] - face.points[0]
        angle = math.atan2(down, across)
        corners = cv2.boxPoints(((float(x), float(y)), (size, size), math.degrees(angle)))
        square = np.array([[0, _SIDE], [0, 0], [_SIDE, 0], [_SIDE, _SIDE]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners, square)
        region = cv2.warpPerspective(crop, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
        found = self._network(input=region.astype(np.float32)[None] / np.float32(255))["Identity"]
        points = found.reshape(POINTS, 3).astype(np.float64) / _SIDE * size
        px, py = points[:, 0] - size / 2, points[:, 1] - size / 2
        cosine, sine = math.cos(angle), math.sin(angle)
        placed = (x + cosine * px - sine * py, y + sine * px + cosine * py, points[:, 2])
        return (np.stack(placed, axis=1) / side).astype(np.float32)
