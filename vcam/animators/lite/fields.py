"""How a painted head bends: fields over places in units, as turning, jaw, brows and cheeks move it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vcam.media import FloatArray
from vcam.smoothstep import smoothsteps

from .avatar import Avatar


@dataclass(frozen=True, slots=True)
class Lift:
    """What moves with one number: ``across``, ``up`` say how much in the head's box at ``rows``, ``columns``."""

    rows: slice
    columns: slice
    across: FloatArray | None
    up: FloatArray | None

    def within(self, rows: slice, columns: slice) -> Lift:
        """As much of it as lies there."""
        if self.up is None:
            return self
        (rows, down), (columns, along) = _overlap(self.rows, rows), _overlap(self.columns, columns)
        across = None if self.across is None else self.across[down, along]
        return Lift(rows, columns, across, self.up[down, along])


def _overlap(own: slice, other: slice) -> tuple[slice, slice]:
    """What both have, and where that is in the first of them."""
    start = max(own.start, other.start)
    stop = max(start, min(own.stop, other.stop))
    return slice(start, stop), slice(start - own.start, stop - own.start)


def bends(avatar: Avatar, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How much each point takes part, 0..1: in turning (a dome), and in the jaw's drop."""
    rig = avatar.rig
    dome = _dome(avatar, u, v)
    turn = dome * (2 - dome)
    jaw = smoothsteps((v - rig.jaw.top) / (rig.jaw.chin - rig.jaw.top)) * smoothsteps(
        (rig.jaw.half_width - np.abs(u - rig.head.centre[0])) / (0.5 * rig.jaw.half_width)
    )
    return turn, jaw


def _dome(avatar: Avatar, u: FloatArray, v: FloatArray) -> FloatArray:
    head = avatar.rig.head
    far = ((u - head.centre[0]) / head.radii[0]) ** 2 + ((v - head.centre[1]) / head.radii[1]) ** 2
    return np.asarray(np.clip(1 - far, 0, 1), np.float32)


def lifts(avatar: Avatar, u: FloatArray, v: FloatArray) -> tuple[Lift, ...]:
    """Left brow up, right brow up, inner ends of the brows down and together, cheeks up."""
    rig = avatar.rig
    nothing = np.zeros_like(u)
    inside = smoothsteps(_dome(avatar, u, v) * 4)
    middle = rig.head.centre[0]
    cheeks, pinch, press = nothing, nothing, nothing
    lids = rig.head.centre[1]
    for eye in rig.eyes.each:
        (x, y), (width, height) = eye.centre, eye.size
        lids = min(lids, y - 0.63 * height - rig.eyes.lash)
        down = rig.mouth.centre[1] - y
        near = ((u - x - 0.25 * (x - middle)) / (0.85 * width)) ** 2 + ((v - y - 0.62 * down) / (0.36 * down)) ** 2
        # the lids stay where the eyes are drawn, the mouth where it is
        free = smoothsteps((v - y - 0.45 * height) / (0.25 * down))
        cheeks = cheeks + smoothsteps(np.asarray(1.2 - near, np.float32)) * free * inside
    left = right = nothing
    if rig.brows is not None:
        far = v - rig.brows.y
        below = max(10.0, min(rig.brows.reach, lids - rig.brows.y - 3))  # the lids stay
        thick = 0.2 * below  # the brow stays as thick as it is
        far = np.maximum(-far / rig.brows.reach, (far - thick) / (below - thick))
        strip = smoothsteps(1 - far) * inside
        for eye in rig.eyes.each:
            reach = min(1.1 * eye.size[0], 1.25 * abs(eye.centre[0] - middle))
            beside = smoothsteps((reach - np.abs(u - eye.centre[0])) / (0.5 * reach))
            if eye.side < 0:
                left = np.maximum(left, strip * beside)
            else:
                right = np.maximum(right, strip * beside)
            end = eye.centre[0] + 0.5 * (middle - eye.centre[0])
            bump = strip * np.exp(-(((u - end) / (0.55 * eye.size[0])) ** 2))
            press = np.maximum(press, bump)
            pinch = pinch + bump * np.sign(eye.centre[0] - middle)
    # backwards: what goes down or to the middle is looked for further up or outside
    return (
        _part(None, left), _part(None, right), _part(0.6 * pinch * inside, -press * inside), _part(None, cheeks),
    )  # fmt: skip


def _part(across: FloatArray | None, up: FloatArray) -> Lift:
    """The field without the zeros around it."""
    rows, columns = np.nonzero(up)
    if not len(rows):
        return Lift(slice(0), slice(0), None, None)
    place = (slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1))
    cut = [None if f is None else np.ascontiguousarray(f[place], np.float32) for f in (across, up)]
    return Lift(*place, *cut)
