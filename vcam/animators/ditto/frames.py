"""One frame from its motion: controls, key points, networks, paste."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
import simplejpeg

from vcam.live.meters import Timings
from vcam.media import ByteArray, FloatArray

from .avatar import DittoAvatar, SourceFrame
from .backends.base import Array, Drawing, Form, Tensor, WholeDrawing
from .blinks import Blinks
from .controls import NO_CONTROL, MotionControl, SourcePose, driven_keypoints, scale_ratio
from .observing import Observe, nobody
from .options import FrameControl, RunOptions
from .paste import Box, Paster
from .renderer import Renderer

KEPT_PASTERS = 96  # source frames whose paste is kept ready: 8 MB each at 1280x720, as much as their features

KEPT_FACES = 192  # drawn faces that are kept because they come again: all of an idle stretch
KEPT_QUALITY = 95  # of their JPEG, without subsampling: 70 kB in place of 800, for 1 ms each way; no eye sees it

#: The picture that a source frame is pasted into, the crop's place in it, and what of it may be changed (None: all).
Placing = Callable[[SourceFrame], tuple[ByteArray, FloatArray, Box | None]]


class Known(Protocol):
    """A frame that is to be drawn; see :meth:`FrameMaker.make`."""

    @property
    def frame(self) -> int: ...

    @property
    def row(self) -> FloatArray: ...

    @property
    def rest(self) -> FloatArray: ...

    @property
    def control(self) -> FrameControl: ...


K = TypeVar("K", bound=Known)


def in_photo(frame: SourceFrame) -> tuple[ByteArray, FloatArray, None]:
    """The source itself."""
    return frame.image, frame.crop_to_image, None


class FrameMaker:
    """Draws the frames of one stream. What is asked for is drawn; frames that are left out cost nothing.

    Used from one thread; frame numbers rise.
    """

    def __init__(
        self,
        avatar: DittoAvatar,
        options: RunOptions,
        renderer: Renderer,
        put: Callable[[FloatArray], Tensor],
        *,
        blinks: Blinks | None = None,
        placing: Placing = in_photo,
        exact: bool = False,
        times: Timings | None = None,
        observe: Observe = nobody,
        drawing: Drawing | None = None,
    ) -> None:
        """``put``: ``Backend.put``; ``placing``: where faces go (all source frames into pictures of one size).

        ``exact``: blend as the reference does, in float32, at about twice the cost. ``times`` gets the s of each paste.
        ``drawing``: draws and pastes where the networks run, rather than the renderer and a Paster; not if ``exact``.
        """
        self._avatar = avatar
        self._options = options
        self._renderer = renderer
        self._put = put
        self._placing = placing
        self._exact = exact
        self._observe = observe
        self._control = MotionControl(options, avatar.is_video, scale_ratio(avatar.frames[0].motion, options), blinks)
        self._poses: dict[int, SourcePose] = {}
        self._features: dict[int, Tensor] = {}
        self._pasters: OrderedDict[int, Paster] = OrderedDict()
        self._canvas: ByteArray | None = None
        self._shown = -1  # the source frame that is on the canvas
        self._drawing = None if exact else drawing
        self._whole = self._drawing if isinstance(self._drawing, WholeDrawing) else None
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._repeatable = len(avatar.frames) == 1 and not exact
        self._blinks = blinks
        self._times = Timings() if times is None else times

    @property
    def makes_several(self) -> bool:
        """Whether :meth:`make_all` can be used."""
        return self._whole is not None

    def make(
        self,
        frame: int,
        row: FloatArray,
        d0: FloatArray | None,
        control: FrameControl | None = None,
        alike: Hashable | None = None,
        form: Form = "rgb",
    ) -> ByteArray:
        """Output frame ``frame``: uint8 RGB [h, w, 3], valid until the next call; it must not be changed.

        ``row``, ``d0``: float32 [265], see :meth:`MotionControl.drive`; ``control``: instead of the options' own
        ``ctrl_info``. In both cases ``overall_ctrl_info`` holds where nothing else is said. ``alike``: frames that are
        given the same value have the same row and controls, so that a still image's face is drawn but once for them.
        ``form`` "i420": as I420 [h * 3 / 2, w], both sizes even, where pictures are made on the device; else RGB.
        """
        index = self._avatar.index(frame)
        if not self._repeatable or (self._blinks is not None and self._blinks.row(frame)):
            alike = None
        if alike is not None and alike in self._kept:
            return self._paste(index, self._known(alike), form)
        x_s, free = self._keypoints(index, frame, row, d0, control)
        crop: Any
        if self._whole is not None:  # what the stitch network makes stays where it is
            crop = self._whole.face(self._device_features(index), x_s, self._renderer.stitch_all(x_s, free))
        else:
            x_d = self._renderer.stitch(x_s, free)
            for name, value in (("source_frame_idx", index), ("x_s", x_s), ("x_d_before_stitch", free), ("x_d", x_d)):
                self._observe(name, value)
            if self._drawing is not None:
                crop = self._drawing.face(self._device_features(index), x_s, x_d)
            else:
                render = self._renderer.render if self._exact else self._renderer.render_bytes
                crop = render(self._device_features(index), x_s, x_d, self._observe)
        if alike is not None:
            self._keep(alike, crop)
        made = self._paste(index, crop, form)
        self._observe("frames", made)
        return made

    def make_all(
        self, known: Iterable[K], form: Form, drawing: AbstractContextManager[Any]
    ) -> Generator[tuple[K, Array], None, None]:
        """As :meth:`make`, for frames known already: several are drawn together, and while some are being drawn those
        before them are handed out. Each is valid until the next one is asked for; nothing is measured.

        ``drawing`` is entered whenever the networks are used. Close the iterator if it is not used up.
        """
        whole, coming = self._whole, iter(known)
        assert whole is not None
        sizes = whole.sizes()
        under_way: deque[tuple[list[K], Any]] = deque()
        try:
            while group := list(islice(coming, sizes[0])):
                while group:
                    some = group[: next(size for size in sizes if size <= len(group))]
                    del group[: len(some)]
                    with drawing:
                        under_way.append((some, self._begin(whole, some, form)))
                    if len(under_way) > 1:
                        yield from _finished(whole, under_way)
            while under_way:
                yield from _finished(whole, under_way)
        finally:
            for _, begun in under_way:
                whole.finish_all(begun)  # it still writes to memory that others may get

    def _begin(self, whole: WholeDrawing, some: list[K], form: Form) -> Any:
        indices = [self._avatar.index(one.frame) for one in some]
        points = [
            self._keypoints(index, one.frame, one.row, one.rest, one.control)
            for index, one in zip(indices, some, strict=True)
        ]
        x_s, free = (np.concatenate(each) for each in zip(*points, strict=True))
        features = [self._device_features(index) for index in indices]
        places = [(index, self._paster(index)) for index in indices]
        return whole.begin_all(form, places, features, x_s, self._renderer.stitch_all(x_s, free))

    def _keypoints(
        self, index: int, frame: int, row: FloatArray, d0: FloatArray | None, control: FrameControl | None
    ) -> tuple[FloatArray, FloatArray]:
        """The source's, and those that drive it, not yet stitched."""
        if control is None:
            control = self._options.ctrl_info.get(frame, NO_CONTROL)
        source = self._pose(index)
        driven = self._control.drive(source, row, d0, frame, control.over(self._options.overall_ctrl_info))
        return source.keypoints, driven_keypoints(driven)

    def _pose(self, index: int) -> SourcePose:
        if index not in self._poses:
            self._poses[index] = SourcePose(self._avatar.frames[index].motion)
        return self._poses[index]

    def _device_features(self, index: int) -> Tensor:
        if index not in self._features:
            self._features[index] = self._put(self._avatar.frames[index].features)
        return self._features[index]

    def _keep(self, alike: Hashable, crop: Any) -> None:
        if self._drawing is not None:
            self._kept[alike] = self._drawing.keep(crop)
        else:
            self._kept[alike] = simplejpeg.encode_jpeg(
                crop, quality=KEPT_QUALITY, colorspace="RGB", colorsubsampling="444"
            )
        if len(self._kept) > KEPT_FACES:
            self._kept.popitem(last=False)

    def _known(self, alike: Hashable) -> Any:
        kept = self._kept[alike]
        return kept if self._drawing is not None else simplejpeg.decode_jpeg(kept, colorspace="RGB")

    def _paste(self, index: int, crop: Any, form: Form) -> ByteArray:
        with self._times.measure():
            return self._pasted(index, crop, form)

    def _pasted(self, index: int, crop: Any, form: Form) -> ByteArray:
        paster = self._paster(index)
        if self._whole is not None:
            return self._whole.paste(index, paster, crop, form)
        if self._drawing is not None:
            return self._drawing.paste(index, paster, crop)
        if self._canvas is None:
            self._canvas = np.empty_like(paster.picture)
        if self._shown != index:
            np.copyto(self._canvas, paster.picture)
            self._shown = index
        paster.paste(crop, self._canvas)
        return self._canvas

    def _paster(self, index: int) -> Paster:
        paster = self._pasters.get(index)
        if paster is None:
            paster = Paster(*self._placing(self._avatar.frames[index]), exact=self._exact)
            self._pasters[index] = paster
            if len(self._pasters) > KEPT_PASTERS:
                self._pasters.popitem(last=False)
        self._pasters.move_to_end(index)
        return paster


def _finished(whole: WholeDrawing, under_way: deque[tuple[list[K], Any]]) -> Iterator[tuple[K, Array]]:
    """The oldest."""
    some, begun = under_way[0]
    pictures = whole.finish_all(begun)
    under_way.popleft()
    yield from zip(some, pictures, strict=True)
