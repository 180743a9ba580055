"""What stays on the device against the same on the CPU: faces, frames, diffusion; over an emulated GPU."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.animators.ditto.drawing import avatar, source_frame
from vcam.animators.base import Scene
from vcam.animators.ditto.avatar import DittoAvatar
from vcam.animators.ditto.backends import cuda_twins
from vcam.animators.ditto.backends.cuda_frames import DeviceFrames
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.backends.tensorrt import TensorRtBackend, TensorRtNetwork
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.frames import FrameMaker
from vcam.animators.ditto.loaded import LoadedNetworks
from vcam.animators.ditto.networks import ANIMATION, DECODER, LMDM, WARP
from vcam.animators.ditto.options import RunOptions
from vcam.animators.ditto.paste import Paster
from vcam.animators.ditto.placement import InScene
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.renderer import Renderer
from vcam.animators.ditto.sampler import Sampler
from vcam.live.meters import Timings
from vcam.media import FloatArray

from .emulated.device import Device
from .emulated.tensorrt import Emulation

REST = np.zeros(265, np.float32)
SCENE = Scene(480, 270)


@pytest.fixture(params=["plain", "graphs", "plain, lazy", "graphs, lazy"])
def backend(built: Path, kernel_library: Path, request: pytest.FixtureRequest) -> TensorRtBackend:
    device: Any = Device(kernel_library, lazy="lazy" in request.param)
    library = TensorRt(Emulation(device).module())
    graphs = "graphs" in request.param
    return TensorRtBackend(built, precision="fp32", graphs=graphs, device=device, library=library)


def emulated(backend: TensorRtBackend) -> Device:
    device: Any = backend.gpu
    assert isinstance(device, Device)
    return device


def loaded(folder: Path, backend: Any) -> LoadedNetworks:
    return LoadedNetworks(backend, Checkpoint.open(folder).load(backend, ANIMATION))


def person(count: int = 1) -> DittoAvatar:
    random = np.random.default_rng(3)
    images = [random.integers(0, 256, (140, 160, 3)).astype(np.uint8) for _ in range(count)]
    return avatar(*(source_frame(image, feature=0.1 * i) for i, image in enumerate(images)))


def maker(networks: LoadedNetworks, portrait: DittoAvatar, times: Timings | None = None) -> FrameMaker:
    renderer = Renderer(networks["stitch_network"], networks["warp_network"], networks["decoder"])
    return FrameMaker(
        portrait,
        RunOptions(),
        renderer,
        networks.backend.put,
        placing=InScene(SCENE),
        drawing=networks.frames(),
        times=times,
    )


def rows(count: int) -> Iterator[FloatArray]:
    random = np.random.default_rng(9)
    for _ in range(count):
        yield random.normal(0, 0.05, 265).astype(np.float32)


@pytest.mark.parametrize("count", [1, 3], ids=["image", "video"])
def test_frames_are_those_of_the_cpu(built: Path, backend: TensorRtBackend, count: int) -> None:
    portrait = person(count)
    reference = maker(loaded(built, OnnxBackend("cpu")), portrait)
    own = maker(loaded(built, backend), portrait)
    for frame, row in enumerate(rows(7)):
        wanted, made = reference.make(frame, row, REST), own.make(frame, row, REST)
        assert made.shape == (270, 480, 3)
        assert np.abs(wanted.astype(int) - made).max() <= 1


def test_only_key_points_go_up_and_only_pictures_come_down(built: Path, backend: TensorRtBackend) -> None:
    networks = loaded(built, backend)
    own = maker(networks, person())
    given = list(rows(6))
    for frame in range(2):
        own.make(frame, given[frame], REST)
    device = emulated(backend)
    device.copied.update(up=0, down=0)
    before = device.allocations, device.pins, device.pageable
    for frame in range(2, 6):
        own.make(frame, given[frame], REST)
    keypoints = 21 * 3 * 4
    assert device.copied == {"up": 4 * 3 * keypoints, "down": 4 * 480 * 270 * 3}
    assert (device.allocations, device.pins, device.pageable) == before


def test_a_face_that_comes_again_is_not_drawn_again(built: Path, backend: TensorRtBackend) -> None:
    networks = loaded(built, backend)
    own = maker(networks, person())
    (row, other) = rows(2)
    first = own.make(0, row, REST, alike="idle").copy()
    second = own.make(1, other, REST).copy()
    before = networks["stitch_network"].times.count
    third = own.make(2, row, REST, alike="idle")
    assert networks["stitch_network"].times.count == before
    np.testing.assert_array_equal(first, third)
    assert not np.array_equal(first, second)


def test_faces_are_measured_as_the_decoders_work(built: Path, backend: TensorRtBackend) -> None:
    networks, pasting = loaded(built, backend), Timings()
    own = maker(networks, person(), pasting)
    for frame, row in enumerate(rows(3)):
        own.make(frame, row, REST)
    assert (networks["decoder"].times.count, pasting.count) == (3, 3)


def test_i420_of_another_size_and_two_frames_at_a_time(built: Path, backend: TensorRtBackend) -> None:
    networks = Checkpoint.open(built).load(backend, [WARP, DECODER])
    warp, decoder = networks["warp_network"], networks["decoder"]
    assert isinstance(warp, TensorRtNetwork)
    assert isinstance(decoder, TensorRtNetwork)
    own = DeviceFrames(backend, warp, decoder, form="i420", size=(320, 180))
    portrait = person()
    paster = Paster(*InScene(SCENE)(portrait.frames[0]))
    features = backend.put(portrait.frames[0].features)
    random = np.random.default_rng(4)
    begun, wanted = [], []
    x_s = random.uniform(-0.3, 0.3, (1, 21, 3)).astype(np.float32)
    for _ in range(2):
        crop = own.face(features, x_s, random.uniform(-0.3, 0.3, (1, 21, 3)).astype(np.float32))
        begun.append(own.begin(0, paster, crop))
        whole = cuda_twins.paste(np.asarray(crop.numpy(), np.uint8), paster)
        wanted.append(cuda_twins.resize(whole, 320, 180))
    assert begun[0] is not begun[1]
    for slot, picture in zip(begun, wanted, strict=True):
        made = own.finish(slot)
        assert made.shape == (270, 320)
        assert np.abs(made.astype(int) - cuda_twins.rgb_to_i420(picture)).max() <= 1
    assert np.shares_memory(own.finish(begun[0]), own.finish(begun[0]))


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_the_diffusion_is_that_of_the_cpu(built: Path, backend: TensorRtBackend, steps: int) -> None:
    path = Checkpoint.open(built).path(LMDM)
    random = np.random.default_rng(1)
    samplers = []
    for used in (OnnxBackend("cpu"), backend):
        network = used.load(path, LMDM)
        samplers.append(Sampler(network, steps, Seeded(7), put=used.put, redraw=steps == 6))
    for _ in range(3):
        pose = random.standard_normal(265).astype(np.float32)
        conditions = random.standard_normal((80, 1103)).astype(np.float32)
        wanted, made = (sampler.clip(pose, conditions) for sampler in samplers)
        assert made.shape == (80, 265)
        np.testing.assert_allclose(made, wanted, atol=1e-4)


@pytest.fixture
def recording(built: Path, kernel_library: Path) -> TensorRtBackend:
    """Graphs, and a GPU that is late."""
    device: Any = Device(kernel_library, lazy=True)
    library = TensorRt(Emulation(device).module())
    return TensorRtBackend(built, precision="fp32", graphs=True, device=device, library=library)


def asked_of(device: Device, stream: Any) -> list[str]:
    return [what for handle, what, _ in device.trace if handle == stream.handle]


def test_a_face_is_launched_as_one_graph_and_everything_is_on_one_stream(
    built: Path, recording: TensorRtBackend
) -> None:
    own = maker(loaded(built, recording), person())
    first, *others = rows(4)
    own.make(0, first, REST)
    device = emulated(recording)
    device.trace.clear()
    for frame, row in enumerate(others, 1):
        own.make(frame, row, REST, form="i420")
    asked = asked_of(device, recording.stream)
    assert asked.count("replay") == 3
    assert asked.count("run") == 3, "the stitch network, whose key points the graph reads"
    launched = [of for _, what, of in device.trace if what == "launch"]
    assert launched == ["paste", "rgb_to_i420"] * 3
    used = {handle for handle, _, _ in device.trace if handle}
    assert used == {recording.stream.handle, recording.copies.handle}
    assert set(asked_of(device, recording.copies)) == {"wait", "download", "record"}


def test_a_clips_steps_are_launched_as_one_graph(built: Path, recording: TensorRtBackend) -> None:
    networks = loaded(built, recording)
    sampler = Sampler(networks["lmdm"], 5, Seeded(0), put=recording.put)
    pose, conditions = np.zeros(265, np.float32), np.zeros((80, 1103), np.float32)
    for _ in range(2):  # inputs take turns in two pieces of pinned memory
        sampler.clip(pose, conditions)
    device = emulated(recording)
    before = device.allocations, device.pins
    device.trace.clear()
    device.copied.update(up=0, down=0)
    for clip in range(2):
        sampler.clip(pose, conditions + np.float32(clip))
    asked = asked_of(device, recording.stream)
    assert asked.count("replay") == 2
    assert asked.count("run") <= 2, "the audio is encoded once for each clip"
    assert "launch" not in asked
    assert device.copied["down"] == 2 * 80 * 265 * 4, "nothing comes down between the steps"
    assert (device.allocations, device.pins) == before


def test_steps_are_measured_one_by_one(built: Path, backend: TensorRtBackend) -> None:
    networks = loaded(built, backend)
    sampler = Sampler(networks["lmdm"], 5, Seeded(0), put=backend.put)
    sampler.clip(np.zeros(265, np.float32), np.zeros((80, 1103), np.float32))
    assert networks["lmdm"].times.count == 5


def test_what_is_dropped_is_used_again(built: Path, backend: TensorRtBackend) -> None:
    networks = loaded(built, backend)
    counts = []
    for _ in range(4):
        own = maker(networks, person())
        for frame, row in enumerate(rows(2)):
            own.make(frame, row, REST)
        del own
        gc.collect()
        counts.append(emulated(backend).allocations)
    assert counts[1] == counts[3]
