"""How the head moves as a whole: smooth fields on a coarse grid, mixed for each frame and applied with one remap."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vcam.media import ByteArray, FloatArray
from vcam.smoothstep import smoothsteps

from ..compositor import HeadPose
from .framing import MARGIN, Rect, Shot
from .glasses import Lens, beside, find_glasses
from .landmarks import Brow, FaceFrame, Landmarks

GRID = 8  # pixels between the grid's points
UNITS = 160.0  # of a HeadPose between the irises
_STEPS = 4  # positions are rounded to this part of a pixel: smaller changes are not redrawn
# of a pose's numbers, at most: what moves less than an eighth of a pixel by them stays out
_REACHES = (15.0, 9.0, 0.06, 17.0, 12.0, 15.0, 15.0, 12.0, 5.0, 7.0)
_PIVOT = (0.0, 1.9)  # face units: the joint that the head rolls about
_REACH = 0.55  # face units around the head over which its motion fades out
# face units beside the lenses of glasses: brows and cheeks do not move there, and do from there on
_STIFF = (0.06, 0.18)


class HeadWarp:
    """Bends a texture (the canvas of a :class:`Shot`, with face and eyes drawn into it) into the scene.

    Backward first-order fields in pixels for each unit of a :class:`HeadPose`'s numbers: moves are small against the
    distances over which the fields change, so nothing folds (least slope seen: 0.37, beside a visible edge).
    """

    def __init__(self, shot: Shot) -> None:
        rows, columns = shot.canvas.shape[:2]
        face = shot.landmarks
        self._unit = face.frame.unit / UNITS
        x, y = _grid(0, 0, -(-columns // GRID) + 2, -(-rows // GRID) + 2)
        glasses = find_glasses(shot.canvas, face)
        fields = _fields(face, face.frame, x, y, _stillness(shot, x, y), glasses)
        reach = np.array(_REACHES, np.float32).reshape(-1, 1, 1, 1)
        moving = (np.abs(fields) * reach).sum(axis=0).max(axis=0) > 1 / _STEPS
        left, top, right, bottom = self.rect = _bounds(moving, rows, columns)
        # the grid's points lie in the middle of blocks that begin at the rectangle's corner, with one block around it
        across, down = -(-(right - left) // GRID) + 2, -(-(bottom - top) // GRID) + 2
        x, y = _grid(left, top, across, down)
        fields = _fields(face, face.frame, x, y, _stillness(shot, x, y), glasses)
        self._fields = np.ascontiguousarray(fields.reshape(len(fields), -1), np.float32)  # [10, 2 * points]
        # pixels that one of each number moves the picture by, at most: what rounding goes by
        self.strength: list[float] = (np.abs(self._fields).max(axis=1) + 1e-6).tolist()
        self._base = np.stack([x, y]).reshape(-1).astype(np.float32)
        self._shape = (2, down, across)
        size = (down * GRID, across * GRID)
        self._full = (np.empty(size, np.float32), np.empty(size, np.float32))
        inside = (slice(GRID, GRID + bottom - top), slice(GRID, GRID + right - left))
        self._maps = (self._full[0][inside], self._full[1][inside])
        self._state: tuple[int, ...] = (0,) * len(self._fields)

    def steps(self, pose: HeadPose) -> tuple[int, ...]:
        """The pose in whole steps of a quarter of a pixel; all zero is at rest."""
        values = (
            pose.x, pose.y, math.radians(pose.roll), pose.yaw, pose.pitch,
            pose.brow_left, pose.brow_right, pose.frown, pose.cheeks, pose.breath,
        )  # fmt: skip
        return tuple(round(v * s * _STEPS) for v, s in zip(values, self.strength, strict=True))

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
            amounts = np.array(state, np.float32) / _STEPS / np.array(self.strength, np.float32)
            grid = (self._base - amounts @ self._fields).reshape(self._shape)
            for coarse, full in zip(grid, self._full, strict=True):
                cv2.resize(coarse, (full.shape[1], full.shape[0]), dst=full, interpolation=cv2.INTER_LINEAR)
            self._state = state
        cv2.remap(texture, *self._maps, cv2.INTER_LINEAR, dst=place, borderMode=cv2.BORDER_REPLICATE)


def _grid(left: int, top: int, across: int, down: int) -> tuple[FloatArray, FloatArray]:
    """x and y of the middles of blocks, the first of which ends at ``left``, ``top``: float32 [down, across]."""
    middle = GRID / 2 - 0.5 - GRID
    x, y = np.meshgrid(left + middle + GRID * np.arange(across), top + middle + GRID * np.arange(down))
    return x.astype(np.float32), y.astype(np.float32)


def _bounds(moving: np.ndarray, rows: int, columns: int) -> Rect:
    """The pixels within the scene that any field moves."""
    down, across = np.nonzero(moving)
    if not len(down):
        return MARGIN, MARGIN, MARGIN, MARGIN
    left, top = max(MARGIN, (int(across.min()) - 2) * GRID), max(MARGIN, (int(down.min()) - 2) * GRID)
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
            free *= smoothsteps(inside / reach)
    return free


def _fields(
    face: Landmarks,
    frame: FaceFrame,
    x: FloatArray,
    y: FloatArray,
    free: FloatArray,
    glasses: tuple[Lens, Lens] | None,
) -> FloatArray:
    """float32 [10, 2, rows, columns]: x, y, roll (a radian), yaw, pitch, both brows, frown, cheeks, breath."""
    unit = frame.unit
    cos, sin = math.cos(frame.roll), math.sin(frame.roll)
    dx, dy = x - frame.origin[0], y - frame.origin[1]
    u = ((dx * cos + dy * sin) / unit).astype(np.float32)
    v = ((dy * cos - dx * sin) / unit).astype(np.float32)
    chin = frame.to_face(face.jaw.chin)[1]
    head = _head_weight(face, frame, u, v, chin) * free
    depth = _depth(face, frame, u, v, chin) * free
    soft = free  # where skin moves by itself
    if glasses is not None:
        soft = free * smoothsteps((beside(glasses, u, v) - _STIFF[0]) / (_STIFF[1] - _STIFF[0]))
    above = smoothsteps((-0.17 - v) / 0.14) * soft  # the lids are below
    left, right_ = (_brow(brow, frame, u, v) * above for brow in (face.brow_left, face.brow_right))
    pinch, press = _frown(face, frame, u, v)
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
        (zero, -left * px),
        (zero, -right_ * px),
        (pinch * above * px, press * above * px),
        (zero, -_cheeks(face, frame, u, v) * soft * px),
        (zero, -body * px),
    ):
        out.append(np.stack([right * cos - down * sin, right * sin + down * cos]))
    return np.stack(out).astype(np.float32)


def _brow(brow: Brow, frame: FaceFrame, u: FloatArray, v: FloatArray) -> FloatArray:
    """1 along one brow, and what is around it goes along."""
    weight = np.zeros_like(u)
    for point in (brow.inner, brow.middle, brow.outer):
        bu, bv = frame.to_face(point)
        weight = np.maximum(
            weight, np.exp(-(((u - bu) / 0.26) ** 2) - ((v - bv + 0.04) / 0.17) ** 2).astype(np.float32)
        )
    return weight


def _frown(face: Landmarks, frame: FaceFrame, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How the brows' inner ends come together and down."""
    across, down = np.zeros_like(u), np.zeros_like(u)
    for brow, side in ((face.brow_left, 1), (face.brow_right, -1)):
        bu, bv = frame.to_face(brow.inner)
        bump = np.exp(-(((u - bu) / 0.2) ** 2) - ((v - bv) / 0.18) ** 2).astype(np.float32)
        across += np.float32(0.45 * side) * bump
        down = np.maximum(down, bump)
    return across, down


def _cheeks(face: Landmarks, frame: FaceFrame, u: FloatArray, v: FloatArray) -> FloatArray:
    """Where a smile pushes the cheeks up: below the eyes, outside the nose."""
    weight = np.zeros_like(u)
    for eye, corner in ((face.eye_left, face.mouth.left), (face.eye_right, face.mouth.right)):
        iris, low = frame.to_face(eye.iris), frame.to_face(corner)
        cu, cv = iris[0] + math.copysign(0.04, iris[0]), iris[1] + 0.55 * (low[1] - iris[1])
        lid = frame.to_face(eye.bottom)[1]
        bump = np.exp(-(((u - cu) / 0.27) ** 2) - ((v - cv) / 0.26) ** 2).astype(np.float32)
        weight = np.maximum(weight, bump * smoothsteps((v - lid) / 0.25))
    return weight


def _head_weight(face: Landmarks, frame: FaceFrame, u: FloatArray, v: FloatArray, chin: float) -> FloatArray:
    """1 in head and hair, fading outside and down the neck."""
    if face.head is not None:
        outline = np.array([frame.to_face(p) for p in face.head], np.float32)
        contour = outline.reshape(-1, 1, 2)
        points = zip(u.ravel().tolist(), v.ravel().tolist(), strict=True)
        far = np.array([cv2.pointPolygonTest(contour, point, True) for point in points], np.float32)
        around = smoothsteps((far.reshape(u.shape) + _REACH) / _REACH)
    else:
        crown = 1.55 * -frame.to_face(face.forehead)[1] + 0.25
        wide = 1.25 * max(abs(frame.to_face(p)[0]) for p in (*face.jaw.left, *face.jaw.right))
        middle = (chin - crown) / 2
        far = np.hypot(u / wide, (v - middle) / ((chin + crown) / 2)).astype(np.float32)
        around = smoothsteps(1 - (far - 1) / (_REACH / wide))
    return (around * smoothsteps((chin + 0.95 - v) / 1.1)).astype(np.float32)


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
    wide = 0.65 + 1.7 * smoothsteps((below - 0.1) / 1.3)
    return (smoothsteps((below - 0.15) / 0.9) * smoothsteps(1 - (np.abs(u) - wide) / 0.7)).astype(np.float32)
