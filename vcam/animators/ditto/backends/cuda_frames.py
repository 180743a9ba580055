"""Frames that stay on the GPU: drawn, pasted, resized, converted; one picture comes back.

Nothing but key points goes up for a frame, and nothing but the finished picture comes down, through pinned memory and
on a stream of its own: of two slots one is read while the other is drawn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vcam.animators.ditto.renderer import CROP
from vcam.live.meters import Timings
from vcam.media import ByteArray, FloatArray

from .base import Form, Tensor
from .cuda_faces import DeviceFaces
from .tensorrt_part import TrtTensor

if TYPE_CHECKING:
    from vcam.animators.ditto.paste import Paster

    from .tensorrt import TensorRtBackend, TensorRtNetwork

SLOTS = 2
AT_ONCE = (4, 2)  # frames, where there are engines for so many
_CROP_BYTES = CROP * CROP * 3
_KEPT_PLACES = 96  # source frames whose paste is kept ready: 10 MB each at 1280x720


@dataclass(frozen=True, slots=True)
class _Place:
    """A source frame's picture and where a face goes in it, on the GPU. ``box``: None where no face is seen."""

    picture: TrtTensor
    box: tuple[int, int, int, int] | None
    parts: Sequence[TrtTensor]


class Slot:
    """Frames on their way, at most as many as there is room for: device memory, pinned memory, and when each is done
    with."""

    def __init__(self, backend: TensorRtBackend, shape: tuple[int, ...]) -> None:
        self.made = backend.room(shape, np.uint8)
        self.pinned: ByteArray = backend.pinned(shape, np.uint8)
        self.drawn, self.arrived = backend.gpu.event(), backend.gpu.event()
        self.count = 0
        self.on_its_way = False

    def wait(self) -> None:
        """With the device current."""
        if self.on_its_way:
            self.arrived.synchronize()
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
        """``form``: of what is returned where nothing else is said; ``size`` (columns, rows; None: the pictures'
        own). ``times``: gets the s of each face that :meth:`face` draws, for which it is then waited.

        Raises AnimatorError where the kernels cannot be compiled.
        """
        self._backend, self._warp, self._decoder = backend, warp, decoder
        self._form, self._size, self._times = form, size, times
        with backend.gpu.current():
            self._kernels = backend.kernels(backend.stream)
            one = DeviceFaces(backend, warp, decoder)
            self._crop = TrtTensor(
                backend.gpu, backend.stream, one.crops.address, (CROP, CROP, 3), one.crops.dtype, one.crops
            )
        self._faces = {1: one}
        self._tried = False
        self._places: OrderedDict[int, _Place] = OrderedDict()
        self._canvas: TrtTensor | None = None
        self._shown = -1
        self._resized: TrtTensor | None = None
        self._slots: dict[tuple[Form, int], list[Slot]] = {}
        self._next = 0

    def sizes(self) -> Sequence[int]:
        """How many frames can be drawn together, the largest first; engines for several are loaded here."""
        if not self._tried:
            self._tried = True
            for count in AT_ONCE:
                warp, decoder = self._warp.several(count), self._decoder.several(count)
                if warp is not None and decoder is not None:
                    with self._backend.gpu.current():
                        self._faces[count] = DeviceFaces(self._backend, warp, decoder)
                else:  # one alone only takes memory
                    self._warp.forget_several(count)
                    self._decoder.forget_several(count)
        return sorted(self._faces, reverse=True)

    def face(self, features: Tensor, x_s: FloatArray, x_d: Tensor) -> TrtTensor:
        """The face as uint8 RGB [512, 512, 3] on the GPU, valid until the next call; arguments as ``Renderer``'s."""
        with self._backend.gpu.current():
            if self._times is None:
                self._faces[1].draw([features], x_s, x_d)
            else:
                with self._times.measure():
                    self._faces[1].draw([features], x_s, x_d)
                    self._backend.stream.synchronize()
        return self._crop

    def keep(self, crop: TrtTensor) -> TrtTensor:
        """A copy of a face that lasts."""
        with self._backend.gpu.current():
            made = self._backend.room(crop.shape, crop.dtype)
            self._backend.stream.copy(made.address, crop.address, crop.size)
        return made

    def paste(self, index: int, paster: Paster, crop: TrtTensor, form: Form | None = None) -> ByteArray:
        """:meth:`begin` and :meth:`finish`."""
        return self.finish(self.begin(index, paster, crop, form))

    def begin(self, index: int, paster: Paster, crop: TrtTensor, form: Form | None = None) -> Slot:
        """Start a frame: the face in the picture of source frame ``index``. Returns at once, the frame's slot."""
        with self._backend.gpu.current():
            return self._start(form or self._form, [(index, paster)], crop.address)

    def finish(self, begun: Slot) -> ByteArray:
        """Wait for a frame: uint8 RGB [h, w, 3] or I420 [h * 3 / 2, w], valid until the next but one is begun."""
        picture: ByteArray = self.finish_all(begun)[0]
        return picture

    def begin_all(
        self,
        form: Form,
        places: Sequence[tuple[int, Paster]],
        features: Sequence[Tensor],
        x_s: FloatArray,
        x_d: Tensor,
    ) -> Slot:
        """Start one of ``sizes`` frames, their faces drawn together; see ``WholeDrawing``. Returns at once."""
        faces = self._faces[len(places)]
        with self._backend.gpu.current():
            faces.draw(features, x_s, x_d)
            return self._start(form, places, faces.crops.address)

    def finish_all(self, begun: Slot) -> ByteArray:
        """Wait for what was begun: the pictures one behind the other, valid until the next but one is begun."""
        if begun.on_its_way:
            with self._backend.gpu.current():
                begun.wait()
        return begun.pinned[: begun.count]

    def _start(self, form: Form, places: Sequence[tuple[int, Paster]], crops: int) -> Slot:
        stream, copies = self._backend.stream, self._backend.copies
        slot = None
        for item, (index, paster) in enumerate(places):
            canvas = self._pasted(index, paster, crops + item * _CROP_BYTES)
            rows, columns = canvas.shape[:2]
            if slot is None:
                slot = self._slot(form, len(places), columns, rows)
            self._convert(form, canvas, slot.made.address + item * slot.pinned[0].nbytes)
        assert slot is not None
        stream.record(slot.drawn)
        copies.wait(slot.drawn)
        copies.download(slot.pinned[: slot.count], slot.made.address)
        copies.record(slot.arrived)
        slot.on_its_way = True
        return slot

    def _pasted(self, index: int, paster: Paster, crop: int) -> TrtTensor:
        stream, place = self._backend.stream, self._place(index, paster)
        if self._canvas is None:
            self._canvas = self._backend.room(place.picture.shape, np.uint8)
        canvas = self._canvas
        if self._shown != index:
            stream.copy(canvas.address, place.picture.address, canvas.size)
            self._shown = index
        if place.box is not None:
            whole, fraction, mask, rest = (part.address for part in place.parts)
            columns = canvas.shape[1]
            self._kernels.paste(crop, CROP, whole, fraction, mask, rest, canvas.address, columns, place.box)
        return canvas

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

    def _slot(self, form: Form, count: int, columns: int, rows: int) -> Slot:
        room = max(self._faces) if count > 1 else 1
        slots = self._slots.get((form, room))
        if slots is None:
            wide, high = self._size or (columns, rows)
            shape = (room, high, wide, 3) if form == "rgb" else (room, high * 3 // 2, wide)
            slots = self._slots[form, room] = [Slot(self._backend, shape) for _ in range(SLOTS)]
        self._next = (self._next + 1) % SLOTS
        slot = slots[self._next]
        slot.wait()  # nobody asked for it
        slot.count = count
        return slot

    def _convert(self, form: Form, canvas: TrtTensor, to: int) -> None:
        rows, columns = canvas.shape[:2]
        source, size = canvas, (columns, rows)
        if self._size is not None and self._size != size:
            if self._resized is None:
                self._resized = self._backend.room((self._size[1], self._size[0], 3), np.uint8)
            self._kernels.resize(source.address, size, self._resized.address, self._size)
            source, size = self._resized, self._size
        if form == "i420":
            self._kernels.rgb_to_i420(source.address, to, *size)
        else:
            self._backend.stream.copy(to, source.address, source.size)
