"""MediaPipe's face mesh of a face whose landmarks are known, as an exact network would see it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vcam.animators.lite.photo.landmarks import FaceFrame, Landmarks

Points = npt.NDArray[np.float64]

Chains = dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

# The contours as MediaPipe's face_mesh_connections.py goes along them.
EYES: Chains = {
    "eye_left": ((33, 7, 163, 144, 145, 153, 154, 155, 133), (33, 246, 161, 160, 159, 158, 157, 173, 133)),
    "eye_right": ((263, 249, 390, 373, 374, 380, 381, 382, 362), (263, 466, 388, 387, 386, 385, 384, 398, 362)),
}
IRISES = {"eye_left": (468, (469, 470, 471, 472)), "eye_right": (473, (474, 475, 476, 477))}
BROWS: Chains = {
    "brow_left": ((46, 53, 52, 65, 55), (70, 63, 105, 66, 107)),
    "brow_right": ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336)),
}
MOUTH: dict[str, tuple[int, ...]] = {
    "lower_outer": (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    "upper_outer": (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    "lower_inner": (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    "upper_inner": (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
}
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip


def mesh_of(face: Landmarks) -> Points:
    """float64 [478, 2], pixels: the contours run through the landmarks; all other points are on the nose."""
    frame = face.frame
    at = {name: np.array(frame.to_face(point)) for name, point in face.points().items()}
    points = np.tile(at["nose"], (478, 1))
    for name, (lower, upper) in EYES.items():
        outer, inner = at[f"{name}.outer"], at[f"{name}.inner"]
        for numbers, lid in ((lower, "bottom"), (upper, "top")):
            points[list(numbers)] = _through(outer, at[f"{name}.{lid}"], inner, len(numbers))
        centre, rim = IRISES[name]
        iris = at[f"{name}.iris"]
        radius = getattr(face, name).radius / frame.unit
        points[centre] = iris
        points[list(rim)] = iris + radius * np.array([(1, 0), (0, -1), (-1, 0), (0, 1)])
    for name, (lower, upper) in BROWS.items():
        line = np.array([at[f"{name}.{part}"] for part in ("outer", "middle", "inner")])
        for numbers, aside in ((lower, 0.03), (upper, -0.03)):
            spread = np.stack([np.interp(np.linspace(0, 2, 5), np.arange(3), line[:, axis]) for axis in (0, 1)], 1)
            points[list(numbers)] = spread + np.array([0, aside])
    left, right = at["mouth.left"], at["mouth.right"]
    for edge, chain in MOUTH.items():
        corners = (0.0, 1.0) if edge.endswith("outer") else (0.06, 0.94)
        line = np.array([left, *(at[f"mouth.{edge}.{part}"] for part in ("left", "middle", "right")), right])
        across = left[0] + np.linspace(*corners, len(chain)) * (right[0] - left[0])
        points[list(chain)] = np.stack([across, np.interp(across, line[:, 0], line[:, 1])], 1)
    points[list(OVAL)] = _oval(at)
    points[1] = at["nose"]
    return np.array([frame.to_picture((float(x), float(y))) for x, y in points], np.float64)


def moved(mesh: Points, dx: float, dy: float, scale: float, frame: FaceFrame) -> Points:
    """The mesh moved by so many units and ``scale`` times as large."""
    middle = np.array(frame.origin)
    return (mesh - middle) * scale + middle + np.array([dx, dy]) * frame.unit


def _through(first: Points, middle: Points, last: Points, count: int) -> Points:
    """Points on the two parabolas' pieces that meet in ``middle``."""
    bend = (middle[0] - first[0]) / (last[0] - first[0])
    t = np.linspace(0, 1, count)[:, None]
    rise = np.where(t < bend, 1 - (1 - t / bend) ** 2, 1 - ((t - bend) / (1 - bend)) ** 2)
    line = first + t * (last - first)
    top = first + bend * (last - first)
    return line + rise * (middle - top)


def _oval(at: dict[str, Points]) -> Points:
    names = ["forehead", *(f"jaw.right.{k}" for k in range(4)), "jaw.chin", *(f"jaw.left.{k}" for k in (3, 2, 1, 0))]
    corners = np.array([at[name] for name in names]) - (0, 0.45)
    angle = np.unwrap(np.arctan2(corners[:, 1], corners[:, 0]))
    angle, far = np.append(angle, angle[0] + 2 * np.pi), np.append(*(np.hypot(*corners.T), np.hypot(*corners[0])))
    chin = OVAL.index(152)
    turns = np.concatenate(
        [np.linspace(angle[0], angle[5], chin, endpoint=False), np.linspace(angle[5], angle[-1], len(OVAL) - chin + 1)]
    )[: len(OVAL)]
    reach = np.interp(turns, angle, far)
    return np.stack([reach * np.cos(turns), reach * np.sin(turns) + 0.45], 1)
