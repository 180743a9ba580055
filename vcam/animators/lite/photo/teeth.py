"""Finds the teeth of a mouth that smiles openly: pale between red lips. They tell where the lips' inner edges are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .evidence import XY, S, UprightFace, column, row, y_of
from .lipline import Lips

_ACROSS = 0.15  # units beside the middle where teeth are looked for ...
_SHARE = 0.6  # ... and must be seen in so much of the columns
_FIRST = 0.14  # units below the lips' line where they begin at most
_UP, _DOWN = 0.16, 0.30  # units from the lips' line: a smile's teeth are mostly taken for the lower lip
_PALE = 2.5  # how much less red than the skin (a of Lab) teeth are at least,
_VIVID = (0.2, 10.0, 7.0)  # teeth between lips that are redder than this may be redder by such a part, at most so much
_RED = 3.5  # how much redder than it lips, ...
_BROWN = 14.0  # ... or than the teeth, where the skin is about as red,
_LIGHT = 0.7  # and how light teeth are of the skin's lightness
_TALL = (0.035, 0.26)  # units
_LIP = 0.15  # units beyond the teeth in which a lip must show
_DARK, _DEEP = 0.42, 0.35  # of the skin's lightness: the mouth's inside below the teeth; units that it is at most high
_UPPER, _LOWER = (0.035, 0.13), (0.06, 0.2)  # units: how thick lips are

Edges = tuple[XY, XY, XY, XY]


def with_teeth(face: UprightFace, lips: Lips) -> Lips:
    """``lips`` with the edges that the teeth tell, where teeth are seen; else as they are."""
    middle = _middle(face, lips)
    if middle is None:
        return lips
    columns = [top[0] for top in lips.edges[0]]
    edges: list[Edges] = []
    for x, corner in zip(columns, (lips.left, middle[1], lips.right), strict=True):
        found = middle if x == columns[1] else _edges(face, x, middle[1][1])
        # where the corner's shade hides the teeth, the edges run from the middle to the corner
        edges.append(found or _between(middle, corner, x))
    rows = tuple((e[0], e[1], e[2]) for e in zip(*edges, strict=True))
    return replace(lips, edges=rows, clear=1.0)


def _middle(face: UprightFace, lips: Lips) -> Edges | None:
    """The edges in the mouth's middle, the median of those beside it; None where no teeth are seen."""
    centre, y = lips.edges[1][1]
    found = [_edges(face, centre + x, y) for x in np.arange(-_ACROSS, _ACROSS + 0.01, 0.02)]
    seen = [edges for edges in found if edges is not None]
    if len(seen) < _SHARE * len(found):
        return None
    heights = np.median([[point[1] for point in edges] for edges in seen], axis=0)
    top, upper, lower, bottom = ((centre, float(height)) for height in heights)
    return top, upper, lower, bottom


def _edges(face: UprightFace, x: float, y: float) -> Edges | None:
    """From top to bottom at ``x``: outer and inner edge of the upper lip, inner and outer edge of the lower."""
    first, last = row(y - _UP), row(y + _DOWN)
    strip = face.lab[first : last + round((_LIP + _DEEP) * S), column(x) - 1 : column(x) + 2].mean(axis=1)
    light, red = strip[:, 0], strip[:, 1] - face.skin[1]
    vivid = float(np.clip(_VIVID[0] * (np.percentile(red, 90) - _VIVID[1]), 0, _VIVID[2]))
    pale = (red < vivid - _PALE) & (light > _LIGHT * face.skin[0])
    pale[last - first :] = False
    best: tuple[int, int] | None = None
    for start, stop in _runs(pale):
        low = _below_the_dark(light < _DARK * face.skin[0], stop)
        above, below = red[max(0, start - round(_LIP * S)) : start], red[low : low + round(_LIP * S)]
        lips = min(above.max(initial=-99.0), below.max(initial=-99.0))
        brown = lips > -1 and lips - float(red[start:stop].mean()) > _BROWN
        near = start < round((_UP + _FIRST) * S)  # not the chin under a lip
        if near and (lips > _RED or brown) and (best is None or stop - start > best[1] - best[0]):
            best = start, stop
    if best is None or not _TALL[0] < (best[1] - best[0]) / S < _TALL[1]:
        return None
    start, stop = best
    teeth = float(red[start:stop].mean())

    def inner(at: int, step: int) -> tuple[int, float]:
        """Half way from the teeth's colour to the lip's; and how red the lip is."""
        far = round(_LIP * S)
        reach = red[at : at + far] if step > 0 else red[max(0, at - far + 1) : at + 1][::-1]
        peak = float(reach.max())
        return at + step * int(np.argmax(reach > 0.5 * (teeth + peak))), peak

    def outer(at: int, step: int, peak: float, least: float, most: float) -> int:
        thick = round(least * S)
        while thick < round(most * S) and 0 < at + step * thick < len(red) - 1 and red[at + step * thick] > 0.5 * peak:
            thick += 1
        return at + step * thick

    low = _below_the_dark(light < _DARK * face.skin[0], stop)
    (upper, above_), (lower, below_) = inner(start, -1), inner(low - 1, 1)
    heights = (outer(upper, -1, above_, *_UPPER), upper, lower, outer(lower, 1, below_, *_LOWER))
    a, b, c, d = ((x, y_of(first + height)) for height in heights)
    return a, b, c, d


def _below_the_dark(dark: npt.NDArray[np.bool_], teeth: int) -> int:
    """Where the lower lip begins: at once where the ``teeth`` end, or where the dark below them does."""
    at = next((at for at in range(teeth, min(teeth + 4, len(dark))) if dark[at]), None)
    if at is None:
        return teeth
    end = at + round(_DEEP * S)
    while at < min(end, len(dark)) and dark[at]:
        at += 1
    return at


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _between(middle: Edges, corner: XY, x: float) -> Edges:
    part = 0.6  # lips' edges are round: half way to the corner they have come less than half way
    a, b, c, d = ((x, part * point[1] + (1 - part) * corner[1]) for point in middle)
    return a, b, c, d
