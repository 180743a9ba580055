"""Instance normalisation behind nearest up-sampling moves before it: each value is repeated equally often, so mean
and variance are the same, of a quarter of the values or less.
"""

from __future__ import annotations

import onnx

from vcam.engines.graph import Graph, is_op
from vcam.engines.shapes import infer_shapes
from vcam.engines.upsampling import scales_of

from .base import PassResult


def apply(model: onnx.ModelProto) -> PassResult:
    graph, shapes = Graph(model), infer_shapes(model)
    changed = 0
    for node in list(graph.nodes):
        if not is_op(node, "InstanceNormalization"):
            continue
        resize = graph.maker.get(node.input[0])
        if resize is None or scales_of(resize, shapes) is None:
            continue
        norm = onnx.NodeProto()
        norm.CopyFrom(node)
        norm.input[0] = resize.input[0]
        norm.name = norm.output[0] = f"{node.output[0]}/before_upsampling"
        again = onnx.NodeProto()
        again.CopyFrom(resize)
        again.input[0] = norm.output[0]
        again.name = again.output[0] = f"{node.output[0]}/upsampled"
        graph.nodes += [norm, again]
        graph.replace(node.output[0], again.output[0])
        changed += 1
    return PassResult(graph.finish(), changed)
