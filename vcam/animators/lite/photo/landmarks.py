"""Where a face's features are in its picture: named points, in pixels from the picture's top left corner.

"Left" and "right" are the picture's, as a viewer sees them, not the person's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vcam.errors import AvatarError

MAX_COORDINATE = 8000.0
MIN_EYE_DISTANCE = 16.0  # pixels between the irises in the user's picture; a smaller face has too little to show
_NARROWEST = 0.15  # face units: a mouth or a jaw that is narrower is none

Coordinate = Annotated[float, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE, allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, le=MAX_COORDINATE, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]
_RIM = "rim"  # the point that stands for an iris's radius


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Eye(Part):
    """``inner`` is the corner at the nose; ``top`` and ``bottom`` are the lids' edges; ``radius`` is the iris's."""

    inner: Point
    outer: Point
    top: Point
    bottom: Point
    iris: Point
    radius: Length


class Brow(Part):
    """The brow's middle line, from the nose outwards."""

    inner: Point
    middle: Point
    outer: Point


class Curve(Part):
    """A lip's edge between the mouth's corners: half way to the left, in the middle, half way to the right."""

    left: Point
    middle: Point
    right: Point


class Mouth(Part):
    """The corners, and four edges from top to bottom; in a closed mouth both inner ones are the line of the lips."""

    left: Point
    right: Point
    upper_outer: Curve
    upper_inner: Curve
    lower_inner: Curve
    lower_outer: Curve


class Jaw(Part):
    """The face's edge on both sides, from beside the eye (first) down to beside the chin (last), and the chin."""

    left: tuple[Point, Point, Point, Point]
    chin: Point
    right: tuple[Point, Point, Point, Point]


class Shoulders(Part):
    """Where the shoulders' line is highest on both sides, or meets the picture's edge."""

    left: Point
    right: Point


class Landmarks(Part):
    """A face. ``forehead``: its top, where the hair begins; ``head``: the outline of head and hair, closed.

    Raises ValidationError where the points cannot be a face that looks at the viewer; :meth:`from_points` says that in
    words for the user.
    """

    eye_left: Eye
    eye_right: Eye
    brow_left: Brow
    brow_right: Brow
    nose: Point
    mouth: Mouth
    jaw: Jaw
    forehead: Point
    head: Annotated[tuple[Point, ...], Field(min_length=6, max_length=64)] | None = None
    shoulders: Shoulders | None = None

    @model_validator(mode="after")
    def _is_a_face(self) -> Landmarks:
        frame = self.frame
        if frame.unit < MIN_EYE_DISTANCE:
            raise ValueError(f"the eyes are closer than {MIN_EYE_DISTANCE:.0f} pixels to each other")
        if self.eye_left.iris[0] >= self.eye_right.iris[0]:
            raise ValueError("the left eye must be on the picture's left")
        for name, eye in (("eye_left", self.eye_left), ("eye_right", self.eye_right)):
            # along the eyes' line: corners below each other are far apart and no eye
            wide = abs(frame.to_face(eye.outer)[0] - frame.to_face(eye.inner)[0])
            high = frame.to_face(eye.bottom)[1] - frame.to_face(eye.top)[1]
            if not 0.05 < wide < 1.2:
                raise ValueError(f"{name} has an impossible width")
            if not -0.02 < high / 1.0 < 1.0:
                raise ValueError(f"{name}: the upper lid must be above the lower one")
            if eye.radius > wide * frame.unit:
                raise ValueError(f"{name}: the iris is larger than the eye")
        left, right = frame.to_face(self.mouth.left), frame.to_face(self.mouth.right)
        if right[0] - left[0] < _NARROWEST:
            raise ValueError("the mouth's left corner must be left of the right one")
        top = frame.to_face(self.mouth.upper_outer.middle)[1]
        bottom = frame.to_face(self.mouth.lower_outer.middle)[1]
        if not 0.2 < (left[1] + right[1]) / 2 < 3 or top >= bottom:
            raise ValueError("the mouth must be below the eyes, its upper lip above the lower one")
        if frame.to_face(self.jaw.chin)[1] <= bottom:
            raise ValueError("the chin must be below the mouth")
        edge = [frame.to_face(p)[0] for p in (*self.jaw.left[1:], self.jaw.chin, *self.jaw.right[1:])]
        if max(edge) - min(edge) < _NARROWEST:
            raise ValueError("the jaw's points lie below each other: they must follow the face's edge on both sides")
        if frame.to_face(self.forehead)[1] >= 0:
            raise ValueError("the forehead must be above the eyes")
        return self

    @property
    def frame(self) -> FaceFrame:
        return FaceFrame(self.eye_left.iris, self.eye_right.iris)

    def points(self) -> dict[str, Point]:
        """Every point by a name such as "mouth.upper_outer.left" or "jaw.left.0", ready to be dragged.

        An iris's radius is the point "eye_left.rim" on its edge.
        """
        return dict(_flat(self, ""))

    @classmethod
    def from_points(cls, points: Mapping[str, tuple[float, float]]) -> Landmarks:
        """The reverse of :meth:`points`. Raises AvatarError if points are missing, unknown, or no face."""
        tree: dict[str, Any] = {}
        for name, point in points.items():
            *path, last = name.split(".")
            node = tree
            for part in path:
                node = node.setdefault(part, {})
                if not isinstance(node, dict):
                    raise AvatarError(f"There is no point {name[:80]!r}.")
            node[last] = (float(point[0]), float(point[1]))
        for side in ("eye_left", "eye_right"):
            eye = tree.get(side)
            if isinstance(eye, dict) and isinstance(eye.get("iris"), tuple) and isinstance(eye.get(_RIM), tuple):
                eye["radius"] = _apart(eye["iris"], eye.pop(_RIM))
        try:
            return cls.model_validate(_lists(tree))
        except ValidationError as error:
            raise AvatarError(f"These points are no face: {explain(error)}.") from error

    def scaled(self, factor: float) -> Landmarks:
        """As in a picture resized by ``factor``. Raises AvatarError if the face is too small there."""
        return Landmarks.from_points({name: (x * factor, y * factor) for name, (x, y) in self.points().items()})

    def shown(self, factor: float, shift: tuple[float, float]) -> Landmarks:
        """As in a scene that shows the picture ``factor`` times as large, moved by ``shift`` pixels then.

        Not checked again: a face remains one however small or large it is shown.
        """
        moved: Landmarks = _shown(self, factor, shift)
        return moved


class FaceFrame:
    """Coordinates of the face itself: the origin between the irises, x along them, one unit from one to the other."""

    def __init__(self, left: tuple[float, float], right: tuple[float, float]) -> None:
        across, down = right[0] - left[0], right[1] - left[1]
        self.unit = math.hypot(across, down)  # pixels
        self.roll = math.atan2(down, across)  # radians, clockwise
        self.origin = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2)
        self._cos, self._sin = math.cos(self.roll), math.sin(self.roll)

    def to_face(self, point: tuple[float, float]) -> tuple[float, float]:
        x, y = point[0] - self.origin[0], point[1] - self.origin[1]
        unit = max(self.unit, 1e-6)
        return (x * self._cos + y * self._sin) / unit, (y * self._cos - x * self._sin) / unit

    def to_picture(self, point: tuple[float, float]) -> tuple[float, float]:
        x, y = point[0] * self.unit, point[1] * self.unit
        return self.origin[0] + x * self._cos - y * self._sin, self.origin[1] + x * self._sin + y * self._cos


#: Lines to draw over the picture: the names of each line's points; a line that ends where it began is closed.
LINES: tuple[tuple[str, ...], ...] = (
    *(
        tuple(f"{eye}.{name}" for name in ("inner", "top", "outer", "bottom", "inner"))
        for eye in ("eye_left", "eye_right")
    ),
    *(tuple(f"{brow}.{name}" for name in ("inner", "middle", "outer")) for brow in ("brow_left", "brow_right")),
    *(
        ("mouth.left", *(f"mouth.{edge}.{part}" for part in ("left", "middle", "right")), "mouth.right")
        for edge in ("upper_outer", "upper_inner", "lower_inner", "lower_outer")
    ),
    (*(f"jaw.left.{i}" for i in range(4)), "jaw.chin", *(f"jaw.right.{i}" for i in reversed(range(4)))),
)


def explain(error: ValidationError) -> str:
    """The first thing that is wrong, in a line."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _apart(a: tuple[float, float], b: tuple[float, float]) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def _flat(part: object, name: str) -> Iterator[tuple[str, Point]]:
    if isinstance(part, Eye):
        yield f"{name}.{_RIM}", (part.iris[0] + part.radius, part.iris[1])
    if isinstance(part, BaseModel):
        for field in type(part).model_fields:
            yield from _flat(getattr(part, field), f"{name}.{field}" if name else field)
    elif isinstance(part, tuple) and part and isinstance(part[0], tuple):
        for index, item in enumerate(part):
            yield from _flat(item, f"{name}.{index}")
    elif isinstance(part, tuple):
        yield name, (part[0], part[1])


def _shown(part: Any, factor: float, shift: tuple[float, float]) -> Any:
    if isinstance(part, Part):
        return part.model_copy(update={name: _shown(value, factor, shift) for name, value in part})
    if isinstance(part, tuple):
        if part and isinstance(part[0], tuple):
            return tuple(_shown(point, factor, shift) for point in part)
        return part[0] * factor + shift[0], part[1] * factor + shift[1]
    return None if part is None else part * factor  # an iris's radius


def _lists(node: Any) -> Any:
    """Branches whose names are 0, 1, 2 ... as sequences."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return tuple(_lists(node[key]) for key in sorted(node, key=int))
    return {key: _lists(value) for key, value in node.items()}
