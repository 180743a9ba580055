"""Puts the layers together: the room, the breathing body, the head bent by its pose. Draws only what has changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vcam.animators.base import Scene
from vcam.media import ByteArray

from .avatar import Avatar
from .eyes import Eyes, EyeShape
from .fields import bends, lifts
from .mouth import Mouth, MouthShape
from .outline import Edges, Outline
from .patch import Placement

_EYE_LINE = 400.0  # units; where portraits have their eyes: zooming comes closer to this
_HEAD_ROOM = 540.0  # units; pictures narrower than this show the person smaller
_FINER = 1.25  # the head's texture has this many times the picture's pixels, so that bending it keeps it sharp
_GRID, _GRID_UNITS = 4, 5.6  # pixels, and units, at most between the points of the fields that bend the head
_STEP = 4  # positions are rounded to this part of a pixel: smaller changes are not redrawn
_KEPT_BYTES = 16_000_000  # of the breathing body's pictures

Rect = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class HeadPose:
    """``x``, ``y`` units; ``roll`` degrees clockwise; ``yaw``, ``pitch`` units at the middle of the face; in units also
    how far the chin is down (``jaw``), each brow is up, the brows' inner ends are down and together (``frown``), the
    cheeks (``cheeks``) and the chest (``breath``) are up."""

    x: float = 0.0
    y: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    jaw: float = 0.0
    brow_left: float = 0.0
    brow_right: float = 0.0
    frown: float = 0.0
    cheeks: float = 0.0
    breath: float = 0.0


class Compositor:
    """One avatar in one scene. ``draw`` gives the same picture for the same pose, whatever was drawn before."""

    mouth_open = False  #: portraits are painted with closed lips

    def __init__(self, avatar: Avatar, scene: Scene) -> None:
        width, height = scene.width, scene.height
        fit = min(1.0, width / height / (_HEAD_ROOM / 1000))
        self._scale = scale = height / 1000 * scene.zoom * fit
        self._origin = (
            width / 2 + scene.shift_x * height,
            height * _EYE_LINE / 1000 + scene.shift_y * height - _EYE_LINE * scale,
        )
        room = _room(avatar.backdrop, scene)
        self._body = _Body(avatar, self._origin, scale, room)
        self._head = _Head(avatar, self._origin, scale, (width, height))
        self._canvas = room.copy()
        self._body.restore(self._canvas, (0, 0, width, height))
        self._drawn: Rect | None = None

    def draw(self, pose: HeadPose, mouth: MouthShape, eyes: EyeShape) -> ByteArray:
        """uint8 RGB [h, w, 3]; the same buffer every time."""
        moved = self._body.breathe(pose.breath)
        if self._head.prepare(pose, mouth, eyes) or moved:
            if self._drawn is not None:
                self._body.restore(self._canvas, self._drawn)
            if moved:
                self._body.restore(self._canvas, self._body.rect)
            self._drawn = self._head.blend(self._canvas)
        return self._canvas

    def moved(self, a: HeadPose, b: HeadPose) -> float:
        """How far apart, in pixels at most, two poses show the same point."""
        return moved(a, b, [self._scale] * 4, math.radians(1) * self._head.reach)


def moved(a: HeadPose, b: HeadPose, scales: Sequence[float], a_degree: float) -> float:
    """Pixels between two poses, at most: ``scales`` for the shift, the turn, the face's parts and the breath."""
    shift, turn, part, breath = scales
    roll = abs(a.roll - b.roll) * a_degree
    across = abs(a.x - b.x) * shift + abs(a.yaw - b.yaw) * turn
    down = abs(a.y - b.y) * shift + abs(a.pitch - b.pitch) * turn
    parts = part * max(
        abs(a.jaw - b.jaw), abs(a.brow_left - b.brow_left), abs(a.brow_right - b.brow_right), abs(a.frown - b.frown),
        abs(a.cheeks - b.cheeks),
    )  # fmt: skip
    return max(roll + max(across, down) + parts, abs(a.breath - b.breath) * breath)


def _room(background: ByteArray, scene: Scene) -> ByteArray:
    """The backdrop, or the painted background cut and scaled to cover the whole picture."""
    width, height = scene.width, scene.height
    if scene.backdrop is not None:
        return scene.backdrop.copy()
    rows, columns = background.shape[:2]
    scale = max(width / columns, height / rows)
    across, down = max(1, min(columns, round(width / scale))), max(1, min(rows, round(height / scale)))
    left, top = (columns - across) // 2, (rows - down) // 2
    cut = background[top : top + down, left : left + across]
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (width, height), interpolation=shrink), np.uint8)


class _Body:
    """The body over the room, moved up and down by parts of a pixel: a mix of the layer at two whole positions."""

    def __init__(self, avatar: Avatar, origin: tuple[float, float], scale: float, room: ByteArray) -> None:
        self._room = room
        self._scale = scale
        height, width = room.shape[:2]
        left, top, right, bottom = avatar.rig.layers.body.box
        x, y = round(origin[0] + left * scale), round(origin[1] + top * scale)
        size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
        reach = math.ceil(avatar.rig.motion.breath * 2 * scale) + 2
        layer = _scaled(avatar.body, size)
        # what the picture needs of it: nothing beyond its sides, and going on below where the painting ends
        x0, x1 = max(0, x), min(width, x + size[0])
        y0 = max(0, y - reach)
        rows = np.arange(y0 - reach, height + reach) - y
        layer = layer[:, max(0, x0 - x) : max(0, x1 - x)]
        padded = layer[np.clip(rows, 0, size[1] - 1)]
        padded[rows < 0] = 0
        self.rect: Rect = (x0, min(y0, height), max(x0, x1), height)
        self._reach = reach
        self._rgb = np.ascontiguousarray(padded[..., :3])
        self._clear = np.ascontiguousarray(np.repeat(255 - padded[..., 3:], 3, axis=2))
        self._at: int | None = None
        self._part = room[y0:height, x0:x1]  # the picture's part at ``rect``
        self._kept: dict[int, ByteArray] = {}  # the same at each height: breaths repeat
        self._most = _KEPT_BYTES // max(1, self._part.size)
        self.breathe(0.0)

    def breathe(self, up: float) -> bool:
        """Move the body ``up`` units higher than at rest; whether it looks different from before."""
        at = round(max(-self._reach + 1.0, min(self._reach - 1.0, up * self._scale)) * _STEP)
        if at == self._at or not self._part.size:
            return False
        self._at = at
        kept = self._kept.get(at)
        if kept is not None:
            self._part = kept
            return True
        left, top, right, bottom = self.rect
        whole, part = divmod(at, _STEP)
        first, count = self._reach + whole, bottom - top
        rgb, clear = self._rgb[first : first + count], self._clear[first : first + count]
        if part:
            mix = part / _STEP
            rgb = cv2.addWeighted(rgb, 1 - mix, self._rgb[first + 1 : first + 1 + count], mix, 0)
            clear = cv2.addWeighted(clear, 1 - mix, self._clear[first + 1 : first + 1 + count], mix, 0)
        drawn = cv2.multiply(self._room[top:bottom, left:right], clear, scale=1 / 255)
        self._part = np.asarray(cv2.add(drawn, rgb, dst=drawn), np.uint8)
        if len(self._kept) < self._most:
            self._kept[at] = self._part
        return True

    def restore(self, canvas: ByteArray, rect: Rect) -> None:
        """Put the room and the body over it into ``rect`` of the canvas."""
        left, top, right, bottom = rect
        x0, y0, x1, _ = self.rect
        canvas[top : min(bottom, y0), left:right] = self._room[top : min(bottom, y0), left:right]
        top = max(top, y0)
        for side in (slice(left, min(right, x0)), slice(max(left, x1), right)):
            canvas[top:bottom, side] = self._room[top:bottom, side]
        left, right = max(left, x0), min(right, x1)
        if left < right and top < bottom:
            canvas[top:bottom, left:right] = self._part[top - y0 : bottom - y0, left - x0 : right - x0]


class _Head:
    """The head's texture, with the face drawn into it, bent into the picture by displacement fields."""

    def __init__(self, avatar: Avatar, origin: tuple[float, float], scale: float, size: tuple[int, int]) -> None:
        rig = avatar.rig
        left, top, right, bottom = rig.layers.head.box
        self._scale, self._size = scale, size
        finer = min(_FINER, max(1.0, avatar.head.shape[0] / max(1.0, (bottom - top) * scale)))
        pixels = (max(1, round((right - left) * scale * finer)), max(1, round((bottom - top) * scale * finer)))
        self._texture = _scaled(avatar.head, pixels)
        ratio = (pixels[0] / (right - left), pixels[1] / (bottom - top))  # texture pixels a unit
        self._ratio = ratio
        place = Placement((left, top), ratio)
        self._mouth = Mouth(rig.mouth, self._texture, place)
        self._eyes = Eyes(rig.eyes, self._texture, place)

        # fields are smooth: a point for each block of pixels is enough
        self._grid = grid = max(1, min(_GRID, round(_GRID_UNITS * scale)))
        self._outline = Outline(rig, self._texture, place, grid / scale)
        self.reach = self._outline.far * scale  #: pixels from the pivot to the farthest point
        self._box = x0, y0, x1, y1 = self._reached(origin)
        self._origin = origin
        # units of each point, from the pivot; one block around the box
        pivot = rig.head.pivot
        self._pivot = ((pivot[0] - left) * ratio[0] - 0.5, (pivot[1] - top) * ratio[1] - 0.5)
        rows, columns = -(-(y1 - y0) // grid) + 2, -(-(x1 - x0) // grid) + 2
        across = (x0 + grid * (np.arange(columns) - 0.5) - origin[0]) / scale
        down = (y0 + grid * (np.arange(rows) - 0.5) - origin[1]) / scale
        u, v = (np.asarray(field, np.float32) for field in np.meshgrid(across, down))
        self._u, self._v = u - pivot[0], v - pivot[1]
        self._turn, self._jaw = bends(avatar, u, v)
        self._lifts = lifts(avatar, u, v)
        self._coarse = (np.empty_like(self._u), np.empty_like(self._u))
        full = [min(points, -(-side // grid) + 3) * grid for points, side in ((rows, size[1]), (columns, size[0]))]
        self._full = (np.empty(full, np.float32), np.empty(full, np.float32))
        self._state: tuple[int, ...] | None = None
        self._shapes: tuple[MouthShape | None, EyeShape | None] = (None, None)
        self._rect: Rect | None = None  # of the picture, where the head is
        self._maps = self._full  # the texture's place for each pixel of it

    def _reached(self, origin: tuple[float, float]) -> Rect:
        """The pixels that need fields: where motion may take the head, as far as a shift can bring that into view."""
        edges = _pixels(self._outline.farthest(), origin, self._scale)
        ends = []
        for start, end, shift, side in zip(edges[:2], edges[2:], self._outline.shift(), self._size, strict=True):
            aside = min(side, math.ceil(shift * self._scale))
            start = max(start, -aside)
            ends.append((start, max(start + 1, min(end, side + aside))))
        (x0, x1), (y0, y1) = ends
        return x0, y0, x1, y1

    def prepare(self, pose: HeadPose, mouth: MouthShape, eyes: EyeShape) -> bool:
        """Take a pose; whether the head looks different from before."""
        changed = False
        if mouth != self._shapes[0]:
            self._mouth.draw(mouth)
            changed = True
        if eyes != self._shapes[1]:
            self._eyes.draw(eyes)
            changed = True
        self._shapes = (mouth, eyes)
        step = _STEP * self._scale
        state = (
            round(pose.x * step),
            round(pose.y * step),
            round(math.radians(pose.roll) * self.reach * _STEP),
            round(pose.yaw * step),
            round(pose.pitch * step),
            round(pose.jaw * step),
            *(round(lift * step) for lift in (pose.brow_left, pose.brow_right, pose.frown, pose.cheeks)),
        )
        if state != self._state:
            self._state = state
            x, y, _, yaw, pitch, jaw, *amounts = (value / step for value in state)
            self._move(x, y, state[2] / self.reach / _STEP, yaw, pitch, jaw, amounts)
            changed = True
        return changed

    def _move(
        self, x: float, y: float, roll: float, yaw: float, pitch: float, jaw: float, amounts: list[float]
    ) -> None:
        """Where the head is in the picture, and the texture's place for each pixel there."""
        # whole pixels move the box, so that the fields go along; only the rest moves within it
        dx, dy = round(x * self._scale), round(y * self._scale)
        x -= dx / self._scale
        y -= dy / self._scale
        bend = math.hypot(yaw, pitch) + sum(abs(amount) for amount in amounts) + abs(jaw)
        edges = self._outline.bounds(x, y, roll, abs(jaw), bend)
        left, top, right, bottom = _pixels(edges, self._origin, self._scale)
        x0, y0, x1, y1 = self._box
        left, right = max(left, x0, -dx), min(right, x1, self._size[0] - dx)
        top, bottom = max(top, y0, -dy), min(bottom, y1, self._size[1] - dy)
        self._rect = None
        if right <= left or bottom <= top:
            return
        self._rect = (left + dx, top + dy, right + dx, bottom + dy)
        (rows, down), (columns, across) = (
            _blocks(start, end, self._grid) for start, end in ((top - y0, bottom - y0), (left - x0, right - x0))
        )
        self._bend(rows, columns, x, y, roll, yaw, pitch, jaw)
        self._lift(rows, columns, amounts)
        high, wide = (rows.stop - rows.start) * self._grid, (columns.stop - columns.start) * self._grid
        for coarse, full in zip(self._coarse, self._full, strict=True):
            cv2.resize(coarse[rows, columns], (wide, high), dst=full[:high, :wide], interpolation=cv2.INTER_LINEAR)
        map_x, map_y = (full[down : down + bottom - top, across : across + right - left] for full in self._full)
        self._maps = (map_x, map_y)

    def _bend(
        self, rows: slice, columns: slice, x: float, y: float, roll: float, yaw: float, pitch: float, jaw: float
    ) -> None:
        """Turned back about the pivot, then moved back by the fields."""
        cos, sin = math.cos(roll), math.sin(roll)
        (across, down), (px, py) = self._ratio, self._pivot
        u, v, map_x, map_y = (field[rows, columns] for field in (self._u, self._v, *self._coarse))
        cv2.addWeighted(u, cos * across, v, sin * across, px - (cos * x + sin * y) * across, dst=map_x)
        cv2.addWeighted(u, -sin * down, v, cos * down, py - (cos * y - sin * x) * down, dst=map_y)
        if yaw:
            cv2.scaleAdd(self._turn[rows, columns], -yaw * across, map_x, dst=map_x)
        if pitch:
            cv2.scaleAdd(self._turn[rows, columns], -pitch * down, map_y, dst=map_y)
        if jaw:
            cv2.scaleAdd(self._jaw[rows, columns], -jaw * down, map_y, dst=map_y)

    def _lift(self, rows: slice, columns: slice, amounts: list[float]) -> None:
        """Brows and cheeks: small fields, each in its part of the maps, as far as that is in the picture."""
        for amount, lift in zip(amounts, self._lifts, strict=True):
            if not amount:
                continue
            part = lift.within(rows, columns)
            for field, maps, ratio in (
                (part.across, self._coarse[0], self._ratio[0]),
                (part.up, self._coarse[1], self._ratio[1]),
            ):
                if field is not None and field.size:
                    place = maps[part.rows, part.columns]
                    cv2.scaleAdd(field, amount * ratio, place, dst=place)

    def blend(self, canvas: ByteArray) -> Rect | None:
        """Lay the head over the canvas; the part that it touches."""
        if self._rect is None:
            return None
        left, top, right, bottom = self._rect
        warped = cv2.remap(self._texture, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        clear = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(warped, 3)), cv2.COLOR_GRAY2RGB)
        target = canvas[top:bottom, left:right]
        cv2.multiply(target, clear, dst=target, scale=1 / 255)
        cv2.add(target, cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB), dst=target)
        return self._rect


def _pixels(edges: Edges, origin: tuple[float, float], scale: float) -> Rect:
    """The whole pixels around ``edges`` in units."""
    (x, y), (left, top, right, bottom) = origin, edges
    return (
        math.floor(x + left * scale),
        math.floor(y + top * scale),
        math.ceil(x + right * scale),
        math.ceil(y + bottom * scale),
    )


def _blocks(start: int, end: int, grid: int) -> tuple[slice, int]:
    """The grid's points for pixels ``start`` to ``end`` of the box, and where those begin in the points' pixels."""
    return slice(start // grid, -(-end // grid) + 2), grid + start % grid


def _scaled(layer: ByteArray, size: tuple[int, int]) -> ByteArray:
    """Straight RGBA at ``size``, premultiplied: what blending and bending need for clean edges."""
    shrink = cv2.INTER_AREA if size[1] < layer.shape[0] else cv2.INTER_LINEAR
    premultiplied = cv2.cvtColor(layer, cv2.COLOR_RGBA2mRGBA)
    return np.asarray(cv2.resize(premultiplied, size, interpolation=shrink), np.uint8)
