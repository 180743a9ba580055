"""What the CUDA kernels do, by NumPy and OpenCV: what they are measured against, here and on a user's GPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.paste import Paster
from vcam.media import ByteArray, FloatArray

Array = npt.NDArray[Any]


def quantise(planes: FloatArray) -> ByteArray:
    """float32 [3, h, w] in 0..1 to uint8 [h, w, 3], rounded half to even; what is outside is clipped."""
    return np.rint(np.clip(planes, 0, 1) * np.float32(255)).astype(np.uint8).transpose(1, 2, 0)


def paste(crop: ByteArray, paster: Paster) -> ByteArray:
    """The crop in the paster's picture."""
    canvas = paster.picture.copy()
    paster.paste(crop, canvas)
    return canvas


def resize(picture: ByteArray, columns: int, rows: int) -> ByteArray:
    """As the stage does it."""
    how = cv2.INTER_AREA if columns < picture.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(picture, (columns, rows), interpolation=how).astype(np.uint8, copy=False)


def rgb_to_i420(picture: ByteArray) -> ByteArray:
    """uint8 [h, w, 3] to [h * 3 / 2, w], as the stage does it."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)


def ddim_step(
    x_start: FloatArray, pred_noise: FloatArray, noise: FloatArray, signal: float, direction: float
) -> FloatArray:
    """As ``Sampler`` does it."""
    made: FloatArray = x_start * np.float32(signal)
    made += pred_noise * np.float32(direction)
    made += noise
    return made


@dataclass(frozen=True, slots=True)
class Comparison:
    """``largest``: the greatest difference; ``allowed``: what it may be; ``differing``: the share that differs."""

    name: str
    largest: float
    allowed: float
    differing: float

    @property
    def good(self) -> bool:
        return self.largest <= self.allowed

    @classmethod
    def between(cls, name: str, made: Array, twin: Array, allowed: float) -> Comparison:
        if made.shape != twin.shape:
            return cls(name, float("inf"), allowed, 1.0)
        difference = np.abs(made.astype(np.float64) - twin.astype(np.float64))
        return cls(name, float(difference.max()), allowed, float(np.mean(difference > 0)))


def compare(
    device: Any, kernels: Any, stream: Any, sizes: Mapping[str, tuple[int, int]] | None = None
) -> list[Comparison]:
    """Every kernel against its twin on random data. ``device``, ``stream``: of cuda.py; ``kernels``: on the stream."""
    random = np.random.default_rng(5)
    bench = _Bench(device, stream)
    found = []
    columns, rows = (sizes or {}).get("picture", (1280, 720))
    side = 512

    planes = random.uniform(-0.1, 1.1, (3, side, side)).astype(np.float32)
    crop = bench.room(side * side * 3)
    kernels.quantise(bench.put(planes), crop, side * side)
    drawn = bench.get(crop, (side, side, 3), np.uint8)
    found.append(Comparison.between("quantise", drawn, quantise(planes), 0))

    picture = random.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    turned = np.array(((0.9, -0.2, columns * 0.2), (0.2, 0.9, -40.0), (0, 0, 1)), np.float32)
    paster = Paster(picture, turned)
    parts = paster.parts
    assert parts is not None
    canvas = bench.put(picture)
    data = [bench.put(item) for item in (parts.whole, parts.fraction, parts.mask, parts.rest)]
    kernels.paste(crop, side, *data, canvas, columns, parts.box)
    found.append(Comparison.between("paste", bench.get(canvas, picture.shape, np.uint8), paste(drawn, paster), 0))

    for wanted in ((columns * 3 // 4, rows * 3 // 4), (columns * 5 // 4, rows * 5 // 4)):
        target = bench.room(wanted[0] * wanted[1] * 3)
        kernels.resize(canvas, (columns, rows), target, wanted)
        made, source = bench.get(target, (wanted[1], wanted[0], 3), np.uint8), paste(drawn, paster)
        name = "resize_area" if wanted[0] < columns else "resize_bilinear"
        found.append(Comparison.between(name, made, resize(source, *wanted), 1))

    i420 = bench.room(columns * rows * 3 // 2)
    kernels.rgb_to_i420(canvas, i420, columns, rows)
    made = bench.get(i420, (rows * 3 // 2, columns), np.uint8)
    found.append(Comparison.between("rgb_to_i420", made, rgb_to_i420(paste(drawn, paster)), 0))

    start, direction, noise = (random.standard_normal((1, 80, 265)).astype(np.float32) for _ in range(3))
    x = bench.room(start.nbytes)
    kernels.ddim_step(bench.put(start), bench.put(direction), bench.put(noise), x, 0.83, 0.21, start.size)
    made = bench.get(x, start.shape, np.float32)
    found.append(Comparison.between("ddim_step", made, ddim_step(start, direction, noise, 0.83, 0.21), 0))
    return found


class _Bench:
    """Arrays to the device and back, one after the other."""

    def __init__(self, device: Any, stream: Any) -> None:
        self._device, self._stream = device, stream
        self._held: dict[int, Any] = {}

    def room(self, size: int) -> int:
        memory = self._device.alloc(size)
        self._held[memory.address] = memory
        address: int = memory.address
        return address

    def put(self, array: Array) -> int:
        contiguous = np.ascontiguousarray(array)
        address = self.room(contiguous.nbytes)
        self._stream.upload(address, contiguous)
        self._stream.synchronize()
        return address

    def get(self, address: int, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        made = np.empty(shape, dtype)
        self._stream.download(made, address)
        self._stream.synchronize()
        return made
