"""The mouth: lips, teeth and tongue, drawn from how open the jaw is, how wide the mouth, how pressed the lips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray

from . import rig
from .patch import Patch, Placement, band, oval

Curve = npt.NDArray[np.float64]
_T = np.linspace(-1, 1, 45)  # from the left corner to the right
_ARCH = 1 - _T**2
_BEND = 0.14  # of the width: what a full smile lifts the corners by
_AJAR, _BITTEN = 0.2, 0.13  # of the greatest opening: what a tongue tip needs, what a bitten lip leaves
_BOW = 1 - 0.30 * np.exp(-((_T / 0.16) ** 2))  # the notch in the upper lip


@dataclass(frozen=True, slots=True)
class MouthShape:
    """``jaw`` 0..1, ``wide`` -1..1, ``pressed`` 0..1; ``smile`` -1 corners down to 1 up, ``skew`` -1..1 the right one
    up and the left one down; ``teeth`` 0..1 the lower lip tucked under the upper teeth, ``tongue`` 0..1 its tip up at
    them; ``shut`` 0..1 how far a mouth that is open at rest is closed before all that; all 0 is the mouth at rest."""

    jaw: float = 0.0
    wide: float = 0.0
    pressed: float = 0.0
    smile: float = 0.0
    skew: float = 0.0
    teeth: float = 0.0
    tongue: float = 0.0
    shut: float = 0.0


class Mouth:
    """Draws one mouth into the head's texture."""

    def __init__(self, look: rig.Mouth, texture: ByteArray, place: Placement) -> None:
        self._look = look
        (x, y), (width, opening) = look.centre, look.size
        thick = sum(look.lips)
        side = width * 0.72 + thick
        bent = abs(look.smile) + 1.6 * _BEND * width
        box = (x - side, y - opening * 0.4 - thick - bent - 4, x + side, y + opening + 1.6 * thick + 0.6 * bent + 6)
        self._patch = Patch(texture, place, box)

    def draw(self, shape: MouthShape) -> None:
        look, patch = self._look, self._patch
        round_ = max(0.0, -shape.wide)
        wide = max(0.0, shape.wide)
        x0, y0 = look.centre
        spread = 0.13 * wide - 0.42 * round_ - 0.05 * shape.pressed - 0.07 * shape.jaw + 0.13 * shape.smile
        half = look.size[0] / 2 * (1 + min(0.2, spread))
        opening = look.size[1] * shape.jaw * (1 - 0.22 * wide + 0.05 * round_)
        tuck = shape.teeth if look.teeth > 0 else 0.0
        opening += shape.tongue * max(0.0, _AJAR * look.size[1] - opening)  # a tongue tip needs some room to be seen
        opening += tuck * (_BITTEN * look.size[1] - opening)
        x = x0 + half * _T

        # the line where the lips meet, its corners lifted by the smile and lowered by a wide open jaw
        bend = shape.smile if shape.smile > 0 else 1.35 * shape.smile  # most mouths smile a little at rest
        asked = _BEND * look.size[0] * (bend + shape.skew * _T)
        smile = (look.smile + asked) * (1 + 0.35 * wide - 0.7 * round_ - 0.3 * shape.jaw)
        line = y0 + smile * (0.45 - np.abs(_T) ** 1.9) + 0.10 * opening * _T**2
        lifted = 0.22 + 0.13 * round_ + 0.55 * tuck  # the upper lip's share: it bares the teeth, the lower one bites
        inner_top = line - lifted * opening * _ARCH ** (0.62 - 0.1 * round_)
        inner_bottom = line + (1 - lifted) * opening * _ARCH ** (0.55 + 0.2 * wide)

        thick = (1 - 0.5 * shape.pressed * (1 - tuck)) * (
            1 + 0.22 * round_ - 0.12 * wide - 0.12 * max(0.0, shape.smile)
        )
        upper, lower = look.lips[0] * thick, look.lips[1] * thick * (1 - 0.12 * shape.jaw) * (1 - 0.3 * tuck)
        outer_top = inner_top - upper * _ARCH**0.75 * _BOW - 0.8
        outer_bottom = inner_bottom + lower * _ARCH**0.6 + 0.8

        patch.clear(look.cavity)
        if opening > 0.5:
            self._inside(x, inner_top, inner_bottom, opening, round_ * (1 - tuck), tuck, shape.tongue)
        patch.colour(band(x, outer_top - 9, inner_top), look.upper_lip)
        patch.colour(band(x, inner_bottom, outer_bottom + 9), look.lower_lip)
        if lower > 3:
            middle = np.abs(_T) < 0.62
            taper = 1 - (_T[middle] / 0.62) ** 2
            crest = inner_bottom[middle] + 0.42 * lower * _ARCH[middle] ** 0.6
            patch.colour(
                band(x[middle] - 0.05 * half, crest - 0.15 * lower * taper, crest + 0.12 * lower * taper), look.shine
            )
        # the meeting line: thick in the closed mouth, a rim when it is open
        thin = 0.9 + 1.1 * (1 - min(1.0, opening / 8))
        patch.colour(band(x, inner_top - thin * _ARCH**0.5 - 0.3, inner_top + 0.5), look.line)
        patch.colour(band(x, inner_bottom - 0.5, inner_bottom + 0.7 * _ARCH**0.5 + 0.2), look.line)
        patch.cover(band(x, outer_top, outer_bottom))
        for side in (-1, 1):
            # a soft dimple; longer ones would point like whiskers
            corner = np.array([[0.0, -1.7], [2.6, -1.9], [3.6, -0.6], [2.2, 1.0], [0.0, 1.8], [-5.0, 1.4]]) * [side, 1]
            point = (1 - 0.75 * round_) * corner + np.array([x0 + side * half, line[-1 if side > 0 else 0]])
            patch.colour(point, look.line)
            patch.cover(point)
        patch.apply()

    def _inside(
        self, x: Curve, top: Curve, bottom: Curve, opening: float, round_: float, tuck: float, tongue: float
    ) -> None:
        look, patch = self._look, self._patch
        x0, y0 = look.centre
        half = float(x[-1] - x[0]) / 2
        depth = float(bottom[len(bottom) // 2])
        patch.colour(oval(x0, y0 + 0.30 * opening, 0.62 * half, 0.36 * opening), look.throat)
        if opening > 10:
            rise = min(1.0, (opening - 10) / 30)
            across, down = 0.56 * half, 0.30 * opening * rise + 4
            patch.colour(oval(x0, depth + 0.10 * opening, across, down), look.tongue)
            patch.colour(oval(x0 - 0.08 * half, depth + 0.10 * opening, 0.62 * across, 0.72 * down), look.tongue_light)
        # the upper row stays with the skull: the rising lip shows it, as far as the jaw leaves room
        row = min(look.teeth, 0.62 * opening + 1.5) * (1 - 0.8 * round_)
        row += tuck * (min(look.teeth, opening + 2) - row)
        row *= 1 - 0.4 * tongue  # the lip comes down as far as the tip needs to be seen
        if tongue > 0:
            self._tip(x0, 0.5 * half, float(top[len(top) // 2]) + 0.8 * row, depth, tongue)
        if look.teeth > 0:
            reach = np.abs(_T) < 0.87
            x, top = x[reach], top[reach]
            end = 1 - (_T[reach] / 0.87) ** 4  # the row's corners are round
            red, green, blue = (round(c * 0.82) for c in look.enamel)
            patch.colour(band(x, top - 3, top + row * end**0.5), look.enamel)
            patch.colour(band(x, top - 3, top + 0.24 * row * end**0.5), (red, green, blue))

    def _tip(self, x: float, half: float, teeth: float, lip: float, up: float) -> None:
        """The tongue's tip, ``up`` from the ``lip`` to behind the edge of the upper ``teeth``."""
        look, patch = self._look, self._patch
        top = lip + up * (teeth - lip)
        high = 0.5 * (lip - top) + 3
        patch.colour(oval(x, top + high, half, high), look.tongue)
        patch.colour(oval(x, top + 0.92 * high, 0.72 * half, 0.66 * high), look.tongue_light)
