"""The eyes: what shows between the lids (white, iris, pupil, a catch-light) and the lashes. Lids are painted below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vcam.media import ByteArray

from . import rig
from .patch import Patch, Placement, band, oval

_T = np.linspace(-1, 1, 41)


@dataclass(frozen=True, slots=True)
class EyeShape:
    """``lid`` 0 open to 1 shut; ``gaze_x``, ``gaze_y`` -1..1; ``squint`` 0..1 lower lid up, as cheeks push it;
    ``widen`` 0..1 upper lid up."""

    lid: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    squint: float = 0.0
    widen: float = 0.0


class Eyes:
    """Draws all the eyes into the head's texture."""

    def __init__(self, look: rig.Eyes, texture: ByteArray, place: Placement) -> None:
        self._look = look
        self._patches = []
        for eye in look.each:
            (x, y), (width, height) = eye.centre, eye.size
            reach, tall = width * 0.5 + 14 + look.lash, height * 0.6 + 6 + 2 * look.lash + abs(look.slant)
            self._patches.append((eye, Patch(texture, place, (x - reach, y - tall, x + reach, y + tall))))

    def draw(self, shape: EyeShape) -> None:
        for eye, patch in self._patches:
            self._draw_one(eye, patch, shape)

    def _draw_one(self, eye: rig.Eye, patch: Patch, shape: EyeShape) -> None:
        look = self._look
        (x0, y0), (width, height) = eye.centre, eye.size
        half = width / 2
        x = x0 + half * _T
        tilt = -look.slant * eye.side * _T
        if look.shape == "round":
            upper_arch = lower_arch = (1 - _T**2) ** 0.5
        else:
            upper_arch, lower_arch = (1 - np.abs(_T) ** 2.3) ** 0.85, (1 - np.abs(_T) ** 2.6) ** 0.9
        # the lid follows a downward glance a little, and meets the lower one below the eye's middle
        lid = shape.lid + (1 - shape.lid) * 0.10 * max(0.0, shape.gaze_y)
        # relaxed lids lie over the iris's upper edge: seen whole, it stares
        rest = 0.56 if look.shape == "round" else 0.515
        top = y0 + tilt - (rest + 0.09 * shape.widen) * height * upper_arch
        low = 0.44 - 0.26 * shape.squint
        bottom = y0 + tilt + low * height * lower_arch
        shut = y0 + tilt + (low - 0.17) * height * lower_arch
        top = top + (shut - top) * lid
        bottom = bottom + (shut - bottom) * lid * 0.9

        patch.clear(look.white)
        iris_x = x0 + look.gaze * shape.gaze_x
        iris_y = y0 - 0.03 * height + look.gaze * 0.6 * shape.gaze_y
        patch.colour(oval(iris_x, iris_y, eye.iris, eye.iris), look.iris_dark)
        patch.colour(oval(iris_x, iris_y + 0.10 * eye.iris, 0.84 * eye.iris, 0.80 * eye.iris), look.iris_light)
        patch.colour(oval(iris_x, iris_y - 0.34 * eye.iris, 0.80 * eye.iris, 0.46 * eye.iris), look.iris_dark)
        patch.colour(oval(iris_x, iris_y, eye.pupil, eye.pupil), look.pupil)
        patch.colour(band(x, bottom - 0.05 * height * lower_arch, bottom + 3), look.shade)  # the lower lid is thick
        patch.colour(band(x, top - 4, top + 0.13 * height * (1 - 0.6 * lid)), look.shade)
        # over the lid's shadow, so that the look stays bright; light comes from the picture's left
        light = (0.30 if look.shape == "round" else 0.23) * eye.iris
        patch.colour(oval(iris_x - 0.34 * eye.iris, iris_y - 0.34 * eye.iris, light, 1.15 * light), (255, 255, 255))
        patch.colour(oval(iris_x + 0.38 * eye.iris, iris_y + 0.42 * eye.iris, 0.42 * light, 0.42 * light), look.white)

        lash = look.lash * (0.35 + 0.65 * upper_arch**0.5)
        upper = band(x, top - lash, top + 0.6)
        patch.colour(upper, look.lash_colour)
        if look.shape == "almond":
            # the outer lashes sweep up from the lid
            sweep = slice(-9, None) if eye.side > 0 else slice(8, None, -1)
            along, edge = x[sweep], top[sweep]
            tip = [along[-1] + eye.side * 1.3 * look.lash, edge[-1] - 1.1 * look.lash]
            root = np.stack([along, edge + 0.6], 1)[::-1]
            wing = np.concatenate([[[along[0], edge[0] - lash[sweep][0]]], [tip], root])
            patch.colour(wing, look.lash_colour)
            patch.cover(wing)
        patch.cover(band(x, top - lash, np.maximum(bottom, top)))
        patch.apply()
