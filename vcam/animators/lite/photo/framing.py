"""Composes a picture like a webcam shot: where it lies in the scene, and what is seen beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from vcam.animators.base import Scene
from vcam.media import ByteArray, FloatArray
from vcam.smoothstep import smoothsteps
from vcam.stage import blurred, cover

from .landmarks import Landmarks

MARGIN = 24  # pixels kept beyond the scene's edges, so that motion has something to bring in
_FACE = 0.42  # of the scene's height: the face from forehead to chin, as webcams show people
_CLOSEST = 0.60  # a face this large is accepted where the picture then fills the scene
_EYE_LINE = 0.42  # of the scene's height, from the top
_SOFT = 0.04  # of the scene's height: over which the picture's edges fade into that copy
_DARKER = 0.6  # the brightness of the blurred copy beside the picture, as on the stage

Rect = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Shot:
    """``canvas``: uint8 RGB [height + 2 MARGIN, width + 2 MARGIN, 3], the scene with its margins; ``inner``: what the
    picture covers of it; ``landmarks``: in the canvas's pixels."""

    canvas: ByteArray
    inner: Rect
    landmarks: Landmarks

    @property
    def rest(self) -> ByteArray:
        """The scene without margins: a view."""
        return self.canvas[MARGIN:-MARGIN, MARGIN:-MARGIN]


def compose(rgb: ByteArray, landmarks: Landmarks, scene: Scene) -> Shot:
    """The picture (uint8 RGB [h, w, 3]) in the scene."""
    rows, columns = rgb.shape[:2]
    width, height = scene.width, scene.height
    scale = _scale(landmarks, rows, columns, width, height) * scene.zoom
    eyes = landmarks.frame.origin
    left = _place(columns * scale, width, width / 2 - eyes[0] * scale) + scene.shift_x * height
    top = _place(rows * scale, height, height * _EYE_LINE - eyes[1] * scale) + scene.shift_y * height
    x, y = round(left) + MARGIN, round(top) + MARGIN
    canvas_size = (width + 2 * MARGIN, height + 2 * MARGIN)
    soft = _SOFT * height if scene.backdrop is None else 0.0
    canvas, inner = _lay(rgb, scale, (x, y), canvas_size, _surround(rgb, scene), soft)
    # a pixel's centre is at its index + 0.5 in both
    shift = (x + 0.5 * scale - 0.5, y + 0.5 * scale - 0.5)
    return Shot(canvas, inner, landmarks.shown(scale, shift))


def _scale(landmarks: Landmarks, rows: int, columns: int, width: int, height: int) -> float:
    tall = math.dist(landmarks.forehead, landmarks.jaw.chin)
    wanted = _FACE * height / tall
    whole, filling = min(width / columns, height / rows), max(width / columns, height / rows)
    if filling * tall <= _CLOSEST * height:
        return max(filling, wanted)
    return max(whole, wanted)


def _place(picture: float, scene: int, wanted: float) -> float:
    """Where the picture begins along an axis: as wanted, but without a gap where it is long enough; else centred."""
    if picture >= scene:
        return min(0.0, max(scene - picture, wanted))
    return (scene - picture) / 2


def _surround(rgb: ByteArray, scene: Scene) -> ByteArray:
    if scene.backdrop is not None:
        return scene.backdrop
    return blurred(cover(rgb, scene.width, scene.height), _DARKER)


def _lay(
    rgb: ByteArray, scale: float, at: tuple[int, int], size: tuple[int, int], surround: ByteArray, soft: float
) -> tuple[ByteArray, Rect]:
    """The picture scaled and laid at ``at`` on the surround, which is continued into the margins. Its edges within the
    scene fade over ``soft`` pixels."""
    canvas = np.asarray(cv2.copyMakeBorder(surround, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_REFLECT_101), np.uint8)
    rows, columns = rgb.shape[:2]
    full = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    x0, y0, x1, y1 = max(0, at[0]), max(0, at[1]), min(size[0], at[0] + full[0]), min(size[1], at[1] + full[1])
    if x1 <= x0 or y1 <= y0:
        return canvas, (0, 0, 0, 0)
    # only what is seen is scaled, with some more around it for the filter
    pad = math.ceil(4 / scale)
    sx0, sy0 = max(0, math.floor((x0 - at[0]) / scale) - pad), max(0, math.floor((y0 - at[1]) / scale) - pad)
    sx1 = min(columns, math.ceil((x1 - at[0]) / scale) + pad)
    sy1 = min(rows, math.ceil((y1 - at[1]) / scale) + pad)
    source = rgb[sy0:sy1, sx0:sx1]
    if scale < 1:  # an area filter without aliasing, then the exact place
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.42 / scale), np.uint8) if scale < 0.9 else source
    place = np.array([[scale, 0, at[0] - x0 + sx0 * scale], [0, scale, at[1] - y0 + sy0 * scale]])
    place[:, 2] += 0.5 * scale - 0.5
    interpolation = cv2.INTER_CUBIC if scale >= 0.5 else cv2.INTER_LINEAR
    scaled = cv2.warpAffine(source, place, (x1 - x0, y1 - y0), flags=interpolation, borderMode=cv2.BORDER_REPLICATE)
    inner = (x0, y0, x1, y1)
    weight = _faded(inner, size, soft)
    canvas[y0:y1, x0:x1] = cv2.blendLinear(scaled, canvas[y0:y1, x0:x1], weight, 1 - weight)
    return canvas, inner


def _faded(inner: Rect, size: tuple[int, int], soft: float) -> FloatArray:
    """How much is seen of the picture that covers ``inner``: less towards those of its edges that the scene shows."""
    sides = []
    for first, last, whole in ((inner[1], inner[3], size[1]), (inner[0], inner[2], size[0])):
        weight = np.ones(last - first, np.float32)
        ramp = smoothsteps((np.arange(last - first) + 0.5) / max(soft, 0.5))
        if first > MARGIN:
            weight *= ramp
        if last < whole - MARGIN:
            weight *= ramp[::-1]
        sides.append(weight)
    return np.outer(*sides).astype(np.float32)
