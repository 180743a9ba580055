"""The networks that give 106 and 203 landmarks of a face, in pixels of the picture."""

from __future__ import annotations

import numpy as np

from vcam.animators.ditto.backends.base import Network
from vcam.media import ByteArray, FloatArray

from .crop import FacePoints, Framing, blob, crop_matrix, cut, inverse, square_matrix, transformed


class Landmarks106:
    """InsightFace's, licensed for non-commercial use only: from a box, rough, of a face upright or nearly so."""

    _SIDE = 192
    _AROUND = 1.5  # the crop's side in terms of the box's longer one

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, image: ByteArray, box: FloatArray) -> FloatArray:
        """float32 [106, 2] of the face in ``box`` (x1, y1, x2, y2) of ``image``, uint8 RGB [h, w, 3]."""
        matrix = square_matrix(box, self._AROUND, self._SIDE)
        bgr = cut(image, matrix, self._SIDE)[:, :, ::-1].astype(np.float32)
        found = self._network(data=np.ascontiguousarray(bgr.transpose(2, 0, 1)[None]))["fc1"]
        return transformed((found.reshape(106, 2) + 1) * np.float32(self._SIDE / 2), inverse(matrix))


class Landmarks203:
    """LivePortrait's: from rough points of any kind, precise; follows a face from frame to frame."""

    _SIDE = 224
    _FRAMING = Framing(1.5, down=-0.1)

    def __init__(self, network: Network, *, by_cosine: bool = False) -> None:
        """``by_cosine``: see ``crop.Framing``."""
        self._network = network
        self._framing = Framing(self._FRAMING.scale, down=self._FRAMING.down, by_cosine=by_cosine)

    def __call__(self, image: ByteArray, rough: FacePoints) -> FloatArray:
        """float32 [203, 2] of the face around ``rough`` in ``image``, uint8 RGB [h, w, 3]."""
        matrix = crop_matrix(rough, self._SIDE, self._framing)
        found = self._network(input=blob(cut(image, matrix, self._SIDE)))["landmarks"]
        return transformed(found.reshape(203, 2) * np.float32(self._SIDE), inverse(matrix))
