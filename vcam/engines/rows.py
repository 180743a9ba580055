"""Which operators treat the slices of a tensor along one axis apart, so that they can work on a part of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from .graph import Graph, attributes, is_op
from .shapes import Shapes

_UNARY = {
    *("Abs", "Cast", "Ceil", "Clip", "Cos", "Erf", "Exp", "Floor", "Gelu", "Identity", "LeakyRelu", "Log", "Neg"),
    *("Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Tanh"),
}
_BINARY = {"Add", "Sub", "Mul", "Div", "Pow"}


@dataclass(frozen=True, slots=True)
class Rows:
    """A tensor made of parts along ``axis``, of these sizes."""

    axis: int
    parts: tuple[str, ...]
    sizes: tuple[int, ...]


def divide(graph: Graph, node: onnx.NodeProto, rows: dict[str, Rows], shapes: Shapes) -> list[Rows] | None:
    """Do ``node`` for each part: new nodes in ``graph``, and its outputs as rows; None if it cannot be divided."""
    first = next(rows[name] for name in node.input if name in rows)
    axis = _axis_after(graph, node, rows, shapes)
    if axis is None:
        return None
    outputs: list[list[str]] = [[] for _ in node.output]
    chosen = []
    for part in range(len(first.parts)):
        inputs = _inputs_for(graph, node, rows, shapes, part, axis)
        if inputs is None:
            return None
        chosen.append(inputs)
    for inputs in chosen:
        names = graph.add(node.op_type, inputs, "rows", outputs=len(node.output), **attributes(node))
        for found, name in zip(outputs, names, strict=True):
            found.append(name)
    return [Rows(axis, tuple(names), first.sizes) for names in outputs]


def _axis_after(graph: Graph, node: onnx.NodeProto, rows: dict[str, Rows], shapes: Shapes) -> int | None:
    """The axis of the outputs that the rows lie on, if the operator keeps them apart."""
    first = rows.get(node.input[0])
    if node.domain not in ("", "ai.onnx"):
        return None
    if node.op_type in _BINARY:
        return _axis_of_binary(node, rows, shapes)
    if first is None or any(name in rows for name in node.input[1:] if node.op_type != "Concat"):
        return None
    rank = len(shapes.get(node.input[0], ()))
    given = attributes(node)
    if node.op_type in _UNARY:
        return first.axis
    if is_op(node, "MatMul"):
        return first.axis if first.axis == rank - 2 and len(shapes.get(node.input[1], ())) == 2 else None
    if is_op(node, "LayerNormalization"):
        return first.axis if first.axis < given.get("axis", -1) % rank and len(node.output) == 1 else None
    if is_op(node, "Transpose"):
        return list(given["perm"]).index(first.axis)
    if is_op(node, "Reshape"):
        return _axis_of_reshape(graph, node, first, shapes)
    if is_op(node, "Split", "Gather"):
        away = given.get("axis", 0) % rank != first.axis
        plain = is_op(node, "Split") or (graph.constant(node.input[1]) is not None)
        if not away or not plain:
            return None
        index = graph.constant(node.input[1]) if is_op(node, "Gather") else None
        taken = 0 if index is None else index.ndim - 1
        return first.axis + (taken if given.get("axis", 0) % rank < first.axis else 0)
    if is_op(node, "Concat"):
        others = [rows.get(name) for name in node.input]
        alike = all(o is not None and (o.axis, o.sizes) == (first.axis, first.sizes) for o in others)
        return first.axis if alike and given["axis"] % rank != first.axis else None
    if is_op(node, "Unsqueeze", "Squeeze"):
        return _axis_of_squeeze(graph, node, first, shapes)
    return None


def _axis_of_binary(node: onnx.NodeProto, rows: dict[str, Rows], shapes: Shapes) -> int | None:
    out = shapes.static(node.output[0])
    if out is None:
        return None
    axes = set()
    for name in node.input:
        if name in rows:
            axes.add(rows[name].axis + len(out) - len(shapes[name]))
    return axes.pop() if len(axes) == 1 else None


def _axis_of_reshape(graph: Graph, node: onnx.NodeProto, first: Rows, shapes: Shapes) -> int | None:
    before, after = shapes.static(node.input[0]), shapes.static(node.output[0])
    if before is None or after is None or graph.constant(node.input[1]) is None:
        return None
    for axis, size in enumerate(after):
        if size == before[first.axis] and math.prod(after[:axis]) == math.prod(before[: first.axis]):
            return axis
    return None


def _axis_of_squeeze(graph: Graph, node: onnx.NodeProto, first: Rows, shapes: Shapes) -> int | None:
    axes = graph.constant(node.input[1]) if len(node.input) > 1 else None
    if axes is None:
        return None
    if is_op(node, "Squeeze"):
        rank = len(shapes[node.input[0]])
        gone = {int(axis) % rank for axis in axes.reshape(-1)}
        return first.axis - sum(axis < first.axis for axis in gone)
    rank = len(shapes[node.input[0]]) + axes.size
    new = {int(axis) % rank for axis in axes.reshape(-1)}
    return [axis for axis in range(rank) if axis not in new][first.axis]


def _inputs_for(
    graph: Graph, node: onnx.NodeProto, rows: dict[str, Rows], shapes: Shapes, part: int, axis: int
) -> list[str] | None:
    """What the operator reads for one part: parts of rows, slices of constants that lie along the axis, the rest."""
    first = next(rows[name] for name in node.input if name in rows)
    if is_op(node, "Reshape"):
        shape = list(shapes.static(node.output[0]) or ())
        shape[axis] = first.sizes[part]
        return [first.parts[part], graph.ints(shape, "rows")]
    found = []
    for name in node.input:
        if name in rows:
            if rows[name].sizes != first.sizes:
                return None
            found.append(rows[name].parts[part])
            continue
        whole = name if node.op_type not in _BINARY else _slice(graph, node, name, shapes, first.sizes, part, axis)
        if whole is None:
            return None
        found.append(whole)
    return found


def _slice(
    graph: Graph, node: onnx.NodeProto, name: str, shapes: Shapes, sizes: Sequence[int], part: int, axis: int
) -> str | None:
    """The part of another operand that meets this part of the rows."""
    shape = shapes.static(name)
    if shape is None:
        return None
    own = axis - (len(shapes[node.output[0]]) - len(shape))
    if own < 0 or shape[own] == 1:
        return name
    value = graph.constant(name)
    if value is None:
        return None
    start = sum(sizes[:part])
    return graph.add_constant(value.take(range(start, start + sizes[part]), own), "rows/constant", value.dtype)
