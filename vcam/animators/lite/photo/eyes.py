"""Lids that slide over the eyes, and eyes that glance: small parts of the picture, bent and laid over each other."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray, FloatArray
from vcam.smoothstep import smoothstep, smoothsteps

from ..eyes import EyeShape
from .between import FINER, Between
from .curves import Curve
from .framing import Rect
from .landmarks import Brow, Eye, FaceFrame, Landmarks
from .lids import Opening, before_the_eye, covered, darkened, skin_behind, soft

_BITS = 4
_FINER = 2
_GAZE = (0.035, 0.02)  # face units that the iris moves for a glance
_LASH = 0.03  # face units above the lid's edge that keep their size at least: the lashes
_FAR = 3.0  # face units: beyond the eye's part of the picture
_LOWER = 0.25  # of the eye's opening: what the lower lid comes up in a blink
_SQUINT = 0.32  # of it: what it comes up when the cheeks push it
_WIDEN = 0.13  # of it: what the upper lid goes up in surprise
_REACH = 1.6  # half widths from the eye's middle to the sides of its part of the picture
_TALL = 0.16  # face units above the eye that are looked at in any case: what hangs before it comes from there
# of a blink: from where on the lid's skin is drawn smooth, and where wholly; before, it is stretched
_LID = (0.2, 0.65)
_SHADE = 0.07  # how much darker that skin is at its edge
_LASH_LINE = (0.012, 0.035)  # face units above the shut lid's edge: all of its dark line, and none
_SAMPLES = np.linspace(-1, 1, 33)


class Eyes:
    """Draws both eyes into the canvas."""

    def __init__(self, canvas: ByteArray, face: Landmarks) -> None:
        """``canvas``: uint8 RGB [h, w, 3], the picture at rest; read now and not kept. ``face``: in its pixels."""
        skin = _cheeks(canvas, face.frame)
        self._each = [
            _Eye(canvas, face.frame, eye, brow, skin)
            for eye, brow in ((face.eye_left, face.brow_left), (face.eye_right, face.brow_right))
        ]
        # nobody winks because hair hangs before one eye, or light falls on one lens
        blinks, dark = min(eye.blinks for eye in self._each), any(eye.dark for eye in self._each)
        for eye in self._each:
            eye.blinks, eye.dark = blinks, dark

    def draw(self, shape: EyeShape, canvas: ByteArray) -> None:
        for eye in self._each:
            eye.draw(shape, canvas)

    def within(self, rect: Rect) -> bool:
        """Whether any of what ``draw`` changes lies in ``rect`` of the canvas."""
        left, top, right, bottom = rect
        return any(e.left < right and left < e.right and e.top < bottom and top < e.bottom for e in self._each)


class _Eye:
    def __init__(self, canvas: ByteArray, frame: FaceFrame, eye: Eye, brow: Brow, skin: float) -> None:
        self._frame = frame
        corners = sorted((frame.to_face(eye.inner), frame.to_face(eye.outer)))
        (x0, y0), (x1, y1) = corners
        self._iris, self._radius = frame.to_face(eye.iris), eye.radius / frame.unit
        top, bottom = frame.to_face(eye.top), frame.to_face(eye.bottom)
        self._middle, self._half = (x0 + x1) / 2, max(0.05, (x1 - x0) / 2)
        self._top, self._bottom = _lid(corners, top), _lid(corners, bottom)
        brow_y = max(frame.to_face(p)[1] for p in (brow.inner, brow.middle, brow.outer))
        self._lash, self._limit = _lid_skin(canvas, frame, (self._middle, top[1]), brow_y + 0.05)

        reach, tall = _REACH * self._half, max(0.30, bottom[1] - top[1])
        edges = [frame.to_picture((x, y)) for x in (self._middle - reach, self._middle + reach)
                 for y in (min(self._limit - 0.03, top[1] - _TALL), max(bottom[1], y0, y1) + 0.35 * tall)]  # fmt: skip
        rows, columns = canvas.shape[:2]
        self.left, self.top = (max(0, math.floor(min(p[i] for p in edges))) for i in (0, 1))
        self.right = max(self.left, min(columns, math.ceil(max(p[0] for p in edges))))
        self.bottom = max(self.top, min(rows, math.ceil(max(p[1] for p in edges))))
        self._source = canvas[self.top : self.bottom, self.left : self.right].copy()
        height, width = self._source.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        cos, sin = math.cos(frame.roll), math.sin(frame.roll)
        dx, dy = x + (self.left - frame.origin[0]), y + (self.top - frame.origin[1])
        self._x, self._y = x, y
        self._u = ((dx * cos + dy * sin) / frame.unit).astype(np.float32)
        self._v = ((dy * cos - dx * sin) / frame.unit).astype(np.float32)
        self._turn = (cos * frame.unit, sin * frame.unit)
        # the skin beside the corners moves less and less
        t = np.abs(self._u - self._middle) / self._half
        self._beside = smoothsteps((1.25 - t) / 0.25)
        self._edge = self._top(self._u)
        far = np.hypot((self._u - self._iris[0]) / 1.7, self._v - self._iris[1]) / self._radius
        self._glance = smoothsteps((1.75 - far) / 0.75)
        around = np.hypot(self._u - self._iris[0], self._v - self._iris[1]) / self._radius
        line = sorted(frame.to_face(p) for p in (brow.inner, brow.middle, brow.outer))
        to_brow = self._v - np.interp(self._u, [p[0] for p in line], [p[1] for p in line]).astype(np.float32)
        above, below = self._edge - self._v, self._v - self._bottom(self._u)
        opening = Opening(above, below, t, around, to_brow, top[1] - self._limit, frame.unit)
        self._over: ByteArray | None = None  # where hair or glasses are before the eye
        self._bare = self._source  # without those and without the eye
        self.blinks = 1.0  #: how far it shuts
        self.dark = False  #: behind dark glasses, where nothing is seen to move
        self._seen = self._behind = Between(self._source)
        if not self._source.size:
            return
        over = before_the_eye(self._source, opening)
        behind, self._bare = skin_behind(self._source, opening, over)
        self._behind = Between(behind)
        if over is not None:
            self._over = soft(over)
            self.blinks -= smoothstep((covered(self._source, over, opening) - 0.06) / 0.08)
        self.dark = darkened(self._source, opening, skin)

    def draw(self, shape: EyeShape, canvas: ByteArray) -> None:
        place = canvas[self.top : self.bottom, self.left : self.right]
        # the lid follows a glance down a little; cheeks push up the lower one, and the upper one comes to meet it
        lid = shape.lid + (1 - shape.lid) * (0.12 * max(0.0, shape.gaze_y) + 0.12 * shape.squint)
        lid *= self.blinks
        lid = lid * (1 + _WIDEN * shape.widen) - _WIDEN * shape.widen
        low = max(0.0, min(1.0, _LOWER * max(0.0, lid) + _SQUINT * shape.squint))
        looks = (shape.gaze_x, shape.gaze_y) != (0, 0)
        if self.dark or not place.size or not (lid or low or looks):
            place[:] = self._source
            return
        u = (self._middle + _SAMPLES * self._half).astype(np.float32)
        place[:] = self._source
        if looks and lid < 1:
            top, bottom = self._top(u), self._bottom(u)
            ring = np.concatenate([u, u[::-1]]), np.concatenate([top, np.maximum(bottom, top)[::-1]])
            _lay(self._turned(shape.gaze_x, shape.gaze_y), self._mask(*ring), place)
        if lid < 0:
            place[:] = self._stretched(place, -lid)
            lid = 0.0
        if lid or low:
            ends = np.array([self._middle - _REACH * self._half, self._middle + _REACH * self._half], np.float32)
            rim, edge = self._raised(u, low), self._lowered(u, lid, low)
            beside = np.concatenate([ends[:1], u, ends[1:], ends[::-1]])
            _lay(self._cheek(low), self._mask(beside, np.concatenate([rim[:1], rim, rim[-1:], [_FAR, _FAR]])), place)
            ring = beside, np.concatenate([edge[:1], edge, edge[-1:], [-_FAR, -_FAR]])
            _lay(self._skin(lid, low), self._mask(*ring), place)
        if self._over is not None:
            _lay(self._source, self._over, place)

    def _lowered(self, u: FloatArray, lid: float, low: float) -> FloatArray:
        """The upper lid's edge; shut, it lies a little below the lower lid's."""
        top, bottom = self._top(u), self._raised(u, low)
        t = np.clip((u - self._middle) / self._half, -1, 1) ** 2
        over = 0.012 + 0.12 * t**3 * (1 - t)  # more towards the corners, where lids are rounder than points can say
        return np.asarray(top + lid * (np.maximum(bottom - top, 0) + over), np.float32)

    def _raised(self, u: FloatArray, low: float) -> FloatArray:
        """The lower lid's edge, ``low`` of the eye's opening up."""
        top, bottom = self._top(u), self._bottom(u)
        return np.asarray(bottom - low * np.maximum(bottom - top, 0), np.float32)

    def _stretched(self, place: ByteArray, up: float) -> ByteArray:
        """The eye as in ``place`` with its upper lid ``up`` of its opening higher; white, iris and skin give way."""
        open_ = np.maximum(self._bottom(self._u) - self._edge, 0.02)
        inside = smoothsteps(1 - (self._v - self._edge) / open_)
        above = smoothsteps(1 - (self._edge - self._v) / np.maximum(self._edge - self._limit, 0.08))
        return self._slid(-up * open_ * np.where(self._v > self._edge, inside, above) * self._beside, place)

    def _skin(self, lid: float, low: float) -> ByteArray:
        """The upper lid drawn down. Skin that hardly shows in the picture unfolds: stretched at first, then smooth."""
        edge = self._lowered(self._u, lid, low)
        drop, above = edge - self._edge, edge - self._v
        smoothed = smoothstep((lid - _LID[0]) / (_LID[1] - _LID[0]))
        if smoothed <= 0:
            return self._stretched_skin(drop, edge, above)
        line = smoothsteps((_LASH_LINE[1] - above) / (_LASH_LINE[1] - _LASH_LINE[0]))[..., None]
        shade = (1 - _SHADE * smoothsteps(1 - above / 0.06))[..., None]  # it is round
        skin = self._bare * shade + line * (self._slid(drop * self._beside) - self._bare * shade)
        if smoothed < 1:
            skin += (1 - smoothed) * (self._stretched_skin(drop, edge, above) - skin)
        return np.clip(skin + 0.5, 0, 255).astype(np.uint8)

    def _stretched_skin(self, drop: FloatArray, edge: FloatArray, above: FloatArray) -> ByteArray:
        """The lid's edge and the lashes as they are, ``drop`` further down, the skin above them stretched."""
        room = np.maximum(edge - self._limit - self._lash, 0.05)
        share = np.clip(1 - (above - self._lash) / room, 0, 1)
        # as smooth as it can be without folding the skin
        soft = np.clip(2 * (0.95 * room / np.maximum(drop, 1e-3) - 1), 0, 0.5)
        share += soft * (smoothsteps(share) - share)
        return self._slid(drop * share * self._beside)

    def _cheek(self, low: float) -> ByteArray:
        """The lower lid drawn up, fading below it."""
        rise = self._bottom(self._u) - self._raised(self._u, low)
        return self._slid(-rise * smoothsteps(1 - (self._v - self._bottom(self._u)) / 0.2) * self._beside)

    def _slid(self, moved: FloatArray, source: ByteArray | None = None) -> ByteArray:
        """``source``, by default what is behind hair and glasses, each point from ``moved`` (face units) further up."""
        cos, sin = self._turn
        across, down = self._x + moved * sin, self._y - moved * cos
        if source is None:
            return self._behind.read(FINER * across, FINER * down)
        bent = cv2.remap(source, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(bent, np.uint8)

    def _turned(self, x: float, y: float) -> ByteArray:
        """The iris moved by a glance, the white around it stretched."""
        du, dv = self._glance * (x * _GAZE[0]), self._glance * (y * _GAZE[1])
        cos, sin = self._turn
        across, down = self._x - du * cos + dv * sin, self._y - du * sin - dv * cos
        return self._seen.read(FINER * across, FINER * down)

    def _mask(self, across: npt.NDArray[np.floating], down: npt.NDArray[np.floating]) -> ByteArray:
        """255 inside the ring of points (face units), anti-aliased: uint8 [h, w, 3]."""
        cos, sin = self._turn
        x = self._frame.origin[0] - self.left + across * cos - down * sin
        y = self._frame.origin[1] - self.top + across * sin + down * cos
        points = np.round((np.stack([x, y], 1) * _FINER + (_FINER - 1) / 2) * (1 << _BITS)).astype(np.int32)
        height, width = self._source.shape[:2]
        mask = np.zeros((height * _FINER, width * _FINER), np.uint8)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, _BITS)
        small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB), np.uint8)


def _cheeks(canvas: ByteArray, frame: FaceFrame) -> float:
    """L of Lab: how light the skin is beside nose and mouth, below glasses and where no beard is."""
    spots = [(side * x, y) for side in (-1, 1) for x in (0.3, 0.4, 0.5, 0.6) for y in (0.55, 0.65, 0.75, 0.9)]
    at = np.array([frame.to_picture(spot) for spot in spots], np.float32)
    colours = cv2.remap(canvas, at[:, :1].copy(), at[:, 1:].copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor((colours / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB)
    return float(np.percentile(lab[..., 0], 75))


def _lid_skin(canvas: ByteArray, frame: FaceFrame, start: tuple[float, float], end: float) -> tuple[float, float]:
    """The upper lid above its edge ``start``: how thick its lashes are, and where its skin ends before ``end`` (v), as
    brow or hair begin; all in face units."""
    x, y = start
    steps = np.arange(0.0, max(0.15, y - end), 0.01)
    points = np.array(
        [[frame.to_picture((x + side, y - up)) for side in (-0.16, -0.08, 0.0, 0.08, 0.16)] for up in steps], np.float32
    )
    found = cv2.remap(
        canvas, points[..., 0].copy(), points[..., 1].copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    light = np.median(found.astype(np.float32).mean(axis=2), axis=1)
    skin = float(light[2:14].max())
    lash = next((up for up, level in zip(steps[1:9], light[1:9], strict=True) if level > 0.8 * skin), _LASH)
    first = int(np.searchsorted(steps, lash + 0.02))
    darkest = np.sort(found.astype(np.float32).mean(axis=2), axis=1)[:, 1]
    dark = [up for up, level in zip(steps[first:], darkest[first:], strict=True) if level < 0.55 * skin]
    lash = max(_LASH, float(lash) + 0.01)
    return lash, y - max(float(dark[0]) - 0.04 if dark else float(steps[-1]), lash + 0.03)


def _lay(layer: ByteArray, seen: ByteArray, place: ByteArray) -> None:
    """``layer`` over ``place`` where it is ``seen`` (255); all uint8 [h, w, 3]."""
    under = cv2.multiply(place, cv2.bitwise_not(seen), scale=1 / 255)
    cv2.add(under, cv2.multiply(layer, seen, scale=1 / 255), dst=under)
    place[:] = under


def _lid(corners: list[tuple[float, float]], extreme: tuple[float, float]) -> Curve:
    """A lid's edge from corner to corner through its highest or lowest point."""
    (x0, y0), (x1, y1) = corners
    x = min(x1 - 0.2 * (x1 - x0), max(x0 + 0.2 * (x1 - x0), extreme[0]))
    # two more points make it round: a parabola is too pointed for an eye
    parts = []
    for corner in ((x0, y0), (x1, y1)):
        parts.append((0.45 * corner[0] + 0.55 * x, corner[1] + 0.86 * (extreme[1] - corner[1])))
    points = [(x0, y0), parts[0], (x, extreme[1]), parts[1], (x1, y1)]
    return Curve([p[0] for p in points], [p[1] for p in points])
