"""Numbers become float16 where that is safe; inputs and outputs stay float32. The graph itself then says every type,
as strongly typed TensorRT networks want it.

The conversion is onnxruntime's own. Kept in float32:

- soft-max, norms and what they are made of (``KEPT``);
- everything made of key points alone: grids, motions, heat maps;
- everything between the last convolution or matrix product and the places where a volume is sampled, and the
  sampling's own arithmetic (see gridsample3d).

The converter rounds each kept operator's result and widens it again for the next; such pairs of casts are taken out.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection

import onnx

from vcam.engines.graph import Graph, attributes, is_op
from vcam.engines.shapes import infer_shapes

from . import deduplicate
from .base import PassError, PassResult
from .gridsample3d import DATA, GRID

KEPT = (
    *("Softmax", "LogSoftmax", "InstanceNormalization", "LayerNormalization", "GroupNormalization"),
    *("ReduceMean", "ReduceSum", "ReduceL2", "ReduceSumSquare", "ReduceProd", "Exp", "Log", "Pow", "Sqrt"),
    *("Reciprocal", "Sin", "Cos", "Range", "CumSum", "TopK", "NonMaxSuppression", "GridSample", "RoiAlign"),
)
_HEAVY = ("Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum")
_FLOAT, _HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


def apply(model: onnx.ModelProto, coordinates: Collection[str] = ("kp_source", "kp_driving")) -> PassResult:
    """``coordinates``: inputs that are places in the picture."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    graph = Graph(Graph(model).finish())
    _name_all(graph)
    kept = _kept(graph, coordinates)
    named = graph.finish()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one for every weight below the smallest float16
        half = convert_float_to_float16(
            _typed(named), keep_io_types=True, disable_shape_infer=True, op_block_list=[], node_block_list=sorted(kept)
        )
    half = deduplicate.apply(_without_detours(half)).model
    total = len(half.graph.node)
    casts = sum(node.op_type == "Cast" for node in half.graph.node)
    notes = (f"{len(kept)} of {total - casts} operators stay float32, {casts} casts",)
    return PassResult(half, total - casts - len(kept), notes)


def _name_all(graph: Graph) -> None:
    """The converter chooses operators by name."""
    seen: set[str] = set()
    for i, node in enumerate(graph.nodes):
        if not node.name or node.name in seen:
            node.name = f"{node.name or node.op_type}#{i}"
        seen.add(node.name)


def _typed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the types of all values, without which the converter knows no casts."""
    shapes = infer_shapes(model)
    known = {item.name for item in (*model.graph.input, *model.graph.output)}
    for node in model.graph.node:
        for name in node.output:
            if name in known or not name:
                continue
            if name not in shapes.kinds:
                raise PassError(f"the type of {name}, made by {node.op_type} {node.name}, is not known")
            shape = shapes.get(name)
            made = onnx.helper.make_tensor_value_info(name, shapes.kinds[name], None if shape is None else [*shape])
            model.graph.value_info.append(made)
    return model


def _kept(graph: Graph, coordinates: Collection[str]) -> set[str]:
    """Names of the operators that stay float32."""
    places = set(coordinates) & set(graph.inputs)
    kept = set()
    for node in graph.nodes:
        moves_samples = node.name.startswith(DATA)
        alone = all(name in places or graph.is_constant(name) for name in node.input if name)
        if alone and any(name in places for name in node.input) and not is_op(node, *_HEAVY) and not moves_samples:
            places.update(node.output)
            kept.add(node.name)
        elif node.name.startswith(GRID) or (is_op(node, *KEPT) and not moves_samples):
            kept.add(node.name)
    pending = [name for node in graph.nodes if node.name.startswith(GRID) for name in node.input]
    pending += [name for node in graph.nodes if is_op(node, "GridSample") for name in node.input[1:2]]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        maker = graph.maker.get(name)
        if name in seen or maker is None or is_op(maker, *_HEAVY) or maker.name.startswith(DATA):
            continue
        seen.add(name)
        kept.add(maker.name)
        pending += maker.input
    return kept


def _without_detours(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float32 value that was rounded to float16 and widened again for a kept operator is read as it was."""
    graph = Graph(model)
    for node in graph.nodes:
        if not is_op(node, "Cast") or attributes(node)["to"] != _FLOAT:
            continue
        narrow = graph.maker.get(node.input[0])
        if is_op(narrow, "Cast") and narrow is not None and attributes(narrow)["to"] == _HALF:
            graph.replace(node.output[0], narrow.input[0])
    return graph.finish()
