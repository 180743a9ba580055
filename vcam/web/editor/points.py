"""What the page may send, checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vcam.animators.lite.photo.landmarks import Landmarks
from vcam.errors import AvatarError

#: Enough for the most points that a face can have (113, about 45 bytes each); anything larger is refused unread.
MAX_BODY_BYTES = 16 * 1024

Name = Annotated[str, Field(min_length=1, max_length=64)]
Coordinate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Points = Mapping[str, tuple[float, float]]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PointsMessage(_Message):
    """All points of the face by name, in pixels of the picture."""

    points: dict[Name, tuple[Coordinate, Coordinate]] = Field(max_length=256)


class ModeMessage(_Message):
    """What the preview shows: an avatar that speaks or listens, its face alone or as in a call."""

    mode: Literal["speaking", "listening"]
    close: bool


class Nothing(_Message):
    pass


def landmarks_from(points: Points, expected: Points, size: tuple[int, int]) -> Landmarks:
    """The face that these points make. Raises AvatarError if they are not exactly those expected, lie outside the
    picture (``size``: width, height), or cannot be a face."""
    if points.keys() != expected.keys():
        raise AvatarError("These are not the points of this face.", "Reload the page.")
    width, height = size
    if any(not (0 <= x < width and 0 <= y < height) for x, y in points.values()):
        raise AvatarError("A point lies outside the picture.", "Reload the page.")
    return Landmarks.from_points(points)


def inside(landmarks: Landmarks, size: tuple[int, int]) -> Landmarks:
    """The same face with points beyond the picture's edge moved to it, where a hand can reach them."""
    width, height = size
    points = landmarks.points()
    moved = {
        name: (round(min(width - 1.0, max(0.0, x)), 2), round(min(height - 1.0, max(0.0, y)), 2))
        for name, (x, y) in points.items()
    }
    return Landmarks.from_points(moved)


def what_is_wrong(error: ValidationError) -> str:
    """The first thing that is wrong with a message, in a line; says nothing of what was sent."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"][:3])[:80]
    return f"{place}: {first['msg']}" if place else str(first["msg"])
