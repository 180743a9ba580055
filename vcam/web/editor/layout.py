"""How the points of a face are shown: in which groups, by which names, with which lines, and what a person is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

LineKind = Literal["open", "closed", "circle", "arch", "lid"]

HINT = "Eyes and mouth matter most: look at those first. Drag a point; the preview follows."

_SIDES = ("left", "right")
_EDGES = {
    "upper_outer": "upper lip, upper edge",
    "upper_inner": "upper lip, lower edge",
    "lower_inner": "lower lip, upper edge",
    "lower_outer": "lower lip, lower edge",
}
_PLACES = {"left": "on the left", "middle": "in the middle", "right": "on the right"}
_JAW = ("beside the eye", "beside the nose", "beside the mouth", "beside the chin")


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the face by its name in ``Landmarks.points``, and as a person calls it."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """Drawn through points, in order. A "circle" has its middle first, then a point on its edge; an
    "arch" and a "lid" go from the first over the second to the third."""

    kind: LineKind
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Points that belong together: ``tab`` is short, ``hint`` says where they go."""

    id: str
    tab: str
    title: str
    hint: str
    points: tuple[Point, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """``pairs``: points that mirror each other, the one on the picture's left first; ``rims``: (middle, edge) of
    circles; ``twins``: (upper, lower) points that touch in a closed mouth."""

    groups: tuple[Group, ...]
    pairs: tuple[tuple[str, str], ...]
    rims: tuple[tuple[str, str], ...]
    twins: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def layout_of(names: Iterable[str]) -> Layout:
    """The layout for a face with these points. Points that this module has no name for get one from their own."""
    present = list(names)
    groups = [_only(group, present) for group in (_eyes(), _brows(), _nose(), _mouth(), _jaw(), _outline(present))]
    known = {point.name for group in groups for point in group.points}
    if missing := [name for name in present if name not in known]:
        raise ValueError(f"no group shows the points {', '.join(missing)}")
    pairs = [(name, partner) for name in present if (partner := _partner(name)) in known and name != partner]
    rims = [(f"eye_{side}.iris", f"eye_{side}.rim") for side in _SIDES]
    twins = [(f"mouth.upper_inner.{part}", f"mouth.lower_inner.{part}") for part in _PLACES]
    return Layout(tuple(group for group in groups if group.points), tuple(pairs), tuple(rims), tuple(twins))


def _only(group: Group, names: Sequence[str]) -> Group:
    """Without the points, and the lines through them, that this face does not have."""
    points = tuple(point for point in group.points if point.name in names)
    lines = tuple(line for line in group.lines if all(name in names for name in line.points))
    return Group(group.id, group.tab, group.title, group.hint, points, lines)


def _partner(name: str) -> str:
    """The point that mirrors one on the left; "" for others. Circles' edges are no mirror images."""
    parts = name.split(".")
    if parts[-1] == "rim" or not any(part in ("left", "eye_left", "brow_left") for part in parts):
        return ""
    return name.replace("left", "right")


def _eyes() -> Group:
    points, lines = [], []
    for side in _SIDES:
        eye = f"eye_{side}"
        points += [
            Point(f"{eye}.{part}", f"{side.title()} eye: {label}")
            for part, label in (
                ("outer", "outer corner"),
                ("top", "upper lid"),
                ("inner", "corner at the nose"),
                ("bottom", "lower lid"),
                ("iris", "middle of the iris"),
                ("rim", "edge of the iris"),
            )
        ]
        corners = (f"{eye}.inner", f"{eye}.outer")
        lines += [
            Line("lid", (corners[0], f"{eye}.top", corners[1])),
            Line("lid", (corners[1], f"{eye}.bottom", corners[0])),
            Line("circle", (f"{eye}.iris", f"{eye}.rim")),
        ]
    hint = (
        "Corners where the lids meet; lids on the edge of the visible eye, above and below the iris. "
        "The circle has the size of the iris, also where a lid covers it."
    )
    return Group("eyes", "Eyes", "Eyes", hint, tuple(points), tuple(lines))


def _brows() -> Group:
    parts = (("inner", "end at the nose"), ("middle", "middle"), ("outer", "outer end"))
    points = [Point(f"brow_{s}.{part}", f"{s.title()} brow: {label}") for s in _SIDES for part, label in parts]
    lines = [Line("open", tuple(f"brow_{s}.{part}" for part, _ in parts)) for s in _SIDES]
    hint = "Along the middle of each brow, from its end at the nose over its bend to the outer end."
    return Group("brows", "Brows", "Brows", hint, tuple(points), tuple(lines))


def _nose() -> Group:
    hint = "On the tip of the nose. The head turns around what is nearest to the viewer, so this gives it depth."
    return Group("nose", "Nose", "Nose", hint, (Point("nose", "Tip of the nose"),), ())


def _mouth() -> Group:
    points = [Point("mouth.left", "Mouth: left corner"), Point("mouth.right", "Mouth: right corner")]
    lines = []
    for edge, label in _EDGES.items():
        points += [Point(f"mouth.{edge}.{part}", f"{label.capitalize()}, {where}") for part, where in _PLACES.items()]
        lines.append(Line("open", ("mouth.left", *(f"mouth.{edge}.{part}" for part in _PLACES), "mouth.right")))
    hint = (
        "Lines from corner to corner: the upper and the lower edge of each lip. "
        "In a closed mouth the two inner ones are one line, where the lips meet."
    )
    return Group("mouth", "Mouth", "Mouth", hint, tuple(points), tuple(lines))


def _jaw() -> Group:
    left = [Point(f"jaw.left.{n}", f"Left edge of the face, {where}") for n, where in enumerate(_JAW)]
    right = [Point(f"jaw.right.{n}", f"Right edge of the face, {where}") for n, where in enumerate(_JAW)]
    points = (*left, Point("jaw.chin", "Chin"), *reversed(right), Point("forehead", "Hairline"))
    edge = tuple(point.name for point in points[:-1])
    lines = (Line("open", edge), Line("arch", ("jaw.left.0", "forehead", "jaw.right.0")))
    hint = (
        "The edge of the face from beside the eyes down to the chin, and the top of the forehead, where the hair "
        "begins. Hair over the face does not count: follow the face beneath."
    )
    return Group("jaw", "Face", "Jaw and forehead", hint, points, lines)


def _outline(names: Sequence[str]) -> Group:
    head = [name for name in names if name.startswith("head.")]
    points = [Point(name, f"Outline of the head {name.partition('.')[2]}") for name in head]
    points += [Point(f"shoulders.{side}", f"{side.title()} shoulder") for side in _SIDES]
    hint = "Around head and hair, so that they move as one and the background stays still; and the shoulders' line."
    lines = (Line("closed", tuple(head)),) if head else ()
    return Group("outline", "Outline", "Head and shoulders", hint, tuple(points), lines)
