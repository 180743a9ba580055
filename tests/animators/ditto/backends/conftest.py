from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.networks import ANIMATION, DECODER, STITCH, WARP
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.engines.build import Workshop, build

from .emulated import compiler
from .emulated.device import Device
from .emulated.tensorrt import Emulation


@pytest.fixture(scope="session")
def kernel_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CUDA kernels for the CPU."""
    if compiler.COMPILER is None:
        pytest.skip("there is no C++ compiler")
    return compiler.compile_kernels(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="session")
def built_for_several(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With engines of what draws for two and four frames at once too."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("several") / "checkpoint"))
    device: Any = Device()
    shop = Workshop(device, TensorRt(Emulation(device).module()))
    list(build(folder, shop, "fp32", (2, 4), only=[spec.name for spec in (STITCH, WARP, DECODER)]))
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in checkpoint with engines of all that moves."""
    folder = make_stand_in_checkpoint(tmp_path_factory.mktemp("engines") / "checkpoint")
    device: Any = Device()
    shop = Workshop(device, TensorRt(Emulation(device).module()))
    list(build(folder, shop, "fp32", only=[spec.name for spec in ANIMATION]))
    return folder
