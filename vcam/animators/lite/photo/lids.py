"""What a shut lid looks like in a picture that shows it open, and what hangs before it: hair, and frames of glasses."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray, FloatArray
from vcam.smoothstep import smoothsteps

_LASHES = 0.08  # face units above and below the eye's opening that lashes and creases may darken
_BESIDE = 1.4  # half widths from the eye's middle: its corners and their lashes
_UNLIKE = 20.0  # how far from the skin's colour hair and frames are at least: as in Lab, but lightness by its share ...
_DARKER = 60.0  # ... of the skin's times this, so that dark skin counts alike
_SHADE = 0.12  # face units over which shade goes from light to dark
_DARK_GLASSES = 0.3  # of the skin's lightness: what is seen of an eye and around it is lighter
_STRAND = 0.09  # face units: the widest strand of hair that is followed sideways over the eye
_LEAST = 0.004  # square face units: smaller spots at the rim are no hair
_BROW = (0.03, 0.09)  # face units: above the lid's edge where a brow may begin, and below its line what is part of it
_BUSHY = 0.14  # and how far below its line it may begin
_FINE = 0.02  # face units: pores and wrinkles are finer ...
_MOST_GRAIN = 10.0  # ... and differ by so many levels at most
_NEAR, _FAR = 0.05, 0.18  # face units over which the skin around is continued

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Opening:
    """An eye in its part of the picture, float32 [h, w] each: ``above`` the upper lid's edge and ``below`` the lower
    one's in face units, ``aside`` in half widths from its middle, ``around`` in radii from the iris's; ``to_brow`` from
    there up to the brow's middle line in face units, ``room`` from the upper lid's edge to where something dark begins;
    ``unit`` in pixels."""

    above: FloatArray
    below: FloatArray
    aside: FloatArray
    around: FloatArray
    to_brow: FloatArray
    room: float
    unit: float

    @property
    def eye(self) -> Flags:
        """The opening with its lashes and crease."""
        return np.asarray((self.above < _LASHES) & (self.below < _LASHES) & (self.aside < _BESIDE))

    @property
    def iris(self) -> Flags:
        return np.asarray(self.around < 1.15)

    @property
    def hidden(self) -> FloatArray:
        """1 in the opening with its lashes and crease, fading around, below a brow at once: float32 [h, w]."""
        on_lid = (self.above + self.to_brow)[self.aside < 1]
        line = float(np.median(on_lid)) if on_lid.size else self.room
        room = self.room if line - self.room < _BUSHY else line - _BROW[1]  # what is far below a brow is lashes
        reach = min(2.25 * _LASHES, max(_LASHES, room))
        up = smoothsteps((reach - self.above) / (0.5 * reach))
        down = smoothsteps(1.5 - self.below / (1.5 * _LASHES))
        return np.asarray(up * down * smoothsteps((_BESIDE - self.aside) / (_BESIDE - 1)), np.float32)

    @property
    def skin(self) -> Flags:
        """Where the face around is skin as a rule: below the eye and on the lid."""
        under = (self.below > _LASHES) & (self.below < 0.2)
        lid = (self.above > 0.6 * _LASHES) & (self.above < 0.16)
        return np.asarray((under | lid) & (self.aside < 1))


def before_the_eye(source: ByteArray, opening: Opening) -> Flags | None:
    """Where hair or glasses lie over ``source`` (uint8 RGB [h, w, 3]); None if there are none.

    They are unlike the skin and come in from the part's rim; what begins at the eye itself is lashes or shade.
    """
    unlike = _unlike(source, opening)
    if unlike is None:
        return None
    other = (unlike > _UNLIKE) & ~opening.eye
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(other.astype(np.uint8), connectivity=4)
    # from above, or past the eye from one side to another: a shade at the nose touches one side only
    rims = [set(np.unique(rim).tolist()) for rim in (labels[0], labels[-1], labels[:, 0], labels[:, -1])]
    kept = np.array([label in rims[0] or sum(label in rim for rim in rims) > 1 for label in range(count)])
    kept &= sizes[:, cv2.CC_STAT_AREA] > _LEAST * opening.unit**2
    kept[0] = False
    over: Flags = kept[labels]
    if not over.any():
        return None
    return _followed(source, over, unlike > _UNLIKE, opening)


def _unlike(source: ByteArray, opening: Opening) -> FloatArray | None:
    """How far each pixel is from the skin's colour; None where no skin is seen."""
    lab = cv2.cvtColor((source / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB)
    skin = lab[opening.skin]
    if len(skin) < 12:
        return None
    light = skin[:, 0]
    skin = np.median(skin[light >= np.median(light)], axis=0)  # hair before it is darker than it
    scale = np.array([_DARKER / max(float(skin[0]), 8.0), 1, 1], np.float32)
    away = np.sqrt((((lab - skin) * scale) ** 2).sum(axis=2))
    # skin in shade is darker over some way, hair and frames are at once
    weight = np.exp(-((away / (1.5 * _UNLIKE)) ** 2)) * ~opening.eye
    size = max(0.5, _SHADE * opening.unit)
    mass = cv2.GaussianBlur(weight.astype(np.float32), (0, 0), size)[..., None]
    near = cv2.GaussianBlur(((lab - skin) * weight[..., None]).astype(np.float32), (0, 0), size) / (mass + 0.05)
    return np.asarray(np.sqrt((((lab - skin - near) * scale) ** 2).sum(axis=2)), np.float32)


def _followed(source: ByteArray, over: Flags, unlike: Flags, opening: Opening) -> Flags:
    """``over`` continued down: straight as far as the lid's edge, and over the white of the eye along thin strands."""
    light = cv2.cvtColor(source, cv2.COLOR_RGB2GRAY)
    wide = max(3, round(_STRAND * opening.unit) | 1)
    closed = cv2.morphologyEx(light, cv2.MORPH_CLOSE, np.ones((1, wide), np.uint8))
    dark = unlike & (light < np.median(light[opening.skin])) & (opening.above > 0)
    strand = unlike & (closed.astype(np.int16) - light > 25) & (opening.below < 0) & ~opening.iris
    out = over.copy()
    hangs = over & (opening.above > 0)
    for row in range(1, len(out)):
        upper = hangs[row - 1]
        aside = upper.copy()
        aside[1:] |= upper[:-1]
        aside[:-1] |= upper[1:]
        hangs[row] |= upper & dark[row] | aside & strand[row]
    return out | hangs


def darkened(source: ByteArray, opening: Opening, skin: float) -> bool:
    """Whether there are dark glasses before the eye, by the lightness of the ``skin`` below it (L of Lab)."""
    lab = cv2.cvtColor((source / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB)
    around = (opening.above < 0.12) & (opening.below < 0.12) & (opening.aside < _BESIDE)
    return bool(around.any()) and float(np.percentile(lab[around, 0], 75)) < _DARK_GLASSES * skin


def covered(source: ByteArray, over: Flags, opening: Opening) -> float:
    """How much of the eye hair hangs over, 0..1: of its width, where it is dark from above on until below the lid."""
    unlike = _unlike(source, opening)
    if unlike is None:
        return 0.0
    light = cv2.cvtColor(source, cv2.COLOR_RGB2GRAY)
    dark = (unlike > _UNLIKE) & (light < 0.8 * np.median(light[opening.skin]))
    hangs = over & (opening.above > 0)
    for row in range(1, len(hangs)):
        hangs[row] |= hangs[row - 1] & dark[row]
    below = (np.abs(opening.above + 0.04) < 0.02) & (opening.aside < 0.9)
    reached = (hangs & below).any(axis=0)[below.any(axis=0)]
    return float(reached.mean()) if reached.size else 0.0


def skin_behind(source: ByteArray, opening: Opening, over: Flags | None) -> tuple[ByteArray, ByteArray]:
    """``source`` without what hangs before it, and that without the eye and its lashes too: the skin around continued
    over their place, but not over a brow; both uint8 RGB [h, w, 3]."""
    unlike = _unlike(source, opening)
    seen = ~opening.eye if over is None else ~(opening.eye | over)
    hidden = opening.hidden
    if unlike is not None:
        seen &= unlike < _UNLIKE
        hidden = hidden * (1 - _brow(unlike, opening))
    if not seen.any():
        return source, source
    colours, weight = source.astype(np.float32), seen.astype(np.float32)
    filled = np.full_like(colours, np.median(colours[seen], axis=0))
    for reach in (_FAR, _NEAR):
        size = max(0.5, reach * opening.unit)
        mass = cv2.GaussianBlur(weight, (0, 0), size)[..., None]
        mean = cv2.GaussianBlur(colours * weight[..., None], (0, 0), size) / np.maximum(mass, 1e-4)
        filled += np.clip(mass / 0.08, 0, 1) * (mean - filled)
    behind = source
    if over is not None:
        behind = _mixed(colours, filled, soft(over) / np.float32(255))
    return behind, _mixed(behind.astype(np.float32), filled + _grain(colours, opening), hidden[..., None])


def _grain(colours: FloatArray, opening: Opening) -> FloatArray:
    """What is fine in the skin under the eye, mirrored to above it: float32 [h, w, 3]."""
    rows = len(colours)
    under = (opening.below > 0.6 * _LASHES) | (opening.aside > 1)
    strip = colours[int(np.flatnonzero(~under.all(axis=1)).max(initial=-1)) + 1 :]
    if len(strip) < 3:
        return np.zeros_like(colours)
    fine = strip - cv2.GaussianBlur(strip, (0, 0), max(0.6, _FINE * opening.unit))
    fine = np.clip(fine, -_MOST_GRAIN, _MOST_GRAIN)
    mirrored = np.concatenate([fine[::-1], fine])
    return np.asarray(np.tile(mirrored, (rows // len(mirrored) + 1, 1, 1))[-rows:], np.float32)


def _brow(unlike: FloatArray, opening: Opening) -> FloatArray:
    """1 where a brow is that is near to the eye, with soft edges: float32 [h, w]."""
    near, half = _BROW
    other = (unlike > _UNLIKE) & (opening.above > near)
    _, labels = cv2.connectedComponents(other.astype(np.uint8), connectivity=4)
    brows = np.unique(labels[other & (opening.to_brow < half)])
    mask = (np.isin(labels, brows) & other).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.01 * opening.unit)), np.float32)


def soft(flags: Flags) -> ByteArray:
    """255 where ``flags`` are set, with soft edges around: uint8 [h, w, 3]."""
    mask = cv2.GaussianBlur(cv2.dilate(flags.astype(np.uint8) * 255, np.ones((5, 5), np.uint8)), (0, 0), 0.7)
    return np.asarray(cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB), np.uint8)


def _mixed(a: FloatArray, b: FloatArray, part: FloatArray) -> ByteArray:
    return np.asarray(np.clip(a + part * (b - a) + 0.5, 0, 255).astype(np.uint8))
