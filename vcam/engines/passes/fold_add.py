"""A constant added to a convolution's result becomes part of its bias: the "1 + gamma" of each normalisation."""

from __future__ import annotations

import numpy as np
import onnx

from vcam.engines.graph import Graph, is_op

from .base import PassResult


def apply(model: onnx.ModelProto) -> PassResult:
    graph = Graph(model)
    changed = 0
    for node in list(graph.nodes):
        if not is_op(node, "Add"):
            continue
        for x, added in (node.input, reversed(node.input)):
            conv, value = graph.maker.get(x), graph.constant(added)
            if conv is None or value is None or not is_op(conv, "Conv") or graph.only_reader(x) is None:
                continue
            weight = graph.constant(conv.input[1])
            bias = graph.constant(conv.input[2]) if len(conv.input) > 2 else 0
            if weight is None or bias is None or not _one_a_channel(value, weight.shape[0], weight.ndim):
                continue
            total = np.broadcast_to(bias + value.reshape(-1), weight.shape[:1]).astype(weight.dtype)
            name = graph.add_constant(total, "folded_bias")
            del conv.input[2:]
            conv.input.append(name)
            graph.replace(node.output[0], x)
            changed += 1
            break
    return PassResult(graph.finish(), changed)


def _one_a_channel(value: np.ndarray, channels: int, rank: int) -> bool:
    """Whether ``value`` is a scalar or spreads over [N, C, ...] as one number a channel."""
    if value.size == 1:
        return value.ndim <= rank
    shape = (1,) * (rank - value.ndim) + value.shape
    return value.ndim <= rank and shape == (1, channels, *(1,) * (rank - 2))
