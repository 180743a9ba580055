"""The TensorRT backend over an emulated GPU and library: against onnxruntime, and in trouble."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from vcam.animators.ditto.backends.base import Array
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.backends.tensorrt import TensorRtBackend
from vcam.animators.ditto.backends.tensorrt_engines import engines_folder
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt, load_tensorrt
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.networks import ANIMATION, DECODER, DETECTOR, HUBERT, LMDM, STITCH, WARP, NetworkSpec
from vcam.engines.samples import random_inputs
from vcam.errors import AnimatorError

from .emulated.device import Device
from .emulated.tensorrt import Emulation, plan_of


@pytest.fixture
def emulation() -> Emulation:
    return Emulation(Device())


def backend_for(folder: Path, emulation: Emulation, **options: Any) -> TensorRtBackend:
    device: Any = emulation.device
    library = TensorRt(emulation.module())
    return TensorRtBackend(folder, precision="fp32", device=device, library=library, **options)


def graph_of(folder: Path, spec: NetworkSpec) -> Path:
    return Checkpoint.open(folder).path(spec)


@pytest.mark.parametrize("spec", ANIMATION, ids=lambda spec: spec.name)
def test_every_network_gives_what_onnxruntime_gives(built: Path, emulation: Emulation, spec: NetworkSpec) -> None:
    path = graph_of(built, spec)
    network = backend_for(built, emulation).load(path, spec)
    reference = OnnxBackend("cpu").load(path, spec)
    for seed in range(3):
        inputs = random_inputs(onnx.load(path), seed)
        made, wanted = network(**inputs), reference(**inputs)
        assert made.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_allclose(made[name], array, rtol=2e-4, atol=2e-4)
            assert made[name].base is None, "outputs are their owner's"


def test_sound_of_any_allowed_length_is_heard(built: Path, emulation: Emulation) -> None:
    network = backend_for(built, emulation).load(graph_of(built, HUBERT), HUBERT)
    reference = OnnxBackend("cpu").load(graph_of(built, HUBERT), HUBERT)
    for samples in (6480, 3240, 12960, 5200):
        sound = np.random.default_rng(samples).standard_normal((1, samples)).astype(np.float32) * np.float32(0.1)
        made = network(input_values=sound)["encoding_out"]
        np.testing.assert_allclose(made, reference(input_values=sound)["encoding_out"], atol=2e-4)
    for samples in (3000, 20000):
        with pytest.raises(AnimatorError, match="sizes from"):
            network(input_values=np.zeros((1, samples), np.float32))


def test_what_is_kept_stays_on_the_device(built: Path, emulation: Emulation) -> None:
    backend = backend_for(built, emulation)
    warp, decoder = (backend.load(graph_of(built, spec), spec) for spec in (WARP, DECODER))
    inputs = random_inputs(onnx.load(graph_of(built, WARP)))
    features = backend.put(inputs.pop("feature_3d"))
    warp.run({"feature_3d": features, **inputs}, keep=("out",))
    emulation.device.copied.update(up=0, down=0)
    allocations = emulation.device.allocations
    for _ in range(3):
        warped = warp.run({"feature_3d": features, **inputs}, keep=("out",))["out"]
        picture = decoder.run({"feature": warped})["output"]
    assert emulation.device.copied == {"up": 3 * 2 * 21 * 3 * 4, "down": 3 * 3 * 512 * 512 * 4}
    assert emulation.device.allocations == allocations
    assert isinstance(picture, np.ndarray)
    assert not isinstance(warped, np.ndarray)
    reference = OnnxBackend("cpu").load(graph_of(built, DECODER), DECODER)(feature=warped.numpy())["output"]
    np.testing.assert_allclose(picture, reference, atol=1e-4)


def test_a_clips_sound_is_encoded_once(built: Path, emulation: Emulation) -> None:
    backend = backend_for(built, emulation)
    path = graph_of(built, LMDM)
    network, reference = backend.load(path, LMDM), OnnxBackend("cpu").load(path, LMDM)
    inputs = random_inputs(onnx.load(path), sizes={"cond": 1103})
    runs: list[int] = []
    for clip in range(2):
        cond = inputs["cond"] + np.float32(clip)
        on_device = backend.put(cond)
        for step in range(3):
            given = {**inputs, "time_cond": np.array([step * 100], np.int64)}
            before = emulation.runs
            made = network.run({**given, "cond": on_device})
            runs.append(emulation.runs - before)
            wanted = reference(**{**given, "cond": cond})
            np.testing.assert_allclose(np.asarray(made["x_start"]), wanted["x_start"], atol=2e-4)
    assert runs in ([2, 1, 1, 2, 1, 1], [1] * 6)  # one engine where the graph could not be parted
    first = network.run({**inputs})["x_start"]
    changed = network.run({**inputs, "cond": inputs["cond"] + np.float32(1)})["x_start"]
    assert isinstance(first, np.ndarray)
    assert not np.array_equal(first, np.asarray(changed))


def test_memory_of_tensors_that_are_forgotten_is_used_again(built: Path, emulation: Emulation) -> None:
    backend = backend_for(built, emulation)
    array = np.ones((80, 265), np.float32)
    for _ in range(5):
        tensor = backend.put(array)
        assert not isinstance(tensor, np.ndarray)
        np.testing.assert_array_equal(tensor.numpy(), array)
        del tensor
    assert emulation.device.allocations == 1


def test_everything_is_freed(built: Path, emulation: Emulation) -> None:
    backend = backend_for(built, emulation)
    networks = [backend.load(graph_of(built, spec), spec) for spec in (STITCH, DECODER)]
    backend.put(np.zeros(3, np.float32))
    for network in networks:
        network.close()
        network.close()
        with pytest.raises(AnimatorError, match="closed"):
            network()
    backend.close()
    assert emulation.device.held == {}


def test_a_backend_that_is_forgotten_frees_what_it_has(built: Path, emulation: Emulation) -> None:
    backend = backend_for(built, emulation)
    network = backend.load(graph_of(built, STITCH), STITCH)
    tensor = backend.put(np.zeros(3, np.float32))
    network.warm_up()
    network.close()
    del network, backend, tensor
    gc.collect()
    assert emulation.device.held == {}


def test_networks_that_are_loaded_again_take_no_more_memory(built: Path, emulation: Emulation) -> None:
    backend = backend_for(built, emulation)
    sizes = []
    for _ in range(3):
        network = backend.load(graph_of(built, STITCH), STITCH)
        network.warm_up()
        network.close()
        sizes.append((len(emulation.device.held), emulation.device.pins))
    assert sizes[0] == sizes[2]


def test_networks_of_the_registration_run_elsewhere_without_engines(built: Path, emulation: Emulation) -> None:
    spare = OnnxBackend("cpu")
    path = graph_of(built, DETECTOR)
    assert type(backend_for(built, emulation, spare=spare).load(path, DETECTOR)) is type(spare.load(path, DETECTOR))
    with pytest.raises(AnimatorError, match="no fp32 engine of insightface_det") as caught:
        backend_for(built, emulation).load(path, DETECTOR)
    assert "vcam engines build" in caught.value.hint


@pytest.mark.parametrize(
    "given",
    [
        {"kp_source": np.zeros((1, 21, 3), np.float32)},
        {"kp_source": np.zeros((1, 21, 3), np.float32), "kp_driving": np.zeros((1, 20, 3), np.float32)},
        {"kp_source": np.zeros((1, 21, 3), np.float32), "kp_driving": np.zeros((1, 21, 3), np.int64)},
    ],
)
def test_wrong_inputs_are_refused(built: Path, emulation: Emulation, given: dict[str, Array]) -> None:
    network = backend_for(built, emulation).load(graph_of(built, STITCH), STITCH)
    with pytest.raises(AnimatorError, match="stitch_network"):
        network.run(given)


def test_a_gpu_whose_memory_is_full_is_told(built: Path) -> None:
    emulation = Emulation(Device(room=1 << 20))
    with pytest.raises(AnimatorError, match="memory") as caught:
        backend_for(built, emulation).load(graph_of(built, DECODER), DECODER)
    assert "nvidia-smi" in caught.value.hint
    assert emulation.device.held == {}


def test_what_had_been_taken_is_given_back_where_the_memory_does_not_suffice(built: Path) -> None:
    emulation = Emulation(Device(room=6 << 20))  # for the decoder's input, not for its output
    with pytest.raises(AnimatorError, match="memory"):
        backend_for(built, emulation).load(graph_of(built, DECODER), DECODER)
    assert emulation.device.allocations == 1
    assert emulation.device.held == {}
    assert len(emulation.contexts) == 0


def test_a_failing_run_is_told(built: Path, emulation: Emulation) -> None:
    network = backend_for(built, emulation).load(graph_of(built, STITCH), STITCH)
    emulation.failing = "Error Code 1: Cuda Runtime (an illegal memory access was encountered)"
    with pytest.raises(AnimatorError, match="illegal memory access"):
        network.warm_up()
    emulation.failing = "Error Code 2: OutOfMemory (no more)"
    with pytest.raises(AnimatorError, match="memory is full"):
        network.warm_up()


def test_a_gpu_that_has_failed_can_be_let_go(built: Path, emulation: Emulation) -> None:
    """As the session does, to go on with another animator; what cannot be freed any more is the driver's."""
    backend = backend_for(built, emulation)
    network = backend.load(graph_of(built, STITCH), STITCH)
    network.warm_up()
    emulation.device.broken = True
    with pytest.raises(AnimatorError, match="illegal memory access"):
        network.warm_up()
    network.close()
    backend.close()


def test_what_is_tensorrts_is_given_back_while_the_device_is_current(built: Path, emulation: Emulation) -> None:
    """Its destructors would take the first GPU's for the current one."""
    backend = backend_for(built, emulation)
    network = backend.load(graph_of(built, STITCH), STITCH)
    assert len(emulation.contexts) == 1
    network.close()
    assert len(emulation.contexts) == 0
    assert emulation.freed_elsewhere == 0


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "checkpoint"))


def test_other_gpus_and_versions_need_engines_of_their_own(built: Path) -> None:
    for emulation in (Emulation(Device(), "11.4.0.106"), Emulation(_Other())):
        with pytest.raises(AnimatorError, match="no engine of decoder for this machine") as caught:
            backend_for(built, emulation).load(graph_of(built, DECODER), DECODER)
        assert "vcam engines build" in caught.value.hint


class _Other(Device):
    capability = (9, 0)


def _spoil_source(folder: Path, engine: Path) -> None:
    graph = graph_of(folder, STITCH)
    graph.write_bytes(graph_of(folder, DECODER).read_bytes())


def _spoil_manifest(folder: Path, engine: Path) -> None:
    engine.with_name(engine.name + ".json").unlink()


def _spoil_size(folder: Path, engine: Path) -> None:
    engine.write_bytes(engine.read_bytes()[:-10])


def _spoil_content(folder: Path, engine: Path) -> None:
    engine.write_bytes(b"<html>".ljust(engine.stat().st_size))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_spoil_source, "graph has changed"),
        (_spoil_manifest, "not built by vcam"),
        (_spoil_size, "not what was built"),
        (_spoil_content, "web page"),
    ],
)
def test_engines_that_do_not_fit_are_not_loaded(
    copied: Path, emulation: Emulation, spoil: Callable[[Path, Path], None], message: str
) -> None:
    (engine,) = engines_folder(copied).glob("stitch_network-*.engine")
    spoil(copied, engine)
    with pytest.raises(AnimatorError, match=message) as caught:
        backend_for(copied, emulation).load(graph_of(copied, STITCH), STITCH)
    assert "vcam engines build" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"garbage" * 100, "cannot load the engine"),
        (b"", "cannot be read"),
        (plan_of(b"", "8.6.1", (8, 9)), "another version of TensorRT"),
        (plan_of(b"", "10.13.3.9", (8, 6)), "another kind of GPU"),
    ],
)
def test_what_the_library_refuses_is_explained(
    tmp_path: Path, emulation: Emulation, content: bytes, message: str
) -> None:
    path = tmp_path / "x.engine"
    path.write_bytes(content)
    with pytest.raises(AnimatorError, match=message) as caught:
        TensorRt(emulation.module()).read(path)
    assert "vcam engines build" in caught.value.hint


def test_a_runtime_without_a_driver_is_not_used(tmp_path: Path, emulation: Emulation) -> None:
    emulation.driver = False
    with pytest.raises(AnimatorError, match="cannot use the GPU") as caught:
        TensorRt(emulation.module()).read(tmp_path / "x.engine")
    assert "driver" in caught.value.hint


def test_an_old_library_is_refused(emulation: Emulation) -> None:
    with pytest.raises(AnimatorError, match="too old"):
        TensorRt(Emulation(emulation.device, "8.6.1").module())


def test_the_package_without_its_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tensorrt").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "tensorrt", raising=False)
    with pytest.raises(AnimatorError, match="empty"):
        load_tensorrt()
