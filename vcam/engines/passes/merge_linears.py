"""Matrix products of one input with different weights, and the biases behind them, become one product.

In lmdm: the scales and shifts of all layers, the keys and values of all layers, queries and keys of a self-attention.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import onnx

from vcam.engines.graph import Array, Graph, is_op
from vcam.engines.shapes import infer_shapes

from .base import PassResult

_NAME = "merged_linear"


def apply(model: onnx.ModelProto) -> PassResult:
    graph, shapes = Graph(Graph(model).finish()), infer_shapes(model)
    groups: dict[tuple[str, int], list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.nodes:
        weight = graph.constant(node.input[1]) if is_op(node, "MatMul") else None
        if weight is not None and weight.ndim == 2 and not graph.is_constant(node.input[0]):
            groups[node.input[0], weight.shape[0]].append(node)
    merged = 0
    for nodes in groups.values():
        rank = len(shapes.get(nodes[0].output[0], ()))
        if len(nodes) > 1 and rank >= 2:
            _merge(graph, nodes, rank)
            merged += len(nodes)
    return PassResult(graph.finish(), merged)


def _merge(graph: Graph, nodes: list[onnx.NodeProto], rank: int) -> None:
    weights = [_required(graph, node.input[1]) for node in nodes]
    y = graph.op("MatMul", [nodes[0].input[0], graph.add_constant(np.concatenate(weights, 1), _NAME)], _NAME)
    ends = [node.output[0] for node in nodes]
    adds = [_bias(graph, node, weight.shape[1]) for node, weight in zip(nodes, weights, strict=True)]
    biases = [bias for bias in adds if bias is not None]
    if len(biases) == len(nodes):
        y = graph.op("Add", [y, graph.add_constant(np.concatenate([bias for _, bias in biases]), _NAME)], _NAME)
        ends = [node.output[0] for node, _ in biases]
    sizes = graph.ints([weight.shape[1] for weight in weights], _NAME)
    parts = graph.add("Split", [y, sizes], _NAME, outputs=len(nodes), axis=rank - 1)
    for end, part in zip(ends, parts, strict=True):
        graph.replace(end, part)


def _required(graph: Graph, name: str) -> Array:
    value = graph.constant(name)
    assert value is not None
    return value


def _bias(graph: Graph, node: onnx.NodeProto, size: int) -> tuple[onnx.NodeProto, Array] | None:
    """The addition of one number a column right behind a product, if nothing else reads the product."""
    add = graph.only_reader(node.output[0])
    if add is None or not is_op(add, "Add"):
        return None
    for name in add.input:
        value = graph.constant(name)
        if value is not None and value.shape == (size,):
            return add, value
    return None
