"""What is read from NVIDIA's driver, on a driver of a few lines of C."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vcam.animators.ditto.backends.nvidia import why_not

from .emulated import compiler

_DRIVER = """
#include <cstdlib>
static int told(const char *name) { return std::atoi(std::getenv(name)); }
extern "C" int cuInit(unsigned) { return told("TOLD_INIT"); }
extern "C" int cuDriverGetVersion(int *version) { *version = told("TOLD_VERSION"); return 0; }
extern "C" int cuDeviceGetCount(int *count) { *count = told("TOLD_COUNT"); return 0; }
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> str:
    if compiler.COMPILER is None:
        pytest.skip("there is no C++ compiler")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.cpp").write_text(_DRIVER)
    library = folder / "libtold.so"
    subprocess.run([compiler.COMPILER, "-shared", "-fPIC", "-o", library, folder / "driver.cpp"], check=True)
    return str(library)


@pytest.mark.parametrize(
    ("init", "version", "count", "index", "needed", "message", "hint"),
    [
        (0, 12040, 0, 0, "", "no GPU that CUDA can use", "nvidia-smi"),
        (100, 12040, 0, 0, "", "no GPU that CUDA can use", "lite"),
        (0, 12040, 1, 2, "", "no GPU 2: there is only one, GPU 0", "from 0 to 0"),
        (0, 12040, 3, 3, "", "no GPU 3: there are 3, from 0 on", "from 0 to 2"),
        (0, 12040, 1, 0, "13.0", "too old: it knows CUDA up to 12.4, and CUDA 13.0 is needed", "drivers"),
        (35, 11020, 1, 0, "", "too old: it knows CUDA up to 11.2.", "drivers"),
        (803, 12040, 1, 0, "12.8", "too old", "drivers"),
        (999, 12040, 1, 0, "12.8", "does not start (error 999)", "Restart"),
    ],
)
def test_each_trouble_is_told(
    driver: str,
    monkeypatch: pytest.MonkeyPatch,
    init: int,
    version: int,
    count: int,
    index: int,
    needed: str,
    message: str,
    hint: str,
) -> None:
    for name, value in (("INIT", init), ("VERSION", version), ("COUNT", count)):
        monkeypatch.setenv(f"TOLD_{name}", str(value))
    found = why_not(index, needed, driver)
    assert found is not None
    assert message in found[0]
    assert hint in found[1]


def test_minor_versions_go_together(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("INIT", 0), ("VERSION", 12020), ("COUNT", 2)):
        monkeypatch.setenv(f"TOLD_{name}", str(value))
    assert why_not(1, "12.8", driver) is None
    assert why_not(0, "", driver) is None


def test_no_driver_at_all(tmp_path: Path) -> None:
    found = why_not(0, "", str(tmp_path / "libcuda.so.1"))
    assert found is not None
    assert "no NVIDIA driver" in found[0]
    assert "nvidia.com/drivers" in found[1]
