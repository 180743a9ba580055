"""Finds faces, upright or tilted, photographed or drawn, and where their eyes are: by networks, else by cascades.

OpenCV's cascades are for what the networks do not take for a face: masks, plain drawings. A cascade answers many
slightly moved windows at a real face; for flat drawings fewer of them, so their raw answers are counted at finer steps,
and what was found must have two eyes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from vcam.errors import AnimatorError
from vcam.media import ByteArray, FloatArray

from .mtcnn import FoundFace, Mtcnn, Point

_SIDE, _LARGE_SIDE = 640, 1280  # pixels: the longer side of the picture that is searched, and where it has none
_LARGER = 3.0  # how much a small picture is enlarged for it
_SMALLEST = 36  # pixels in it: the smallest face
_TILTS = (0, -15, 15, -30, 30)  # degrees
_FURTHER = (-45, 45)  # degrees, where nothing was found at these
_LYING = (90, -90, 180, -65, 65, 120, -120)  # degrees that a picture may have to be turned clockwise by
_CENTRAL = 0.4  # how much less a face counts at the picture's rim than in its middle
_EYES = ((0.285, 0.375), (0.725, 0.375))  # of the cascade's box: where its training faces have the irises
_FACE = 160  # pixels: the box's side while eyes are looked for
_MIN_VOTES, _MIN_RAW_VOTES = 5, 12
_MIN_EYE_SCORE = 0.12
_SURE, _DRAWN = 0.45, 0.18  # confidence that a face must have; a drawn one gets less
_LIES = 0.7  # confidence before a picture is said to lie on its side

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True, slots=True)
class Face:
    """A face in the picture: about where the irises are in its pixels, the box's side, how sure, how it was found."""

    left: Point
    right: Point
    size: float
    confidence: float
    clear: float  # how much the eyes look like level eyes: tells the right tilt from its neighbours
    method: str
    roll: float = 0.0  # degrees clockwise, where that may be any; at most 45 by the cascades
    mouth: tuple[Point, Point] | None = None  # its corners, where they are known
    # of the eyes' distance: how far the nose is beside the middle between them, less half of what the mouth is
    turned: float | None = None


@lru_cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    folder = Path(cv2.__file__).parent / "data"
    if not hasattr(cv2, "CascadeClassifier") or not folder.is_dir():
        raise AnimatorError(
            "This OpenCV has no cascades for finding faces.", 'pip install "opencv-python-headless>=4.11,<5"'
        )
    return cv2.CascadeClassifier(str(folder / f"haarcascade_{name}.xml"))


def find_faces(rgb: ByteArray) -> list[Face]:
    """The faces in ``rgb`` (uint8 [h, w, 3]), largest first; of about equal ones the most central.

    AnimatorError: the networks or the cascades are not installed.
    """
    found = [_seen(face) for face in Mtcnn().find(rgb)]
    if found:
        return _ranked(found, rgb.shape[1], rgb.shape[0])
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    scale = min(_LARGER, _SIDE / max(grey.shape))
    if min(grey.shape) * scale < _SMALLEST:
        return []
    small = _resized(grey, scale)
    found = _sure(small, scale, _TILTS)
    if not found and max(grey.shape) > 1.2 * _SIDE:
        larger = min(1.0, _LARGE_SIDE / max(grey.shape))
        found = _sure(_resized(grey, larger), larger, _TILTS[:3])
    if not found:
        found = _sure(small, scale, _FURTHER)
    if not found:
        found = [
            face for tilt in _TILTS for face in _at_tilt(small, scale, tilt, raw=True) if face.confidence >= _DRAWN
        ]
    return _ranked(_distinct(found), grey.shape[1], grey.shape[0])


def lies_turned(rgb: ByteArray) -> int | None:
    """By how many degrees clockwise the picture must be turned so that a face in it is upright; None without a face."""
    networks, shrink = Mtcnn(), min(1.0, _LARGE_SIDE / max(rgb.shape))
    small = np.asarray(cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    for turn, quarters in ((90, -1), (-90, 1), (180, 2)):
        turned = np.ascontiguousarray(np.rot90(small, quarters))
        if any(face.confidence > _LIES and abs(face.roll) < 45 for face in networks.find(turned)):
            return turn
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    scale = min(_LARGER, _SIDE / max(grey.shape))
    if min(grey.shape) * scale < _SMALLEST:
        return None
    dull = _resized(grey, scale)
    lying = [(face.clear, turn) for turn in _LYING for face in _sure(dull, scale, (-turn,)) if face.confidence > _LIES]
    return max(lying)[1] if lying else None


def _sure(small: ByteArray, scale: float, tilts: Sequence[int]) -> list[Face]:
    found = [face for tilt in tilts for face in _at_tilt(small, scale, tilt, raw=False)]
    return [face for face in found if face.confidence >= _SURE]


def _ranked(faces: list[Face], width: int, height: int) -> list[Face]:
    def weight(face: Face) -> float:
        x, y = (face.left[0] + face.right[0]) / 2, (face.left[1] + face.right[1]) / 2
        return face.size * (1 - _CENTRAL * max(abs(2 * x / width - 1), abs(2 * y / height - 1)))

    return sorted(faces, key=weight, reverse=True)


def is_profile(rgb: ByteArray) -> bool:
    """Whether there is a face seen from the side."""
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    scale = min(_LARGER, _SIDE / max(grey.shape))
    if min(grey.shape) * scale < _SMALLEST:
        return False
    small = _resized(grey, scale)
    cascade = _cascade("profileface")
    return any(len(cascade.detectMultiScale(view, 1.1, 4, minSize=(48, 48))) for view in (small, cv2.flip(small, 1)))


def _seen(face: FoundFace) -> Face:
    (x0, y0), (x1, y1), (x, y) = face.left_eye, face.right_eye, face.nose
    across = math.hypot(x1 - x0, y1 - y0)
    middles = [(a + b) / 2 for a, b in zip(face.mouth_left, face.mouth_right, strict=True)]
    beside_eyes = ((x - (x0 + x1) / 2) * (x1 - x0) + (y - (y0 + y1) / 2) * (y1 - y0)) / across**2
    below = [middles[0] - (x0 + x1) / 2, middles[1] - (y0 + y1) / 2]
    lean = (below[0] * (x1 - x0) + below[1] * (y1 - y0)) / across**2  # the mouth is beside the eyes' middle, too
    return Face(
        face.left_eye,
        face.right_eye,
        face.size,
        face.confidence,
        face.confidence,
        "mtcnn",
        face.roll,
        (face.mouth_left, face.mouth_right),
        beside_eyes - 0.5 * lean,
    )


def _resized(grey: ByteArray, scale: float) -> ByteArray:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how), np.uint8)


def _at_tilt(small: ByteArray, scale: float, tilt: int, *, raw: bool) -> list[Face]:
    rows, columns = small.shape
    turn = np.asarray(cv2.getRotationMatrix2D((columns / 2, rows / 2), tilt, 1.0), np.float64)
    view = small if not tilt else cv2.warpAffine(small, turn, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(turn)
    method = "cascade, drawn faces" if raw else "cascade"
    faces = []
    for box, votes in _boxes(np.asarray(view, np.uint8), raw):
        eyes = _eyes(np.asarray(view, np.uint8), box)
        if eyes is None:
            continue
        left, right, score = eyes
        level = math.degrees(math.atan2(right[1] - left[1], right[0] - left[0]))
        if score < _MIN_EYE_SCORE or abs(level) > 14:
            continue
        points = [tuple((back @ [x, y, 1.0] + 0.5) / scale - 0.5) for x, y in (left, right)]
        sure = min(1.0, score / 0.4) * min(1.0, votes / 40) * (0.6 if raw else 1.0) * (1 - abs(level) / 40)
        clear = score * votes * math.exp(-((level / 6) ** 2) / 2)
        (x0, y0), (x1, y1) = points
        faces.append(Face((float(x0), float(y0)), (float(x1), float(y1)), box[2] / scale, sure, clear, method))
    return faces


def _boxes(view: ByteArray, raw: bool) -> list[tuple[Box, int]]:
    """Boxes and how many windows agree on each."""
    low = (_SMALLEST, _SMALLEST)
    found: list[Sequence[float]] = []
    if raw:
        soft = _resized(cv2.GaussianBlur(view, (0, 0), 2.0).astype(np.uint8), 0.5)
        for name in ("frontalface_alt2", "frontalface_alt"):
            for image in (soft, cv2.createCLAHE(4.0, (4, 4)).apply(soft)):
                hits = _cascade(name).detectMultiScale(image, 1.05, 0, minSize=low)
                found += [[2 * float(v) for v in hit] for hit in hits]
    else:
        for name in ("frontalface_alt2", "frontalface_default"):
            found += [[float(v) for v in hit] for hit in _cascade(name).detectMultiScale(view, 1.08, 0, minSize=low)]
    grouped: list[tuple[Box, int]] = []
    left = np.array(sorted(map(tuple, found)), np.float64).reshape(-1, 4)  # threads give them in any order
    while len(left):
        centre = left[:, :2] + left[:, 2:] / 2
        # the window with most others around it, and these
        apart = np.abs(centre[:, None] - centre[None]).max(axis=2)
        alike = (apart < 0.25 * left[:, None, 2]) & (np.abs(np.log(left[:, None, 2] / left[None, :, 2])) < 0.35)
        best = int(alike.sum(axis=1).argmax())
        members = left[alike[best]]
        if len(members) < (_MIN_RAW_VOTES if raw else _MIN_VOTES):
            break
        x, y, w, h = np.median(members, axis=0).tolist()
        grouped.append(((x, y, w, h), len(members)))
        left = left[~alike[best]]
    return grouped


def _eyes(view: ByteArray, box: Box) -> tuple[tuple[float, float], tuple[float, float], float] | None:
    """The irises' centres in ``view``, and how much they look like some: about 0.1 for nothing, 0.5 for clear eyes."""
    factor = _FACE / box[2]
    place = np.array([[factor, 0, -box[0] * factor], [0, factor, -box[1] * factor]])
    face = np.asarray(cv2.warpAffine(view, place, (_FACE, _FACE), borderMode=cv2.BORDER_REPLICATE), np.float32)
    boost = _eye_boost(face)
    candidates = [_centres(face, (x * _FACE, y * _FACE), boost) for x, y in _EYES]
    expected = (_EYES[1][0] - _EYES[0][0]) * _FACE
    best, chosen = 0.0, None
    for x0, y0, s0 in candidates[0]:
        for x1, y1, s1 in candidates[1]:
            wide, level = (x1 - x0 - expected) / (0.16 * expected), (y1 - y0) / (0.16 * expected)
            score = math.sqrt(s0 * s1) * math.exp(-(wide**2 + level**2) / 2)
            if score > best:
                best, chosen = score, ((x0, y0), (x1, y1))
    if chosen is None:
        return None
    left, right = ((x / factor + box[0], y / factor + box[1]) for x, y in chosen)
    return left, right, best


def _eye_boost(face: FloatArray) -> FloatArray:
    """1, and up to 1.5 around the middle of what the eye cascade finds."""
    boost = np.ones_like(face)
    upper = np.clip(face[: int(0.6 * _FACE)], 0, 255).astype(np.uint8)
    for x, y, w, h in _cascade("eye").detectMultiScale(upper, 1.1, 3, minSize=(20, 20)):
        boost[int(y + 0.2 * h) : int(y + 0.85 * h), int(x + 0.2 * w) : int(x + 0.8 * w)] = 1.5
    return boost


def _centres(face: FloatArray, near: tuple[float, float], boost: FloatArray) -> list[tuple[float, float, float]]:
    """Up to six places (x, y, score) that gradients point away from: the middle of dark discs.

    Means of gradients (Timm & Barth, 2011), over the gradients within an iris's reach, weighted by darkness.
    """
    reach, wide, tall = 11, 28, 30  # pixels: a little more than an iris's radius; how far from the place
    x0, y0 = max(0, round(near[0]) - wide - reach), max(0, round(near[1]) - tall - reach)
    part = (slice(y0, round(near[1]) + tall + reach), slice(x0, round(near[0]) + wide + reach))
    soft = cv2.GaussianBlur(face, (0, 0), 1.2)
    gx, gy = cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    size = np.hypot(gx, gy) + 1e-3
    strong = np.clip(size / (np.percentile(size[30:90], 90) + 1e-3), 0, 1)
    ux, uy = (gx / size * strong)[part], (gy / size * strong)[part]
    rows, columns = (n - 2 * reach for n in ux.shape)
    total, weight = np.zeros((rows, columns), np.float32), 0.0
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            far = math.hypot(dx, dy)
            if not 3 <= far <= reach:
                continue
            there = (slice(reach + dy, reach + dy + rows), slice(reach + dx, reach + dx + columns))
            dot = ux[there] * (dx / far) + uy[there] * (dy / far)
            total += np.maximum(dot, 0) ** 2 / far
            weight += 1 / far
    light = cv2.GaussianBlur(face, (0, 0), 3.0)
    around = cv2.GaussianBlur(face, (0, 0), 16.0)
    inner = (slice(y0 + reach, y0 + reach + rows), slice(x0 + reach, x0 + reach + columns))
    dark = np.clip(1.15 - light / (around + 1.0), 0.05, 1.0)[inner]
    down, across = np.mgrid[inner].astype(np.float32)
    prior = np.exp(-(((across - near[0]) / 15) ** 2 + ((down - near[1]) / 13) ** 2) / 2)
    score = np.asarray(total / weight * dark**0.5 * prior * boost[inner] * 4, np.float32)
    window = score.copy()
    peaks: list[tuple[float, float, float]] = []
    for _ in range(6):
        _, value, _, at = cv2.minMaxLoc(window)
        if value <= 0.02:
            break
        x, y = _sub_pixel(score, at[0], at[1])
        peaks.append((x + inner[1].start, y + inner[0].start, float(value)))
        cv2.circle(window, at, 6, 0.0, -1)
    return peaks


def _sub_pixel(score: FloatArray, x: int, y: int) -> tuple[float, float]:
    part = score[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3] ** 2
    rows, columns = np.mgrid[
        max(0, y - 2) : max(0, y - 2) + part.shape[0], max(0, x - 2) : max(0, x - 2) + part.shape[1]
    ]
    total = float(part.sum()) + 1e-12
    return float((part * columns).sum()) / total, float((part * rows).sum()) / total


def _distinct(faces: list[Face]) -> list[Face]:
    """The surest one of each face."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: -f.confidence * f.clear):
        middle = ((face.left[0] + face.right[0]) / 2, (face.left[1] + face.right[1]) / 2)
        if all(
            math.hypot(middle[0] - (k.left[0] + k.right[0]) / 2, middle[1] - (k.left[1] + k.right[1]) / 2)
            > 0.45 * max(k.size, face.size)
            for k in kept
        ):
            kept.append(face)
    return kept
