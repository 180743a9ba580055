"""The smooth step 3 t^2 - 2 t^3 (Hermite's cubic): what moves or fades by it neither starts nor stops at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vcam.media import FloatArray


def smoothstep(value: float) -> float:
    """0 below 0, 1 above 1, smooth between."""
    t = min(1.0, max(0.0, value))
    return t * t * (3 - 2 * t)


def smoothsteps(values: npt.NDArray[np.floating]) -> FloatArray:
    """The same of each: float32 of the same shape."""
    t = np.clip(values, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
