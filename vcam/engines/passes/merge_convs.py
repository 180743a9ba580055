"""Convolutions of the same input become one: a graphics processor is busy with many channels, not with many calls.

Only such are merged as are too small to fill one alone, by the size of their outputs; the others would only pay for
taking the result apart again.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import onnx

from vcam.engines.graph import Graph, attributes, is_op
from vcam.engines.shapes import Shapes, infer_shapes
from vcam.engines.upsampling import scales_of

from .base import PassResult

SMALL = 1 << 21  # values of one output: 128 tiles of 128x128, about one for each unit of a large processor
_NAME = "merged_conv"


def apply(model: onnx.ModelProto, small: int = SMALL) -> PassResult:
    graph, shapes = Graph(model), infer_shapes(model)
    groups: dict[tuple[object, ...], list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.nodes:
        key = _key(graph, node, shapes, small)
        if key is not None:
            groups[key].append(node)
    merged = 0
    for nodes in groups.values():
        if len(nodes) > 1:
            _merge(graph, nodes)
            merged += len(nodes)
    return PassResult(graph.finish(), merged)


def _key(graph: Graph, node: onnx.NodeProto, shapes: Shapes, small: int) -> tuple[object, ...] | None:
    """What must be alike for two convolutions to become one; None where the node is not to be merged."""
    if not is_op(node, "Conv") or attributes(node).get("group", 1) != 1:
        return None
    weight, out = graph.constant(node.input[1]), shapes.static(node.output[0])
    bias = len(node.input) > 2
    if weight is None or out is None or (bias and graph.constant(node.input[2]) is None):
        return None
    # up-sampling in front will be taken out of it, so the work is done at the smaller size
    before = scales_of(graph.maker.get(node.input[0]), shapes) or (1,)
    if math.prod(out) // math.prod(before) >= small:
        return None
    given = tuple(sorted((name, str(value)) for name, value in attributes(node).items()))
    return (node.input[0], given, weight.shape[1:], bias)


def _merge(graph: Graph, nodes: list[onnx.NodeProto]) -> None:
    weights = [graph.constant(node.input[1]) for node in nodes]
    joined = np.concatenate([weight for weight in weights if weight is not None])
    inputs = [nodes[0].input[0], graph.add_constant(joined, f"{_NAME}/weight")]
    if len(nodes[0].input) > 2:
        biases = [graph.constant(node.input[2]) for node in nodes]
        inputs.append(graph.add_constant(np.concatenate([b for b in biases if b is not None]), f"{_NAME}/bias"))
    y = graph.op("Conv", inputs, _NAME, **attributes(nodes[0]))
    ends = list(nodes)
    activations = [graph.only_reader(node.output[0]) for node in nodes]
    first = activations[0]
    if first is not None and all(_alike(first, other) for other in activations):
        y = graph.op(first.op_type, [y], _NAME, **attributes(first))
        ends = [node for node in activations if node is not None]
    sizes = graph.ints([weight.shape[0] for weight in weights if weight is not None], _NAME)
    parts = graph.add("Split", [y, sizes], _NAME, outputs=len(nodes), axis=1)
    for node, part in zip(ends, parts, strict=True):
        graph.replace(node.output[0], part)


def _alike(a: onnx.NodeProto, b: onnx.NodeProto | None) -> bool:
    """Whether both are the same activation, so that one before the taking apart does for all."""
    return b is not None and is_op(a, "Relu", "LeakyRelu") and is_op(b, a.op_type) and attributes(a) == attributes(b)
