"""Proposes the landmarks of the face in a picture, for a person to check and move."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from pydantic import ValidationError

from vcam.errors import AvatarError
from vcam.media import ByteArray

from .detect import Face, find_faces, is_profile, lies_turned
from .evidence import XY, EyeEdges, UprightFace, read_brows, read_edge, read_eye
from .landmarks import MIN_EYE_DISTANCE, Brow, Curve, Eye, FaceFrame, Jaw, Landmarks, Mouth, Point, explain
from .lipline import Lips, read_lips
from .teeth import with_teeth

_BELOW_LIP = 0.5  # units from the lower lip's edge to the chin, at least as a rule
_SMALL = 40.0  # pixels between the irises, below which features are hard to see
_UNSURE = 0.45
_FLAT = 80.0  # levels between the darkest and the lightest of a face, less than which it is dark or hazy
_BLACK, _RANGE = 20.0, 190.0  # levels of the darkest, and up to the lightest, that it then gets
_MAYBE = 0.5  # less sure a face may be something in a picture that lies on its side
_TILTED = 60.0  # degrees: a face that is tilted by more lies on its side
_TURNED = 0.35  # of the eyes' distance that the nose is beside their middle: a head turned by about 35 degrees
_NARROWEST, _HIGHEST, _LOWEST = 0.25, 0.4, 1.9  # units: how narrow a mouth is at least, and how far below the eyes
_SHARPER = "Use a sharper picture, from the front and in even light."
_STRAIGHT, _UNLIKE = 0.1, 0.06  # the same of one that looks at the viewer; units that its sides may then differ by
_FURTHER, _REACHES = 1.35, 0.9  # how much further one lower lid may be than the other; of the iris's radius: below it
_WIDER = 0.04  # units that one eye may go further to a side than the other one
# (degrees clockwise from the picture's right, usual distance of the face's edge), seen from between nose and mouth.
# Proportions as in Farkas, Anthropometry of the Head and Face, 1994.
_JAW = ((-28.0, 1.17), (2.0, 1.08), (27.0, 1.03), (53.0, 1.02))
_ORIGIN_Y = 0.45  # units below the eyes
_CHIN = 1.70  # of the way from eyes to mouth


There = Callable[[XY], Point]  # from the face's coordinates to the picture's


@dataclass(frozen=True, slots=True)
class Proposal:
    """``face``: left, top, right, bottom in pixels; ``confidence`` 0..1; ``notices``: what a person should know;
    ``faces``: how many there are in the picture."""

    landmarks: Landmarks
    face: tuple[int, int, int, int]
    confidence: float
    method: str
    notices: tuple[str, ...] = ()
    faces: int = 1


def propose_landmarks(rgb: ByteArray) -> Proposal:
    """The landmarks of the largest face, rather in the middle than beside it, in ``rgb`` (uint8 [h, w, 3]).

    Raises AvatarError if there is no face that looks at the viewer, or if it is too small, and AnimatorError if what
    finds faces is not installed.
    """
    faces = find_faces(rgb)
    upright = [face for face in faces if abs(face.roll) <= _TILTED]
    if not upright and faces:
        raise _lying(-90 * round(faces[0].roll / 90))
    if not faces or faces[0].confidence < _MAYBE:
        turn = lies_turned(rgb)
        if turn is not None:
            raise _lying(turn)
    if not faces:
        if is_profile(rgb):
            raise _turned_away()
        raise AvatarError(
            "No face was found in this picture.",
            "Use a picture of one person from the front, with both eyes and the mouth in sight.",
        )
    looking = [face for face in upright if face.turned is None or abs(face.turned) <= _TURNED]
    if not looking:
        raise _turned_away()
    face = looking[0]
    check_size(FaceFrame(face.left, face.right))
    landmarks, clear = _landmarks(_lit(rgb, face), face)
    return proposal_of(landmarks, face.confidence, clear, face.method, len(upright))


def _lying(turn: int) -> AvatarError:
    """``turn``: degrees clockwise that put it right."""
    way = "upside down" if abs(turn) == 180 else "on its side"
    by = f"{abs(turn)} degrees" + ("" if abs(turn) == 180 else " to the right" if turn > 0 else " to the left")
    return AvatarError(f"The face in this picture lies {way}.", f"Turn the picture by {by} first.")


def _turned_away() -> AvatarError:
    return AvatarError(
        "The face is turned too far to the side.", "Use a picture in which both eyes look at the viewer."
    )


def check_size(frame: FaceFrame) -> None:
    """Raises AvatarError for a face that is too small to be animated."""
    if frame.unit < MIN_EYE_DISTANCE:
        raise AvatarError(
            f"The face is too small: its eyes are {frame.unit:.0f} pixels apart.",
            f"At least {MIN_EYE_DISTANCE:.0f} are needed, and 100 look good: use a larger picture or cut it closer.",
        )


def proposal_of(landmarks: Landmarks, found: float, clear: float, method: str, faces: int) -> Proposal:
    """``found``, ``clear``: how sure it is that this is a face, and how well its features are seen, 0..1."""
    confidence = round(found * (0.6 + 0.4 * clear), 3)
    proposal = Proposal(landmarks, _box(landmarks), confidence, method, faces=faces)
    return replace(proposal, notices=usual_notices(proposal))


def usual_notices(proposal: Proposal) -> tuple[str, ...]:
    """What a person should know of any proposal that is like this one."""
    faces, unit, notices = proposal.faces, proposal.landmarks.frame.unit, []
    if faces > 1:
        notices.append(f"There are {faces} faces in the picture; the largest one in the middle is used.")
    if unit < _SMALL:
        notices.append(f"The face is small (eyes {unit:.0f} pixels apart) and will look soft.")
    if proposal.confidence < _UNSURE:
        notices.append("The face is unusual or hard to see: check the points before using them.")
    return tuple(notices)


def _lit(rgb: ByteArray, face: Face) -> ByteArray:
    """A dark or hazy picture with the face's darkest and lightest parts as far apart as in good light."""
    x, y = (face.left[0] + face.right[0]) / 2, (face.left[1] + face.right[1]) / 2
    half = 0.5 * face.size
    part = rgb[max(0, round(y - half)) : round(y + half), max(0, round(x - half)) : round(x + half)]
    low, high = np.percentile(part.mean(axis=2), (1, 99)) if part.size else (0.0, 255.0)
    if high - low >= _FLAT:
        return rgb
    gain = _RANGE / max(high - low, 8.0)
    return np.asarray(np.clip((rgb - np.float32(low)) * gain + _BLACK, 0, 255).astype(np.uint8))


def _landmarks(rgb: ByteArray, face: Face) -> tuple[Landmarks, float]:
    frame = FaceFrame(face.left, face.right)
    upright = UprightFace(rgb, frame)
    eyes = [read_eye(upright, (x, 0.0)) for x in (-0.5, 0.5)]
    # once more from the irises as they are now seen, which levels the face better
    frame = FaceFrame(frame.to_picture(eyes[0].iris), frame.to_picture(eyes[1].iris))
    upright = UprightFace(rgb, frame)
    eyes = [read_eye(upright, (x, 0.0)) for x in (-0.5, 0.5)]
    eyes = _alike(eyes[0], eyes[1])
    corners = None if face.mouth is None else (frame.to_face(face.mouth[0]), frame.to_face(face.mouth[1]))
    if corners is not None and not _plausible(*corners):
        raise AvatarError("A face was found, but its eyes and mouth are not where those of a person are.", _SHARPER)
    lips = with_teeth(upright, read_lips(upright, corners))

    rows, columns = rgb.shape[:2]

    def there(point: XY) -> Point:
        x, y = frame.to_picture(point)
        return min(columns - 1.0, max(0.0, x)), min(rows - 1.0, max(0.0, y))

    brows = read_brows(upright, (eyes[0].top, eyes[1].top))
    mouth_y = (lips.left[1] + lips.right[1]) / 2
    mouth_x = (lips.left[0] + lips.right[0]) / 2
    origin = (0.5 * mouth_x, _ORIGIN_Y)
    lip_y = lips.edges[3][1][1]
    usual_chin = max(_CHIN * mouth_y, lip_y + _BELOW_LIP)  # a smile lifts the corners, an open mouth lowers the lip
    chin_y = origin[1] + read_edge(upright, (mouth_x, origin[1]), 90, usual_chin - origin[1], 0.14)
    chin_y = max(chin_y, lip_y + 0.15)
    tall = (chin_y - origin[1]) / (1.75 - origin[1])  # against the usual face: how far down the jaw goes
    rays = [[angle if side > 0 else 180 - angle for angle, _ in _JAW] for side in (-1, 1)]
    usual = [far * (1 + (tall - 1) * max(0.0, angle) / 90) for angle, far in _JAW]
    fars = [[read_edge(upright, origin, a, u, 0.12) for a, u in zip(ray, usual, strict=True)] for ray in rays]
    if face.turned is not None and abs(face.turned) < _STRAIGHT:  # what goes further on one side is an ear
        fars = [
            [min(f, other + _UNLIKE) for f, other in zip(far, fars[1 - i], strict=True)] for i, far in enumerate(fars)
        ]
    sides = [
        tuple(there(_polar(origin, a, f)) for a, f in zip(ray, far, strict=True))
        for ray, far in zip(rays, fars, strict=True)
    ]
    forehead = read_edge(upright, (0.0, -0.45), -90, 0.55, 0.2) + 0.45
    try:
        landmarks = Landmarks(
            eye_left=_eye(eyes[0], -1, frame.unit, there),
            eye_right=_eye(eyes[1], 1, frame.unit, there),
            brow_left=_brow(brows[0], there),
            brow_right=_brow(brows[1], there),
            nose=there((0.6 * mouth_x, 0.59 * mouth_y)),
            mouth=_mouth(lips, there),
            jaw=Jaw(left=_four(sides[0]), chin=there((mouth_x, chin_y)), right=_four(sides[1])),
            forehead=there((0.0, -forehead)),
        )
    except ValidationError as error:
        raise AvatarError(
            f"A face was found, but its features could not be told apart ({explain(error)}).", _SHARPER
        ) from error
    return landmarks, lips.clear


def _plausible(left: XY, right: XY) -> bool:
    """Whether a mouth may have its corners there, in units of the face."""
    return right[0] - left[0] >= _NARROWEST and all(_HIGHEST < y < _LOWEST for _, y in (left, right))


def _alike(left: EyeEdges, right: EyeEdges) -> list[EyeEdges]:
    """Two eyes of one face are about equally wide: what goes further is hair or a frame. They open about equally: the
    one that was seen less gets most of the other's height."""
    inner = min(left.right[0] - left.iris[0], right.iris[0] - right.left[0]) + _WIDER
    outer = min(left.iris[0] - left.left[0], right.right[0] - right.iris[0]) + _WIDER
    left = _narrowed(left, outer, inner)
    right = _narrowed(right, inner, outer)
    both = (left, right)
    up, down = max(e.iris[1] - e.top for e in both), _lower(*both)
    return [
        replace(
            e, top=e.iris[1] - _towards(e.iris[1] - e.top, up), bottom=e.iris[1] + _towards(e.bottom - e.iris[1], down)
        )
        for e in both
    ]


def _lower(left: EyeEdges, right: EyeEdges) -> float:
    """How far two eyes open below the iris's middle: as the larger, but where that is much and the other one opens as
    far as the iris goes, pale skin was taken for the larger one's white."""
    less, more = sorted((eye.bottom - eye.iris[1], eye.radius) for eye in (left, right))
    return less[0] if more[0] > _FURTHER * less[0] and less[0] > _REACHES * less[1] else more[0]


def _narrowed(eye: EyeEdges, to_left: float, to_right: float) -> EyeEdges:
    x = eye.iris[0]
    return replace(
        eye, left=(max(eye.left[0], x - to_left), eye.left[1]), right=(min(eye.right[0], x + to_right), eye.right[1])
    )


def _towards(value: float, largest: float) -> float:
    return value + 0.75 * (largest - value) if value > 0.6 * largest else largest


def _polar(origin: XY, angle: float, far: float) -> XY:
    return origin[0] + far * math.cos(math.radians(angle)), origin[1] + far * math.sin(math.radians(angle))


def _four(points: tuple[Point, ...]) -> tuple[Point, Point, Point, Point]:
    return points[0], points[1], points[2], points[3]


def _eye(eye: EyeEdges, side: int, unit: float, there: There) -> Eye:
    inner, outer = (eye.right, eye.left) if side < 0 else (eye.left, eye.right)
    return Eye(
        inner=there(inner),
        outer=there(outer),
        top=there((eye.iris[0], eye.top)),
        bottom=there((eye.iris[0], eye.bottom)),
        iris=there(eye.iris),
        radius=eye.radius * unit,
    )


def _brow(brow: tuple[XY, XY, XY], there: There) -> Brow:
    return Brow(inner=there(brow[0]), middle=there(brow[1]), outer=there(brow[2]))


def _mouth(lips: Lips, there: There) -> Mouth:
    curves = [Curve(left=there(a), middle=there(b), right=there(c)) for a, b, c in lips.edges]
    return Mouth(
        left=there(lips.left),
        right=there(lips.right),
        upper_outer=curves[0],
        upper_inner=curves[1],
        lower_inner=curves[2],
        lower_outer=curves[3],
    )


def _box(landmarks: Landmarks) -> tuple[int, int, int, int]:
    jaw = landmarks.jaw
    points = [*jaw.left, jaw.chin, *jaw.right, landmarks.forehead, landmarks.eye_left.iris, landmarks.eye_right.iris]
    across, down = [p[0] for p in points], [p[1] for p in points]
    return round(min(across)), round(min(down)), round(max(across)), round(max(down))
