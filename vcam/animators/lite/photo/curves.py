"""Smooth curves through a few landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from . import landmarks

_TABLE = 257


class Curve:
    """y over x through given points, by monotone cubics (Fritsch & Butland, 1984): no overshoot; level beyond them.

    A point that is not right of all before it is left out; two must be left.
    """

    def __init__(self, x: Sequence[float], y: Sequence[float]) -> None:
        xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
        keep = np.concatenate([[True], xs[1:] > np.maximum.accumulate(xs)[:-1] + 1e-6])
        xs, ys = xs[keep], ys[keep]
        step, slope = np.diff(xs), np.diff(ys) / np.diff(xs)
        tangent = np.zeros_like(xs)
        tangent[0], tangent[-1] = slope[0], slope[-1]
        a, b = slope[:-1], slope[1:]
        same = a * b > 0
        weight = (1 + step[1:] / (step[:-1] + step[1:])) / 3
        tangent[1:-1][same] = (a * b)[same] / (weight * b + (1 - weight) * a)[same]
        self._x = np.linspace(xs[0], xs[-1], _TABLE)
        at = np.clip(np.searchsorted(xs, self._x, side="right") - 1, 0, len(step) - 1)
        t, h = (self._x - xs[at]) / step[at], step[at]
        self._y = (
            (1 + 2 * t) * (1 - t) ** 2 * ys[at]
            + t * (1 - t) ** 2 * h * tangent[at]
            + t * t * (3 - 2 * t) * ys[at + 1]
            - t * t * (1 - t) * h * tangent[at + 1]
        )

    @overload
    def __call__(self, x: float) -> float: ...
    @overload
    def __call__(self, x: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]: ...
    def __call__(self, x: Any) -> Any:
        y = np.interp(x, self._x, self._y)
        return y.astype(np.float32) if isinstance(x, np.ndarray) else float(y)


def through(
    left: tuple[float, float], curve: landmarks.Curve, right: tuple[float, float], frame: landmarks.FaceFrame
) -> Curve:
    """A lip's edge in face units, from corner to corner."""
    points = [left, *(frame.to_face(p) for p in (curve.left, curve.middle, curve.right)), right]
    return Curve([p[0] for p in points], [p[1] for p in points])
