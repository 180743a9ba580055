"""Drawn faces whose landmarks are known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import cv2
import numpy as np

from vcam.animators.lite.photo.landmarks import FaceFrame, Landmarks
from vcam.media import ByteArray

Colour = tuple[int, int, int]
SKIN, HAIR, LIP, WHITE = (226, 178, 152), (70, 45, 32), (186, 84, 84), (244, 242, 238)

# Where the features are, in units of the eyes' distance from the middle between them.
TRUTH: dict[str, tuple[float, float]] = {
    "nose": (0.0, 0.62),
    "forehead": (0.0, -0.95),
    "jaw.left.0": (-1.03, -0.1), "jaw.left.1": (-1.045, 0.5), "jaw.left.2": (-0.9, 1.1), "jaw.left.3": (-0.58, 1.525),
    "jaw.right.0": (1.03, -0.1), "jaw.right.1": (1.045, 0.5), "jaw.right.2": (0.9, 1.1), "jaw.right.3": (0.58, 1.525),
    "jaw.chin": (0.0, 1.75),
    "mouth.left": (-0.40, 1.03), "mouth.right": (0.40, 1.03),
    "mouth.upper_outer.left": (-0.2, 0.965), "mouth.upper_outer.middle": (0.0, 0.955),
    "mouth.upper_outer.right": (0.2, 0.965),
    "mouth.lower_outer.left": (-0.2, 1.15), "mouth.lower_outer.middle": (0.0, 1.18),
    "mouth.lower_outer.right": (0.2, 1.15),
}  # fmt: skip
for _lip in ("upper_inner", "lower_inner"):
    TRUTH |= {
        f"mouth.{_lip}.left": (-0.2, 1.05),
        f"mouth.{_lip}.middle": (0.0, 1.055),
        f"mouth.{_lip}.right": (0.2, 1.05),
    }
for _name, _side in (("left", -1), ("right", 1)):
    TRUTH |= {
        f"eye_{_name}.iris": (_side * 0.5, 0.0), f"eye_{_name}.rim": (_side * 0.5 + 0.1, 0.0),
        f"eye_{_name}.inner": (_side * 0.26, 0.02), f"eye_{_name}.outer": (_side * 0.74, 0.0),
        f"eye_{_name}.top": (_side * 0.5, -0.10), f"eye_{_name}.bottom": (_side * 0.5, 0.10),
        f"brow_{_name}.inner": (_side * 0.24, -0.34), f"brow_{_name}.middle": (_side * 0.5, -0.40),
        f"brow_{_name}.outer": (_side * 0.80, -0.33),
    }  # fmt: skip

# The same of a mouth that smiles openly.
SMILE = {
    f"mouth.{edge}.{name}": (x, beside if x else middle)
    for edge, beside, middle in (
        ("upper_outer", 0.965, 0.955), ("upper_inner", 1.04, 1.045),
        ("lower_inner", 1.14, 1.165), ("lower_outer", 1.24, 1.28),
    )
    for name, x in (("left", -0.2), ("middle", 0.0), ("right", 0.2))
}  # fmt: skip


def truth(centre: tuple[float, float], unit: float, roll: float = 0.0, *, smile: bool = False) -> Landmarks:
    """The landmarks of a face drawn with :func:`draw`; ``roll`` in degrees clockwise."""
    frame = frame_at(centre, unit, roll)
    features = TRUTH | SMILE if smile else TRUTH
    points = {name: frame.to_picture(point) for name, point in features.items()}
    for side in ("left", "right"):  # the rim's distance counts, along the picture's x
        x, y = points[f"eye_{side}.iris"]
        points[f"eye_{side}.rim"] = (x + 0.1 * unit, y)
    return Landmarks.from_points(points)


def frame_at(centre: tuple[float, float], unit: float, roll: float) -> FaceFrame:
    dx, dy = unit / 2 * math.cos(math.radians(roll)), unit / 2 * math.sin(math.radians(roll))
    return FaceFrame((centre[0] - dx, centre[1] - dy), (centre[0] + dx, centre[1] + dy))


def room(width: int, height: int) -> ByteArray:
    """A backdrop: uint8 RGB [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    shade = 120 + 50 * np.sin(x / width * 3 + 1) + 30 * y / height
    return np.clip(np.stack([shade * 0.75, shade * 0.95, shade], 2), 0, 255).astype(np.uint8)


def draw(
    picture: ByteArray,
    centre: tuple[float, float],
    unit: float,
    roll: float = 0.0,
    skin: Colour = SKIN,
    hair: Colour = HAIR,
    *,
    smile: bool = False,
) -> ByteArray:
    """``picture`` with a face whose eyes are ``unit`` pixels apart, ``centre`` between them: a new array.

    ``smile``: it shows its teeth.
    """
    out = picture.copy()
    frame = frame_at(centre, unit, roll)
    fixed = 16  # cv2's sub-pixel coordinates, four bits

    def oval(
        at: tuple[float, float], across: float, down: float, colour: Sequence[int], first: int = 0, last: int = 360
    ) -> None:
        x, y = frame.to_picture(at)
        axes = (max(1, round(across * unit * fixed)), max(1, round(down * unit * fixed)))
        cv2.ellipse(out, (round(x * fixed), round(y * fixed)), axes, roll, first, last, colour, -1, cv2.LINE_AA, 4)

    def line(points: Sequence[tuple[float, float]], thick: float, colour: Sequence[int]) -> None:
        shape = np.round(np.array([frame.to_picture(p) for p in points]) * fixed).astype(np.int32)
        cv2.polylines(out, [shape], False, colour, max(1, round(thick * unit)), cv2.LINE_AA, 4)

    def patch(points: Sequence[tuple[float, float]], colour: Sequence[int]) -> None:
        shape = np.round(np.array([frame.to_picture(p) for p in points]) * fixed).astype(np.int32)
        cv2.fillPoly(out, [shape], colour, cv2.LINE_AA, 4)

    def darker(colour: Colour, factor: float) -> Colour:
        return round(colour[0] * factor), round(colour[1] * factor), round(colour[2] * factor)

    oval((0, -0.05), 1.3, 1.55, hair)
    patch([(-0.5, 1.2), (0.5, 1.2), (0.55, 2.4), (-0.55, 2.4)], darker(skin, 0.78))
    patch(
        [(-2.3, 3.6), (-2.0, 2.5), (-0.6, 2.1), (0.6, 2.1), (2.0, 2.5), (2.3, 3.6), (2.3, 9), (-2.3, 9)], (60, 80, 130)
    )
    oval((0, 0.4), 1.05, 1.35, skin)
    soft = cv2.GaussianBlur(out, (0, 0), 0.12 * unit)
    for side in (-1, 1):  # the eyes lie in shade
        oval((side * 0.48, -0.06), 0.36, 0.24, darker(skin, 0.9))
    oval((0, 0.3), 0.1, 0.4, darker(skin, 1.06) if max(skin) < 235 else skin)
    mix = np.zeros(out.shape[:2], np.uint8)
    x, y = frame.to_picture((0, 0.45))
    cv2.ellipse(mix, (round(x), round(y)), (round(0.9 * unit), round(1.1 * unit)), roll, 0, 360, 255, -1)
    inner = cv2.GaussianBlur(out, (0, 0), 0.05 * unit)
    out = np.where(mix[..., None] > 0, inner, cv2.addWeighted(out, 0.8, soft, 0.2, 0)).astype(np.uint8)
    for side in (-1, 1):
        oval((side * 0.5, 0.0), 0.24, 0.10, WHITE)
        oval((side * 0.5, 0.0), 0.1, 0.1, (70, 95, 120))
        oval((side * 0.5, 0.0), 0.045, 0.045, (15, 15, 20))
        oval((side * 0.5 - 0.03, -0.035), 0.018, 0.018, (255, 255, 255))
        arc = [(side * 0.5 + 0.24 * math.cos(a), -0.115 * math.sin(a)) for a in np.linspace(0, math.pi, 15)]
        line(arc, 0.035, (50, 35, 30))
        line([(side * 0.24, -0.34), (side * 0.5, -0.40), (side * 0.80, -0.33)], 0.07, hair)
        oval((side * 0.12, 0.68), 0.05, 0.03, darker(skin, 0.55))
    if smile:
        ends = [(-0.40, 1.03)], [(0.40, 1.03)]
        edges = [[*ends[0], *(SMILE[f"mouth.{e}.{n}"] for n in ("left", "middle", "right")), *ends[1]]
                 for e in ("upper_outer", "upper_inner", "lower_inner", "lower_outer")]  # fmt: skip
        for (top, bottom), colour in zip(itertools.pairwise(edges), (darker(LIP, 0.9), WHITE, LIP), strict=True):
            patch([*top, *reversed(bottom)], colour)
        return np.asarray(cv2.GaussianBlur(out, (0, 0), max(0.4, 0.006 * unit)), np.uint8)
    for upper in (True, False):
        edge = [(-0.40, 1.03)]
        for name in ("left", "middle", "right"):
            edge.append(TRUTH[f"mouth.{'upper' if upper else 'lower'}_outer.{name}"])
        edge += [(0.40, 1.03), (0.2, 1.05), (0.0, 1.055), (-0.2, 1.05)]
        patch(edge, darker(LIP, 0.9) if upper else LIP)
    line([(-0.40, 1.03), (-0.2, 1.05), (0.0, 1.055), (0.2, 1.05), (0.40, 1.03)], 0.022, (70, 25, 28))
    return np.asarray(cv2.GaussianBlur(out, (0, 0), max(0.4, 0.006 * unit)), np.uint8)


FRAMES = (40, 30, 90)


def glasses(picture: ByteArray, centre: tuple[float, float], unit: float, roll: float = 0.0) -> ByteArray:
    """``picture`` with round, dark blue frames before the eyes of a face drawn there: a new array."""
    out, frame = picture.copy(), frame_at(centre, unit, roll)
    thick = max(2, round(0.05 * unit))
    for side in (-1, 1):
        ring = [frame.to_picture((side * 0.5 + 0.38 * math.cos(a), 0.04 + 0.27 * math.sin(a)))
                for a in np.linspace(0, 2 * math.pi, 60)]  # fmt: skip
        cv2.polylines(out, [np.round(np.array(ring) * 16).astype(np.int32)], True, FRAMES, thick, cv2.LINE_AA, 4)
    for a, b in (((-0.12, 0.0), (0.12, 0.0)), ((-0.88, 0.0), (-1.05, -0.05)), ((0.88, 0.0), (1.05, -0.05))):
        line = np.round(np.array([frame.to_picture(a), frame.to_picture(b)]) * 16).astype(np.int32)
        cv2.polylines(out, [line], False, FRAMES, thick, cv2.LINE_AA, 4)
    return out


def fringe(picture: ByteArray, centre: tuple[float, float], unit: float, ends: float) -> ByteArray:
    """``picture`` with strands of hair over the forehead down to ``ends`` units below the irises: a new array."""
    out, frame = picture.copy(), frame_at(centre, unit, 0.0)
    for index, x in enumerate(np.arange(-0.9, 0.91, 0.045)):
        colour = tuple(round(value * (0.7, 1.0, 1.3)[index % 3]) for value in HAIR)
        line = [frame.to_picture((x, -1.0)), frame.to_picture((x, ends))]
        shape = np.round(np.array(line) * 16).astype(np.int32)
        cv2.polylines(out, [shape], False, colour, max(1, round(0.05 * unit)), cv2.LINE_AA, 4)
    return out


def portrait(
    width: int = 640, height: int = 480, unit: float = 80.0, roll: float = 0.0, *, smile: bool = False
) -> tuple[ByteArray, Landmarks]:
    """One face in a room, and its landmarks."""
    centre = (width / 2, height * 0.42)
    return draw(room(width, height), centre, unit, roll, smile=smile), truth(centre, unit, roll, smile=smile)
