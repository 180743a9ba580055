"""The moving mouth: skin and lips bent apart along the line between them, and what is seen between.

Above the line the face follows the upper lip, below it the lower lip and the jaw. Both are smooth backward fields on a
coarse grid, equal outside the mouth's corners, so the skin cannot tear. Lengths are face units.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray, FloatArray
from vcam.smoothstep import smoothsteps

from ..mouth import MouthShape
from .between import FINER, Between
from .curves import Curve, through
from .framing import Rect, Shot
from .mouth import Interior, shows_teeth

GRID = 4  # pixels between the fields' points
_DROP = 0.27  # the lower lip's way down in the widest opening
_RAISE = 0.045  # the upper lip's way up
_CHIN = 0.62  # of the lower lip's way: what the chin goes
_NARROW, _WIDE, _ROUND, _PRESS = 0.05, 0.11, 0.30, 0.04  # of the half width: by jaw, wide, round, pressed
_SMILE, _WIDEST = 0.10, 0.16  # of it: by a smile, and at most
_LIFT, _FALL = 0.085, 0.12  # what a full smile lifts the corners by, and its opposite lowers them
_CHEEK = 2.2  # half widths from the middle: how far the cheeks go up and down with the corners
_CHEEKS = (1.25, 2.1)  # half widths: where the cheeks go no more with the corners, at least and at most
_FROM, _WITHIN = 0.6, 0.06  # half widths where they begin to go less, and face units within the face's edge
_DRAWN = 0.58  # by what part of its width a cheek is drawn out, at most, where it is narrow:
_LOWER = 0.12  # face units below the lips' line
_CORNER = 0.16  # of the drop: what the corners go down
_AJAR = 0.22  # of the widest opening: what a tongue tip needs
_BARED = 0.05  # what shows of the teeth that the lower lip is tucked to, of whose thickness ...
_TUCKED = 0.3  # ... so much goes under them
_TOOTHED = 0.03  # of the gap between the lips in a picture in which teeth can be told
_OVER = 0.03  # how far pressed lips lie over each other
_SHUT = 0.9  # of the gap between the lips in a picture: what of it is closed while words say how far they open ...
_UPPER = 0.35  # ... to which the upper lip comes down by so much
_FRINGE = 0.015  # of lips that is not quite theirs, beside teeth in a picture
_PARTS = 0.93  # of the half width: the lips stay together beside it
_REACH = 1.12  # how far to the sides the jaw's motion reaches
_NECK = 0.62  # below the chin, where its motion has faded
_SEAM = 0.25  # face units above the picture's visible lower edge in which that motion fades: as the head's does
_BEYOND = np.linspace(-_CHEEK, _CHEEK, 107)  # half widths: the lips' line and the cheeks beside it


class Lips:
    """Draws one face's mouth into the canvas."""

    def __init__(self, shot: Shot) -> None:
        """``shot``: the picture at rest; read now and not kept."""
        canvas, face = shot.canvas, shot.landmarks
        self._frame = frame = face.frame
        mouth = face.mouth
        corners = [frame.to_face(mouth.left), frame.to_face(mouth.right)]
        self._middle = (corners[0][0] + corners[1][0]) / 2
        self._half = (corners[1][0] - corners[0][0]) / 2
        self._upper = through(corners[0], mouth.upper_inner, corners[1], frame)
        self._lower = through(corners[0], mouth.lower_inner, corners[1], frame)
        self._nose = frame.to_face(face.nose)[1]
        top = through(corners[0], mouth.upper_outer, corners[1], frame)
        bottom = through(corners[0], mouth.lower_outer, corners[1], frame)
        m = self._middle
        self._thick = max(0.03, self._upper(m) - top(m)), max(0.04, bottom(m) - self._lower(m))
        self._gap = max(0.0, self._lower(m) - self._upper(m))  # of a mouth that is open in the picture
        # the face's lower edge: what is beside the eyes does not belong to it
        jaw = [*face.jaw.left[1:], face.jaw.chin, *reversed(face.jaw.right[1:])]
        edge = sorted(frame.to_face(p) for p in jaw)
        self._edge = Curve([p[0] for p in edge], [p[1] for p in edge])
        self._chin = chin = frame.to_face(face.jaw.chin)[1]
        self._level = float(self._lower(np.array([self._middle]))[0])
        # half widths from the mouth's middle to the face's edge, at heights from the eyes down
        self._sides = []
        for way, side in ((-1, face.jaw.left), (1, face.jaw.right)):
            ends = sorted((v, (way * (u - self._middle) - _WITHIN) / self._half) for u, v in map(frame.to_face, side))
            self._sides.append(([v for v, _ in ends], [far for _, far in ends]))

        corner = [frame.to_picture((s * (_REACH + 0.05), v)) for s in (-1, 1) for v in (self._nose, chin + _NECK + 0.3)]
        rows, columns = canvas.shape[:2]
        self.left, self.top = (max(0, math.floor(min(p[i] for p in corner))) for i in (0, 1))
        self.right = min(columns, math.ceil(max(p[0] for p in corner)))
        self.bottom = min(rows, math.ceil(max(p[1] for p in corner)))
        self.right, self.bottom = max(self.left, self.right), max(self.top, self.bottom)
        self.rect: Rect = (self.left, self.top, self.right, self.bottom)  #: what ``draw`` changes
        #: the picture's lower edge where it is seen, which must not bulge
        self._seam = shot.inner[3] if shot.inner[3] < rows else None
        self._source = canvas[self.top : self.bottom, self.left : self.right].copy()
        self._between = Between(self._source)
        self._fields()
        self._interior = Interior(canvas, face, self._thick)
        self.open = self._gap > _TOOTHED  #: whether the picture shows the mouth open
        self._toothed = self.open and shows_teeth(canvas, face)

    def _fields(self) -> None:
        """What does not depend on the mouth's shape: the grid in face units and the fields' weights on it."""
        height, width = self.bottom - self.top, self.right - self.left
        # the grid's points are the middles of blocks, with one block around the part: so between points everywhere
        size = (-(-height // GRID) + 2, -(-width // GRID) + 2)
        y, x = (GRID * np.mgrid[-1 : size[0] - 1, -1 : size[1] - 1] + (GRID - 1) / 2).astype(np.float32)
        full = (size[0] * GRID, size[1] * GRID)
        self._full = (np.empty(full, np.float32), np.empty(full, np.float32))
        self._spare = np.empty(full, np.float32)
        frame = self._frame
        cos, sin = math.cos(frame.roll), math.sin(frame.roll)
        dx, dy = x + (self.left - frame.origin[0]), y + (self.top - frame.origin[1])
        self._u = ((dx * cos + dy * sin) / frame.unit).astype(np.float32)
        self._v = ((dy * cos - dx * sin) / frame.unit).astype(np.float32)
        self._turn = (cos * frame.unit, sin * frame.unit)
        self._x, self._y = x, y
        t = (self._u - self._middle) / self._half
        line = self._lower(self._u)
        # pulling the corners: all of it at the mouth, nothing at the nose, the chin and the cheeks
        tall = np.where(self._v < line, (self._v - self._nose) / np.maximum(line - self._nose, 0.1), 1.0)
        low = smoothsteps((self._chin - self._v) / np.maximum(self._chin - line, 0.2) / 0.85)
        self._pull = (t * self._along(t, self._v) * smoothsteps(tall) * low * self._half).astype(np.float32)
        # the same along the lips' line
        reach = (_CHEEK + 0.6) * self._half
        self._table = np.linspace(self._middle - reach, self._middle + reach, 193, dtype=np.float32)
        beside = (self._table - self._middle) / self._half
        self._table_pull = beside * self._along(beside, self._lower(self._table)) * self._half
        # narrow lips draw the cheeks' skin out, the more the narrower the face is there
        along_t = np.linspace(-_CHEEK, _CHEEK, 221)
        drawn = along_t * self._along(along_t, np.full(along_t.shape, self._level + _LOWER))
        self._most = _DRAWN / max(0.1, float(-np.gradient(drawn, along_t).min()))
        self._jaw = smoothsteps((_REACH - np.abs(self._u - 0.5 * self._middle)) / 0.85)
        self._free = np.float32(1)
        if self._seam is not None:
            self._free = smoothsteps((self._seam - 1 - self.top - y) / (_SEAM * frame.unit))
        self._under = (self._v - self._edge(self._u)).astype(np.float32)

    def draw(self, shape: MouthShape, canvas: ByteArray) -> None:
        """Draw the mouth into ``canvas`` (as given at first, changed in this part only); at rest its own pixels."""
        place = canvas[self.top : self.bottom, self.left : self.right]
        if not place.size or shape == MouthShape():
            place[:] = self._source
            return
        wide, round_ = max(0.0, shape.wide), max(0.0, -shape.wide)
        open_ = shape.jaw * (1 - 0.15 * wide + 0.05 * round_)
        open_ += shape.tongue * max(0.0, _AJAR - open_)  # a tongue tip needs some room to be seen
        open_ *= 1 - shape.teeth
        spread = _WIDE * wide - _ROUND * round_ - _NARROW * shape.jaw - _PRESS * shape.pressed + _SMILE * shape.smile
        pull = min(self._most, 1 / (1 + min(_WIDEST, spread)) - 1)
        us = self._u + pull * self._pull
        lines = self._lines(us, open_, shape)
        upper, lower = self._vertical(us, lines, open_, shape)
        # the same lines in the picture: where the lower face begins, and what is seen between the lips
        moved = self._table + pull * self._table_pull
        source = self._middle + _BEYOND.astype(np.float32) * self._half
        target = np.interp(source, moved, self._table).astype(np.float32)
        top, bottom = self._lines(source, open_, shape)
        begins = 0.5 * top + 0.5 * bottom  # pressed, the lips lie over each other
        if self._toothed:  # what the picture shows of the upper teeth stays with the upper lip
            top = begins = np.minimum(top + self._lower(source) - self._upper(source), np.maximum(bottom, begins))
        self._bend(us, upper, lower, self._below(target, begins), place)
        if self._toothed:
            bottom = bottom + np.minimum(_FRINGE, np.maximum(bottom - top, 0))
        apart = np.abs(_BEYOND) <= (1.0 if self._toothed else _PARTS)
        opening = float((bottom - top)[apart].max())
        self._interior.draw(
            place, self._pixels(target[apart], top[apart]), self._pixels(target[apart], bottom[apart]), opening, shape,
            0.0 if self._toothed else self._gap, toothed=self._toothed,
        )  # fmt: skip

    def _along(self, t: npt.NDArray[np.floating], v: npt.NDArray[np.floating]) -> FloatArray:
        """How much of the corners' way is gone beside them, at ``t`` half widths from the middle: none at the face's
        edge, so that nothing of what is behind it comes in."""
        left, right = (np.clip(np.interp(np.maximum(v, self._level), *side), *_CHEEKS) for side in self._sides)
        far = np.where(t < 0, left, right)
        return smoothsteps(np.asarray((far - np.abs(t)) / (far - _FROM), np.float32))

    def _lines(self, us: npt.NDArray[np.floating], open_: float, shape: MouthShape) -> tuple[FloatArray, FloatArray]:
        """Where the inner edges of the lips go, for each place along the mouth at rest."""
        wide, round_ = max(0.0, shape.wide), max(0.0, -shape.wide)
        side = (us - self._middle) / self._half
        t = np.clip(np.abs(side), 0, 2.6)
        inside = np.clip(1 - (t / _PARTS) ** 2, 0, 1)
        arch = inside ** (0.95 + 0.25 * wide - 0.2 * round_)
        upper_line, lower_line = self._upper(us), self._lower(us)
        fading = smoothsteps((_CHEEK - t) / (_CHEEK - 1))
        corner = smoothsteps(t) * fading * (_CORNER * _DROP * open_ - 0.035 * wide + 0.01 * round_)
        smile = shape.smile if shape.smile > 0 else shape.smile * _FALL / _LIFT
        smile = (smile + shape.skew * np.clip(side, -1, 1)) * (1 - 0.5 * round_)
        # up at the corners, a little down in the middle
        corner -= smile * fading * (_LIFT * np.minimum(t, 1) ** 1.8 - 0.16 * _LIFT * (1 - smoothsteps(t)))
        gap = np.clip(lower_line - upper_line, 0, None) * (t < 1)
        shut = _SHUT * shape.shut * gap
        gap = gap - shut
        bite = shape.teeth * (_BARED * inside - gap)  # the lower lip comes to where teeth show by so much
        pressed = shape.pressed * (1 - shape.teeth)
        # lips meet in a picture whose mouth is open, and a little more, so that nothing is left of what was between
        close = pressed * (gap + _OVER * (self._gap > _OVER) * smoothsteps(np.asarray((1.0 - t) / 0.15))) * (1 - open_)
        upper = (
            upper_line + corner - arch * _RAISE * open_ * (1 + 1.4 * round_) + 0.5 * close - 0.7 * np.maximum(bite, 0)
        )
        lower = lower_line + corner + arch * _DROP * open_ - 0.5 * close + bite - 0.7 * np.maximum(bite, 0)
        upper, lower = upper + _UPPER * shut, lower - (1 - _UPPER) * shut
        return np.asarray(upper, np.float32), np.asarray(np.maximum(lower, upper - _OVER * pressed), np.float32)

    def _vertical(
        self, us: FloatArray, lines: tuple[FloatArray, FloatArray], open_: float, shape: MouthShape
    ) -> tuple[FloatArray, FloatArray]:
        """v in the picture at rest for each grid point, as part of the upper and of the lower face."""
        top, bottom = lines
        # of a lip's thickness: pressed lips are thinner, unless a smile has them thin already, round ones fuller
        thin = (
            (0.3 if self.open else 0.55) * shape.pressed * (1 - shape.teeth)
            - 0.22 * max(0.0, -shape.wide)
            + 0.12 * max(0.0, shape.smile)
        )
        t = np.abs(us - self._middle) / self._half
        lip = smoothsteps((1.25 - t) / 0.5)
        drop = _DROP * open_ - (1 - _UPPER) * _SHUT * shape.shut * self._gap
        chin = _CHIN * drop * self._jaw * smoothsteps((_NECK - self._under) / _NECK)
        # the lower face: with the lip at its edge, with the chin from below the lip on
        w = np.maximum(self._v - bottom, 0)
        with_lip = 1 - smoothsteps((w - 0.5 * self._thick[1]) / (0.32 + self._thick[1]))
        bump = smoothsteps(w / self._thick[1]) * smoothsteps(1 - (w - self._thick[1]) / 0.3)
        down = (
            (bottom - self._lower(us)) * with_lip
            + chin * (1 - with_lip)
            - (thin + _TUCKED * shape.teeth) * self._thick[1] * bump * lip
        )
        down *= self._free
        # the upper face: with the lip at its edge, still from the nose on
        z = np.maximum(top - self._v, 0)
        room = np.maximum(top - self._nose - 0.05, 0.1)
        with_upper = 1 - smoothsteps((z - 0.5 * self._thick[0]) / np.maximum(room - 0.5 * self._thick[0], 0.08))
        above = np.maximum(room - self._thick[0], 0.08)
        bump = smoothsteps(z / self._thick[0]) * smoothsteps(1 - (z - self._thick[0]) / above)
        up = (top - self._upper(us)) * with_upper + thin * self._thick[0] * bump * lip
        return self._v - up, self._v - down

    def _bend(self, us: FloatArray, upper: FloatArray, lower: FloatArray, below: ByteArray, place: ByteArray) -> None:
        """The picture at rest bent into ``place``: by ``lower`` in the mask ``below``, by ``upper`` elsewhere."""
        cos, sin = self._turn
        du = us - self._u
        for vs, mask in ((upper, None), (lower, below)):
            dv = vs - self._v
            for grid, full in (
                (self._x + du * cos - dv * sin, self._full[0]),
                (self._y + du * sin + dv * cos, self._full[1]),
            ):
                grid *= FINER
                size = (full.shape[1], full.shape[0])
                if mask is None:
                    cv2.resize(grid, size, dst=full, interpolation=cv2.INTER_LINEAR)
                else:
                    cv2.copyTo(cv2.resize(grid, size, dst=self._spare, interpolation=cv2.INTER_LINEAR), mask, full)
        height, width = place.shape[:2]
        across, down = (full[GRID : GRID + height, GRID : GRID + width] for full in self._full)
        self._between.read(across, down, place)

    def _below(self, u: FloatArray, v: FloatArray) -> ByteArray:
        """255 below the line ``u``, ``v`` and its continuation to both sides: the lower face; of the maps' size."""
        across = np.concatenate([[-6.0], u, [6.0, 6.0, -6.0]])
        down = np.concatenate([[v[0]], v, [v[-1], 8.0, 8.0]])
        mask = np.zeros(self._spare.shape, np.uint8)
        cv2.fillPoly(mask, [np.round((self._pixels(across, down) + GRID) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
        return mask

    def _pixels(self, u: npt.NDArray[np.floating], v: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """float64 [n, 2] in the part's pixels."""
        cos, sin = self._turn
        x = self._frame.origin[0] - self.left + u * cos - v * sin
        y = self._frame.origin[1] - self.top + u * sin + v * cos
        return np.stack([x, y], 1).astype(np.float64)
