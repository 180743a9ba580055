"""A small part of a texture that is drawn anew: flat anti-aliased shapes over what was painted there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray

Shape = npt.NDArray[np.float64]  # [n, 2], units
_FINER = 2  # drawn at this multiple of the texture's size; INTER_AREA is quickest at 2
_BITS = 4  # of sub-pixel precision in cv2's coordinates


@dataclass(frozen=True, slots=True)
class Placement:
    """Units to texture pixels: ``pixel = (unit - origin) * scale``; a pixel's centre is at its index + 0.5."""

    origin: tuple[float, float]
    scale: tuple[float, float]


class Patch:
    """``colour`` shapes are drawn in any order over each other, ``cover`` says which part of them is seen."""

    def __init__(self, texture: ByteArray, place: Placement, box: tuple[float, float, float, float]) -> None:
        """``texture``: uint8 RGBA [h, w, 4], drawn into; ``box``: left, top, right, bottom in units."""
        rows, columns = texture.shape[:2]
        edges = [(box[i] - place.origin[i % 2]) * place.scale[i % 2] for i in range(4)]
        left, top = max(0, int(np.floor(edges[0]))), max(0, int(np.floor(edges[1])))
        right, bottom = min(columns, int(np.ceil(edges[2]))), min(rows, int(np.ceil(edges[3])))
        right, bottom = max(right, left), max(bottom, top)
        self._target = texture[top:bottom, left:right]
        self._base = self._target.copy()
        height, width = bottom - top, right - left
        self._colour = np.zeros((height * _FINER, width * _FINER, 4), np.uint8)
        self._whole = self._colour.view(np.uint32)[..., 0]  # its pixels as one number each: quicker to fill
        self._cover = np.zeros((height * _FINER, width * _FINER), np.uint8)
        self._factor = np.array(place.scale) * _FINER
        self._shift = np.array(place.origin) * self._factor + np.array([left, top]) * _FINER + 0.5

    def clear(self, colour: tuple[int, int, int]) -> None:
        """Begin anew: ``colour`` everywhere, and nothing of it seen."""
        self._whole.fill(np.array((*colour, 255), np.uint8).view(np.uint32)[0])
        self._cover.fill(0)

    def colour(self, shape: Shape, colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(self._colour, [self._pixels(shape)], (*colour, 255), cv2.LINE_AA, _BITS)

    def cover(self, shape: Shape) -> None:
        cv2.fillPoly(self._cover, [self._pixels(shape)], 255, cv2.LINE_AA, _BITS)

    def apply(self) -> None:
        """Put what is seen of the drawing into the texture."""
        if not self._target.size:
            return
        size = (self._target.shape[1], self._target.shape[0])
        colour = cv2.resize(self._colour, size, interpolation=cv2.INTER_AREA)
        seen = cv2.cvtColor(cv2.resize(self._cover, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGRA)
        seen[..., 3] = seen[..., 0]
        under = cv2.multiply(self._base, cv2.bitwise_not(seen), scale=1 / 255)
        cv2.add(under, cv2.multiply(colour, seen, scale=1 / 255), dst=self._target)

    def _pixels(self, shape: Shape) -> npt.NDArray[np.int32]:
        return np.round((shape * self._factor - self._shift) * (1 << _BITS)).astype(np.int32)


def band(x: npt.NDArray[np.float64], upper: npt.NDArray[np.float64], lower: npt.NDArray[np.float64]) -> Shape:
    """The area between two curves over the same x."""
    return np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])


def oval(x: float, y: float, across: float, down: float) -> Shape:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + across * np.cos(angle), y + down * np.sin(angle)], 1)
