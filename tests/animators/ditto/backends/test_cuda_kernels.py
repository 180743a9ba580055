"""The kernels' arithmetic: the same source, compiled for the CPU, against OpenCV and NumPy."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vcam.animators.ditto.backends import cuda_twins as twins
from vcam.animators.ditto.backends.cuda_kernels import FORMATS, Kernels, over_line, over_picture, source
from vcam.animators.ditto.paste import Paster

from .emulated.device import Device

NVCC = shutil.which("nvcc")
_CODES = {"int": "i", "float": "f"}


@pytest.fixture
def device(kernel_library: Path) -> Device:
    return Device(kernel_library)


def kernels_on(device: Device) -> Kernels:
    return Kernels(device.stream(), device.compile(source(), FORMATS))


def test_the_table_of_arguments_is_that_of_the_source() -> None:
    found = {}
    for name, arguments in re.findall(r"__global__ void (\w+)\(([^)]*)\)", source()):
        kinds = [" ".join(item.split()[:-1]) if "*" not in item else "*" for item in arguments.split(",")]
        found[name] = "".join("P" if kind == "*" else _CODES[kind] for kind in kinds)
    assert found == FORMATS


def test_grids_cover_everything() -> None:
    for count in (1, 256, 257):
        (blocks, _, _), (threads, _, _) = over_line(count)
        assert count <= blocks * threads < count + threads
    grid, block = over_picture(1281, 719)
    assert grid[0] * block[0] >= 1281
    assert grid[1] * block[1] >= 719


@pytest.mark.parametrize("size", [(1280, 720), (642, 362)])
def test_every_kernel_does_as_its_twin(device: Device, size: tuple[int, int]) -> None:
    found = twins.compare(device, kernels_on(device), device.stream(), {"picture": size})
    assert {one.name for one in found} == set(FORMATS)
    assert all(one.good for one in found), found


@pytest.mark.parametrize("turn", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7])
def test_pasting_is_opencvs_to_the_bit(device: Device, turn: float, scale: float) -> None:
    random = np.random.default_rng(2)
    picture = random.integers(0, 256, (300, 400, 3)).astype(np.uint8)
    crop = random.integers(0, 256, (512, 512, 3)).astype(np.uint8)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    paster = Paster(picture, np.array(((cos, -sin, 40.3), (sin, cos, -30.7), (0, 0, 1)), np.float32))
    parts = paster.parts
    assert parts is not None
    stream = device.stream()
    put = _putter(device)
    canvas = put(picture)
    kernels_on(device).paste(
        put(crop), 512, put(parts.whole), put(parts.fraction), put(parts.mask), put(parts.rest), canvas, 400, parts.box
    )
    made = np.empty_like(picture)
    stream.download(made, canvas)
    np.testing.assert_array_equal(made, twins.paste(crop, paster))


def test_every_colour_converts_as_opencv_does(device: Device) -> None:
    levels = np.arange(0, 256, 5).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3)
    picture = np.repeat(np.repeat(colours[: 52 * 52 * 52].reshape(52, -1, 3), 2, 0), 2, 1).copy()
    rows, columns = picture.shape[:2]
    i420 = device.alloc(rows * columns * 3 // 2)
    kernels_on(device).rgb_to_i420(_putter(device)(picture), i420.address, columns, rows)
    made = np.empty((rows * 3 // 2, columns), np.uint8)
    device.stream().download(made, i420.address)
    np.testing.assert_array_equal(made, twins.rgb_to_i420(picture))


def test_odd_pictures_are_refused(device: Device) -> None:
    with pytest.raises(ValueError, match="even"):
        kernels_on(device).rgb_to_i420(0, 0, 641, 480)


@pytest.mark.skipif(NVCC is None, reason="there is no nvcc")
@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
def test_the_source_compiles_for_gpus(tmp_path: Path, architecture: str) -> None:
    code, made = tmp_path / "kernels.cu", tmp_path / "kernels.cubin"
    code.write_text(source())
    assert NVCC is not None
    command = [NVCC, "-cubin", f"-arch={architecture}", "-Werror", "all-warnings", str(code), "-o", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    names = made.read_bytes()
    assert all(name.encode() in names for name in FORMATS)


def _putter(device: Device) -> Callable[[np.ndarray], int]:
    def put(array: np.ndarray) -> int:
        memory = device.alloc(array.nbytes)
        device.stream().upload(memory.address, np.ascontiguousarray(array))
        return memory.address

    return put
