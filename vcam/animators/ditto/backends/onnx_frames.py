"""Faces whose tensors stay in onnxruntime's memory: key points go up, a picture of a quarter of the bytes comes down.

The paste is the CPU's: at 1280x720 it takes it 0.65 ms, and what the GPU would have to send instead, the face's whole
box in the picture, is larger than the crop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from vcam.animators.ditto.renderer import CROP
from vcam.live.meters import Timings
from vcam.media import ByteArray, FloatArray

from .base import Form, Tensor
from .onnx_bound import Bound
from .onnx_errors import run_error
from .onnx_graphs import picture, same
from .onnx_memory import HostRoom, Memory, OrtTensor
from .providers import runtime_errors

if TYPE_CHECKING:
    from vcam.animators.ditto.paste import Paster

    from .onnx import OnnxNetwork

Begun = tuple[tuple[int, "Paster"], ByteArray]  # where a face goes, and the face
_UNDER_WAY = 2
_SHAPE = (CROP, CROP, 3)
_FEATURES, _SOURCE, _DRIVING = "feature_3d", "kp_source", "kp_driving"


class OnnxFrames:
    """Draws the frames of one stream of pictures of one size. Used from one thread at a time, with nobody else using
    the two networks meanwhile (``LoadedNetworks.drawing``).
    """

    def __init__(self, warp: OnnxNetwork, decoder: OnnxNetwork, memory: Memory, times: Timings | None = None) -> None:
        """``times``: gets the s of each face. Raises ``providers.runtime_errors`` where memory cannot be bound."""
        self._warp_network, self._memory = warp, memory
        self._errors = runtime_errors()
        self._times = Timings() if times is None else times
        spec = warp.spec
        self._points = {
            name: memory.room([size or 0 for size in spec.inputs[name]], warp.inputs[name])
            for name in (_SOURCE, _DRIVING)
        }
        self._features: Tensor | None = None
        nothing = memory.room([size or 0 for size in spec.inputs[_FEATURES]], warp.inputs[_FEATURES])
        warped = memory.room([size or 0 for size in spec.outputs["out"]], warp.outputs["out"])
        planes = memory.room([size or 0 for size in decoder.spec.outputs["output"]], decoder.outputs["output"])
        self._crop = memory.host_room(_SHAPE, np.uint8)
        self._fetched = memory.host_room(_SHAPE, np.uint8)
        self._begun = [memory.host_room(_SHAPE, np.uint8) for _ in range(_UNDER_WAY)]
        self._next = 0
        session = decoder.open(picture(CROP, decoder.outputs["output"] == np.float16))
        self._warp = Bound(warp.session, {_FEATURES: nothing, **self._points}, {"out": warped})
        self._decode = Bound(decoder.session, {"feature": warped}, {"output": planes})
        self._finish = Bound(session, {"planes": planes}, {"crop": self._crop.value})
        self._again = Bound(session, {"planes": planes}, {"crop": memory.room(_SHAPE, np.uint8)})
        self._fetch = Bound(
            decoder.open(same(_SHAPE)), {"given": memory.room(_SHAPE, np.uint8)}, {"made": self._fetched.value}
        )
        self._canvas: ByteArray | None = None
        self._shown = -1

    @staticmethod
    def possible(warp: OnnxNetwork, decoder: OnnxNetwork) -> bool:
        """Whether the decoder reads what the warp network writes."""
        return warp.outputs["out"] == decoder.inputs["feature"]

    def sizes(self) -> Sequence[int]:
        """How many frames can be drawn together."""
        return (1,)

    def face(self, features: Tensor, x_s: FloatArray, x_d: Tensor) -> ByteArray:
        """The face as uint8 RGB [512, 512, 3] in main memory, valid until the next call; arguments as ``Renderer``'s,
        of which ``x_d`` may be on the device.

        Raises AnimatorError, as the networks do.
        """
        with self._times.measure():
            return self._draw(features, x_s, x_d, self._crop)

    def keep(self, crop: ByteArray) -> OrtTensor:
        """The face drawn last, for good, on the device."""
        with self._named("decoder"):
            room = self._memory.room(_SHAPE, np.uint8)
            self._again.write("crop", room)
            self._again.run()
        return OrtTensor(room, np.dtype(np.uint8))

    def paste(self, index: int, paster: Paster, crop: ByteArray | OrtTensor, form: Form | None = None) -> ByteArray:
        """A crop in the picture of source frame ``index``: uint8 RGB [h, w, 3], whatever ``form`` is asked for, valid
        until the next call."""
        if isinstance(crop, OrtTensor):
            with self._named("decoder"):
                self._fetch.read("given", crop.value)
                self._fetch.run()
            crop = self._fetched.array
        if self._canvas is None:
            self._canvas = np.empty_like(paster.picture)
        if self._shown != index:
            np.copyto(self._canvas, paster.picture)
            self._shown = index
        paster.paste(crop, self._canvas)
        return self._canvas

    def begin_all(
        self,
        form: Form,
        places: Sequence[tuple[int, Paster]],
        features: Sequence[Tensor],
        x_s: FloatArray,
        x_d: Tensor,
    ) -> Begun:
        """Draw one frame's face, as :meth:`face`; see ``WholeDrawing``."""
        room = self._begun[self._next]
        self._next = (self._next + 1) % len(self._begun)
        self._draw(features[0], x_s, x_d, room)
        return places[0], room.array

    def finish_all(self, begun: Begun) -> ByteArray:
        """Its picture, as :meth:`paste`, in an array of one."""
        (index, paster), crop = begun
        return self.paste(index, paster, crop)[None]

    def _draw(self, features: Tensor, x_s: FloatArray, x_d: Tensor, room: HostRoom) -> ByteArray:
        with self._named("warp_network"):
            if features is not self._features:
                self._warp.read(_FEATURES, self._there(_FEATURES, features))
                self._features = features
            self._points[_SOURCE].update_inplace(self._warp_network.array(_SOURCE, x_s))
            if isinstance(x_d, OrtTensor):
                self._warp.read(_DRIVING, self._there(_DRIVING, x_d))
            else:
                self._points[_DRIVING].update_inplace(self._warp_network.array(_DRIVING, x_d))
                self._warp.read(_DRIVING, self._points[_DRIVING])
            self._warp.run()
        with self._named("decoder"):
            self._decode.run()
            self._finish.write("crop", room.value)
            self._finish.run()
        return room.array

    def _there(self, name: str, tensor: Tensor) -> Any:
        if isinstance(tensor, OrtTensor):
            return self._warp_network.on_device(name, tensor)
        return self._memory.put(self._warp_network.array(name, tensor))

    @contextmanager
    def _named(self, network: str) -> Iterator[None]:
        """What onnxruntime raises as AnimatorErrors."""
        try:
            yield
        except self._errors as error:
            raise run_error(network, error) from error
