"""The face that the stand-ins know: plain proportions, upright, the same for everybody.

Coordinates are those of the landmarks' bounding box: its centre is 0, 0, its height 1, y goes down. Proportions are
those of a frontal face as artists draw it; the numbers of the points are those of the usual landmark sets.
"""

from __future__ import annotations

import numpy as np

from vcam.media import FloatArray

EYE_X, EYE_Y, EYE_W, EYE_H = 0.246, -0.336, 0.10, 0.035  # centre of the eye at the right of the picture; half sizes
BROW_Y = -0.47
NOSE_Y, MOUTH_Y, MOUTH_W, LIP_H = 0.05, 0.187, 0.17, 0.04
HALF_WIDTH = 0.49

#: How the box of the face (hairline to chin, as detectors give it) lies around these points: its height is 1 / 0.67,
#: and its centre is above 0, 0 by 0.135 of it.
BOX = 1 / 0.67
BOX_SHIFT = 0.135

#: Where the points lie in a crop: the crop's side is ``scale`` times the height of the points' box, and the crop's
#: centre is moved up by ``up`` of its side.
CROP_203 = (1.5, 0.1)
CROP_512 = (2.3, 0.125)
ROI_SCALE = 1.5  # of the eyes' stage: the detector's box to what the mesh sees


def in_crop(points: FloatArray, size: float, scale: float, up: float) -> FloatArray:
    """Points [n, 2] in pixels of a crop of ``size``."""
    return np.asarray(size / 2 + points * (size / scale) + np.array([0, up * size]), np.float32)


def ring(count: int, x: float, y: float, width: float, height: float, first: float = 180.0) -> FloatArray:
    """Points on an ellipse, clockwise as seen, from the angle ``first`` on (0: right, 90: below; degrees)."""
    angle = np.radians(first + 360.0 * np.arange(count) / count)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], 1).astype(np.float32)


def arc(count: int, x: float, y: float, width: float, height: float, first: float, last: float) -> FloatArray:
    angle = np.radians(np.linspace(first, last, count))
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], 1).astype(np.float32)


def _brow(count: int, side: int) -> FloatArray:
    return arc(count, side * EYE_X, BROW_Y + 0.02, 0.13, 0.05, 180, 360)


def _contour(count: int) -> FloatArray:
    """From ear to ear, over the chin."""
    return arc(count, 0.0, EYE_Y, HALF_WIDTH, 0.5 - EYE_Y, 180, 0)


def points106() -> FloatArray:
    """InsightFace's order: contour, eye, brow, mouth, nose, eye, brow."""
    points = np.zeros((106, 2), np.float32)
    points[:33] = _contour(33)
    for first, side in ((33, -1), (87, 1)):
        eye = ring(8, side * EYE_X, EYE_Y, EYE_W, EYE_H, 90)  # from below, so that 0, 2, 4, 6 are the four extremes
        order = (0, 2, 7, 6, 4, 1, 3, 5)  # the points 33, 35, 40 and 39 are the ends of the two axes
        for at, one in zip(order, (0, 2, 4, 6, 1, 3, 5, 7), strict=True):
            points[first + at] = eye[one]
        points[first + 5] = points[first + 8] = points[first + 9] = (side * EYE_X, EYE_Y)
        points[first + 1] = eye[1]
    points[43:52], points[97:106] = _brow(9, -1), _brow(9, 1)
    points[52:72] = ring(20, 0, MOUTH_Y, MOUTH_W, LIP_H)
    points[61] = (MOUTH_W, MOUTH_Y)
    points[72:87] = ring(15, 0, NOSE_Y - 0.1, 0.1, 0.14)
    return points


def points203() -> FloatArray:
    """LivePortrait's order: eyes 0 and 24, lips 48 and 84, contour 108, brows 145 and 165, nose 185, pupils 197."""
    eyes = [ring(24, side * EYE_X, EYE_Y, EYE_W, EYE_H) for side in (-1, 1)]
    lips = [ring(36, 0, MOUTH_Y, MOUTH_W, LIP_H), ring(24, 0, MOUTH_Y, 0.8 * MOUTH_W, 0.3 * LIP_H)]
    brows = [_brow(20, side) for side in (-1, 1)]
    pupils = np.array([[-EYE_X, EYE_Y], [EYE_X, EYE_Y]], np.float32)
    nose = ring(12, 0, NOSE_Y, 0.09, 0.04)
    bridge = np.array([[0, y] for y in np.linspace(EYE_Y, NOSE_Y, 4)], np.float32)
    return np.concatenate([*eyes, *lips, _contour(37), *brows, nose, pupils, bridge])


_EYES_478 = {  # MediaPipe's face mesh: each eye from its left end (as seen) over the lower lid, back over the upper
    -1: (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    1: (362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398),
}
_LIPS_478 = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)


def points478() -> FloatArray:
    """MediaPipe's order. Eyes, irises and lips are where they belong; the others are spread over the face."""
    index = np.arange(478)
    radius, angle = 0.48 * np.sqrt((index + 0.5) / 478), index * np.pi * (3 - np.sqrt(5))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)
    for side, numbers in _EYES_478.items():
        # clockwise as seen from the left end would be over the top: mirror it
        points[list(numbers)] = ring(16, side * EYE_X, EYE_Y, EYE_W, -EYE_H)
    for first, side in ((468, -1), (473, 1)):
        points[first] = (side * EYE_X, EYE_Y)
        points[first + 1 : first + 5] = ring(4, side * EYE_X, EYE_Y, 0.03, 0.03)
    points[list(_LIPS_478)] = ring(20, 0, MOUTH_Y, MOUTH_W, -LIP_H)
    return points


#: The 21 key points of the motion space. Lips: 6 and 12 are the corners, 14 the upper lip, 17, 19 and 20 the lower;
#: eyes: 11 and 15 the irises, 13 and 16 the upper lids, 18 the place between the eyes; the others hold the head.
KEYPOINTS = np.zeros((21, 3), np.float32)
KEYPOINTS[:, :2] = (
    (0.0, -0.62), (-0.4, -0.5), (0.4, -0.5), (-0.47, -0.1), (0.47, -0.1), (0.0, -0.2),
    (-MOUTH_W, MOUTH_Y), (-0.3, 0.3), (0.3, 0.3), (0.0, NOSE_Y), (0.0, -0.45),
    (-EYE_X, EYE_Y), (MOUTH_W, MOUTH_Y), (-EYE_X, EYE_Y - 0.5 * EYE_H), (0.0, MOUTH_Y - LIP_H),
    (EYE_X, EYE_Y), (EYE_X, EYE_Y - 0.5 * EYE_H), (-0.1, MOUTH_Y + 0.06), (0.0, EYE_Y),
    (0.0, MOUTH_Y + 0.07), (0.1, MOUTH_Y + 0.06),
)  # fmt: skip
LIPS = (6, 12, 14, 17, 19, 20)
LIDS = (13, 16)
HEAD = tuple(index for index in range(21) if index not in (*LIPS, 11, 13, 15, 16, 18))
SCALE = 1.25


def keypoints_in_crop() -> FloatArray:
    """float32 [21, 3]: in the 512 crop as networks see it, -1..1."""
    scale, up = CROP_512
    return (KEYPOINTS * np.float32(2 / scale) + np.array([0, 2 * up, 0], np.float32)).astype(np.float32)
