"""Inputs get the sizes that the pipeline feeds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx

from vcam.engines.graph import Graph
from vcam.engines.shapes import set_shape, shape_of

from .base import PassError, PassResult


def apply(model: onnx.ModelProto, inputs: Mapping[str, Sequence[int | None]]) -> PassResult:
    """``inputs``: the wanted shapes, None for a size that stays as it is. Raises PassError where another is fixed."""
    graph = Graph(model)
    changed = 0
    made = graph.finish()
    for item in made.graph.input:
        if item.name not in inputs:
            continue
        found, wanted = shape_of(item), inputs[item.name]
        if found is not None and (
            len(found) != len(wanted)
            or any(a is not None and b is not None and a != b for a, b in zip(found, wanted, strict=True))
        ):
            raise PassError(f"the input {item.name} has the shape {list(found)}, not {list(wanted)}")
        kept = found or (None,) * len(wanted)
        sizes = [b if b is not None else a for a, b in zip(kept, wanted, strict=True)]
        if found is None or list(found) != sizes:
            set_shape(item, [size if size is not None else f"{item.name}_{i}" for i, size in enumerate(sizes)])
            changed += 1
    return PassResult(made, changed)
