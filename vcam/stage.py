"""The stage: frames of any size in, pictures of the camera's size and format out."""

from __future__ import annotations

import cv2
import numpy as np

from vcam.badge import Badge
from vcam.media import ByteArray, Picture, samples
from vcam.smoothstep import smoothstep

FADE = samples(300)


def fit(rgb: ByteArray, width: int, height: int, surround: ByteArray | None = None) -> ByteArray:
    """``rgb`` (uint8 [h, w, 3]) scaled to fit inside width x height, centred.

    What is left over at the sides shows ``surround`` (uint8 [height, width, 3]), or a blurred, darkened copy of the
    picture itself.
    """
    rows, columns = rgb.shape[:2]
    if (columns, rows) == (width, height):
        return rgb
    scale = min(width / columns, height / rows)
    inner = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    shrinking = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(rgb, inner, interpolation=shrinking)
    if inner == (width, height):
        return scaled.astype(np.uint8, copy=False)
    canvas = blurred(cover(rgb, width, height), 0.6) if surround is None else surround.copy()
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = scaled
    return canvas


def cover(rgb: ByteArray, width: int, height: int) -> ByteArray:
    """``rgb`` cropped around the centre to the shape of width x height and scaled to it: uint8 [height, width, 3]."""
    rows, columns = rgb.shape[:2]
    scale = max(width / columns, height / rows)
    # cropped first: a strip of a picture would become immense if it were scaled as a whole
    wide, high = min(columns, max(1, round(width / scale))), min(rows, max(1, round(height / scale)))
    left, top = (columns - wide) // 2, (rows - high) // 2
    part = rgb[top : top + high, left : left + wide]
    scaled = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return scaled.astype(np.uint8, copy=False)


def blurred(rgb: ByteArray, brightness: float = 1.0) -> ByteArray:
    """A strongly blurred copy (done at an eighth of the size, where it costs little), scaled in brightness."""
    rows, columns = rgb.shape[:2]
    small = cv2.resize(rgb, (max(2, columns // 8), max(2, rows // 8)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), max(1.0, small.shape[0] / 18))
    large = cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return cv2.convertScaleAbs(large, alpha=brightness).astype(np.uint8, copy=False)


def mixed(old: ByteArray, new: ByteArray, share: float) -> ByteArray:
    """Of two I420 pictures of one size, ``share`` (0..1) of the way from the old one to the new one, eased."""
    eased = smoothstep(share)
    return cv2.addWeighted(new, eased, old, 1 - eased, 0).astype(np.uint8, copy=False)


class Stage:
    """Fits, mirrors, badges and cross-fades frames, and converts them to I420 (BT.601, limited range).

    A frame that comes as I420 of the stage's size is never converted: mirrored plane by plane, or copied as it is.

    ``surround``: uint8 [height, width, 3] behind frames of another shape than the camera's. Used from one thread.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        mirror: bool = False,
        badge: str = "",
        surround: ByteArray | None = None,
    ) -> None:
        self.width = width
        self.height = height
        self.mirror = mirror
        self.surround = surround
        self._badge = Badge(badge, width, height) if badge else None
        self._flipped = np.empty((height, width, 3), np.uint8)
        self._fading: ByteArray | None = None
        self._fade_start = 0
        self._shown: ByteArray | None = None  # the I420 composed last, which nobody changes

    def fade(self, pts: int, other: Stage | None = None) -> None:
        """From ``pts`` on, fade from the picture composed last (here, or by ``other``) to what comes next, in 300 ms.

        ``other``: of the same size.
        """
        last = (other or self)._shown
        if last is not None:
            self._fading, self._fade_start = last, pts

    def repeat(self, pts: int) -> Picture | None:
        """The picture composed last once more, sharing its pixels; None if there is none, or while it fades."""
        return None if self._shown is None or self._fading is not None else Picture(pts, self._shown)

    def compose(self, frame: ByteArray | Picture, pts: int) -> Picture:
        """One frame (uint8 RGB [h, w, 3], or I420 of any size; left unchanged) as a new picture."""
        i420 = self._planar(frame) if isinstance(frame, Picture) else self._converted(frame)
        if self._badge is not None:
            self._badge.stamp(i420)
        self._shown = i420 = self._mix(i420, pts)
        return Picture(pts, i420)

    def _converted(self, rgb: ByteArray) -> ByteArray:
        frame = fit(rgb, self.width, self.height, self.surround)
        if self.mirror:
            frame = cv2.flip(frame, 1, dst=self._flipped).astype(np.uint8, copy=False)
        return cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)

    def _planar(self, picture: Picture) -> ByteArray:
        if (picture.width, picture.height) != (self.width, self.height):
            return self._converted(cv2.cvtColor(picture.i420, cv2.COLOR_YUV2RGB_I420).astype(np.uint8, copy=False))
        if not self.mirror:
            return picture.i420.copy()  # whose memory is used again for the next but one
        made = np.empty_like(picture.i420)
        for plane, flipped in zip(_planes(picture.i420), _planes(made), strict=True):
            cv2.flip(plane, 1, dst=flipped)
        return made

    def _mix(self, i420: ByteArray, pts: int) -> ByteArray:
        """Linear in I420 as in RGB: what is mixed converts as the mix of what was converted."""
        if self._fading is None:
            return i420
        share = (pts - self._fade_start) / FADE
        if share >= 1:
            self._fading = None
            return i420
        return mixed(self._fading, i420, share)


def _planes(i420: ByteArray) -> tuple[ByteArray, ByteArray, ByteArray]:
    """Y, U and V: views."""
    height, width = i420.shape[0] * 2 // 3, i420.shape[1]
    u, v = i420[height:].reshape(2, height // 2, width // 2)
    return i420[:height], u, v
