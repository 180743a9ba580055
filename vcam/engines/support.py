"""Whether TensorRT's ONNX parser takes a graph: by its published list, as the parser itself needs a GPU's libraries.

The list is that of TensorRT 10.15 (docs/operators.md of github.com/onnx/onnx-tensorrt), opsets 9 to 24, as far as
graphs of Ditto's kind could use it. Types that no such graph has (BF16, FP8 and so on) are left out.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto

from .graph import Graph, attributes
from .shapes import Shapes, infer_shapes

OPSETS = range(9, 25)
_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16})
_NUMBERS = _FLOATS | {TensorProto.INT32, TensorProto.INT64}
_ANY = _NUMBERS | {TensorProto.BOOL}

_FOR_FLOATS = """
    AveragePool BatchNormalization Ceil Clip Conv ConvTranspose Cos CumSum Einsum Elu Erf Exp Floor Gemm
    GlobalAveragePool GlobalMaxPool GridSample GroupNormalization HardSigmoid HardSwish InstanceNormalization
    LayerNormalization LeakyRelu Log LogSoftmax MatMul MaxPool Mish PRelu Reciprocal Resize Round Sigmoid Sin
    Softmax Softplus Softsign Sqrt Tan Tanh
"""
_FOR_NUMBERS = """
    Abs Add ArgMax ArgMin DepthToSpace Div Equal Gelu Greater GreaterOrEqual Less LessOrEqual Max Min Mod Mul
    Neg Pad Pow Range ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
    Sign Sub TopK
"""
_FOR_ANY = """
    And Cast Concat Constant ConstantOfShape Expand Flatten Gather GatherElements GatherND Identity Not Or
    Reshape Shape Size Slice Split Squeeze Tile Transpose Unsqueeze Where Xor
"""
_OPERATORS: dict[str, frozenset[int]] = {
    **dict.fromkeys(_FOR_FLOATS.split(), _FLOATS),
    **dict.fromkeys(_FOR_NUMBERS.split(), _NUMBERS),
    **dict.fromkeys(_FOR_ANY.split(), _ANY),
}


def unsupported(model: onnx.ModelProto) -> list[str]:
    """What the parser would refuse, each as a clause; empty if nothing is known to stand in the way."""
    graph, shapes = Graph(model), infer_shapes(model)
    found = [] if graph.opset in OPSETS else [f"opset {graph.opset} is not among {OPSETS[0]} to {OPSETS[-1]}"]
    for node in graph.nodes:
        reason = _reason(graph, node, shapes)
        if reason:
            found.append(f"{node.op_type} {node.name or node.output[0]}: {reason}")
    return list(dict.fromkeys(found))


def _reason(graph: Graph, node: onnx.NodeProto, shapes: Shapes) -> str:
    if node.domain not in ("", "ai.onnx"):
        return f"the domain {node.domain} is not ONNX's"
    known = _OPERATORS.get(node.op_type)
    if known is None:
        return "TensorRT has no such operator"
    kind = shapes.kinds.get(node.input[0]) if node.input else None
    if kind is not None and kind not in known:
        return f"not for {TensorProto.DataType.Name(kind)}"
    rank = len(shapes.get(node.input[0], ())) if node.input else 0
    if node.op_type == "GridSample" and rank != 4:
        return "only in two dimensions"
    if node.op_type == "LayerNormalization" and sum(bool(name) for name in node.output) > 1:
        return "only with one output"
    if node.op_type in ("AveragePool", "MaxPool") and rank not in (4, 5):
        return "only in two or three dimensions"
    axes = node.input[1:2] if node.op_type.startswith("Reduce") else []
    if any(name and not graph.is_constant(name) for name in axes):
        return "axes must be constant"
    return _resize_reason(node) if node.op_type == "Resize" else ""


def _resize_reason(node: onnx.NodeProto) -> str:
    given = attributes(node)
    if given.get("mode", "nearest") not in ("nearest", "linear"):
        return f"the mode {given['mode']} is not known"
    if given.get("antialias", 0) or given.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        return "neither smoothing nor cropping is known"
    return ""
