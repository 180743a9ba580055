"""The project's own CUDA kernels: what each takes, and how it is laid out over the GPU."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

#: The types of each kernel's arguments, by the codes of ``struct``: P a device address, i int32, f float32.
FORMATS: Mapping[str, str] = {
    "quantise": "PPi",
    "paste": "PPPPPPiiiiii",
    "resize_bilinear": "PPiiii",
    "resize_area": "PPiiii",
    "rgb_to_i420": "PPii",
    "ddim_step": "PPPPffi",
}
_LINE = 256  # threads of a block over one axis
_TILE = (32, 8)  # over two: a warp reads neighbouring pixels

Size3 = tuple[int, int, int]


def source() -> str:
    """CUDA C, every kernel ``extern "C"``."""
    return files(__package__).joinpath("cuda_kernels.cu").read_text(encoding="utf-8")


def over_line(count: int) -> tuple[Size3, Size3]:
    """Grid and block for ``count`` values."""
    return (-(-count // _LINE), 1, 1), (_LINE, 1, 1)


def over_picture(columns: int, rows: int) -> tuple[Size3, Size3]:
    """Grid and block for a picture."""
    return (-(-columns // _TILE[0]), -(-rows // _TILE[1]), 1), (*_TILE, 1)


class Kernels:
    """The kernels on one stream; every call returns at once. ``functions``: of ``CudaDevice.compile``."""

    def __init__(self, stream: Any, functions: Mapping[str, Any]) -> None:
        self._stream, self._functions = stream, functions

    def quantise(self, planes: int, picture: int, pixels: int) -> None:
        self._launch("quantise", over_line(pixels), planes, picture, pixels)

    def paste(
        self,
        crop: int,
        side: int,
        whole: int,
        part: int,
        mask: int,
        rest: int,
        canvas: int,
        width: int,
        box: tuple[int, int, int, int],
    ) -> None:
        """``box``: left, top, columns, rows on a canvas of this width."""
        left, top, columns, rows = box
        where = over_picture(columns, rows)
        self._launch("paste", where, crop, whole, part, mask, rest, canvas, side, columns, rows, left, top, width)

    def resize(self, source: int, size: tuple[int, int], target: int, wanted: tuple[int, int]) -> None:
        """Sizes as (columns, rows). Shrinks by the mean, enlarges by interpolation, as the stage does."""
        name = "resize_area" if wanted[0] < size[0] else "resize_bilinear"
        self._launch(name, over_picture(*wanted), source, target, *size, *wanted)

    def rgb_to_i420(self, picture: int, i420: int, columns: int, rows: int) -> None:
        """Raises ValueError for odd sizes."""
        if columns % 2 or rows % 2:
            raise ValueError(f"I420 has even sizes, not {columns}x{rows}")
        self._launch("rgb_to_i420", over_picture(columns // 2, rows // 2), picture, i420, columns, rows)

    def ddim_step(
        self, x_start: int, pred_noise: int, noise: int, x: int, signal: float, direction: float, count: int
    ) -> None:
        self._launch("ddim_step", over_line(count), x_start, pred_noise, noise, x, signal, direction, count)

    def _launch(self, name: str, where: tuple[Size3, Size3], *arguments: float) -> None:
        self._stream.launch(self._functions[name], *where, arguments)
