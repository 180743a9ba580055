"""Pose logits to degrees, and pose, expression and canonical key points to the 21 key points that the networks take."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np

from vcam.media import FloatArray

BINS = 66
POINTS = 21
_BIN_INDEX = np.arange(BINS, dtype=np.float32)
_BIN_DEGREES = np.float32(3)
_FIRST_BIN = np.float32(97.5)


def degrees(logits: FloatArray) -> FloatArray:
    """float32 [..., 66] logits to float32 [...] degrees: the soft-max's mean bin, 3 degrees each from -97.5 on."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    mean: FloatArray = (weights @ _BIN_INDEX) / weights.sum(axis=-1)
    return mean * _BIN_DEGREES - _FIRST_BIN


def rotation(angles: FloatArray) -> FloatArray:
    """(Rz Ry Rx) transposed, float32 [3, 3], for pitch, yaw and roll in degrees: it multiplies rows from the right."""
    pitch, yaw, roll = (radians(angle) for angle in angles.tolist())
    sx, cx, sy, cy, sz, cz = sin(pitch), cos(pitch), sin(yaw), cos(yaw), sin(roll), cos(roll)
    return np.array(
        (
            (cz * cy, sz * cy, -sy),
            (cz * sy * sx - sz * cx, sz * sy * sx + cz * cx, cy * sx),
            (cz * sy * cx + sz * sx, sz * sy * cx - cz * sx, cy * cx),
        ),
        np.float32,
    )


def keypoints(kp: FloatArray, angles: FloatArray, exp: FloatArray, scale: float, t: FloatArray) -> FloatArray:
    """float32 [1, 21, 3]: scale * (kp R + exp) + t, the translation in x and y only.

    ``kp``, ``exp``: float32 [63]; ``angles``: float32 [3], pitch, yaw and roll in degrees; ``t``: float32 [3].
    """
    points: FloatArray = kp.reshape(POINTS, 3) @ rotation(angles)
    points += exp.reshape(POINTS, 3)
    points *= np.float32(scale)
    points[:, :2] += t[:2]
    return points[None]
