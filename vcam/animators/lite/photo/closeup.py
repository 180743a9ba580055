"""What is kept of a large picture: all of it, or what lies around a face that would be too small otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from vcam.errors import AvatarError
from vcam.media import ByteArray

from .landmarks import MAX_COORDINATE
from .package import MAX_SIDE, shrunk
from .propose import Proposal, usual_notices

_SHARP = 128.0  # pixels between the irises: as many as a shot of 1280x720 has, and some more
_SAME = 0.3  # of the eyes' distance that a second look may place the eyes elsewhere

Look = Callable[[ByteArray], Proposal]


def close_up(rgb: ByteArray, look: Look) -> tuple[ByteArray, Proposal]:
    """What to keep of the picture (uint8 RGB [h, w, 3]), at most 1920 pixels on its longer side, and ``look``'s
    proposal for it. Where shrinking all of it would leave a soft face, only what surrounds the face is kept.

    Raises AvatarError as ``look`` does.
    """
    rgb = shrunk(rgb, int(MAX_COORDINATE))
    whole = shrunk(rgb)
    if whole is rgb:
        return rgb, look(rgb)
    size = max(whole.shape[:2]) / max(rgb.shape[:2])
    try:
        proposal = _moved(look(whole), 1 / size)
    except AvatarError:  # it may only be too small
        proposal = look(rgb)
    frame = proposal.landmarks.frame
    scale = min(1.0, _SHARP / frame.unit)
    if scale <= size:
        return whole, _moved(proposal, size)
    x, y = (round(at) for at in frame.origin)
    part, left, top = _around(rgb, x, y, round(MAX_SIDE / scale))
    kept = shrunk(part)
    size = max(kept.shape[:2]) / max(part.shape[:2])
    moved = _moved(proposal, size, (-left * size, -top * size))
    try:
        closer = look(kept)
    except AvatarError:  # what is beside a face can help to see it
        closer = moved
    if math.dist(closer.landmarks.frame.origin, moved.landmarks.frame.origin) > _SAME * moved.landmarks.frame.unit:
        closer = moved
    height, width = kept.shape[:2]
    notice = f"The face is small in this picture: the {width}x{height} pixels around it are kept."
    told = (notice, *_further_notices(closer))
    closer = replace(closer, faces=max(closer.faces, proposal.faces))  # others may be beside what is kept
    return kept, replace(closer, notices=(*told, *usual_notices(closer)))


def _around(rgb: ByteArray, x: int, y: int, side: int) -> tuple[ByteArray, int, int]:
    """At most ``side`` pixels each way with x, y in the middle, if the picture reaches so far; from where on it is."""
    rows, columns = rgb.shape[:2]
    left, top = (max(0, min(at - side // 2, length - side)) for at, length in ((x, columns), (y, rows)))
    return rgb[top : top + side, left : left + side], left, top


def _moved(proposal: Proposal, factor: float, shift: tuple[float, float] = (0.0, 0.0)) -> Proposal:
    """The same face in a picture ``factor`` times as large, moved by ``shift`` pixels then."""
    left, top, right, bottom = (round(at * factor + shift[i % 2]) for i, at in enumerate(proposal.face))
    moved = replace(proposal, landmarks=proposal.landmarks.shown(factor, shift), face=(left, top, right, bottom))
    return replace(moved, notices=(*_further_notices(proposal), *usual_notices(moved)))


def _further_notices(proposal: Proposal) -> tuple[str, ...]:
    return tuple(notice for notice in proposal.notices if notice not in usual_notices(proposal))
