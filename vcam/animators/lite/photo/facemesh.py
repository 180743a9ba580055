"""From MediaPipe's face mesh to the landmarks of a portrait.

The numbers of the points are those of the mesh's contours, as FACEMESH_LIPS, FACEMESH_LEFT_EYE, FACEMESH_FACE_OVAL and
so on name them in mediapipe/python/solutions/face_mesh_connections.py of github.com/google-ai-edge/mediapipe; the
irises' are those that its refined model adds after the first 468. MediaPipe's left is the person's own; here it is the
picture's. The nose's tip and the chin were checked in the canonical face model of the same repository.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from vcam.media import ByteArray

from .evidence import XY, UprightFace, column, read_edge, row
from .landmarks import Brow, Curve, Eye, FaceFrame, Jaw, Landmarks, Mouth, Point, explain
from .lipline import Lips
from .teeth import with_teeth

POINTS = 478
NOSE_TIP, CHIN, TOP = 1, 152, 10

#: The face's edge, from its top clockwise.
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
#: The lips' edges from top to bottom, each from the left to the right; the inner ones end inside the mouth's corners.
LIPS = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
)


@dataclass(frozen=True, slots=True)
class EyePoints:
    """``upper``, ``lower``: the lids' edges from the outer corner to the inner; ``rim``: around the iris; ``brow``:
    pairs above and below its middle line: at the nose, in the middle, outside."""

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    iris: int
    rim: tuple[int, ...]
    brow: tuple[tuple[int, int], ...]


LEFT_EYE = EyePoints(
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    468,
    (469, 470, 471, 472),
    ((107, 55), (105, 52), (70, 46)),
)
RIGHT_EYE = EyePoints(
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
    473,
    (474, 475, 476, 477),
    ((336, 285), (334, 282), (300, 276)),
)

_CLOSED = 0.03  # units between the lips' inner edges, below which the mouth is closed
_ORIGIN_Y = 0.45  # units below the eyes: between nose and mouth, from where the face's edge is seen
_BROWS_Y = -0.45  # units: above the brows, from where the hair is looked for
_JAW = (-28.0, 2.0, 27.0, 53.0)  # degrees clockwise from the picture's right
_RADIUS = (0.05, 0.2)  # units: an iris's; human ones have 0.09

# What faces are like, in units of the eyes' distance, as far as both eyes can be seen: wide, for paintings and puppets.
_EYE_WIDTH, _EYE_ASYMMETRY = (0.2, 0.95), 2.5
_MOUTH_Y, _MOUTH_WIDTH = (0.55, 1.8), (0.25, 1.6)
_NOSE_ASIDE, _CHIN_Y = 0.5, (0.9, 3.2)
_FACE_WIDTH = (1.5, 4.0)
_OUTSIDE = 0.12  # how far a feature may be outside the face's edge

# How much eyes and lips must differ from the cheeks, in terms of how much these differ among themselves. Drawn and
# painted ones do by 2.6 and more; of meshes put elsewhere in such pictures one in eight is not refused by this.
_LEAST_EYES, _LEAST_LIPS = 1.5, 0.45

Points = npt.NDArray[np.float64]
There = Callable[[XY], Point]  # from the face's coordinates to the picture's


class NoFaceMesh(Exception):
    """The mesh is not that of a face, or not of the one in the picture; the text says why, for the reader."""


def landmarks_of(mesh: Points, rgb: ByteArray) -> tuple[Landmarks, float]:
    """The landmarks, and how clearly the picture shows eyes and lips where the mesh has them, 0..1.

    ``mesh``: float64 [478, 2], pixels of ``rgb`` (uint8 [h, w, 3]). Raises NoFaceMesh if its shape is not that of a
    face, or the picture shows something else there.
    """
    frame = frame_of(mesh)
    points = _in_face(mesh, frame)
    _check_shape(points)
    upright = UprightFace(rgb, frame)
    clear = _clearness(upright, points)
    lips = _lips(points, clear)
    if lips.edges[1] == lips.edges[2]:  # teeth may have been taken for a lip
        lips = with_teeth(upright, lips)
    rows, columns = rgb.shape[:2]

    def there(point: XY) -> Point:
        x, y = frame.to_picture(point)
        return min(columns - 1.0, max(0.0, x)), min(rows - 1.0, max(0.0, y))

    # the mesh ends somewhere on the forehead; where the hair begins, the picture tells
    usual = max(0.1, _BROWS_Y - float(points[TOP, 1]))
    hair_y = _BROWS_Y - read_edge(upright, (0.0, _BROWS_Y), -90, usual, 0.15)
    try:
        landmarks = Landmarks(
            eye_left=_eye(points, LEFT_EYE, frame.unit, there),
            eye_right=_eye(points, RIGHT_EYE, frame.unit, there),
            brow_left=_brow(points, LEFT_EYE, there),
            brow_right=_brow(points, RIGHT_EYE, there),
            nose=there(_xy(points[NOSE_TIP])),
            mouth=_mouth(lips, there),
            jaw=Jaw(left=_side(points, -1, there), chin=there(_xy(points[CHIN])), right=_side(points, 1, there)),
            forehead=there((0.0, hair_y)),
        )
    except ValidationError as error:
        raise NoFaceMesh(explain(error)) from error
    return landmarks, clear


def frame_of(mesh: Points) -> FaceFrame:
    """The face's coordinates, from the irises. Raises NoFaceMesh if there are none."""
    if not np.isfinite(mesh).all():
        raise NoFaceMesh("some of its points are nowhere")
    frame = FaceFrame(_xy(mesh[LEFT_EYE.iris]), _xy(mesh[RIGHT_EYE.iris]))
    if frame.unit < 1.0:
        raise NoFaceMesh("both eyes are in one place")
    return frame


def _in_face(mesh: Points, frame: FaceFrame) -> Points:
    return np.array([frame.to_face(_xy(point)) for point in mesh], np.float64)


def _check_shape(points: Points) -> None:
    """Raises NoFaceMesh for what no face is like, seen so that both eyes show."""
    left, mouth_right = points[LIPS[0][0]], points[LIPS[0][-1]]
    mouth_y = (left[1] + mouth_right[1]) / 2
    widths = [float(np.linalg.norm(points[eye.upper[0]] - points[eye.upper[-1]])) for eye in (LEFT_EYE, RIGHT_EYE)]
    oval = points[list(OVAL)]
    features = [*LEFT_EYE.upper, *LEFT_EYE.lower, *RIGHT_EYE.upper, *RIGHT_EYE.lower, *LIPS[0], *LIPS[3], NOSE_TIP]
    lowest_lip = max(float(points[number, 1]) for number in LIPS[3])
    shape = oval.astype(np.float32)
    for right, words in (
        (all(_EYE_WIDTH[0] < width < _EYE_WIDTH[1] for width in widths), "the eyes have an impossible width"),
        (max(widths) < _EYE_ASYMMETRY * min(widths), "one eye is much wider than the other"),
        (all(_holds(points, eye) for eye in (LEFT_EYE, RIGHT_EYE)), "an iris is outside its eye"),
        (_MOUTH_Y[0] < mouth_y < _MOUTH_Y[1], "the mouth is not below the eyes"),
        (_MOUTH_WIDTH[0] < mouth_right[0] - left[0] < _MOUTH_WIDTH[1], "the mouth has an impossible width"),
        (all(_advances(points[list(edge), 0]) for edge in LIPS), "the lips are tangled"),
        (0.1 < points[NOSE_TIP, 1] < mouth_y, "the nose is not between eyes and mouth"),
        (abs(points[NOSE_TIP, 0]) < _NOSE_ASIDE, "the face looks too far to the side"),
        (_CHIN_Y[0] < points[CHIN, 1] < _CHIN_Y[1] and points[CHIN, 1] > lowest_lip, "the chin is not below the mouth"),
        (_FACE_WIDTH[0] < np.ptp(oval[:, 0]) < _FACE_WIDTH[1], "the face has an impossible width"),
        (points[TOP, 1] < -0.2, "the forehead is not above the eyes"),
        (_turns_once(oval - (0.0, _ORIGIN_Y)), "the face's edge is tangled"),
        (
            all(cv2.pointPolygonTest(shape, _xy(points[n]), True) > -_OUTSIDE for n in features),
            "eyes or mouth are outside the face",
        ),
    ):
        if not right:
            raise NoFaceMesh(words)


def _holds(points: Points, eye: EyePoints) -> bool:
    """Whether an eye's iris is between its corners."""
    outer, inner = points[eye.upper[0]], points[eye.upper[-1]]
    along = inner - outer
    at = float((points[eye.iris] - outer) @ along / (along @ along))
    return 0.0 < at < 1.0 and abs(float(points[eye.iris, 1] - (outer[1] + at * along[1]))) < 0.35


def _advances(values: Points) -> bool:
    return bool((np.diff(values) > -0.02).all())


def _turns_once(around: Points) -> bool:
    """Whether points go around the origin once, clockwise as seen, and never back by more than a little."""
    angles = np.unwrap(np.arctan2(around[:, 1], around[:, 0]))
    steps = np.diff(angles)
    return bool((steps > -0.1).all() and 0.75 * 2 * math.pi < angles[-1] - angles[0] < 2 * math.pi)


def _clearness(face: UprightFace, points: Points) -> float:
    """How much eyes and lips differ from the cheeks' skin. Raises NoFaceMesh if they do not."""
    eyes = [_unlike(face, points, (*eye.upper, *reversed(eye.lower))) for eye in (LEFT_EYE, RIGHT_EYE)]
    lips = _unlike(face, points, (*LIPS[0], *reversed(LIPS[3])))
    if min(eyes) < _LEAST_EYES:
        raise NoFaceMesh("the picture shows no eyes there")
    if lips < _LEAST_LIPS:
        raise NoFaceMesh("the picture shows no mouth there")
    return min(1.0, min(eyes) / (2 * _LEAST_EYES), lips / (2 * _LEAST_LIPS))


def _unlike(face: UprightFace, points: Points, outline: Sequence[int]) -> float:
    """How much the pixels within an outline differ from the cheeks, on average."""
    mask = np.zeros(face.unlike.shape, np.uint8)
    shape = [[column(float(x)), row(float(y))] for x, y in points[list(outline)]]
    cv2.fillPoly(mask, [np.array(shape, np.int32)], 1)
    return float(np.minimum(face.unlike, 6.0)[mask > 0].mean()) if mask.any() else 0.0


def _lips(points: Points, clear: float) -> Lips:
    left, right = points[LIPS[0][0]], points[LIPS[0][-1]]
    columns = [float(left[0] + part * (right[0] - left[0])) for part in (0.25, 0.5, 0.75)]
    heights = [_heights(points, (LIPS[0][0], *edge, LIPS[0][-1]), columns) for edge in LIPS]
    if heights[2][1] - heights[1][1] < _CLOSED:  # closed in the middle is closed all along
        line = [(a + b) / 2 for a, b in zip(heights[1], heights[2], strict=True)]
        heights[1] = heights[2] = line
    edges = tuple(tuple(zip(columns, line, strict=True)) for line in heights)
    return Lips(_xy(left), _xy(right), tuple((a, b, c) for a, b, c in edges), clear)


def _heights(points: Points, chain: Sequence[int], columns: Sequence[float]) -> list[float]:
    """How high a line through points is at some places, the line going one way."""
    x, y = points[list(chain)].T
    order = np.argsort(x, kind="stable")
    return [float(value) for value in np.interp(columns, x[order], y[order])]


def _eye(points: Points, eye: EyePoints, unit: float, there: There) -> Eye:
    iris = points[eye.iris]
    # the lids above and below the iris, or beside it in an eye that looks far to the side
    low, high = sorted((float(points[eye.upper[0], 0]), float(points[eye.upper[-1], 0])))
    x = min(max(float(iris[0]), low + 0.25 * (high - low)), high - 0.25 * (high - low))
    (top,), (bottom,) = _heights(points, eye.upper, [x]), _heights(points, eye.lower, [x])
    radius = float(np.linalg.norm(points[list(eye.rim)] - iris, axis=1).mean())
    return Eye(
        inner=there(_xy(points[eye.upper[-1]])),
        outer=there(_xy(points[eye.upper[0]])),
        top=there((x, top)),
        bottom=there((x, max(top, bottom))),
        iris=there(_xy(iris)),
        radius=min(max(radius, _RADIUS[0]), _RADIUS[1]) * unit,
    )


def _brow(points: Points, eye: EyePoints, there: There) -> Brow:
    inner, middle, outer = (there(_xy(points[list(pair)].mean(axis=0))) for pair in eye.brow)
    return Brow(inner=inner, middle=middle, outer=outer)


def _mouth(lips: Lips, there: There) -> Mouth:
    upper_outer, upper_inner, lower_inner, lower_outer = (
        Curve(left=there(a), middle=there(b), right=there(c)) for a, b, c in lips.edges
    )
    return Mouth(
        left=there(lips.left),
        right=there(lips.right),
        upper_outer=upper_outer,
        upper_inner=upper_inner,
        lower_inner=lower_inner,
        lower_outer=lower_outer,
    )


def _side(points: Points, side: int, there: There) -> tuple[Point, Point, Point, Point]:
    """Where rays from between nose and mouth cross the face's edge, on the left (-1) or right (1)."""
    edge = points[[*OVAL, OVAL[0]]] - (0.0, _ORIGIN_Y)
    steps = np.linspace(0, len(OVAL), 32 * len(OVAL), endpoint=False)
    dense = np.stack([np.interp(steps, np.arange(len(edge)), edge[:, axis]) for axis in (0, 1)], axis=1)
    angles = np.arctan2(dense[:, 1], side * dense[:, 0])  # from this side's horizontal, downwards
    a, b, c, d = (
        there((float(x), float(y) + _ORIGIN_Y))
        for x, y in (dense[int(np.abs(angles - math.radians(angle)).argmin())] for angle in _JAW)
    )
    return a, b, c, d


def _xy(point: Points) -> XY:
    return float(point[0]), float(point[1])
