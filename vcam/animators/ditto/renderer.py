"""Key points to the picture of the face: stitch, warp, decode. The warped features never leave the device."""

from __future__ import annotations

import cv2
import numpy as np

from vcam.media import ByteArray, FloatArray

from .backends.base import Array, Network, Tensor
from .keypoints import POINTS
from .motion import check
from .observing import Observe, nobody

CROP = 512  # pixels along each side of the face's picture
_KEYPOINTS = (1, POINTS, 3)


class Renderer:
    """The three networks that draw a face. Shared by all avatars; used from one thread."""

    def __init__(self, stitch: Network | None, warp: Network, decoder: Network) -> None:
        """``stitch`` None: key points are taken as they come (``flag_stitching`` off)."""
        self._stitch = stitch
        self._warp = warp
        self._decoder = decoder
        self._planes = np.empty((3, CROP, CROP), np.float32)
        self._floats = np.empty((CROP, CROP, 3), np.float32)
        self._byte_planes = np.empty((3, CROP, CROP), np.uint8)
        self._bytes = np.empty((CROP, CROP, 3), np.uint8)

    def stitch(self, x_s: FloatArray, x_d: FloatArray) -> FloatArray:
        """The driving key points corrected to fit the source's shoulders: float32 [1, 21, 3], as both arguments."""
        if self._stitch is None:
            return x_d
        return self._stitch(kp_source=x_s, kp_driving=x_d)["out"]

    def stitch_all(self, x_s: FloatArray, x_d: FloatArray) -> Tensor:
        """As :meth:`stitch` for some frames, float32 [n, 21, 3]; on the device, if possible, until the next call."""
        network = self._stitch
        if network is None:
            return x_d
        several = network.several(len(x_d))
        if several is not None:
            return several.run({"kp_source": x_s, "kp_driving": x_d}, keep=("out",))["out"]
        return np.concatenate([self.stitch(x_s[k : k + 1], x_d[k : k + 1]) for k in range(len(x_d))])

    def render(self, features: Tensor, x_s: FloatArray, x_d: FloatArray, observe: Observe = nobody) -> FloatArray:
        """The face in 0..255: float32 RGB [512, 512, 3], valid until the next call.

        ``features``: float32 [1, 32, 16, 64, 64], on the device (``Backend.put``); ``x_s``, ``x_d``: float32
        [1, 21, 3]. Raises ValueError for key points of another shape.
        """
        planes = self._planes
        np.clip(self._decode(features, x_s, x_d, observe), 0, 1, out=planes)
        planes *= np.float32(255)
        cv2.merge(list(planes), dst=self._floats)
        observe("render", self._floats)
        return self._floats

    def render_bytes(self, features: Tensor, x_s: FloatArray, x_d: FloatArray, observe: Observe = nobody) -> ByteArray:
        """As :meth:`render`, rounded to uint8: a third of the work for what comes after."""
        np.clip(self._decode(features, x_s, x_d, observe), 0, 1, out=self._planes)
        cv2.convertScaleAbs(_sheet(self._planes), dst=_sheet(self._byte_planes), alpha=255)
        cv2.merge(list(self._byte_planes), dst=self._bytes)
        observe("render", self._bytes)
        return self._bytes

    def _decode(self, features: Tensor, x_s: FloatArray, x_d: FloatArray, observe: Observe) -> Array:
        check(x_s, _KEYPOINTS, "x_s")
        check(x_d, _KEYPOINTS, "x_d")
        inputs = {"feature_3d": features, "kp_source": x_s, "kp_driving": x_d}
        warped = self._warp.run(inputs, keep=("out",))["out"]
        if observe is not nobody:
            observe("warp", warped if isinstance(warped, np.ndarray) else warped.numpy())
        return self._decoder(feature=warped)["output"][0]


def _sheet(planes: Array) -> Array:
    """The planes one below the other, as OpenCV takes them: a view."""
    return planes.reshape(-1, CROP)
