"""The door to pycuda: the real pycuda over an emulated driver, and what is said where either is missing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vcam.animators.ditto.backends import cuda, cuda_graph
from vcam.errors import AnimatorError

from .emulated import compiler

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an emulated libcuda.so.1."""
    if find_spec("pycuda") is None:
        pytest.skip("pycuda is not installed")
    if compiler.COMPILER is None or shutil.which("nvcc") is None:
        pytest.skip("there is no C++ compiler, or no nvcc")
    return compiler.compile_kernels(tmp_path_factory.mktemp("driver"), driver=True).parent


def run(driver: Path, *arguments: str, **settings: str) -> dict[str, Any]:
    paths = os.pathsep.join(filter(None, (str(driver), os.environ.get("LD_LIBRARY_PATH", ""))))
    modules = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "LD_LIBRARY_PATH": paths, "PYTHONPATH": modules, "PYCUDA_CACHE_DIR": str(driver)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.animators.ditto.backends.emulated.real_pycuda", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env={**environment, **settings},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert "PyCUDA" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_kernels_are_compiled_and_launched(driver: Path) -> None:
    found = run(driver, "kernels")
    assert len(found) == 6
    assert all(largest <= allowed for largest, allowed in found.values()), found


def test_graphs_are_recorded_and_launched(driver: Path) -> None:
    found = run(driver, "graphs")
    assert found["seen"] == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 2, 4, 6, 8, 10, 12, 14]]
    closed, broken = found["errors"]
    assert "has been closed" in closed
    assert "capturing" in broken


def test_any_thread_may_work(driver: Path) -> None:
    found = run(driver, "threads")
    assert found["errors"] == []
    assert found["read"] == [0, 1, 2, 3]
    assert found["free"] == found["total"], "something was not freed"
    assert "closed" in found["closed"]


def test_what_is_forgotten_anywhere_is_freed_when_it_can_be(driver: Path) -> None:
    found = run(driver, "leaving")
    assert found == {"there": 4, "forgotten": 4, "left": 0, "warnings": []}  # a stream has an event of its own


def test_frames_one_by_one_and_together_and_diffusion(driver: Path, built_for_several: Path) -> None:
    found = run(driver, "chain", str(built_for_several))
    for frames, clips in found.values():
        assert frames <= 1
        assert clips < 1e-4


@pytest.mark.parametrize(
    ("settings", "index", "message", "hint"),
    [
        ({"EMULATED_GPUS": "0"}, "0", "There is no GPU", "nvidia-smi"),
        ({"EMULATED_GPUS": "1"}, "1", "no GPU 1: there is only one", "animator.ditto.gpu"),
        ({"EMULATED_GPUS": "2"}, "5", "no GPU 5: there are 2", "0 to 1"),
        ({"EMULATED_INIT": "803"}, "0", "driver is too old", "nvidia.com/drivers"),
        ({"EMULATED_CAPABILITY": "61"}, "0", "compute capability 6.1", "onnxruntime"),
        ({"EMULATED_MEMORY": "1000"}, "0", "memory of GPU 0, Emulated GPU, is full", "nvidia-smi"),
    ],
)
def test_trouble_is_explained(driver: Path, settings: dict[str, str], index: str, message: str, hint: str) -> None:
    found = run(driver, "trouble", index, **settings)
    assert message in found["message"]
    assert hint in found["hint"]


def test_a_missing_pycuda_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.delitem(sys.modules, "pycuda.driver", raising=False)
    with pytest.raises(AnimatorError, match="pycuda is not installed") as caught:
        cuda.load_driver()
    assert "pip install" in caught.value.hint


def test_a_missing_driver_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pycuda's import says it."""
    package = tmp_path / "pycuda"
    package.mkdir()
    (package / "__init__.py").touch()
    text = "libcuda.so.1: cannot open shared object file: No such file or directory"
    (package / "driver.py").write_text(f"raise ImportError({text!r})")
    for name in ("pycuda", "pycuda.driver"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AnimatorError, match="no NVIDIA driver") as caught:
        cuda.load_driver()
    assert "nvidia.com" in caught.value.hint
    assert "lite" in caught.value.hint
    monkeypatch.delitem(sys.modules, "pycuda", raising=False)


def test_without_pycuda_and_driver_it_is_really_so() -> None:
    """The real pycuda, where it is installed and there is no driver."""
    if find_spec("pycuda") is None:
        pytest.skip("pycuda is not installed")
    try:
        found: ModuleType | None = cuda.load_driver()
    except AnimatorError as error:
        assert "no NVIDIA driver" in error.message  # noqa: PT017
    else:
        assert hasattr(found, "Device")


def test_the_graph_functions_are_those_of_cudas_header() -> None:
    header = next((path for path in Path("/usr/local").glob("cuda*/include/cuda.h")), None)
    if header is None:
        pytest.skip("there is no cuda.h")
    text = header.read_text(errors="replace")
    for name, arguments in cuda_graph.SIGNATURES.items():
        plain = name.removesuffix("_v2").removesuffix("WithFlags")  # the header's macros add these
        declared = re.search(rf"CUresult CUDAAPI (?:{name}|{plain})\(([^)]*)\)", text)
        assert declared, name
        assert declared[1].count(",") + 1 == len(arguments), declared[0]
