"""A small vector painter: smooth paths, soft masks, gradients and strands on a float canvas.

Coordinates are units of a thousandth of the picture's height; x is 0 in the middle and y is 0 at the top.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Point = tuple[float, float]
Colour = tuple[float, float, float]

SUPERSAMPLE = 3
SHADES = 15  # a region's soft edge has this many steps: a small file
_SUBPIXEL_BITS = 4


def rgb(code: str) -> Colour:
    """'#rrggbb' as three floats in 0..1."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    red, green, blue = (a + (b - a) * amount for a, b in zip(first, second, strict=True))
    return red, green, blue


def path(text: str) -> list[Point]:
    """'0,10 5,-3' as points."""
    return [(float(x), float(y)) for x, _, y in (pair.partition(",") for pair in text.split())]


def mirrored(points: Sequence[Point]) -> list[Point]:
    """A closed outline from its right half, given from top to bottom."""
    left = [(-x, y) for x, y in reversed(points) if abs(x) > 1e-6]
    return [*points, *left]


def smooth(points: Sequence[Point], closed: bool = True, steps: int = 16) -> Array:
    """A Catmull-Rom curve through the points: float32 [n, 2]."""
    knots = np.asarray(points, np.float32)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    if not closed:
        parts.append(knots[-1:])
    return np.concatenate(parts).astype(np.float32)


def ellipse(centre: Point, radii: Point, turn: float = 0.0) -> Array:
    """An ellipse as a polyline; ``turn`` in degrees, clockwise."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    flat = np.stack([np.cos(angle) * radii[0], np.sin(angle) * radii[1]], 1)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return (flat @ np.array([[cos, sin], [-sin, cos]]) + centre).astype(np.float32)


def box(x0: float, y0: float, x1: float, y1: float, corner: float = 0.0) -> Array:
    """A rectangle with rounded corners as a polyline."""
    if corner <= 0:
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
    angle = np.linspace(0, np.pi / 2, 9)
    parts = []
    for cx, cy, start in (
        (x1 - corner, y0 + corner, -np.pi / 2),
        (x1 - corner, y1 - corner, 0.0),
        (x0 + corner, y1 - corner, np.pi / 2),
        (x0 + corner, y0 + corner, np.pi),
    ):
        parts.append(np.stack([cx + corner * np.cos(angle + start), cy + corner * np.sin(angle + start)], 1))
    return np.concatenate(parts).astype(np.float32)


def strand(points: Sequence[Point], widths: Sequence[float]) -> Array:
    """A stroke along a curve whose width follows ``widths`` from its beginning to its end, as an outline."""
    line = smooth(points, closed=False)
    along = np.linspace(0, len(widths) - 1, len(line))
    half = np.interp(along, np.arange(len(widths)), np.asarray(widths, np.float64))[:, None] / 2
    step = np.gradient(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], 1) / (np.linalg.norm(step, axis=1, keepdims=True) + 1e-6)
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]]).astype(np.float32)


class Layer:
    """A canvas over the box (x0, y0, x1, y1), painted in premultiplied float RGBA at ``SUPERSAMPLE`` times its size."""

    def __init__(self, area: tuple[float, float, float, float], height: int) -> None:
        """``height``: pixels that a whole picture (1000 units) is high in the saved file."""
        self.area = area
        self.scale = height / 1000 * SUPERSAMPLE
        x0, y0, x1, y1 = area
        self.size = (round((x1 - x0) * height / 1000), round((y1 - y0) * height / 1000))
        columns, rows = self.size[0] * SUPERSAMPLE, self.size[1] * SUPERSAMPLE
        self.rgba = np.zeros((rows, columns, 4), np.float32)
        # what is painted belongs to the current region ("" to none); each region's share of the canvas, 0..1
        self.region = ""
        self.regions: dict[str, Array] = {}
        self.x = (x0 + (np.arange(columns, dtype=np.float32) + 0.5) / self.scale)[None, :]
        self.y = (y0 + (np.arange(rows, dtype=np.float32) + 0.5) / self.scale)[:, None]

    @property
    def alpha(self) -> Array:
        return self.rgba[..., 3].copy()

    def blur(self, mask: Array, sigma: float) -> Array:
        """Gaussian blur by ``sigma`` units; wide ones are done on a smaller copy."""
        pixels = sigma * self.scale
        factor = max(1, int(pixels / 4))
        if factor == 1:
            return cv2.GaussianBlur(mask, (0, 0), max(pixels, 0.1)).astype(np.float32)
        rows, columns = mask.shape[:2]
        small = cv2.resize(mask, (max(1, columns // factor), max(1, rows // factor)), interpolation=cv2.INTER_AREA)
        wide = cv2.resize(
            cv2.GaussianBlur(small, (0, 0), pixels / factor), (columns, rows), interpolation=cv2.INTER_CUBIC
        )
        return wide.clip(0, 1).astype(np.float32)

    def soften(self, sigma: float) -> None:
        """Blur all that was painted so far, as a lens does with what is far away."""
        self.rgba = self.blur(self.rgba, sigma)
        self.regions = {name: self.blur(plane, sigma) for name, plane in self.regions.items()}

    def mask(self, outline: Array, soft: float = 0.0) -> Array:
        """The inside of an outline as float32 [rows, columns] in 0..1, its edge ``soft`` units wide."""
        mask = self.masks([outline], [1.0])
        return self.blur(mask, soft) if soft > 0 else mask

    def masks(self, outlines: Sequence[Array], strengths: Sequence[float]) -> Array:
        """Many outlines in one mask, each of its own strength, the later over the earlier."""
        canvas: npt.NDArray[np.uint8] = np.zeros(self.rgba.shape[:2], np.uint8)
        for outline, strength in zip(outlines, strengths, strict=True):
            pixels = (outline - np.array(self.area[:2], np.float32)) * self.scale - 0.5
            fixed = np.round(pixels * (1 << _SUBPIXEL_BITS)).astype(np.int32)
            cv2.fillPoly(canvas, [fixed], round(255 * strength), cv2.LINE_AA, _SUBPIXEL_BITS)
        mask: Array = canvas.astype(np.float32)
        mask /= 255
        return mask

    def dab(self, outline: Array, colour: Colour, opacity: float) -> None:
        """``paint`` for one small flat shape, without touching the rest of the canvas."""
        low = np.floor((outline.min(0) - self.area[:2]) * self.scale).astype(int) - 2
        high = np.ceil((outline.max(0) - self.area[:2]) * self.scale).astype(int) + 2
        (left, top), (right, bottom) = low.clip(0), high.clip(0)
        part = Layer.__new__(Layer)
        part.rgba = self.rgba[top:bottom, left:right]
        part.region, part.regions = "", {name: plane[top:bottom, left:right] for name, plane in self.regions.items()}
        part.area = (self.area[0] + left / self.scale, self.area[1] + top / self.scale, *self.area[2:])
        part.scale = self.scale
        part.paint(part.mask(outline), colour, opacity)

    def paint(self, mask: Array, colour: Colour | Array, opacity: float = 1.0, inside: Array | None = None) -> None:
        """Lay a colour (or colours, [rows, columns, 3]) over what is there; ``inside`` keeps it within another mask."""
        cover = mask * opacity if inside is None else mask * inside * opacity
        if self.region:
            self.regions.setdefault(self.region, np.zeros(self.rgba.shape[:2], np.float32))
        for name, plane in self.regions.items():
            plane *= 1 - cover
            if name == self.region:
                plane += cover
        cover = cover[..., None]
        self.rgba *= 1 - cover
        self.rgba[..., :3] += np.asarray(colour, np.float32) * cover
        self.rgba[..., 3:] += cover

    def shade(self, mask: Array, colour: Colour, opacity: float = 1.0, inside: Array | None = None) -> None:
        """Multiply what is there by a colour, where the mask is; transparency stays."""
        cover = mask * opacity if inside is None else mask * inside * opacity
        self.rgba[..., :3] *= 1 - cover[..., None] * (1 - np.asarray(colour, np.float32))

    def light(self, mask: Array, colour: Colour, opacity: float = 1.0, inside: Array | None = None) -> None:
        """Brighten what is there (screen) where the mask is; transparency stays."""
        cover = (mask * opacity if inside is None else mask * inside * opacity)[..., None]
        rgb_ = self.rgba[..., :3]
        rgb_ += (self.rgba[..., 3:] - rgb_) * np.asarray(colour, np.float32) * cover

    def ramp(self, start: Point, end: Point) -> Array:
        """0 at ``start``, 1 at ``end``, straight between and clipped outside."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        along = ((self.x - start[0]) * dx + (self.y - start[1]) * dy) / (dx * dx + dy * dy)
        return np.clip(along, 0, 1).astype(np.float32)

    def glow(self, centre: Point, radii: Point, power: float = 1.0) -> Array:
        """1 in the middle of an ellipse, falling smoothly to 0 at its rim."""
        far = ((self.x - centre[0]) / radii[0]) ** 2 + ((self.y - centre[1]) / radii[1]) ** 2
        return (np.clip(1 - far, 0, 1) ** power).astype(np.float32)

    def colours(self, amount: Array, stops: Sequence[tuple[float, Colour]]) -> Array:
        """A gradient: amounts in 0..1 to colours [rows, columns, 3]."""
        places = [place for place, _ in stops]
        channels = [np.interp(amount, places, [colour[i] for _, colour in stops]) for i in range(3)]
        return np.stack(channels, -1).astype(np.float32)

    def noise(self, seed: int, grain: Point, octaves: int = 1) -> Array:
        """Smooth noise, mean 0 and about +-1, with features ``grain`` units wide and high. The same at every size."""
        rows, columns = self.rgba.shape[:2]
        x0, y0, x1, y1 = self.area
        total: Array = np.zeros((rows, columns), np.float32)
        for octave in range(octaves):
            across = max(2, int((x1 - x0) / grain[0] * 2**octave))
            down = max(2, int((y1 - y0) / grain[1] * 2**octave))
            lattice = np.random.default_rng([seed, octave]).standard_normal((down, across)).astype(np.float32)
            total += cv2.resize(lattice, (columns, rows), interpolation=cv2.INTER_CUBIC) * 0.6 / 2**octave
        return total

    def fibres(self, inside: Array, first: Sequence[Point], last: Sequence[Point], count: int, seed: int) -> Array:
        """Fine hairs between two guide lines (same number of points), each of its own strength: mask in 0..1."""
        rng = np.random.default_rng(seed)
        hairs, strengths = [], []
        one, other = np.asarray(first, np.float64), np.asarray(last, np.float64)
        for place in np.linspace(0, 1, count):
            line = one + (other - one) * (place + rng.normal(0, 0.6) / count)
            line = line + rng.normal(0, 2.5, line.shape)
            begin = int(rng.integers(0, len(line) - 2))
            points = [(float(x), float(y)) for x, y in line[begin:]]
            width = rng.uniform(1.6, 5.0)
            hairs.append(strand(points, [0.4, width, width, 0.4]))
            strengths.append(rng.uniform(0.25, 1.0))
        return self.masks(hairs, strengths) * inside

    def fuzz(self, outline: Array, length: float, count: int, seed: int) -> Array:
        """Short hairs standing out of an outline, as a mask."""
        rng = np.random.default_rng(seed)
        hairs = []
        step = np.roll(outline, -1, axis=0) - outline
        for index in rng.integers(0, len(outline), count):
            x, y = outline[index]
            turn = np.arctan2(step[index][1], step[index][0]) - np.pi / 2 + rng.normal(0, 0.6)
            reach = length * rng.uniform(0.3, 1.0)
            tip = (x + reach * np.cos(turn), y + reach * np.sin(turn))
            bend = (x + 0.5 * reach * np.cos(turn + 0.3), y + 0.5 * reach * np.sin(turn + 0.3))
            hairs.append(strand([(x, y), bend, tip], [2.4, 1.6, 0.6]))
        return self.masks(hairs, [1.0] * count)

    def finished(self) -> npt.NDArray[np.uint8]:
        """The layer at its final size: straight RGBA uint8, colours bled outwards so that edges compress cleanly."""
        small = cv2.resize(self.rgba, self.size, interpolation=cv2.INTER_AREA).clip(0, 1)
        alpha = small[..., 3:]
        wide = cv2.GaussianBlur(small, (0, 0), 6)
        around = wide[..., :3] / np.maximum(wide[..., 3:], 1e-4)
        straight = np.where(alpha > 0.01, small[..., :3] / np.maximum(alpha, 1e-4), around)
        return np.round(np.concatenate([straight, alpha], -1).clip(0, 1) * 255).astype(np.uint8)

    def shares(self, names: Sequence[str]) -> npt.NDArray[np.uint8]:
        """How much of each pixel belongs to each region, at half the final size: uint8 [h, w, len(names)]."""
        size = (max(1, self.size[0] // 2), max(1, self.size[1] // 2))
        nothing = np.zeros(self.rgba.shape[:2], np.float32)
        planes = [cv2.resize(self.regions.get(name, nothing), size, interpolation=cv2.INTER_AREA) for name in names]
        alpha = cv2.resize(self.rgba[..., 3], size, interpolation=cv2.INTER_AREA)
        # beyond the layer's edge as just inside it, so that stretching does not thin the edge
        sigma = max(0.3, 4 * self.scale / SUPERSAMPLE / 2)
        near = cv2.GaussianBlur(alpha, (0, 0), sigma)
        out = []
        for plane in planes:
            around = np.where(near > 0.02, cv2.GaussianBlur(plane, (0, 0), sigma) / np.maximum(near, 0.02), 0)
            share = np.where(alpha > 0.01, plane / np.maximum(alpha, 0.01), around).clip(0, 1)
            out.append(np.round(share * SHADES).astype(np.uint8) * (255 // SHADES))
        return np.stack(out, -1)
