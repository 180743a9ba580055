"""What a machine must have for each part of the check, and what to do where it is not there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from vcam.animators.ditto.backends.cuda import CudaDevice
from vcam.animators.ditto.backends.nvidia import why_not
from vcam.animators.ditto.backends.providers import load_runtime
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.errors import AnimatorError

_TOOLKIT = "install NVIDIA's CUDA toolkit, https://developer.nvidia.com/cuda-downloads"


@dataclass
class Found:
    """``device``: through pycuda, ``library``: TensorRT; None where they cannot be used. ``cuda``: whether onnxruntime
    has its provider. ``missing``: a line for each thing that is not there, with its cure."""

    device: Any
    library: Any
    cuda: bool
    missing: list[str]


def look(gpu: int) -> Found:
    missing = []
    runtime = load_runtime()
    if trouble := why_not(gpu):
        missing.append(f"GPU: {trouble[0]} {trouble[1]}")
    if shutil.which("nvcc") is None:
        missing.append(f"nvcc: not on the PATH: {_TOOLKIT}.")
    device = library = None
    if find_spec("pycuda") is None:
        missing.append("pycuda: not installed, or could not be built: pip install 'vcam[tensorrt]' says why.")
    else:
        try:
            device = CudaDevice(gpu)
        except AnimatorError as error:
            missing.append(f"pycuda {_version('pycuda')}: {error.message} {error.hint}")
    try:
        library = TensorRt()
    except AnimatorError as error:
        missing.append(f"TensorRT: {error.message} {error.hint}")
    cuda = trouble is None and "CUDAExecutionProvider" in runtime.get_available_providers()
    if not cuda:
        missing.append(
            f"onnxruntime {runtime.__version__}: without CUDA: pip uninstall onnxruntime &&"
            " pip install 'onnxruntime-gpu[cuda,cudnn]'"
        )
    return Found(device, library, cuda, missing)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
