"""What an avatar folder holds, as types: ``rig.yaml`` says where everything is, and pictures hold the painted layers.

Lengths are units of a thousandth of the composed picture's height; x is 0 in the middle, y is 0 at the top.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(png|webp)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def _picture_name(value: str) -> str:
    if not _PICTURE.fullmatch(value):
        raise ValueError("expected the plain name of a .png or .webp file beside rig.yaml")
    return value


def _colour(value: object) -> tuple[int, int, int]:
    if not (isinstance(value, str) and _COLOUR.fullmatch(value)):
        raise ValueError('expected a colour such as "#1f2933", in quotes')
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


Unit = Annotated[float, Field(ge=-4000, le=4000, allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, le=4000, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=4000, allow_inf_nan=False)]
Point = tuple[Unit, Unit]
Colour = Annotated[tuple[int, int, int], BeforeValidator(_colour)]
PictureName = Annotated[str, AfterValidator(_picture_name)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackgroundLayer(Part):
    file: PictureName


class Layer(Part):
    """A painted layer with transparency; ``box`` (left, top, right, bottom) is where it lies."""

    file: PictureName
    box: tuple[Unit, Unit, Unit, Unit]

    @model_validator(mode="after")
    def _has_area(self) -> Layer:
        left, top, right, bottom = self.box
        if right - left < 10 or bottom - top < 10:
            raise ValueError("box must be [left, top, right, bottom] and at least 10 units wide and high")
        return self


class Layers(Part):
    background: BackgroundLayer
    body: Layer
    head: Layer


class Regions(Part):
    """Pictures that say what each part of a layer is, so that it can be recoloured: how much of it is skin (red),
    hair (green) and clothes (blue), or, of the background, the wall (all three). Of any size, stretched to the layer.

    ``with_skin``: the live-drawn colours that follow the skin's.
    """

    background: PictureName
    body: PictureName
    head: PictureName
    with_skin: tuple[Literal["upper_lip", "lower_lip", "shine", "line", "lash_colour"], ...] = ()


class Head(Part):
    """``pivot``: the joint that it rolls about; ``centre`` and ``radii``: the ball that it turns as."""

    pivot: Point
    centre: Point
    radii: tuple[Length, Length]


class Jaw(Part):
    """The chin goes down by ``drop`` when the mouth is wide open: fully at ``chin``, not at all above ``top``."""

    top: Unit
    chin: Unit
    half_width: Length
    drop: Amount = 18


class Mouth(Part):
    """``size``: width at rest and the greatest opening; ``lips``: thickness of the upper and the lower one."""

    centre: Point
    size: tuple[Length, Length]
    lips: tuple[Amount, Amount]
    smile: Unit = 6
    teeth: Amount = 14
    upper_lip: Colour
    lower_lip: Colour
    shine: Colour
    line: Colour
    cavity: Colour
    throat: Colour
    enamel: Colour = (250, 246, 238)
    tongue: Colour
    tongue_light: Colour


class Eye(Part):
    """``size``: width and height of the open eye; ``side`` -1 is the picture's left."""

    centre: Point
    side: Literal[-1, 1]
    size: tuple[Length, Length]
    iris: Length
    pupil: Length


class Eyes(Part):
    """``slant`` lifts the outer corners; ``gaze``: how far the iris moves for a glance aside."""

    each: tuple[Eye, ...] = Field(max_length=4)
    shape: Literal["almond", "round"] = "almond"
    slant: Unit = 2
    lash: Amount = 5
    gaze: Amount = 6
    white: Colour
    shade: Colour
    iris_light: Colour
    iris_dark: Colour
    pupil: Colour
    lash_colour: Colour


class Brows(Part):
    """The strip of the face that rises with emphasis."""

    y: Unit
    reach: Length
    lift: Amount = 6


class Motion(Part):
    """How far things move: head in units and degrees, ``turn`` in units at the middle of the face, chest in units."""

    shift: tuple[Amount, Amount] = (9, 5)
    roll: Annotated[float, Field(ge=0, le=15)] = 1.6
    turn: tuple[Amount, Amount] = (9, 6)
    breath: Annotated[float, Field(ge=0, le=20)] = 4


class Rig(Part):
    """Everything in ``rig.yaml``."""

    format: Literal[1]
    title: Annotated[str, Field(min_length=1, max_length=80)]
    layers: Layers
    regions: Regions | None = None
    head: Head
    jaw: Jaw
    mouth: Mouth
    eyes: Eyes
    brows: Brows | None = None
    motion: Motion = Motion()
