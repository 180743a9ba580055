"""Random inputs that look like what a network sees: key points in -0.4..0.4, pictures in 0..1, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from .shapes import shape_of

Array = npt.NDArray[Any]
HUBERT_SAMPLES = 6480  # of one call at the usual chunk (3, 5, 2)
STEPS = 1000  # of the diffusion's schedule


def random_inputs(model: onnx.ModelProto, seed: int = 0, sizes: Mapping[str, int] | None = None) -> dict[str, Array]:
    """One set of inputs. ``sizes``: of dimensions left open, by input name; 6480 where not given."""
    random = np.random.default_rng(seed)
    weights = {tensor.name for tensor in model.graph.initializer}
    made = {}
    for item in model.graph.input:
        if item.name in weights:
            continue
        free = (sizes or {}).get(item.name, HUBERT_SAMPLES)
        shape = [free if size is None else size for size in shape_of(item) or ()]
        dtype = helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type)
        made[item.name] = _values(item.name, shape, dtype, random)
    return made


def _values(name: str, shape: list[int], dtype: np.dtype[Any], random: np.random.Generator) -> Array:
    if np.issubdtype(dtype, np.integer):
        return random.integers(0, STEPS, shape).astype(dtype)
    if name.startswith("kp_"):
        return random.uniform(-0.4, 0.4, shape).astype(dtype)
    if name in ("image", "input", "data"):
        return random.uniform(0, 1, shape).astype(dtype)
    spread = 0.1 if name == "input_values" else 1.0
    return (spread * random.standard_normal(shape)).astype(dtype)
