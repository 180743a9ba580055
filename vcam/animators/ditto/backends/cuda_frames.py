"""Faces and frames that stay on the GPU: warp, decode, clip, paste, resize, convert; one picture comes back.

Nothing but key points goes up for a frame, and nothing but the finished picture comes down, through pinned memory and
on a stream of its own: of two slots one is read while the other is drawn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vcam.animators.ditto.renderer import CROP
from vcam.errors import AnimatorError
from vcam.live.meters import Timings
from vcam.media import ByteArray, FloatArray

from .base import Tensor
from .cuda_kernels import Kernels
from .tensorrt_part import Part, TrtTensor

if TYPE_CHECKING:
    from vcam.animators.ditto.paste import Paster

    from .tensorrt import TensorRtBackend, TensorRtNetwork

Form = Literal["rgb", "i420"]
SLOTS = 2
_KEPT_PLACES = 96  # source frames whose paste is kept ready: 10 MB each at 1280x720


@dataclass(frozen=True, slots=True)
class _Place:
    """A source frame's picture and where a face goes in it, on the GPU. ``box``: None where no face is seen."""

    picture: TrtTensor
    box: tuple[int, int, int, int] | None
    parts: Sequence[TrtTensor]


class _Slot:
    """A frame on its way: device memory, pinned memory, and when each is done with."""

    def __init__(self, backend: TensorRtBackend, shape: tuple[int, ...]) -> None:
        self.made = backend.room(shape, np.uint8)
        self.pinned: ByteArray = backend.pinned(shape, np.uint8)
        self.drawn, self.arrived = backend.gpu.event(), backend.gpu.event()
        self.on_its_way = False


class DeviceFrames:
    """Draws the frames of one stream of pictures of one size. Used from one thread at a time, with nobody else using
    the two networks meanwhile (``LoadedNetworks.drawing``).
    """

    def __init__(
        self,
        backend: TensorRtBackend,
        warp: TensorRtNetwork,
        decoder: TensorRtNetwork,
        *,
        form: Form = "rgb",
        size: tuple[int, int] | None = None,
        times: Timings | None = None,
    ) -> None:
        """``form``, ``size`` (columns, rows; None: the pictures' own): of what is returned. ``times``: gets the s of
        each face, for which it is then waited.

        Raises AnimatorError where the kernels cannot be compiled.
        """
        self._backend = backend
        self._form, self._size, self._times = form, size, times
        self._warp, self._decoder = _only_part(warp), _only_part(decoder)
        with backend.gpu.current():
            self._kernels = backend.kernels(backend.stream)
            self._crop = backend.room((CROP, CROP, 3), np.uint8)
            self._copies = backend.copies
        self._features: Tensor | None = None  # what is in the warp network's own buffer, when graphs are recorded
        self._graph: Any = None
        self._places: OrderedDict[int, _Place] = OrderedDict()
        self._canvas: TrtTensor | None = None
        self._shown = -1
        self._resized: TrtTensor | None = None
        self._slots: list[_Slot] = []
        self._next = 0

    def face(self, features: Tensor, x_s: FloatArray, x_d: FloatArray) -> TrtTensor:
        """The face as uint8 RGB [512, 512, 3] on the GPU, valid until the next call; arguments as ``Renderer``'s."""
        if self._times is None:
            return self._face(features, x_s, x_d)
        with self._times.measure():
            made = self._face(features, x_s, x_d)
            with self._backend.gpu.current():
                self._backend.stream.synchronize()
        return made

    def keep(self, crop: TrtTensor) -> TrtTensor:
        """A copy of a face that lasts."""
        with self._backend.gpu.current():
            made = self._backend.room(crop.shape, crop.dtype)
            self._backend.stream.copy(made.address, crop.address, crop.size)
        return made

    def paste(self, index: int, paster: Paster, crop: TrtTensor) -> ByteArray:
        """:meth:`begin` and :meth:`finish`."""
        return self.finish(self.begin(index, paster, crop))

    def begin(self, index: int, paster: Paster, crop: TrtTensor) -> int:
        """Start a frame: the face in the picture of source frame ``index``. Returns at once, the frame's slot."""
        backend, stream = self._backend, self._backend.stream
        with backend.gpu.current():
            place = self._place(index, paster)
            rows, columns = place.picture.shape[:2]
            canvas = self._canvas
            if canvas is None:
                canvas = self._canvas = backend.room(place.picture.shape, np.uint8)
            if self._shown != index:
                stream.copy(canvas.address, place.picture.address, canvas.size)
                self._shown = index
            if place.box is not None:
                parts = [part.address for part in place.parts]
                self._kernels.paste(
                    crop.address, CROP, parts[0], parts[1], parts[2], parts[3], canvas.address, columns, place.box
                )
            number, slot = self._slot(columns, rows)
            self._convert(canvas, columns, rows, slot)
            stream.record(slot.drawn)
            self._copies.wait(slot.drawn)
            self._copies.download(slot.pinned, slot.made.address)
            self._copies.record(slot.arrived)
            slot.on_its_way = True
        return number

    def finish(self, slot: int) -> ByteArray:
        """Wait for a frame: uint8 RGB [h, w, 3] or I420 [h * 3 / 2, w], valid until the next but one is begun."""
        ready = self._slots[slot]
        if ready.on_its_way:
            with self._backend.gpu.current():
                ready.arrived.synchronize()
            ready.on_its_way = False
        return ready.pinned

    def _face(self, features: Tensor, x_s: FloatArray, x_d: FloatArray) -> TrtTensor:
        warp, decoder = self._warp, self._decoder
        with self._backend.gpu.current():
            try:
                warp.settle()
                warp.put("kp_source", x_s)
                warp.put("kp_driving", x_d)
                self._give_features(features)
            except ValueError as error:
                raise AnimatorError(f"The network warp_network: {error}") from error
            if self._graph is not None:
                self._backend.stream.replay(self._graph)
                return self._crop
            warp.write_at("out", warp.address("out"))
            decoder.read_at("feature", warp.address("out"))
            decoder.write_at("output", decoder.address("output"))
            self._draw(None, self._kernels)
            if self._backend.graphs:
                # recorded after a first run, which lets TensorRT do what it does but once
                recording = self._backend.gpu.stream()
                kernels = self._backend.kernels(recording)
                self._backend.stream.synchronize()
                self._graph = recording.capture(lambda: self._draw(recording, kernels))
        return self._crop

    def _draw(self, stream: Any, kernels: Kernels) -> None:
        self._warp.run(stream)
        self._decoder.run(stream)
        kernels.quantise(self._decoder.address("output"), self._crop.address, CROP * CROP)

    def _give_features(self, features: Tensor) -> None:
        warp = self._warp
        if not isinstance(features, TrtTensor):
            warp.put("feature_3d", features if isinstance(features, np.ndarray) else features.numpy())
        elif not self._backend.graphs:
            warp.use("feature_3d", features)
        elif features is not self._features:  # a graph reads where it was recorded
            warp.use("feature_3d", features)
            self._backend.stream.copy(warp.address("feature_3d"), features.address, features.size)
            warp.read_at("feature_3d", warp.address("feature_3d"))
        self._features = features

    def _place(self, index: int, paster: Paster) -> _Place:
        place = self._places.get(index)
        if place is None:
            put, parts = self._backend.put_here, paster.parts
            kept = () if parts is None else (parts.whole, parts.fraction, parts.mask, parts.rest)
            if parts is not None and parts.mask.dtype != np.uint8:
                raise ValueError("an exact paste is the CPU's")
            place = _Place(put(paster.picture), parts.box if parts else None, [put(part) for part in kept])
            self._places[index] = place
            if len(self._places) > _KEPT_PLACES:
                self._places.popitem(last=False)
        self._places.move_to_end(index)
        return place

    def _slot(self, columns: int, rows: int) -> tuple[int, _Slot]:
        if not self._slots:
            wide, high = self._size or (columns, rows)
            shape = (high, wide, 3) if self._form == "rgb" else (high * 3 // 2, wide)
            self._slots = [_Slot(self._backend, shape) for _ in range(SLOTS)]
        number = self._next
        self._next = (number + 1) % SLOTS
        slot = self._slots[number]
        if slot.on_its_way:  # nobody asked for it
            slot.arrived.synchronize()
            slot.on_its_way = False
        return number, slot

    def _convert(self, canvas: TrtTensor, columns: int, rows: int, slot: _Slot) -> None:
        source, size = canvas, (columns, rows)
        if self._size is not None and self._size != size:
            if self._resized is None:
                self._resized = self._backend.room((self._size[1], self._size[0], 3), np.uint8)
            self._kernels.resize(source.address, size, self._resized.address, self._size)
            source, size = self._resized, self._size
        if self._form == "i420":
            self._kernels.rgb_to_i420(source.address, slot.made.address, *size)
        else:
            self._backend.stream.copy(slot.made.address, source.address, source.size)


def _only_part(network: TensorRtNetwork) -> Part:
    """Raises AnimatorError for engines that do not give float32, which the kernels read."""
    (part,) = network.parts.values()
    for info in part.tensors.values():
        if info.dtype != np.float32 or info.shape[0] != 1:
            raise AnimatorError(
                f"The engine {part.engine.name} has {info.name} of the type {info.dtype} and shape {info.shape}.",
                "Build it for one frame at once: vcam engines build --batch 1",
            )
    return part
