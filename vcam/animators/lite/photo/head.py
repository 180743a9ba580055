"""How the head moves as a whole: smooth fields on a coarse grid, mixed for each frame and applied with one remap."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vcam.media import ByteArray, FloatArray

from ..compositor import HeadPose
from .framing import MARGIN, Rect, Shot
from .landmarks import FaceFrame, Landmarks

GRID = 8  # pixels between the grid's points
UNITS = 160.0  # of a HeadPose between the irises
_STEPS = 8  # positions are rounded to this part of a pixel: smaller changes are not redrawn
_PIVOT = (0.0, 1.9)  # face units: the joint that the head rolls about
_REACH = 0.55  # face units around the head over which its motion fades out


class HeadWarp:
    """Bends a texture (the canvas of a :class:`Shot`, with face and eyes drawn into it) into the scene.

    Backward first-order fields in pixels for each unit of a :class:`HeadPose`'s numbers: moves are a few hundredths of
    the distances over which the fields change, so nothing folds.
    """

    def __init__(self, shot: Shot) -> None:
        rows, columns = shot.canvas.shape[:2]
        face = shot.landmarks
        frame = face.frame
        self._unit = frame.unit / UNITS
        x, y = (
            a.astype(np.float32)
            for a in np.meshgrid(np.arange(0, columns + GRID, GRID), np.arange(0, rows + GRID, GRID))
        )
        fields = _fields(face, frame, x, y, _stillness(shot, x, y))
        moving = np.abs(fields).max(axis=(0, 1)) > 2e-3
        self.rect = _bounds(moving, rows, columns)
        left, top, right, bottom = self.rect
        part = (slice(top // GRID, -(-bottom // GRID) + 1), slice(left // GRID, -(-right // GRID) + 1))
        cut = fields[..., part[0], part[1]]
        self._fields = np.ascontiguousarray(cut.reshape(len(cut), -1), np.float32)  # [7, 2 * points]
        # pixel units that a unit of each number moves the picture by, at most: what rounding goes by
        self._strength = np.abs(self._fields).max(axis=1) + 1e-6
        grid_rows, grid_columns = cut.shape[-2:]
        self._shape = (2, grid_rows, grid_columns)
        base = np.stack([x[part], y[part]])
        self._base = base.reshape(-1).astype(np.float32)
        self._window = _window(self.rect, (grid_columns, grid_rows))
        size = (bottom - top, right - left)
        self._maps = (np.empty(size, np.float32), np.empty(size, np.float32))
        self._state: tuple[int, ...] = (0,) * len(self._fields)

    def steps(self, pose: HeadPose) -> tuple[int, ...]:
        """The pose in whole steps of an eighth of a pixel; all zero is at rest."""
        values = (pose.x, pose.y, math.radians(pose.roll), pose.yaw, pose.pitch, pose.brow, pose.breath)
        return tuple(round(v * s * _STEPS) for v, s in zip(values, self._strength.tolist(), strict=True))

    def bend(self, texture: ByteArray, state: tuple[int, ...], target: ByteArray) -> None:
        """Fill the scene's part of ``rect`` in ``target`` (the scene, uint8 RGB) from ``texture`` (the canvas)."""
        left, top, right, bottom = self.rect
        if right <= left or bottom <= top:
            return
        place = target[top - MARGIN : bottom - MARGIN, left - MARGIN : right - MARGIN]
        if not any(state):
            place[:] = texture[top:bottom, left:right]
            return
        if state != self._state:
            amounts = np.array(state, np.float32) / _STEPS / self._strength
            grid = (self._base - amounts @ self._fields).reshape(self._shape)
            for axis in (0, 1):
                cv2.warpAffine(
                    grid[axis], self._window, (right - left, bottom - top), dst=self._maps[axis],
                    flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
                )  # fmt: skip
            self._state = state
        place[:] = cv2.remap(texture, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _window(rect: Rect, grid: tuple[int, int]) -> FloatArray:
    """From the rectangle's pixels to the grid's points (the grid begins at a multiple of GRID)."""
    offset = (rect[0] % GRID / GRID, rect[1] % GRID / GRID)
    return np.array([[1 / GRID, 0, offset[0]], [0, 1 / GRID, offset[1]]], np.float32)


def _bounds(moving: np.ndarray, rows: int, columns: int) -> Rect:
    """The pixels within the scene that any field moves."""
    down, across = np.nonzero(moving)
    if not len(down):
        return MARGIN, MARGIN, MARGIN, MARGIN
    left, top = max(MARGIN, (int(across.min()) - 1) * GRID), max(MARGIN, (int(down.min()) - 1) * GRID)
    right = min(columns - MARGIN, (int(across.max()) + 1) * GRID)
    bottom = min(rows - MARGIN, (int(down.max()) + 1) * GRID)
    return left, top, max(left, right), max(top, bottom)


def _stillness(shot: Shot, x: FloatArray, y: FloatArray) -> FloatArray:
    """0 at the edges where the picture meets what is beside it, 1 further in: those edges must not wobble."""
    rows, columns = shot.canvas.shape[:2]
    left, top, right, bottom = shot.inner
    reach = 0.25 * shot.landmarks.frame.unit
    free = np.ones_like(x)
    for inside, open_ in (
        (x - left, left <= 0), (y - top, top <= 0), (right - 1 - x, right >= columns), (bottom - 1 - y, bottom >= rows),
    ):  # fmt: skip
        if not open_:
            free *= smooth(inside / reach)
    return free


def _fields(face: Landmarks, frame: FaceFrame, x: FloatArray, y: FloatArray, free: FloatArray) -> FloatArray:
    """float32 [7, 2, rows, columns]: x, y, roll (a radian), yaw, pitch, brow, breath."""
    unit = frame.unit
    cos, sin = math.cos(frame.roll), math.sin(frame.roll)
    dx, dy = x - frame.origin[0], y - frame.origin[1]
    u = ((dx * cos + dy * sin) / unit).astype(np.float32)
    v = ((dy * cos - dx * sin) / unit).astype(np.float32)
    chin = frame.to_face(face.jaw.chin)[1]
    head = _head_weight(face, frame, u, v, chin) * free
    depth = _depth(face, frame, u, v, chin) * free
    brows = np.zeros_like(u)
    for brow in (face.brow_left, face.brow_right):
        for point in (brow.inner, brow.middle, brow.outer):
            bu, bv = frame.to_face(point)
            brows = np.maximum(brows, np.exp(-(((u - bu) / 0.26) ** 2) - ((v - bv + 0.04) / 0.17) ** 2))
    brows *= smooth((-0.17 - v) / 0.14) * free  # the lids are below
    body = _body_weight(u, v, chin) * free
    px = unit / UNITS
    pu, pv = _PIVOT
    zero = np.zeros_like(u)
    out = []
    for right, down in (
        (head * px, zero),
        (zero, head * px),
        (-(v - pv) * unit * head, (u - pu) * unit * head),
        (depth * px, zero),
        (zero, depth * px),
        (zero, -brows * px),
        (zero, -body * px),
    ):
        out.append(np.stack([right * cos - down * sin, right * sin + down * cos]))
    return np.stack(out).astype(np.float32)


def _head_weight(face: Landmarks, frame: FaceFrame, u: FloatArray, v: FloatArray, chin: float) -> FloatArray:
    """1 in head and hair, fading outside and down the neck."""
    if face.head is not None:
        outline = np.array([frame.to_face(p) for p in face.head], np.float32)
        contour = outline.reshape(-1, 1, 2)
        points = zip(u.ravel().tolist(), v.ravel().tolist(), strict=True)
        far = np.array([cv2.pointPolygonTest(contour, point, True) for point in points], np.float32)
        around = smooth((far.reshape(u.shape) + _REACH) / _REACH)
    else:
        crown = 1.55 * -frame.to_face(face.forehead)[1] + 0.25
        wide = 1.25 * max(abs(frame.to_face(p)[0]) for p in (*face.jaw.left, *face.jaw.right))
        middle = (chin - crown) / 2
        far = np.hypot(u / wide, (v - middle) / ((chin + crown) / 2)).astype(np.float32)
        around = smooth(1 - (far - 1) / (_REACH / wide))
    return (around * smooth((chin + 0.95 - v) / 1.1)).astype(np.float32)


def _depth(face: Landmarks, frame: FaceFrame, u: FloatArray, v: FloatArray, chin: float) -> FloatArray:
    """How far in front of the turning axis: a dome over the face, the nose before it; 0 at the head's outline."""
    top = frame.to_face(face.forehead)[1] - 0.35
    middle, high = (top + chin) / 2, (chin - top) / 2
    wide = 1.18 * max(abs(frame.to_face(p)[0]) for p in (*face.jaw.left, *face.jaw.right))
    dome = np.clip(1 - (u / wide) ** 2 - ((v - middle) / (1.2 * high)) ** 2, 0, 1)
    dome = dome * (2 - dome)
    nu, nv = frame.to_face(face.nose)
    nose = np.exp(-(((u - nu) / 0.24) ** 2) - ((v - nv + 0.08) / 0.3) ** 2)
    return (dome + 0.28 * nose * np.minimum(1, 3 * dome)).astype(np.float32)


def _body_weight(u: FloatArray, v: FloatArray, chin: float) -> FloatArray:
    """1 in the chest and the shoulders, 0 in the head and beside the body."""
    below = v - chin
    wide = 0.65 + 1.7 * smooth((below - 0.1) / 1.3)
    return (smooth((below - 0.15) / 0.9) * smooth(1 - (np.abs(u) - wide) / 0.7)).astype(np.float32)


def smooth(value: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, and a smooth step between."""
    t = np.clip(value, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
