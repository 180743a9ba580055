"""Reads a face's features from the picture, within what faces are like.

Everything happens on an upright copy of the face, in coordinates of :class:`FaceFrame` (one unit between the irises).
Each feature has a usual place; the picture moves it where the evidence is clear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray, FloatArray

from .landmarks import FaceFrame

S = 100  # pixels a unit
_LEFT, _TOP, _RIGHT, _BOTTOM = -1.7, -1.9, 1.7, 2.5  # units

XY = tuple[float, float]
_LOW = 0.16  # units that brows may be nearer to the eyes than usual
_RIM = 12.0  # of Lab: how much lighter than iris and lashes the upper lid's skin is where its edge is clear
_GLINT = 0.07  # units that a light in the eye is high
_LID = 0.04  # units above a lid's edge that lashes darken
_BESIDE = ((-14, 1), (0, 15))  # hundredths of a unit above and below a brow's middle where its skin begins


@dataclass(frozen=True, slots=True)
class EyeEdges:
    """Units: the lids' edges and corners by x, the iris."""

    iris: XY
    radius: float
    left: XY
    right: XY
    top: float
    bottom: float


class UprightFace:
    """An upright copy of the face: Lab, and how much each pixel differs from the skin."""

    def __init__(self, rgb: ByteArray, frame: FaceFrame) -> None:
        size = (round((_RIGHT - _LEFT) * S), round((_BOTTOM - _TOP) * S))
        shrink = frame.unit / S
        source = rgb if shrink < 1.5 else np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.45 * shrink), np.uint8)
        corners = [(_LEFT, _TOP), (_RIGHT, _TOP), (_LEFT, _BOTTOM)]
        there = np.array([frame.to_picture(c) for c in corners], np.float32)
        here = np.array([(0, 0), (size[0], 0), (0, size[1])], np.float32)
        turn = cv2.getAffineTransform(here, there)
        upright = cv2.warpAffine(
            source, turn, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        floats = (upright / np.float32(255)).astype(np.float32)
        self.lab = np.asarray(cv2.GaussianBlur(cv2.cvtColor(floats, cv2.COLOR_RGB2LAB), (0, 0), 1.0), np.float32)
        cheeks = np.concatenate([self.part(x - 0.16, 0.38, x + 0.16, 0.7).reshape(-1, 3) for x in (-0.5, 0.5)])
        self.skin = np.median(cheeks, axis=0)
        spread = np.abs(cheeks - self.skin).mean() + 2.0
        away = (self.lab - self.skin) * np.array([0.6, 1.0, 1.0], np.float32)
        self.unlike = np.asarray(np.sqrt((away**2).sum(axis=2)) / spread, np.float32)

    def part(self, left: float, top: float, right: float, bottom: float) -> FloatArray:
        return self.lab[row(top) : row(bottom), column(left) : column(right)]


def column(x: float) -> int:
    return round((x - _LEFT) * S)


def row(y: float) -> int:
    return round((y - _TOP) * S)


def x_of(index: float) -> float:
    return index / S + _LEFT


def y_of(index: float) -> float:
    return index / S + _TOP


def read_eye(face: UprightFace, near: XY) -> EyeEdges:
    """The iris as the disc with the strongest edge at its sides; the opening from what differs from the skin."""
    light = face.lab[..., 0]
    gx = cv2.Scharr(cv2.GaussianBlur(light, (0, 0), 1.0), cv2.CV_32F, 1, 0)
    gy = cv2.Scharr(cv2.GaussianBlur(light, (0, 0), 1.0), cv2.CV_32F, 0, 1)
    # its sides: lids lie over the rest
    angles = np.radians(np.concatenate([np.arange(-30, 50, 8), np.arange(130, 211, 8)]))
    arc = np.stack([np.cos(angles), np.sin(angles)], 1)
    # further to the sides: who looks aside has the iris in the corner of the eye
    best, found = -1e9, (near[0], near[1], 0.105)
    for dy in np.arange(-0.06, 0.07, 0.01):
        for dx in np.arange(-0.13, 0.135, 0.01):
            for radius in np.arange(0.065, 0.16, 0.01):
                x, y = near[0] + dx, near[1] + dy
                at = np.round((np.array([x - _LEFT, y - _TOP]) + arc * radius) * S).astype(int)
                edge = gx[at[:, 1], at[:, 0]] * arc[:, 0] + gy[at[:, 1], at[:, 0]] * arc[:, 1]
                prior = ((dx / 0.05) ** 2 + (dy / 0.05) ** 2) * 0.06 + ((radius - 0.105) / 0.03) ** 2 * 0.06
                score = float(np.clip(edge, -40, 120).sum()) * (1 - prior)
                if score > best:
                    best, found = score, (x, y, float(radius))
    x, y, radius = found
    left, right, top, bottom = _opening(face, x, y, radius)
    return EyeEdges((x, y), radius, left, right, top, bottom)


def _opening(face: UprightFace, x: float, y: float, radius: float) -> tuple[XY, XY, float, float]:
    """Corners, top and bottom of what is seen of the eye: the iris, and the white, which is paler than skin."""
    x0, y0, x1, y1 = x - 0.42, y - 0.24, x + 0.42, y + 0.24
    lab = face.part(x0, y0, x1, y1)
    rows, columns = np.mgrid[0 : lab.shape[0], 0 : lab.shape[1]]
    across, down = columns / S + x0 - x, rows / S + y0 - y
    unlike = face.unlike[row(y0) : row(y0) + lab.shape[0], column(x0) : column(x0) + lab.shape[1]]
    colour = float(np.hypot(face.skin[1], face.skin[2]))
    if colour > 9:
        pale = 1 - np.hypot(lab[..., 1], lab[..., 2]) / colour
        white = (pale > 0.42) & (lab[..., 0] > 0.55 * face.skin[0])
    else:  # a drawing in black and white: only brightness tells
        white = lab[..., 0] > face.skin[0] + 8
    iris = (np.hypot(across, down) < 1.02 * radius) & (unlike > 0.25 * float(np.percentile(unlike, 92)))
    iris |= np.hypot(across, down) < 0.6 * radius
    seen = np.asarray(((white & (np.hypot(across / 0.40, down / 0.2) < 1)) | iris).astype(np.uint8), np.uint8)
    seen = np.asarray(cv2.morphologyEx(seen, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    seen = np.asarray(cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 7), np.uint8)), np.uint8)
    _, labels = cv2.connectedComponents(seen)
    eye = labels == labels[round((y - y0) * S), round((x - x0) * S)]
    high, wide = np.nonzero(eye)
    left_x = blend(float(wide.min()) / S + x0 - x - 0.015, -0.25, -0.40, -0.15)
    right_x = blend(float(wide.max()) / S + x0 - x + 0.015, 0.25, 0.15, 0.40)
    # above and below the iris its own edge may be a lash's; beside it the white ends where the lids are
    over, under = _heights(eye, across, down, (0.0, 1.1 * radius))
    over_white, under_white = _heights(eye & white, across, down, (1.05 * radius, 1.5 * radius))
    top = blend(0.5 * over + 0.5 * max(over, over_white / 0.75), -0.085, -0.21, -0.04)
    bottom = blend(0.7 * under + 0.3 * min(under, under_white / 0.75) + 0.012, 0.085, 0.04, 0.21)
    rim = _rim(lab[..., 0], across, down, radius)
    if rim is not None and rim < -0.5 * radius:  # else a light in the eye
        top = max(top, min(rim, -0.04))
    corner_y = []
    for edge, side in ((wide.min(), 1), (wide.max(), -1)):
        there = high[np.abs(wide - edge - 2 * side) <= 2]
        corner_y.append(min(0.08, max(-0.05, float(np.median(there)) / S + y0 - y)))
    return (x + left_x, y + corner_y[0]), (x + right_x, y + corner_y[1]), y + top, y + bottom


def _rim(light: FloatArray, across: FloatArray, down: FloatArray, radius: float) -> float | None:
    """Where the dark of iris and lashes ends above an iris's middle and the lid's lighter skin begins, in units below
    that middle; None where that is not clear."""
    columns = np.abs(across[0]) < 0.5 * radius
    profile = np.median(light[:, columns], axis=1)
    heights = down[:, 0]
    above = profile[heights < -0.04]
    dark, skin = float(np.percentile(profile[np.abs(heights) < 0.06], 20)), float(above.max(initial=0.0))
    if skin - dark < _RIM:
        return None
    shade = np.flatnonzero((profile < 0.5 * (dark + skin)) & (heights < 0.0))[::-1]
    if not len(shade):
        return None
    breaks = np.flatnonzero(-np.diff(shade) > _GLINT * S)
    at = int(shade[breaks[0]] if len(breaks) else shade[-1])
    return float(heights[at]) if at > 0 else None


def _heights(
    eye: npt.NDArray[np.bool_], across: FloatArray, down: FloatArray, beside: tuple[float, float]
) -> tuple[float, float]:
    """How far an eye goes up and down from its middle, in the columns so far beside it: units, below 0 is up."""
    columns = [
        column for column in range(eye.shape[1])
        if beside[0] <= abs(float(across[0, column])) <= beside[1] and eye[:, column].any()
    ]  # fmt: skip
    if not columns:
        return -0.085, 0.085
    ends = [np.nonzero(eye[:, column])[0][[0, -1]] for column in columns]
    return float(np.percentile([down[e[0], 0] for e in ends], 15)), float(
        np.percentile([down[e[1], 0] for e in ends], 85)
    )


def blend(value: float, usual: float, low: float, high: float) -> float:
    """``value`` if it is possible, else the usual one."""
    return 0.9 * value + 0.1 * usual if low <= value <= high else usual + 0.4 * (min(high, max(low, value)) - usual)


def read_brows(face: UprightFace, lids: tuple[float, float]) -> tuple[tuple[XY, XY, XY], tuple[XY, XY, XY]]:
    """Inner, middle and outer point of the dark lines over the eyes, which are about equally high.

    ``lids``: the upper lids' edges in the middle, left and right, which are no brows.
    """
    light = np.asarray(cv2.GaussianBlur(face.lab[..., 0], (0, 0), 3.0), np.float32)
    middle = (-0.37, -0.37)
    found = {}
    for x, lower, reach in ((0.5, 0.0, _LOW), (0.24, 0.05, 0.0), (0.80, 0.08, 0.0)):  # the ends are a little lower
        left, right = (
            _brow_height(light, side * x, above + lower, reach, lid)
            for side, above, lid in zip((-1, 1), middle, lids, strict=True)
        )
        if abs(left - right) > 0.06:  # one of them is hair: brows are nearer to the eyes
            left = right = max(left, right)
        found[x] = left, right
        middle = found[0.5]
    heights = [(x, *found[x]) for x in sorted(found)]
    sides = [tuple((side * x, (left, right)[side > 0]) for x, left, right in heights) for side in (-1, 1)]
    return (sides[0][0], sides[0][1], sides[0][2]), (sides[1][0], sides[1][1], sides[1][2])


def _brow_height(light: FloatArray, x: float, usual: float, reach: float, lid: float) -> float:
    """Where a dark line is at ``x``: about as high as ``usual`` or down to ``reach`` lower, above ``lid``; units."""
    (up, _), (_, down) = _BESIDE
    rows = np.arange(row(-0.62), row(min(-0.12, lid - _LID)))
    profile = light[rows[0] + up : rows[-1] + down + 1, column(x) - 3 : column(x) + 4].mean(axis=1)
    # a line: skin on both sides of it, while above the edge of a fringe there is hair
    above, below = (np.array([profile[i + a : i + b].max() for i in range(-up, len(rows) - up)]) for a, b in _BESIDE)
    dark = np.clip((np.minimum(above, below) - profile[-up : len(rows) - up]) / 18, 0, 1)
    height = np.array([y_of(float(r)) for r in rows])
    beyond = np.maximum(usual - height, 0) + np.maximum(height - (usual + reach), 0)
    score = dark * np.exp(-((beyond / (0.08 if reach else 0.05)) ** 2) / 2)
    return float(height[int(score.argmax())]) if score.max() > 0.08 else usual


def read_edge(face: UprightFace, origin: XY, angle: float, usual: float, spread: float) -> float:
    """How far from ``origin`` the skin ends in a direction (degrees clockwise from right): units."""
    reach = np.arange(max(0.1, usual - 2.2 * spread), usual + 2.2 * spread, 0.01)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x = (origin[0] + reach * cos - _LEFT) * S
    y = (origin[1] + reach * sin - _TOP) * S
    along = cv2.remap(
        cv2.GaussianBlur(np.minimum(face.unlike, 8), (0, 0), 1.5), x.astype(np.float32).reshape(1, -1),
        y.astype(np.float32).reshape(1, -1), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    ).ravel()  # fmt: skip
    rise = np.convolve(along, np.concatenate([np.ones(6), -np.ones(6)]) / 6, mode="same")
    rise[:6] = rise[-6:] = 0
    score = np.clip(rise, 0, 4) * np.exp(-(((reach - usual) / spread) ** 2) / 2)
    best = int(score.argmax())
    trust = min(1.0, float(score[best]) / 1.2)
    return usual + trust * (float(reach[best]) - usual)
