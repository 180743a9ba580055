"""Reads the lips from the picture: the line between them, its ends, and the edges above and below it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vcam.media import FloatArray

from .evidence import XY, S, UprightFace, blend, column, row, x_of, y_of

_BEYOND = 0.10  # units around the corners in which the line may end
_BENDS = 16  # hundredths of a unit that the line may be above or below the straight one between the corners,
_NEAR, _FAR = 4.0, 9.0  # and how far it usually is: at the corners, and in the middle
_TURN = 0.25  # what a step up or down costs
_CLEAR = 4.0  # of Lab: how much darker than its surroundings a clear line is
_INSIDE = 0.4  # of the skin's lightness: a mouth's inside is darker
_THICKER = 1.4  # than the median of its three measured places: no lip is
_OPEN = 0.07  # units between the inner lips: less is the shadow of a closed mouth


@dataclass(frozen=True, slots=True)
class Lips:
    """Units: corners, and the four edges at a quarter, half and three quarters of the way."""

    left: XY
    right: XY
    edges: tuple[tuple[XY, XY, XY], ...]
    clear: float  # 0..1: how much it looks like a mouth


def read_lips(face: UprightFace, corners: tuple[XY, XY] | None = None) -> Lips:
    """The line between the lips as the darkest path across; the corners where it fades; the edges by redness.

    ``corners``: about where the mouth's corners are, in units, where that is known.
    """
    lab = face.lab
    red = np.clip((lab[..., 1] - face.skin[1]) / 14, -1, 2) - np.clip(lab[..., 2] - face.skin[2], 0, 20) / 40
    dark = np.clip((face.skin[0] - lab[..., 0]) / 30, -0.5, 1.6)
    lip = np.asarray(cv2.GaussianBlur((red + 0.7 * dark).astype(np.float32), (0, 0), 2.0), np.float32)
    light = lab[..., 0] - 4.0 * np.clip(red, -1, 1.5)
    valley = np.asarray(cv2.GaussianBlur(light, (0, 0), 1.5) - cv2.GaussianBlur(light, (0, 0), 6.0), np.float32)
    line = _searched(lip, valley) if corners is None else _between(valley, corners)

    def on_line(x: float) -> XY:
        return x, y_of(line.rows[min(max(column(x), line.first), line.first + len(line.rows) - 1) - line.first])

    left, right = on_line(line.left), on_line(line.right)
    columns = [left[0] + (right[0] - left[0]) * part for part in (0.25, 0.5, 0.75)]
    edges = [_lip_edges(face, lip, on_line(x)) for x in columns]
    edges = _even(edges)
    if edges[1][2][1] - edges[1][1][1] < _OPEN:  # closed in the middle is closed all along
        edges = [(top, on_line(top[0]), on_line(top[0]), bottom) for top, _, _, bottom in edges]
    return Lips(left, right, tuple((e[0], e[1], e[2]) for e in zip(*edges, strict=True)), line.clear)


def _even(edges: list[tuple[XY, XY, XY, XY]]) -> list[tuple[XY, XY, XY, XY]]:
    """No part of a lip is much thicker than the others: that is a shadow or a moustache."""
    upper, lower = (_THICKER * sorted(e[b][1] - e[a][1] for e in edges)[1] for a, b in ((0, 1), (2, 3)))
    return [
        ((top[0], max(top[1], a[1] - upper)), a, b, (bottom[0], min(bottom[1], b[1] + lower)))
        for top, a, b, bottom in edges
    ]


@dataclass(frozen=True, slots=True)
class _Line:
    """Between the lips: a row for each column from ``first`` on, and the ``left`` and ``right`` end in units."""

    first: int
    rows: list[float]
    left: float
    right: float
    clear: float


def _between(valley: FloatArray, corners: tuple[XY, XY]) -> _Line:
    """The path of least lightness from about one corner to the other (Viterbi), which is nowhere far from both."""
    (x0, y0), (x1, y1) = corners
    first, last = column(x0 - _BEYOND), column(x1 + _BEYOND)
    across = np.arange(first, last + 1)
    part = (across - column(x0)) / max(1, column(x1) - column(x0))
    straight = row(y0) + part * (row(y1) - row(y0))
    bend = np.clip(4 * part * (1 - part), 0, 1)  # 0 at the corners, 1 in the middle
    steps = np.arange(-_BENDS, _BENDS + 1)
    at = np.round(straight + steps[:, None]).astype(int)
    seen = valley[np.clip(at, 0, len(valley) - 1), np.clip(across, 0, valley.shape[1] - 1)]
    spread = float(seen.std()) + 1e-3
    cost = seen / spread + 0.5 * (steps[:, None] / (_NEAR + (_FAR - _NEAR) * bend)) ** 2
    total, came = cost[:, 0].copy(), np.zeros(cost.shape, int)
    for c in range(1, len(across)):
        above, below = np.append(np.inf, total[:-1]) + _TURN, np.append(total[1:], np.inf) + _TURN
        ways = np.stack([above, total, below])
        came[:, c] = ways.argmin(0) - 1
        total = ways.min(0) + cost[:, c]
    path = [int(total.argmin())]
    for c in range(len(across) - 1, 0, -1):
        path.append(path[-1] + int(came[path[-1], c]))
    path.reverse()
    strength = -seen[path, np.arange(len(path))]
    inner = strength[len(path) // 3 : -(len(path) // 3)]
    typical = float(np.median(inner))
    smooth = np.convolve(strength, np.ones(5) / 5, mode="same")
    ends = []
    for side, corner in ((-1, column(x0) - first), (1, column(x1) - first)):
        reach = range(round(-_BEYOND * S), round(_BEYOND * S) - 1)
        faded = next((k for k in reach if smooth[corner + side * k] < 0.33 * typical), reach[-1])
        ends.append(corner + side * (0.0 if typical <= 0 else 0.5 * faded))
    rows = [float(at[k, c]) for c, k in enumerate(path)]
    clear = min(1.0, max(0.0, typical / _CLEAR))
    return _Line(first, rows, x_of(first + ends[0]), x_of(first + ends[1]), clear)


def _searched(lip: FloatArray, valley: FloatArray) -> _Line:
    """The darkest path through the band that looks most like lips, from the middle to both sides."""
    rows = np.arange(row(0.66), row(1.45))
    middle = lip[rows, column(-0.16) : column(0.16)].mean(axis=1)
    beside = lip[rows][:, [*range(column(-0.75), column(-0.6)), *range(column(0.6), column(0.75))]].mean(axis=1)
    band = cv2.GaussianBlur((middle - 0.6 * beside).astype(np.float32).reshape(-1, 1), (1, 31), 5.0).ravel()
    prior = np.exp(-(((np.array([y_of(float(r)) for r in rows]) - 1.0) / 0.17) ** 2) / 2)
    score = (band - band.min()) * prior
    y = y_of(rows[int(score.argmax())])
    clear = min(1.0, max(0.0, float(band.max() - np.median(band)) / 0.5))
    start = row(y - 0.10) + int(valley[row(y - 0.10) : row(y + 0.10), column(-0.1) : column(0.1)].mean(axis=1).argmin())
    line: dict[int, float] = {}
    strength: dict[int, float] = {}
    for side in (-1, 1):
        at = float(start)
        for step in range(0, 62):
            c = column(0.0) + side * step
            around = np.arange(round(at) - 3, round(at) + 4)
            cost = valley[around, c] + 0.35 * (around - at) ** 2
            here = float(around[int(cost.argmin())])
            at += 0.45 * (here - at)
            line[c], strength[c] = at, -float(valley[round(at) - 1 : round(at) + 2, c].min())
    typical = np.median([strength[column(0.0) + k] for k in range(-15, 16)])
    ends = []
    for side in (-1, 1):
        levels = np.array([strength[column(0.0) + side * k] for k in range(62)])
        smooth = np.convolve(levels, np.ones(5) / 5, mode="same")
        faded = [k for k in range(24, 60) if smooth[k] < 0.33 * typical]
        ends.append(blend(faded[0] / S if faded else 0.42, 0.41, 0.28, 0.54))
    if abs(ends[0] - ends[1]) > 0.16:  # one side ran on along a fold of the cheek
        ends = [min(e, min(ends) + 0.08) for e in ends]
    return _Line(min(line), [line[c] for c in sorted(line)], -ends[0], ends[1], clear)


def _lip_edges(face: UprightFace, lip: FloatArray, at: XY) -> tuple[XY, XY, XY, XY]:
    """From top to bottom at one x: outer and inner edge of the upper lip, inner and outer edge of the lower."""
    c, r = column(at[0]), row(at[1])
    profile = cv2.GaussianBlur(lip[:, c - 2 : c + 3].mean(axis=1).reshape(-1, 1), (1, 5), 1.0).ravel()
    light = face.lab[:, c - 2 : c + 3, 0].mean(axis=1)
    skin_above, skin_below = float(profile[r - 26 : r - 16].min()), float(profile[r + 22 : r + 34].min())

    def outer(step: int, skin: float, usual: float, low: float, high: float) -> float:
        peak = max(profile[r + step * k] for k in range(2, 12))
        half = skin + 0.5 * (peak - skin)
        seen = next((k for k in range(4, 32) if profile[r + step * k] < half), None)
        return usual if seen is None or peak - skin < 0.25 else blend(seen / S, usual, low, high)

    up, down = outer(-1, skin_above, 0.10, 0.045, 0.2), outer(1, skin_below, 0.14, 0.07, 0.26)
    # an open mouth: the dark between the lips is thick
    lips = float(np.median(np.concatenate([light[r - 12 : r - 6], light[r + 6 : r + 12]])))
    least = float(light[r - 2 : r + 3].min())
    # a dark upper lip over a light lower one is no gap: within a mouth it is darker still
    gap = light < min(lips - 12, 0.5 * (lips + least), _INSIDE * float(face.skin[0]))
    inner_up = next((k for k in range(0, 14) if not gap[r - k]), 0)
    inner_down = next((k for k in range(0, 18) if not gap[r + k]), 0)
    top, bottom = at[1] - inner_up / S, at[1] + inner_down / S
    outer_top = min(at[1] - up, top - 0.025)
    outer_bottom = max(at[1] + down, bottom + 0.03)
    return (at[0], outer_top), (at[0], top), (at[0], bottom), (at[0], outer_bottom)
