"""Motion as the diffusion network speaks it, and as the motion extractor does.

A motion row is float32 [265]: scale minus 1, then the logits of pitch, yaw and roll (66 bins each), translation t
(3) and the expression's 21 x 3 displacements.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from vcam.media import FloatArray

MOTION_SIZE = 265
SCALE = slice(0, 1)
PITCH = slice(1, 67)
YAW = slice(67, 133)
ROLL = slice(133, 199)
T = slice(199, 202)
EXP = slice(202, 265)
#: Where each key lies in a row, in its order.
KEYS: dict[str, slice] = {"scale": SCALE, "pitch": PITCH, "yaw": YAW, "roll": ROLL, "t": T, "exp": EXP}


@dataclass(frozen=True, slots=True, eq=False)
class SourceMotion:
    """What the motion extractor says of one picture: float32, each with a leading axis of 1.

    ``pitch``, ``yaw``, ``roll``: [1, 66] logits; ``t``: [1, 3]; ``exp``, ``kp``: [1, 63]; ``scale``: [1, 1], not
    minus 1. Raises ValueError for other shapes or types.
    """

    SHAPES: ClassVar[dict[str, tuple[int, int]]] = {
        "pitch": (1, 66),
        "yaw": (1, 66),
        "roll": (1, 66),
        "t": (1, 3),
        "exp": (1, 63),
        "scale": (1, 1),
        "kp": (1, 63),
    }

    pitch: FloatArray
    yaw: FloatArray
    roll: FloatArray
    t: FloatArray
    exp: FloatArray
    scale: FloatArray
    kp: FloatArray

    def __post_init__(self) -> None:
        for field in fields(self):
            check(getattr(self, field.name), self.SHAPES[field.name], f"SourceMotion.{field.name}")

    def row(self) -> FloatArray:
        """float32 [265], the scale minus 1."""
        parts = [getattr(self, key) for key in KEYS]
        parts[0] = parts[0] - np.float32(1)
        return np.concatenate(parts, axis=1)[0]


def check(array: object, shape: tuple[int | None, ...], name: str) -> None:
    """Raises ValueError unless ``array`` is a float32 array of this shape (None: any size)."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        raise ValueError(f"{name} must be a float32 array, not {getattr(array, 'dtype', type(array).__name__)}")
    if array.ndim != len(shape) or any(b is not None and a != b for a, b in zip(array.shape, shape, strict=True)):
        raise ValueError(f"{name} must have the shape {shape}, not {array.shape}")
