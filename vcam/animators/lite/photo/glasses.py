"""Finds the frames of glasses: lines around both eyes where faces have bare skin. They are stiff, that skin is not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from vcam.media import ByteArray, FloatArray

from .landmarks import FaceFrame, Landmarks

_BELOW = np.arange(35, 146, 10)  # degrees clockwise from the picture's right: cheeks, where no other line runs
_ABOVE = np.arange(235, 306, 10)
_REACH, _STEP = (0.18, 0.56), 0.01  # face units from the iris that frames are at
_THICK = 0.07  # face units: how thick they are at most, on either side of their middle
_CLEAR = 14.0  # of Lab: how much a frame differs from the skin inside and outside it
_SEEN = 0.7  # of the directions in which it must be seen
_SMOOTH = 0.07  # face units that neighbouring directions differ by, as a rule
_USUAL_TOP, _USUAL_SIDE = 0.24, 0.40


@dataclass(frozen=True, slots=True)
class Lens:
    """Face units: the iris it is around, and how far it goes to the sides, up and down from there."""

    centre: tuple[float, float]
    side: float
    up: float
    down: float


def find_glasses(canvas: ByteArray, face: Landmarks) -> tuple[Lens, Lens] | None:
    """Both lenses of glasses in ``canvas`` (uint8 RGB), whose face has the landmarks ``face``; None without any."""
    frame = face.frame
    lenses = [_lens(canvas, frame, frame.to_face(eye.iris)) for eye in (face.eye_left, face.eye_right)]
    left, right = lenses
    return None if left is None or right is None else (left, right)


def beside(lenses: tuple[Lens, Lens], u: FloatArray, v: FloatArray) -> FloatArray:
    """How far each place (face units) is outside of the lenses: 0 within them, their frames and the bridge."""
    far = np.full_like(u, np.inf)
    for lens in lenses:
        out = (u - lens.centre[0]) * math.copysign(1, lens.centre[0])
        across = np.maximum(np.maximum(out - lens.side, -out - abs(lens.centre[0])), 0)
        down = np.maximum(np.maximum(v - lens.centre[1] - lens.down, lens.centre[1] - lens.up - v), 0)
        far = np.minimum(far, np.hypot(across, down))
    return far


def _lens(canvas: ByteArray, frame: FaceFrame, iris: tuple[float, float]) -> Lens | None:
    low = _line(canvas, frame, iris, _BELOW)
    seen = np.isfinite(low)
    if seen.mean() < _SEEN or np.median(np.abs(np.diff(low[seen]))) > _SMOOTH:
        return None
    down = float(np.median((low * np.sin(np.radians(_BELOW)))[seen]))
    top = _line(canvas, frame, iris, _ABOVE) * -np.sin(np.radians(_ABOVE))
    up = float(np.median(top[np.isfinite(top)])) if np.isfinite(top).mean() > 0.5 else _USUAL_TOP
    return Lens(iris, _USUAL_SIDE, up, down)


def _line(canvas: ByteArray, frame: FaceFrame, iris: tuple[float, float], angles: np.ndarray) -> FloatArray:
    """How far from the iris a line crosses each direction; infinite where none does: float32 [len(angles)]."""
    far = np.arange(_REACH[0] - _THICK, _REACH[1] + _THICK + _STEP / 2, _STEP)
    at = np.array(
        [
            [frame.to_picture((iris[0] + r * math.cos(a), iris[1] + r * math.sin(a))) for r in far]
            for a in np.radians(angles)
        ],
        np.float32,
    )
    rays = cv2.remap(canvas, at[..., 0].copy(), at[..., 1].copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor((rays / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB)
    thick = round(_THICK / _STEP)
    middle = lab[:, thick:-thick]
    apart = [np.sqrt(((middle - side) ** 2).sum(axis=2)) for side in (lab[:, : -2 * thick], lab[:, 2 * thick :])]
    clear = np.minimum(*apart)
    best = clear.argmax(axis=1)
    found = np.where(clear.max(axis=1) > _CLEAR, far[thick:-thick][best], np.inf)
    return np.asarray(found, np.float32)
