"""What is seen between the lips: the dark cavity, teeth and tongue, in the light and colours of the picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vcam.media import ByteArray

from ..mouth import MouthShape
from .landmarks import Curve, Landmarks

_FINER = 2  # its outline is drawn at this multiple of the picture's size
_BITS = 4  # of sub-pixel precision in cv2's coordinates
_TOOTH = 0.135  # face units: a central incisor's width (8.5 mm of 63 mm between the pupils)
_SOFT = 0.009  # face units over which it fades into the lips
_TALL = 0.115  # face units: what may be seen of the upper teeth

# Colours of a mouth under the light of a fair skin (sRGB 222, 174, 150); turned towards the picture's own skin.
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_REFERENCE = np.array([222.0, 174.0, 150.0])
_GREY = (6.0, 16.0)  # of 255 between its channels: a pixel of a black-and-white photograph, and one of a coloured one
_CAVITY, _THROAT = np.array([74.0, 26.0, 26.0]), np.array([34.0, 10.0, 12.0])
_TONGUE, _ENAMEL = np.array([186.0, 92.0, 88.0]), np.array([238.0, 228.0, 212.0])

Points = npt.NDArray[np.float64]
Colour = tuple[int, int, int]


class Interior:
    def __init__(self, canvas: ByteArray, face: Landmarks, thick: tuple[float, float]) -> None:
        """``canvas``: the picture, uint8 RGB; ``face``: in its pixels; ``thick``: the lips' thickness, face units."""
        self._unit = face.frame.unit
        skin = _skin(canvas, face)
        light = float(np.clip(skin @ _LUMA / (_REFERENCE @ _LUMA), 0.25, 1.15))
        tint = np.clip((skin / max(skin.mean(), 1.0)) / (_REFERENCE / _REFERENCE.mean()), 0.5, 2.0)
        bright = light**0.6
        hues = _hues(canvas, face)
        cavity, throat, tongue, enamel = (
            hues * colour + (1 - hues) * (colour @ _LUMA)
            for colour in (
                _CAVITY * light * tint**0.5,
                _THROAT * light * tint**0.5,
                _TONGUE * light**0.8 * tint**0.5,
                _ENAMEL * bright * tint**0.35,
            )
        )
        self._cavity, self._throat, self._tongue = _colour(cavity), _colour(throat), _colour(tongue)
        self._tongue_edge = _colour(tongue * 0.72)
        self._enamel = enamel
        self._thick = thick

    def draw(
        self,
        place: ByteArray,
        top: Points,
        bottom: Points,
        opening: float,
        shape: MouthShape,
        gap: float,
        *,
        toothed: bool = False,
    ) -> None:
        """Draw into ``place`` (uint8 RGB) between the lips' inner edges ``top`` and ``bottom``, in its pixels from
        the left corner to the right, ``opening`` apart. In the picture they were ``gap``; both in face units.
        ``toothed``: ``top`` is where the picture's own upper teeth end."""
        if opening - gap <= 0.004:
            return
        # what a mouth that is open in the picture shows there gives way only when it opens further
        seen = 1.0 if gap < 0.01 else min(1.0, max(0.0, (opening - gap - 0.02) / 0.08))
        both = np.concatenate([top, bottom])
        x0, y0 = np.floor(both.min(axis=0)).astype(int) - 2
        x1, y1 = np.ceil(both.max(axis=0)).astype(int) + 3
        x0, y0 = max(0, x0), max(0, y0)
        x1, y1 = min(place.shape[1], x1), min(place.shape[0], y1)
        if x1 <= x0 or y1 <= y0 or seen <= 0:
            return
        paint = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        paint[:] = self._cavity
        self._paint(paint, top - [x0, y0], bottom - [x0, y0], opening, shape, toothed)
        cover = np.zeros(((y1 - y0) * _FINER, (x1 - x0) * _FINER), np.uint8)
        cv2.fillPoly(
            cover, [_fixed(np.concatenate([top, bottom[::-1]]) - [x0, y0])], round(255 * seen), cv2.LINE_AA, _BITS
        )
        small = cv2.resize(cover, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        alpha = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), max(0.5, _SOFT * self._unit)), cv2.COLOR_GRAY2RGB)
        under = place[y0:y1, x0:x1]
        under[:] = cv2.add(
            cv2.multiply(under, cv2.bitwise_not(alpha), scale=1 / 255), cv2.multiply(paint, alpha, scale=1 / 255)
        )

    def _paint(
        self, paint: ByteArray, top: Points, bottom: Points, opening: float, shape: MouthShape, toothed: bool
    ) -> None:
        """All of it: from the back to the front."""
        unit = self._unit
        centre, low = top[len(top) // 2], bottom[len(bottom) // 2]
        across = (top[-1] - top[0]) / max(1e-6, float(np.hypot(*(top[-1] - top[0]))))
        down = np.array([-across[1], across[0]])
        half = float(np.hypot(*(top[-1] - top[0]))) / 2
        tall = float((low - centre) @ down)
        angle = float(np.degrees(np.arctan2(across[1], across[0])))

        def oval(at: Points, wide: float, high: float, colour: Colour) -> None:
            centre_ = tuple(int(v) for v in np.round(at * 16))
            axes = (max(1, round(wide * 16)), max(1, round(high * 16)))
            cv2.ellipse(paint, centre_, axes, angle, 0, 360, colour, -1, cv2.LINE_AA, _BITS)

        oval(centre + down * 0.36 * tall, 0.62 * half, 0.42 * tall, self._throat)
        if opening > 0.07:
            rise = min(1.0, (opening - 0.07) / 0.16)
            at = low + down * (0.16 - 0.12 * rise) * tall
            oval(at, 0.60 * half, (0.12 + 0.24 * rise) * tall, self._tongue_edge)
            oval(at + down * 0.06 * tall, 0.52 * half, (0.08 + 0.22 * rise) * tall, self._tongue)
        show = 0.0 if toothed else self._row(opening, shape)
        if shape.tongue > 0:
            tip = (1 - shape.tongue) * tall + shape.tongue * min(0.8 * show, 0.6 * tall)  # below the upper lip
            high = 0.5 * (tall - tip) + 0.02 * unit
            at = centre + down * (tip + high)
            oval(at, 0.50 * half, high, self._tongue_edge)
            oval(at + down * 0.12 * high, 0.42 * half, 0.86 * high, self._tongue)
        paint[:] = cv2.GaussianBlur(paint, (0, 0), max(0.5, 0.018 * unit))
        self._teeth(paint, top, down, show, half)

    def _row(self, opening: float, shape: MouthShape) -> float:
        """How much of the upper teeth is seen, in pixels: as far as the lip rises, and down to a lip tucked to them."""
        show = min(_TALL, 0.46 * opening + 0.012) * (1 - 0.75 * max(0.0, -shape.wide)) * (1 - 0.3 * shape.tongue)
        return (show + shape.teeth * (min(_TALL, opening + 0.02) - show)) * self._unit

    def _teeth(self, paint: ByteArray, top: Points, down: Points, show: float, half: float) -> None:
        """The upper row: it stays with the skull, the lip above it moves; darker to the sides and under the lip."""
        unit = self._unit
        if show < 0.8:
            return
        count = len(top)
        t = np.linspace(-1, 1, count)
        reach = np.abs(t) < 0.86
        profile = np.clip(1 - (np.abs(t[reach]) / 0.86) ** 2.6, 0, 1) ** 0.7
        edge = top[reach] + down * (show * profile)[:, None]
        above = top[reach] - down * (0.06 * unit)
        ring = np.concatenate([above, edge[::-1]])
        mask = np.zeros(paint.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_fixed(ring, 1)], 255, cv2.LINE_AA, _BITS)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.4, 0.008 * unit)), np.uint8)
        rows, columns = paint.shape[:2]
        middle = top[count // 2]
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        along = (x - middle[0]) * down[1] - (y - middle[1]) * down[0]  # pixels from the middle
        # the row bends away from the light to the sides; the lip's shadow lies on its upper part
        side = np.clip(np.abs(along) / max(half, 1.0), 0, 1)
        under_lip = np.interp(x[0], top[:, 0], top[:, 1]).astype(np.float32)
        deep = np.clip((y - under_lip[None, :]) / max(show, 1.0), 0, 1)
        shade = (1 - 0.55 * side**2) * (0.70 + 0.30 * np.minimum(1, deep * 2.2)) * (1 - 0.10 * deep**3)
        width = _TOOTH * unit
        seam = np.abs((along / width + 0.5) % 1.0 - 0.5) * width  # pixels from the nearest seam, one in the middle
        shade *= 1 - 0.07 * np.exp(-((seam / max(0.7, 0.010 * unit)) ** 2))
        enamel = shade[..., None] * self._enamel.astype(np.float32)
        alpha = (mask.astype(np.float32) / 255)[..., None]
        paint[:] = np.clip(paint + alpha * (enamel - paint), 0, 255).astype(np.uint8)


def shows_teeth(canvas: ByteArray, face: Landmarks) -> bool:
    """Whether it is light between the lips of a mouth that is open in the picture."""
    mouth = face.mouth
    points = []
    for upper, lower in zip(_along(mouth.upper_inner), _along(mouth.lower_inner), strict=True):
        points += [(a * upper[0] + (1 - a) * lower[0], a * upper[1] + (1 - a) * lower[1]) for a in (0.35, 0.5, 0.65)]
    at = np.array(points, np.float32)
    seen = cv2.remap(canvas, at[:, :1].copy(), at[:, 1:].copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(np.median(seen @ _LUMA)) > 0.7 * float(_skin(canvas, face) @ _LUMA)


def _along(curve: Curve) -> tuple[tuple[float, float], ...]:
    return curve.left, curve.middle, curve.right


def _hues(canvas: ByteArray, face: Landmarks) -> float:
    """0 where lips and skin have no colour, as in a black-and-white photograph, 1 where they have any."""
    x, y = (round((a + b) / 2) for a, b in zip(face.mouth.left, face.mouth.right, strict=True))
    reach = max(2, round(0.6 * face.frame.unit))
    part = canvas[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach].astype(np.int16)
    if not part.size:
        return 1.0
    colour = float(np.percentile(part.max(axis=2) - part.min(axis=2), 90))
    return min(1.0, max(0.0, (colour - _GREY[0]) / (_GREY[1] - _GREY[0])))


def _skin(canvas: ByteArray, face: Landmarks) -> npt.NDArray[np.float64]:
    """The colour of the skin around the mouth: beside it and on the chin."""
    frame = face.frame
    left, right = frame.to_face(face.mouth.left), frame.to_face(face.mouth.right)
    chin, low = frame.to_face(face.jaw.chin), frame.to_face(face.mouth.lower_outer.middle)
    places = [
        (left[0] - 0.15, left[1]),
        (right[0] + 0.15, right[1]),
        ((left[0] + right[0]) / 2, (low[1] + chin[1]) / 2),
    ]
    reach = max(1, round(0.06 * frame.unit))
    found = []
    for place in places:
        x, y = (round(v) for v in frame.to_picture(place))
        part = canvas[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        if part.size:
            found.append(np.median(part.reshape(-1, 3), axis=0))
    return np.mean(found, axis=0) if found else _REFERENCE.copy()


def _colour(value: npt.NDArray[np.float64]) -> Colour:
    red, green, blue = (int(v) for v in np.clip(np.round(value), 0, 255))
    return red, green, blue


def _fixed(points: Points, finer: int = _FINER) -> npt.NDArray[np.int32]:
    """In a finer drawing, with cv2's sub-pixel bits; a pixel's centre is at its index."""
    return np.round((points * finer + (finer - 1) / 2) * (1 << _BITS)).astype(np.int32)
