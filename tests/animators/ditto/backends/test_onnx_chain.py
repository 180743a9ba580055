"""What stays in onnxruntime's memory against the same by copies. The CPU's is bound by the same code as a GPU's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vcam.animators.ditto.backends import cuda, cuda_twins, onnx_memory, providers
from vcam.animators.ditto.backends.base import Denoising, WholeDrawing
from vcam.animators.ditto.backends.onnx import OnnxBackend, OnnxNetwork
from vcam.animators.ditto.backends.onnx_bound import Bound
from vcam.animators.ditto.backends.onnx_diffusion import DiffusionLoop
from vcam.animators.ditto.backends.onnx_frames import OnnxFrames
from vcam.animators.ditto.backends.onnx_graphs import picture
from vcam.animators.ditto.backends.onnx_memory import Memory, OrtTensor
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.controls import NO_CONTROL
from vcam.animators.ditto.networks import ANIMATION, DECODER, LMDM, WARP
from vcam.animators.ditto.options import FrameControl
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.renderer import Renderer
from vcam.animators.ditto.sampler import Sampler
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.errors import AnimatorError
from vcam.live.meters import Timings
from vcam.media import FloatArray

from .emulated.device import Device
from .test_cuda_frames import REST, loaded, maker, person, rows

CONDITIONS = np.random.default_rng(1).standard_normal((80, 1103)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stand_in_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def bound() -> OnnxBackend:
    return OnnxBackend("cpu", threads=1, bind=True)


class Counter:
    """Of what is asked of onnxruntime's memory."""

    def __init__(self) -> None:
        self.made = 0
        self.written: list[int] = []


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter()
    value = providers.load_runtime().OrtValue
    really_write = value.update_inplace

    def write(self: Any, data: np.ndarray) -> None:
        counter.written.append(data.nbytes)
        really_write(self, data)

    for name in ("ortvalue_from_numpy", "ortvalue_from_shape_and_type"):
        really_make = getattr(value, name)

        def make(*arguments: Any, really_make: Any = really_make, **named: Any) -> Any:
            counter.made += 1
            return really_make(*arguments, **named)

        monkeypatch.setattr(value, name, make)
    monkeypatch.setattr(value, "update_inplace", write)
    return counter


# -- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3], ids=["image", "video"])
def test_frames_are_those_of_the_copying_chain(folder: Path, count: int) -> None:
    portrait = person(count)
    reference = maker(loaded(folder, OnnxBackend("cpu", threads=1)), portrait)
    networks = loaded(folder, bound())
    assert isinstance(networks.frames(), OnnxFrames)
    own = maker(networks, portrait)
    for frame, row in enumerate(rows(7)):
        np.testing.assert_array_equal(own.make(frame, row, REST), reference.make(frame, row, REST))


def test_nothing_but_key_points_goes_up_and_nothing_is_allocated(folder: Path, counted: Counter) -> None:
    own = maker(loaded(folder, bound()), person())
    given = list(rows(5))
    for frame in range(2):
        own.make(frame, given[frame], REST)
    counted.made, counted.written = 0, []
    for frame in range(2, 5):
        own.make(frame, given[frame], REST)
    assert counted.written == [21 * 3 * 4] * 3, "the source's; what drives it comes from the stitch network"
    assert counted.made == 0


@dataclass(frozen=True)
class Frame:
    frame: int
    row: FloatArray
    rest: FloatArray = field(default_factory=lambda: REST)
    control: FrameControl = NO_CONTROL


def test_frames_known_together_are_drawn_one_after_the_other(folder: Path) -> None:
    networks = loaded(folder, bound())
    assert isinstance(networks.frames(), WholeDrawing)
    own, reference = maker(networks, person(2)), maker(loaded(folder, OnnxBackend("cpu", threads=1)), person(2))
    frames = [Frame(number, row) for number, row in enumerate(rows(5))]
    made = [(one.frame, drawn.copy()) for one, drawn in own.make_all(frames, "i420", networks.drawing)]
    assert [number for number, _ in made] == [0, 1, 2, 3, 4]
    for one, (_, drawn) in zip(frames, made, strict=True):
        np.testing.assert_array_equal(drawn, reference.make(one.frame, one.row, REST))


def test_drawn_faces_that_come_again_are_kept_where_they_were_drawn(folder: Path) -> None:
    times = Timings()
    networks = loaded(folder, bound())
    own = maker(networks, person(), times)
    first, second = rows(2)
    wanted = [own.make(0, first, REST, alike="a").copy(), own.make(1, second, REST, alike="b").copy()]
    drawn = networks["decoder"].times.count
    assert drawn == 2
    for frame, (name, row) in enumerate((("b", second), ("a", first)), 2):
        np.testing.assert_array_equal(own.make(frame, row, REST, alike=name), wanted["ab".index(name)])
    assert networks["decoder"].times.count == drawn
    assert times.count == 4


def test_an_array_does_as_features_and_wrong_points_are_named(folder: Path) -> None:
    networks = loaded(folder, bound())
    drawing = networks.frames()
    assert drawing is not None
    features = np.full((1, 32, 16, 64, 64), 0.3, np.float32)
    points = np.zeros((1, 21, 3), np.float32)
    once = drawing.face(networks.backend.put(features), points, points).copy()
    np.testing.assert_array_equal(drawing.face(features, points, points), once)
    with pytest.raises(AnimatorError, match=r"warp_network: kp_driving must have the shape \(1, 21, 3\)"):
        drawing.face(features, points, points[0])


def test_without_memory_of_its_own_a_backend_draws_nothing(folder: Path) -> None:
    plain = loaded(folder, OnnxBackend("cpu"))
    assert plain.frames() is None
    here, there = loaded(folder, bound()), plain
    assert here.backend.drawing(here["warp_network"].inner, there["stitch_network"]) is None


def test_memory_that_cannot_be_written_is_used_as_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Any, data: Any) -> None:
        raise RuntimeError("Cannot update OrtValue of this device in place")

    monkeypatch.setattr(providers.load_runtime().OrtValue, "update_inplace", refuse)
    networks = loaded(folder, bound())
    assert "cannot write to cpu memory: Cannot update" in caplog.text
    assert networks.frames() is None
    assert isinstance(networks.backend.put(CONDITIONS), OrtTensor)
    sampler = Sampler(networks["lmdm"], 2, Seeded(0), put=networks.backend.put)
    assert sampler.clip(REST, CONDITIONS).shape == (80, 265)


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
def test_the_picture_is_rounded_as_the_cpu_does(half: bool) -> None:
    planes = np.random.default_rng(0).uniform(-0.1, 1.1, (1, 3, 512, 512)).astype(np.float32)
    planes.flat[:511] = np.arange(511) / 510  # in the middle between two bytes
    given = planes.astype(np.float16) if half else planes
    memory = Memory("cpu", 0)
    session = providers.open_session(
        picture(512, half), providers.PROVIDERS["cpu"], 0, providers.session_options(threads=1)
    )
    made = memory.host_room((512, 512, 3), np.uint8)
    Bound(session, {"planes": memory.put(given)}, {"crop": made.value}).run()
    np.testing.assert_array_equal(made.array, cuda_twins.quantise(given.astype(np.float32)[0]))


# -- diffusion -------------------------------------------------------------------------------------------------------


def samplers(folder: Path, steps: int, redraw: bool) -> list[Sampler]:
    made = []
    for backend in (OnnxBackend("cpu", threads=1), bound()):
        network = backend.load(Checkpoint.open(folder).path(LMDM), LMDM)
        made.append(Sampler(network, steps, Seeded(7), redraw=redraw, put=backend.put))
    return made


@pytest.mark.parametrize("redraw", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_clips_are_those_of_the_copying_loop(folder: Path, steps: int, redraw: bool) -> None:
    plain, own = samplers(folder, steps, redraw)
    for number in range(3):
        wanted = plain.clip(REST + number, CONDITIONS + number)
        np.testing.assert_array_equal(own.clip(REST + number, CONDITIONS + number), wanted)


def test_a_clip_allocates_nothing_and_gives_arrays_of_its_own(folder: Path, counted: Counter) -> None:
    _, own = samplers(folder, 4, redraw=False)
    first = own.clip(REST, CONDITIONS)
    before = first.copy()
    counted.made, counted.written = 0, []
    own.clip(REST + 1, CONDITIONS)
    assert counted.made == 0
    motion = 80 * 265 * 4
    assert counted.written == [motion] * 4 + [265 * 4, CONDITIONS.nbytes]  # x and three noises, pose, conditions
    np.testing.assert_array_equal(first, before)


def test_conditions_that_are_there_already_are_not_copied(folder: Path, counted: Counter) -> None:
    backend = bound()
    network = backend.load(Checkpoint.open(folder).path(LMDM), LMDM)
    weights = np.array([0.5], np.float32)
    schedule = Denoising(np.array([999, 499]), weights, weights)
    x = np.random.default_rng(2).standard_normal((1, 80, 265)).astype(np.float32)
    arrays = (REST[None], CONDITIONS[None])
    wanted = network.denoise(schedule, x, x[None], *arrays)
    tensors = [backend.put(array) for array in arrays]
    counted.written = []
    np.testing.assert_array_equal(network.denoise(schedule, x, x[None], *tensors), wanted)
    assert counted.written == [x.nbytes] * 2
    np.testing.assert_array_equal(network.denoise(schedule, x, x[None], *arrays), wanted)


def test_only_the_diffusion_network_diffuses(folder: Path) -> None:
    networks = loaded(folder, bound())
    for name in ("stitch_network", "hubert"):
        assert networks[name].denoise(*[None] * 5) is None  # type: ignore[arg-type]
    network = networks["lmdm"].inner
    assert isinstance(network, OnnxNetwork)
    assert DiffusionLoop.possible(network)
    network.outputs["x_start"] = np.dtype(np.float16)
    assert not DiffusionLoop.possible(network)


def test_networks_that_are_closed_say_so(folder: Path) -> None:
    networks = loaded(folder, bound())
    sampler = Sampler(networks["lmdm"], 2, Seeded(0))
    sampler.clip(REST, CONDITIONS)
    networks.hold()
    networks.release()
    with pytest.raises(AnimatorError, match="lmdm has been closed"):
        sampler.clip(REST, CONDITIONS)
    with pytest.raises(AnimatorError, match="has been closed"):
        networks.frames()


# -- main memory -----------------------------------------------------------------------------------------------------


@pytest.fixture
def own_device() -> Iterator[None]:
    onnx_memory._cuda_device.cache_clear()
    yield
    onnx_memory._cuda_device.cache_clear()


@pytest.mark.usefixtures("own_device")
def test_pictures_come_to_page_locked_memory_where_pycuda_is(monkeypatch: pytest.MonkeyPatch) -> None:
    device: Any = Device()
    monkeypatch.setattr(cuda, "CudaDevice", lambda index: device)
    room = Memory("cuda", 0).host_room((4, 4, 3), np.uint8)
    assert device.pins == 1
    assert room.value.data_ptr() == room.array.ctypes.data


@pytest.mark.usefixtures("own_device")
def test_without_pycuda_to_ordinary_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(index: int) -> Any:
        raise AnimatorError("pycuda is not installed; TensorRT needs it.")

    monkeypatch.setattr(cuda, "CudaDevice", fail)
    room = Memory("cuda", 0).host_room((4, 4, 3), np.uint8)
    assert room.value.data_ptr() == room.array.ctypes.data


def test_the_whole_renderer_keeps_working_beside_it(folder: Path) -> None:
    """Registration and others use the networks one by one."""
    networks = Checkpoint.open(folder).load(bound(), ANIMATION)
    renderer = Renderer(networks["stitch_network"], networks[WARP.name], networks[DECODER.name])
    points = np.zeros((1, 21, 3), np.float32)
    features = np.full((1, 32, 16, 64, 64), 0.3, np.float32)
    drawing = bound().drawing(networks[WARP.name], networks[DECODER.name])
    assert drawing is not None
    crop = drawing.face(features, points, points)
    np.testing.assert_array_equal(renderer.render_bytes(features, points, points), crop)
