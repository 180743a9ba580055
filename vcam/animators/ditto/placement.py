"""Where the photo lies in a picture of the camera's size, so that faces are pasted at that size and no larger."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from vcam.animators.base import Scene
from vcam.media import ByteArray, FloatArray
from vcam.stage import blurred, cover

from .avatar import SourceFrame
from .paste import Box

Matrix = npt.NDArray[np.float64]

_DARKER = 0.6  # the brightness of the blurred copy beside the photo, as on the stage


class InScene:
    """Fits the photo into the scene, centred, then closer and aside as its zoom and shifts ask."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __call__(self, frame: SourceFrame) -> tuple[ByteArray, FloatArray, Box]:
        """uint8 RGB [height, width, 3] with the photo in place, float32 [3, 3] from the crop's pixels to its, and what
        of it the photo covers: a crop is black where it reaches beyond the photo, which must not be pasted."""
        scene, image = self._scene, frame.image
        rows, columns = image.shape[:2]
        scale = min(scene.width / columns, scene.height / rows) * scene.zoom
        left = (scene.width - columns * scale) / 2 + scene.shift_x * scene.height
        top = (scene.height - rows * scale) / 2 + scene.shift_y * scene.height
        # pixels have their centres at whole numbers, sizes are counted from their edges
        place = np.array([[scale, 0, left + 0.5 * scale - 0.5], [0, scale, top + 0.5 * scale - 0.5]])
        picture = scene.backdrop
        if picture is None:
            picture = blurred(cover(image, scene.width, scene.height), _DARKER)
        picture = _laid(image, place, scale, picture.copy())
        covered = (left, top, left + columns * scale, top + rows * scale)
        edges = [math.ceil(edge - 0.5) for edge in covered]  # of pixels whose centres it covers
        matrix = (np.vstack([place, (0, 0, 1)]) @ frame.crop_to_image).astype(np.float32)
        return picture, matrix, (edges[0], edges[1], edges[2], edges[3])


def _laid(image: ByteArray, place: Matrix, scale: float, picture: ByteArray) -> ByteArray:
    """``image`` drawn into ``picture``, by ``place`` from its pixels to the picture's."""
    if scale < 0.9:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.42 / scale), np.uint8)  # or fine patterns would shimmer
    size = (picture.shape[1], picture.shape[0])
    interpolation = cv2.INTER_LINEAR if scale < 0.9 else cv2.INTER_CUBIC
    cv2.warpAffine(image, place, size, dst=picture, flags=interpolation, borderMode=cv2.BORDER_TRANSPARENT)
    return picture
