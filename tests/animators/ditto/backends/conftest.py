from __future__ import annotations

from pathlib import Path

import pytest

from .emulated import compiler


@pytest.fixture(scope="session")
def kernel_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CUDA kernels for the CPU."""
    if compiler.COMPILER is None:
        pytest.skip("there is no C++ compiler")
    return compiler.compile_kernels(tmp_path_factory.mktemp("kernels"))
