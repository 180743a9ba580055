"""Engines of graphs with the real structure, run by the backend over an emulated GPU: parted, and rounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.animators.ditto.backends.emulated import compiler
from tests.animators.ditto.backends.emulated.device import Device
from tests.animators.ditto.backends.emulated.tensorrt import Emulation
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.backends.tensorrt import TensorRtBackend, TensorRtNetwork
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.networks import LMDM
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.sampler import Sampler
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.engines.build import Workshop, build
from vcam.engines.verify import verify

Full = Callable[..., onnx.ModelProto]
NAMES = ("lmdm", "decoder")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, full_size: Full) -> Path:
    """Stand-ins, but for two networks of the real structure and few channels."""
    folder = make_stand_in_checkpoint(tmp_path_factory.mktemp("real") / "checkpoint")
    onnx.save(full_size("lmdm"), folder / "ditto_onnx" / LMDM.file)
    onnx.save(full_size("decoder"), folder / "ditto_onnx" / "decoder.onnx")
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if compiler.COMPILER is None:
        pytest.skip("there is no C++ compiler")
    return compiler.compile_kernels(tmp_path_factory.mktemp("kernels"))


def test_engines_give_what_the_graphs_give(checkpoint: Path) -> None:
    device: Any = Device()
    emulation = Emulation(device)
    tensorrt = TensorRt(emulation.module())
    made = list(build(checkpoint, Workshop(device, tensorrt), "fp16", only=NAMES))
    roles = {one.wanted.network: one.wanted.precision for one in made}
    assert roles == {"lmdm_condition": "fp32", "lmdm_step": "fp32", "decoder": "fp16"}
    backend = TensorRtBackend(checkpoint, precision="fp16", device=device, library=tensorrt)
    for one in verify(checkpoint, backend, NAMES, seeds=(0,)):
        assert one.good, one
        if one.precision == "fp32":
            assert one.error.relative < 1e-4


@pytest.mark.parametrize("graphs", [False, True])
def test_a_clip_is_encoded_once_and_drawn_from_noise_on_the_device(
    checkpoint: Path, library: Path, graphs: bool
) -> None:
    device: Any = Device(library)
    emulation = Emulation(device)
    tensorrt = TensorRt(emulation.module())
    list(build(checkpoint, Workshop(device, tensorrt), "fp32", only=["lmdm"]))
    backend = TensorRtBackend(checkpoint, precision="fp32", graphs=graphs, device=device, library=tensorrt)
    path = checkpoint / "ditto_onnx" / LMDM.file
    network, known = backend.load(path, LMDM), OnnxBackend("cpu").load(path, LMDM)
    assert isinstance(network, TensorRtNetwork)
    assert set(network.parts) == {"condition", "step"}
    samplers = [Sampler(known, 4, Seeded(5)), Sampler(network, 4, Seeded(5), put=backend.put)]
    random = np.random.default_rng(0)
    for _ in range(2):
        pose = random.standard_normal(265).astype(np.float32)
        conditions = random.standard_normal((80, 1103)).astype(np.float32)
        before = emulation.runs
        wanted, made = (sampler.clip(pose, conditions) for sampler in samplers)
        assert emulation.runs - before == 5, "the condition once, and four steps"
        np.testing.assert_allclose(made, wanted, atol=1e-4 * np.abs(wanted).max())
