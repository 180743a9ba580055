"""Inputs get fixed sizes, all but those named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx

from vcam.engines.graph import Graph
from vcam.engines.shapes import set_shape, shape_of

from .base import PassError, PassResult


def apply(model: onnx.ModelProto, inputs: Mapping[str, Sequence[int | None]]) -> PassResult:
    """``inputs``: the wanted shapes, None for a size that stays open. Raises PassError where the graph has another."""
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
        named = [size if size is not None else f"{item.name}_{i}" for i, size in enumerate(wanted)]
        if found is None or tuple(found) != tuple(wanted):
            set_shape(item, named)
            changed += 1
    return PassResult(made, changed)
