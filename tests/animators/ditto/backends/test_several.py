"""Frames that are known already: drawn together, one copied while the next is drawn, the same as one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vcam.animators.ditto.backends import cuda_twins
from vcam.animators.ditto.backends.base import Form
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.backends.tensorrt import TensorRtBackend
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.controls import NO_CONTROL
from vcam.animators.ditto.frames import FrameMaker
from vcam.animators.ditto.loaded import LoadedNetworks
from vcam.animators.ditto.options import FrameControl, RunOptions
from vcam.animators.ditto.placement import InScene
from vcam.animators.ditto.renderer import Renderer
from vcam.media import ByteArray, FloatArray

from .emulated.device import Device
from .emulated.tensorrt import Emulation
from .test_cuda_frames import REST, SCENE, emulated, loaded, maker, person, rows

KINDS = ["plain", "graphs, lazy"]


@dataclass(frozen=True, eq=False)
class Known:
    frame: int
    row: FloatArray
    rest: FloatArray
    control: FrameControl


def known(count: int, first: int = 0) -> list[Known]:
    return [Known(first + frame, row, REST, NO_CONTROL) for frame, row in enumerate(rows(count))]


def backend_of(kind: str, folder: Path, library: Path, room: int = 1 << 40) -> TensorRtBackend:
    device: Any = Device(library, room, lazy="lazy" in kind)
    tensorrt = TensorRt(Emulation(device).module())
    return TensorRtBackend(folder, precision="fp32", graphs="graphs" in kind, device=device, library=tensorrt)


@pytest.fixture(params=KINDS)
def backend(built_for_several: Path, kernel_library: Path, request: pytest.FixtureRequest) -> TensorRtBackend:
    return backend_of(request.param, built_for_several, kernel_library)


@pytest.fixture(scope="module")
def one_by_one(built: Path) -> FrameMaker:
    """By onnxruntime on the CPU."""
    return maker(loaded(built, OnnxBackend("cpu")), person())


def together(own: FrameMaker, frames: list[Known], form: Form = "i420") -> Iterator[ByteArray]:
    for _, picture in own.make_all(frames, form, nullcontext()):
        yield picture


def engine_runs(device: Device) -> int:
    return sum("run" in what.split() for _, what, _ in device.trace)


@pytest.mark.parametrize(("count", "form"), [(1, "rgb"), (7, "i420")])
def test_they_are_those_made_one_by_one(
    backend: TensorRtBackend, built_for_several: Path, one_by_one: FrameMaker, count: int, form: Form
) -> None:
    own = maker(loaded(built_for_several, backend), person())
    frames = known(count)
    made = [picture.copy() for picture in together(own, frames, form)]
    assert len(made) == count
    for one, picture in zip(frames, made, strict=True):
        wanted = one_by_one.make(one.frame, one.row, one.rest, one.control)
        wanted = wanted if form == "rgb" else cuda_twins.rgb_to_i420(wanted)
        assert picture.shape == wanted.shape
        assert np.abs(picture.astype(int) - wanted).max() <= 1


def test_key_points_that_are_not_stitched_come_from_main_memory(
    backend: TensorRtBackend, built_for_several: Path
) -> None:
    made = []
    for each in (OnnxBackend("cpu"), backend):
        networks = loaded(built_for_several, each)
        renderer = Renderer(None, networks["warp_network"], networks["decoder"])
        options, placing, drawing = RunOptions(), InScene(SCENE), networks.frames()
        own = FrameMaker(person(), options, renderer, each.put, placing=placing, drawing=drawing)
        if own.makes_several:
            made.append([picture.astype(int) for picture in together(own, known(3), "rgb")])
        else:
            made.append([own.make(one.frame, one.row, one.rest, one.control).astype(int) for one in known(3)])
    assert np.abs(np.array(made[0]) - made[1]).max() <= 1


def test_frames_of_a_video_have_their_own_features_each(
    backend: TensorRtBackend, built_for_several: Path, built: Path
) -> None:
    reference, own = (maker(loaded(built_for_several, each), person(3)) for each in (OnnxBackend("cpu"), backend))
    for one, picture in zip(known(7), together(own, known(7), "rgb"), strict=True):
        wanted = reference.make(one.frame, one.row, one.rest, one.control)
        assert np.abs(picture.astype(int) - wanted).max() <= 1


def test_the_largest_batch_that_fits_is_used(built_for_several: Path, kernel_library: Path) -> None:
    backend = backend_of("plain", built_for_several, kernel_library)
    own = maker(loaded(built_for_several, backend), person())
    device = emulated(backend)
    list(together(own, known(7)))
    batches = [
        of._shapes["kp_source"][0] for _, what, of in device.trace if what == "run" and "kp_source" in of._inputs
    ]
    assert batches == [4, 4, 2, 2, 1, 1]  # stitch and warp


def test_without_engines_for_several_they_are_drawn_one_by_one(built: Path, kernel_library: Path) -> None:
    backend = backend_of("plain", built, kernel_library)
    own = maker(loaded(built, backend), person())
    assert len(list(together(own, known(5)))) == 5
    assert engine_runs(emulated(backend)) == 5 * 3


def test_engines_that_would_fill_the_memory_are_done_without(built_for_several: Path, kernel_library: Path) -> None:
    backend = backend_of("plain", built_for_several, kernel_library, room=600 << 20)
    own = maker(loaded(built_for_several, backend), person())
    device = emulated(backend)
    assert len(list(together(own, known(5)))) == 5
    batches = {of._shapes["out"][0] for _, what, of in device.trace if what == "run" and "feature_3d" in of._inputs}
    assert batches == {1, 2}
    free, _ = device.memory
    assert free > 490 << 20, "nothing is left of those for four"


def test_one_is_copied_while_the_next_are_drawn(built_for_several: Path, kernel_library: Path) -> None:
    """The copy of a batch is asked for, then the drawing of the next one, and only then is the copy waited for."""
    backend = backend_of("graphs, lazy", built_for_several, kernel_library)
    own = maker(loaded(built_for_several, backend), person())
    device = emulated(backend)
    list(together(own, known(8)))
    device.trace.clear()
    main, copies = (stream.handle for stream in (backend.stream, backend.copies))
    pictures = together(own, known(12, 8))
    for _ in pictures:
        pass
    trace = device.trace
    downloads = [at for at, (stream, what, _) in enumerate(trace) if (stream, what) == (copies, "download")]
    drawings = [at for at, (stream, what, _) in enumerate(trace) if (stream, what) == (main, "replay")]
    arrivals = [of for stream, what, of in trace if (stream, what) == (copies, "record")]
    assert len(downloads) == len(drawings) == len(arrivals) == 3
    for number in range(2):
        waited = next(
            at for at, (_, what, of) in enumerate(trace) if what == "event waited for" and of is arrivals[number]
        )
        assert downloads[number] < drawings[number + 1] < waited
    assert not any(stream == main and what in ("wait", "waited for") for stream, what, _ in trace)


def test_a_copy_does_not_need_what_is_drawn_after_it(built_for_several: Path, kernel_library: Path) -> None:
    """The GPU gets to the next batch as late as can be: the pictures before it come all the same."""
    backend = backend_of("plain, lazy", built_for_several, kernel_library)
    own = maker(loaded(built_for_several, backend), person())
    device = emulated(backend)
    pictures = together(own, known(8))
    next(pictures)
    assert sum(what == "run" for _, what, _ in device.trace) == 6, "both batches have been asked for"
    assert device_runs(backend) == 3, "only the first has been drawn"
    assert len(list(pictures)) == 7


def device_runs(backend: TensorRtBackend) -> int:
    runs: int = backend.library.module.emulation.runs
    return runs


def test_nothing_is_allocated_once_it_has_begun(backend: TensorRtBackend, built_for_several: Path) -> None:
    own = maker(loaded(built_for_several, backend), person())
    device = emulated(backend)
    for first in (0, 8):
        list(together(own, known(7, first)))
    before = device.allocations, device.pins, device.pageable, len(device.streams)
    device.copied.update(up=0, down=0)
    for first in range(16, 40, 8):
        list(together(own, known(7, first)))
    assert (device.allocations, device.pins, device.pageable, len(device.streams)) == before
    frames = 3 * 7
    assert device.copied == {"up": frames * 3 * 21 * 3 * 4, "down": frames * 480 * 270 * 3 // 2}


def test_what_is_not_taken_leaves_nothing_under_way(built_for_several: Path, kernel_library: Path) -> None:
    backend = backend_of("plain, lazy", built_for_several, kernel_library)
    own = maker(loaded(built_for_several, backend), person())
    made = own.make_all(known(12), "i420", nullcontext())
    next(made)
    made.close()
    device = emulated(backend)
    recorded = [of for stream, what, of in device.trace if (stream, what) == (backend.copies.handle, "record")]
    assert recorded
    assert all(event.reached == event.recorded for event in recorded)


def test_makers_that_share_networks_do_not_see_each_others_features(
    backend: TensorRtBackend, built_for_several: Path
) -> None:
    """As when another avatar takes over: both draw for a while, and with graphs at the same address."""
    networks = loaded(built_for_several, backend)
    reference = loaded(built_for_several, OnnxBackend("cpu"))
    portraits = [person(), person(2)]
    own = [maker(networks, portrait) for portrait in portraits]
    wanted = [maker(reference, portrait) for portrait in portraits]
    for one in known(3):
        frame = 2 * one.frame + 1  # of the video the second one
        for mine, its in zip(own, wanted, strict=True):
            a, b = (each.make(frame, one.row, one.rest, one.control).astype(int) for each in (mine, its))
            assert np.abs(a - b).max() <= 1


def test_the_lock_is_held_while_the_networks_are_used_and_not_while_frames_are_shown(
    built_for_several: Path, kernel_library: Path
) -> None:
    backend = backend_of("plain", built_for_several, kernel_library)
    networks: LoadedNetworks = loaded(built_for_several, backend)
    own, lock = maker(networks, person()), networks.drawing
    for _, _picture in own.make_all(known(9), "i420", lock):
        assert not lock.locked()
    assert isinstance(lock, type(threading.Lock()))
