"""What a nearest up-sampling by whole numbers is, and the convolution behind it seen from the smaller size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from .graph import attributes, is_op
from .shapes import Shapes

Array = npt.NDArray[Any]

# Coordinate and rounding modes that pick floor(i / scale) for every whole-number scale.
_REPEATING = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}


def scales_of(node: onnx.NodeProto | None, shapes: Shapes) -> tuple[int, ...] | None:
    """The whole-number scale of each spatial axis, if the node repeats every value so often and does nothing else."""
    if node is None or not is_op(node, "Resize", "Upsample"):
        return None
    given = attributes(node)
    if given.get("mode", "nearest") != "nearest":
        return None
    if is_op(node, "Resize"):
        where = given.get("coordinate_transformation_mode", "half_pixel")
        if (where, given.get("nearest_mode", "round_prefer_floor")) not in _REPEATING:
            return None
    small, large = shapes.static(node.input[0]), shapes.static(node.output[0])
    if small is None or large is None or len(small) < 3 or small[:2] != large[:2]:
        return None
    if any(b % a for a, b in zip(small, large, strict=True)):
        return None
    scales = tuple(b // a for a, b in zip(small[2:], large[2:], strict=True))
    return scales if any(scale > 1 for scale in scales) else None


@dataclass(frozen=True, slots=True)
class Taps:
    """Which small-size cells one phase of an axis reads: from ``first`` to ``last``, relative to its own, and for each
    tap of the kernel the index of its cell among these.
    """

    first: int
    last: int
    cells: tuple[int, ...]


def phases(kernel: int, before: int, scale: int) -> list[Taps]:
    """For each of an axis's ``scale`` phases: the pixel ``scale * i + q`` under tap t shows the cell
    ``i + floor((q + t - before) / scale)``, where ``before`` is the padding at the axis's beginning.
    """
    found = []
    for phase in range(scale):
        cells = [(phase + tap - before) // scale for tap in range(kernel)]
        found.append(Taps(cells[0], cells[-1], tuple(cell - cells[0] for cell in cells)))
    return found


def phase_kernel(weight: Array, taps: Sequence[Taps]) -> Array:
    """``weight`` [out, in, taps...] with those taps of each axis added up that read the same cell."""
    made: Array = weight.astype(np.float64)
    for axis, item in enumerate(taps, start=2):
        shape = list(made.shape)
        shape[axis] = item.last - item.first + 1
        summed = np.zeros(shape)
        for tap, cell in enumerate(item.cells):
            index = [slice(None)] * made.ndim
            index[axis] = slice(cell, cell + 1)
            summed[tuple(index)] += np.take(made, [tap], axis)
        made = summed
    return made.astype(weight.dtype)


def transposed_kernel(weight: Array, scales: Sequence[int]) -> Array:
    """The kernel [in, out, taps + scale - 1...] of the transposed convolution that does up-sampling and convolution
    in one: each input value spreads over what its copies would have reached.
    """
    made: Array = np.flip(weight.astype(np.float64), tuple(range(2, weight.ndim)))
    for axis, scale in enumerate(scales, start=2):
        shape = list(made.shape)
        taps = shape[axis]
        shape[axis] = taps + scale - 1
        spread = np.zeros(shape)
        for copy in range(scale):
            index = [slice(None)] * made.ndim
            index[axis] = slice(copy, copy + taps)
            spread[tuple(index)] += made
        made = spread
    return np.ascontiguousarray(made.swapaxes(0, 1).astype(weight.dtype))
