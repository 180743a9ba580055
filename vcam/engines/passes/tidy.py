"""Choices that are already made go: Where with a constant condition, Resize to the same size, Split into one."""

from __future__ import annotations

import onnx

from vcam.engines.graph import Graph, is_op
from vcam.engines.shapes import Shapes, infer_shapes

from .base import PassResult


def apply(model: onnx.ModelProto) -> PassResult:
    graph, shapes = Graph(model), infer_shapes(model)
    changed = 0
    for node in graph.nodes:
        chosen = _choice(graph, shapes, node)
        if chosen and shapes.static(chosen) == shapes.static(node.output[0]) and shapes.static(chosen) is not None:
            graph.replace(node.output[0], chosen)
            changed += 1
    return PassResult(graph.finish(), changed)


def _choice(graph: Graph, shapes: Shapes, node: onnx.NodeProto) -> str | None:
    """The input that the node only hands on, provided that the shape stays."""
    if is_op(node, "Where"):
        condition = graph.constant(node.input[0])
        if condition is not None and condition.size and (condition.all() or not condition.any()):
            return node.input[1] if condition.all() else node.input[2]
    if is_op(node, "Resize", "Upsample", "Identity"):
        return node.input[0]
    if is_op(node, "Split", "Concat") and len(node.input) == len(node.output) == 1:
        return node.input[0]
    return None
