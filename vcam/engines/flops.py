"""What a graph costs: two operations for each multiply-accumulate of a convolution or matrix product."""

from __future__ import annotations

import math
from collections import Counter

import onnx

from .graph import attributes, is_op
from .samples import HUBERT_SAMPLES
from .shapes import Shapes, fixed_inputs, infer_shapes, set_shape, skeleton


def count_flops(model: onnx.ModelProto, free: int = HUBERT_SAMPLES) -> int:
    """The whole graph's, once through; ``free``: for sizes of inputs that are open. Raises ValueError if a size of
    something to count is not known.
    """
    return sum(flops_by_operator(model, free).values())


def flops_by_operator(model: onnx.ModelProto, free: int = HUBERT_SAMPLES) -> Counter[str]:
    light, inputs = skeleton(model), fixed_inputs(model)
    for item in light.graph.input:
        if None in inputs.get(item.name, ()):
            set_shape(item, [free if size is None else size for size in inputs[item.name]])
    shapes = infer_shapes(light)
    counts: Counter[str] = Counter()
    for node in model.graph.node:
        if is_op(node, *_COUNTERS):
            counts[node.op_type] += 2 * _COUNTERS[node.op_type](node, shapes)
    return counts


def count_parameters(model: onnx.ModelProto) -> int:
    """Values in floating-point constants."""
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16)
    return sum(math.prod(tensor.dims) for tensor in model.graph.initializer if tensor.data_type in floats)


def _static(node: onnx.NodeProto, name: str, shapes: Shapes) -> tuple[int, ...]:
    shape = shapes.static(name)
    if shape is None:
        raise ValueError(f"the size of {name}, at {node.op_type} {node.name}, is not known")
    return shape


def _conv(node: onnx.NodeProto, shapes: Shapes) -> int:
    return math.prod(_static(node, node.output[0], shapes)) * math.prod(_static(node, node.input[1], shapes)[1:])


def _conv_transpose(node: onnx.NodeProto, shapes: Shapes) -> int:
    return math.prod(_static(node, node.input[0], shapes)) * math.prod(_static(node, node.input[1], shapes)[1:])


def _matmul(node: onnx.NodeProto, shapes: Shapes) -> int:
    return math.prod(_static(node, node.output[0], shapes)) * _static(node, node.input[0], shapes)[-1]


def _gemm(node: onnx.NodeProto, shapes: Shapes) -> int:
    shared = _static(node, node.input[0], shapes)[0 if attributes(node).get("transA") else 1]
    return math.prod(_static(node, node.output[0], shapes)) * shared


def _einsum(node: onnx.NodeProto, shapes: Shapes) -> int:
    terms = attributes(node)["equation"].replace(" ", "").split("->")[0].split(",")
    if any("." in term for term in terms):
        raise ValueError(f"{node.name}: an Einsum with an ellipsis is not counted")
    sizes = {
        letter: size
        for term, name in zip(terms, node.input, strict=True)
        for letter, size in zip(term, _static(node, name, shapes), strict=True)
    }
    return math.prod(sizes.values())


_COUNTERS = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Einsum": _einsum,
}
