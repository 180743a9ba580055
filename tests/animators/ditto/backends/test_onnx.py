"""onnxruntime as a backend, on small graphs made here. The CPU provider also runs the code that binds memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from vcam.animators.ditto.backends import onnx as backend_module
from vcam.animators.ditto.backends import providers
from vcam.animators.ditto.backends.base import Array, Network, Tensor
from vcam.animators.ditto.backends.onnx import OnnxBackend, OrtTensor
from vcam.animators.ditto.backends.providers import choose_provider, default_threads
from vcam.animators.ditto.networks import HUBERT, NetworkSpec, Shape
from vcam.errors import AnimatorError

FLOAT, HALF, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64
Args = Mapping[str, tuple[int, Any]]  # name: (type, shape)


def spec(inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], **more: Any) -> NetworkSpec:
    return NetworkSpec("adder", "adder.onnx", inputs, outputs, **more)


SUM = spec({"a": (1, 3), "b": (1, 3)}, {"sum": (1, 3)})


def save(path: Path, nodes: list[onnx.NodeProto], inputs: Args, outputs: Args) -> Path:
    first, last = (
        [helper.make_tensor_value_info(name, *arg) for name, arg in args.items()] for args in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "test", first, last)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def save_sum(path: Path, kind: int = FLOAT, shape: Any = (1, 3)) -> Path:
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"])]
    return save(path, nodes, {"a": (kind, shape), "b": (kind, shape)}, {"sum": (kind, shape)})


def row(*values: float) -> Array:
    return np.array([values], np.float32)


@pytest.fixture(params=[None, True], ids=["plain", "bound"])
def backend(request: pytest.FixtureRequest) -> OnnxBackend:
    return OnnxBackend("cpu", threads=1, bind=request.param)


@pytest.fixture
def adder(tmp_path: Path, backend: OnnxBackend) -> Network:
    return backend.load(save_sum(tmp_path / "adder.onnx"), SUM)


def as_numpy(tensor: Tensor) -> Array:
    return tensor if isinstance(tensor, np.ndarray) else tensor.numpy()


def test_a_network_runs(adder: Network) -> None:
    np.testing.assert_array_equal(adder(a=row(1, 2, 3), b=row(10, 20, 30))["sum"], row(11, 22, 33))


def test_outputs_are_arrays_of_their_own(adder: Network) -> None:
    first = adder(a=row(1, 2, 3), b=row(0, 0, 0))["sum"]
    adder(a=row(7, 7, 7), b=row(7, 7, 7))
    np.testing.assert_array_equal(first, row(1, 2, 3))


def test_what_is_kept_feeds_another_network(tmp_path: Path, backend: OnnxBackend, adder: Network) -> None:
    other = backend.load(save_sum(tmp_path / "other.onnx"), SUM)
    for step in (1.0, 2.0):
        kept = adder.run({"a": row(step, 0, 0), "b": backend.put(row(1, 1, 1))}, keep=["sum"])["sum"]
        result = other(a=kept, b=row(0, 0, 5))["sum"]
        np.testing.assert_array_equal(result, row(step + 1, 1, 6))


def test_put_keeps_the_array(backend: OnnxBackend) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T
    np.testing.assert_array_equal(as_numpy(backend.put(array)), array)


def test_bound_tensors_are_written_in_place(tmp_path: Path) -> None:
    backend = OnnxBackend("cpu", bind=True)
    adder = backend.load(save_sum(tmp_path / "adder.onnx"), SUM)
    first, second = (adder.run({"a": row(n, 0, 0), "b": row(0, 0, 0)}, keep=["sum"])["sum"] for n in (1, 2))
    assert isinstance(first, OrtTensor)
    assert isinstance(second, OrtTensor)
    assert first.value.data_ptr() == second.value.data_ptr()


def test_a_kept_output_of_free_size(tmp_path: Path, backend: OnnxBackend) -> None:
    free = spec({"a": (1, None), "b": (1, None)}, {"sum": (1, None)})
    network = backend.load(save_sum(tmp_path / "free.onnx", shape=(1, "n")), free)
    for size in (2, 5, 3):
        ones = np.ones((1, size), np.float32)
        kept = network.run({"a": ones, "b": ones}, keep=["sum"])["sum"]
        np.testing.assert_array_equal(as_numpy(kept), 2 * ones)


def test_half_precision_graphs(tmp_path: Path, backend: OnnxBackend, adder: Network) -> None:
    half = backend.load(save_sum(tmp_path / "half.onnx", HALF), SUM)
    made = half(a=row(1, 2, 3), b=row(0.5, 0.5, 0.5))["sum"]
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, row(1.5, 2.5, 3.5))
    whole_put, kept = backend.put(row(1, 1, 1)), half.run({"a": row(1, 2, 3), "b": row(0, 0, 0)}, keep=["sum"])["sum"]
    assert as_numpy(kept).dtype == np.float32
    for _ in range(2):  # the second time the converted copy is there
        np.testing.assert_array_equal(half(a=whole_put, b=row(1, 1, 1))["sum"], row(2, 2, 2))
        np.testing.assert_array_equal(adder(a=kept, b=row(1, 1, 1))["sum"], row(2, 3, 4))


def test_integers_and_outputs_that_are_not_read(tmp_path: Path, backend: OnnxBackend) -> None:
    nodes = [
        helper.make_node("Cast", ["time"], ["t"], to=FLOAT),
        helper.make_node("Add", ["a", "t"], ["sum"]),
        helper.make_node("Neg", ["a"], ["rest"]),
    ]
    inputs = {"a": (FLOAT, (1, 3)), "time": (INT64, (1,))}
    path = save(tmp_path / "time.onnx", nodes, inputs, {"sum": (FLOAT, (1, 3)), "rest": (FLOAT, (1, 3))})
    timed = spec({"a": (1, 3), "time": (1,)}, {"sum": (1, 3)}, integers=frozenset({"time"}), unused=frozenset({"rest"}))
    network = backend.load(path, timed)
    made = network(a=row(1, 2, 3), time=np.array([999]))
    assert list(made) == ["sum"]
    np.testing.assert_array_equal(made["sum"], row(1000, 1001, 1002))
    with pytest.raises(AnimatorError, match=r"time must be int64, not float32"):
        network(a=row(1, 2, 3), time=np.zeros(1, np.float32))


def test_warm_up_needs_the_free_sizes(tmp_path: Path, backend: OnnxBackend, adder: Network) -> None:
    adder.warm_up()
    free = spec({"a": (1, None), "b": (1, None)}, {"sum": (1, None)})
    network = backend.load(save_sum(tmp_path / "free.onnx", shape=(1, "n")), free)
    network.warm_up(a=(1, 4), b=(1, 4))
    with pytest.raises(ValueError, match="give the shape of a"):
        network.warm_up()


def test_wrong_inputs_are_named(adder: Network) -> None:
    with pytest.raises(AnimatorError, match=r"adder: a must have the shape \(1, 3\), not \(1, 4\)"):
        adder(a=row(1, 2, 3, 4), b=row(1, 2, 3))
    with pytest.raises(AnimatorError, match="adder takes a, b and gives sum; it was given a and asked for all"):
        adder(a=row(1, 2, 3))
    with pytest.raises(AnimatorError, match="asked for product"):
        adder.run({"a": row(1, 2, 3), "b": row(1, 2, 3)}, keep=["product"])


def test_an_output_of_another_shape_than_promised(tmp_path: Path, backend: OnnxBackend) -> None:
    liar = spec({"a": (1, None), "b": (1, None)}, {"sum": (1, 3)})
    network = backend.load(save_sum(tmp_path / "liar.onnx", shape=(1, "n")), liar)
    ones = np.ones((1, 4), np.float32)
    with pytest.raises(AnimatorError, match=r"gave sum of the shape \(1, 4\), not \(1, 3\)"):
        network(a=ones, b=ones)


def test_a_closed_network(adder: Network) -> None:
    adder.close()
    adder.close()
    with pytest.raises(AnimatorError, match="has been closed"):
        adder(a=row(1, 2, 3), b=row(1, 2, 3))


def test_a_missing_file_says_how_to_get_it(tmp_path: Path, backend: OnnxBackend) -> None:
    with pytest.raises(AnimatorError, match="hubert is missing") as caught:
        backend.load(tmp_path / "hubert.onnx", HUBERT)
    assert "vcam checkpoints pull" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x08\x12\x07"], ids=["empty", "text", "truncated"])
def test_a_broken_file(tmp_path: Path, backend: OnnxBackend, content: bytes) -> None:
    path = tmp_path / "adder.onnx"
    path.write_bytes(content)
    with pytest.raises(AnimatorError, match=r"adder cannot be loaded from .*adder\.onnx") as caught:
        backend.load(path, SUM)
    assert "vcam checkpoints verify" in caught.value.hint


def test_a_file_that_is_cut_off(tmp_path: Path, backend: OnnxBackend) -> None:
    path = save_sum(tmp_path / "adder.onnx")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(AnimatorError, match="cannot be loaded"):
        backend.load(path, SUM)


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        (spec({"a": (1, 3), "c": (1, 3)}, {"sum": (1, 3)}), "it takes a, b, not a, c"),
        (spec({"a": (1, 3), "b": (1, 3)}, {"product": (1, 3)}), "it gives sum, but not product"),
        (spec({"a": (1, 4), "b": (1, 4)}, {"sum": (1, 4)}), r"a has the shape \(1, 3\), not \(1, 4\)"),
        (spec({"a": (3,), "b": (3,)}, {"sum": (3,)}), r"a has the shape \(1, 3\), not \(3,\)"),
        (spec(SUM.inputs, SUM.outputs, integers=frozenset("b")), r"b is tensor\(float\), not tensor\(int64\)"),
    ],
)
def test_another_network_in_the_file(tmp_path: Path, backend: OnnxBackend, wanted: NetworkSpec, what: str) -> None:
    path = save_sum(tmp_path / "adder.onnx")
    with pytest.raises(AnimatorError, match=what):
        backend.load(path, wanted)


def test_the_device_says_what_runs(backend: OnnxBackend) -> None:
    assert (backend.device.backend, backend.device.provider) == ("onnxruntime", "CPU")
    assert backend.device.version[0].isdigit()


def test_threads_leave_room_for_sound() -> None:
    assert 1 <= default_threads() <= 8


FAILURES = {
    "broken": "CUDA failure 35: driver too old\nmore",
    "foreign": "CUDA failure 209: no kernel image is available for execution on the device ; GPU=0",
}


class FakeSession:
    """A session of a provider that is not on this machine: runs on the CPU, and says what it is told to say."""

    def __init__(self, session: Any, claims: str) -> None:
        self._session, self._claims = session, claims

    def get_providers(self) -> list[str]:
        return [self._claims]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """An onnxruntime that offers CUDA. Sessions on it run on the CPU and say that ``claims`` runs them."""
    runtime = providers.load_runtime()
    really_open = providers.open_session
    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(runtime, "get_available_providers", lambda: available)
    monkeypatch.setattr(runtime, "preload_dlls", lambda: None)
    monkeypatch.setattr(providers, "why_not", lambda *_: None)

    def claim(claims: str) -> None:
        def open_session(model: Any, provider: Any, index: int, options: Any) -> Any:
            if claims in FAILURES:
                raise RuntimeError(FAILURES[claims])
            session = really_open(model, providers.PROVIDERS["cpu"], index, options)
            return FakeSession(session, provider.name if claims == "itself" else claims)

        monkeypatch.setattr(providers, "open_session", open_session)
        monkeypatch.setattr(backend_module, "open_session", open_session)

    return claim


def test_a_provider_that_starts_is_taken(gpu: Callable[[str], None]) -> None:
    gpu("itself")
    assert choose_provider("auto").name == choose_provider("CUDA").name == "CUDAExecutionProvider"


def test_a_provider_that_silently_became_the_cpu(
    gpu: Callable[[str], None], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    gpu("CPUExecutionProvider")
    with pytest.raises(AnimatorError, match="cannot use cuda here: it did not start"):
        OnnxBackend("cuda")
    with caplog.at_level(logging.WARNING):
        assert OnnxBackend("auto").device.provider == "CPU"
    assert "CUDA cannot be used here" in caplog.text


def test_a_provider_that_fails(gpu: Callable[[str], None]) -> None:
    gpu("broken")
    with pytest.raises(AnimatorError, match="CUDA failure 35: driver too old") as caught:
        OnnxBackend("cuda")
    assert "nvidia.com/drivers" in caught.value.hint
    gpu("foreign")
    with pytest.raises(AnimatorError, match="no kernel image is available") as caught:
        OnnxBackend("cuda")
    assert "onnxruntime-gpu" in caught.value.hint
    assert OnnxBackend("auto").device.provider == "CPU"


def test_what_the_driver_says_is_told_before_onnxruntime_tries(
    gpu: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu("broken")
    monkeypatch.setattr(providers, "why_not", lambda *_: ("there is no NVIDIA driver.", "Install one."))
    with pytest.raises(AnimatorError, match=r"cannot use cuda here: there is no NVIDIA driver\.") as caught:
        OnnxBackend("cuda")
    assert caught.value.hint.endswith("'auto' to use what there is. Install one.")


def test_a_provider_lost_while_loading(gpu: Callable[[str], None], tmp_path: Path) -> None:
    gpu("itself")
    backend = OnnxBackend("cuda", bind=False)
    gpu("CPUExecutionProvider")
    with pytest.raises(AnimatorError, match="left CUDA while loading adder"):
        backend.load(save_sum(tmp_path / "adder.onnx"), SUM)


def test_operators_that_the_provider_leaves_to_the_cpu(
    gpu: Callable[[str], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gpu("itself")  # and yet the CPU does the work
    backend = OnnxBackend("cuda", bind=False)
    backend.load(save_sum(tmp_path / "adder.onnx"), SUM)
    assert "cannot run" not in caplog.text  # an addition is no matter
    nodes = [helper.make_node("Transpose", ["b"], ["c"]), helper.make_node("MatMul", ["a", "c"], ["sum"])]
    inputs = {"a": (FLOAT, (1, 3)), "b": (FLOAT, (1, 3))}
    path = save(tmp_path / "product.onnx", nodes, inputs, {"sum": (FLOAT, (1, 1))})
    backend.load(path, spec({"a": (1, 3), "b": (1, 3)}, {"sum": (1, 1)}))
    assert "CUDA cannot run MatMul" in caplog.text


def test_the_probe_is_a_sound_graph() -> None:
    onnx.checker.check_model(onnx.load_from_string(providers.PROBE))


def test_device_memory_that_cannot_be_had(gpu: Callable[[str], None], caplog: pytest.LogCaptureFixture) -> None:
    gpu("itself")
    backend = OnnxBackend("cuda")  # the real onnxruntime here has no memory of that kind
    assert isinstance(backend.put(row(1, 2)), np.ndarray)
    assert "cannot keep arrays in cuda memory" in caplog.text


def test_out_of_memory_is_said_plainly(gpu: Callable[[str], None], tmp_path: Path) -> None:
    path = save_sum(tmp_path / "adder.onnx")

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(self.session, name)

        def __init__(self, session: Any) -> None:
            self.session = session

        def run(self, *_: Any) -> Any:
            raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for 9 bytes")

    session = Full(providers.open_session(str(path), providers.PROVIDERS["cpu"], 0, providers.session_options(1)))
    network = backend_module.OnnxNetwork(session, SUM, None, providers.runtime_errors(), lambda model: None)
    with pytest.raises(AnimatorError, match="not enough memory for the network adder"):
        network(a=row(1, 2, 3), b=row(1, 2, 3))


def test_unknown_and_absent_providers() -> None:
    with pytest.raises(AnimatorError, match="no onnxruntime provider 'cudda'") as caught:
        OnnxBackend("cudda")
    assert "Did you mean 'cuda'?" in caught.value.hint
    with pytest.raises(AnimatorError, match="installed onnxruntime cannot use coreml; it has"):
        OnnxBackend("coreml")
    assert OnnxBackend("CPUExecutionProvider").device.provider == "CPU"


def test_without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(AnimatorError, match="onnxruntime is not installed") as caught:
        OnnxBackend()
    assert caught.value.hint == "pip install 'vcam[ditto]'"
