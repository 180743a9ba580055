"""Two branches that do the same with different values become one that does it for a batch of two.

lmdm runs its decoder with and without the condition, one after the other, in small operators that leave a graphics
processor mostly idle. Where both are subtracted from each other, the two sides are followed back together for as
long as they are made by the same operators with the same weights; what they differ in is stacked along the first
axis. The cost in operations stays, half the calls go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from vcam.engines.graph import Graph, attributes, is_op
from vcam.engines.shapes import Shapes, infer_shapes

from .base import PassResult

_WORTH = 4  # matrix products that must be shared
_NAME = "pair"
_SAME_SHAPE = {
    *("Abs", "Cast", "Clip", "Cos", "Erf", "Exp", "Gelu", "Identity", "LeakyRelu", "Log", "Neg", "Reciprocal"),
    *("Relu", "Sigmoid", "Sin", "Softplus", "Sqrt", "Tanh"),
}
_BINARY = {"Add", "Sub", "Mul", "Div", "Pow"}
_ALONG_AXIS = {"Softmax", "LayerNormalization", "Split", "Concat", "Gather"}

Pair = tuple[str, str]


@dataclass(slots=True)
class _Match:
    """``twins``: by pair of values, the two nodes that make it. Pairs not in it are to be stacked as they are."""

    twins: dict[Pair, tuple[onnx.NodeProto, onnx.NodeProto]]

    def worth(self) -> int:
        return len({id(a) for a, _ in self.twins.values() if a.op_type == "MatMul"})


def apply(model: onnx.ModelProto) -> PassResult:
    graph, shapes = Graph(Graph(model).finish()), infer_shapes(model)
    best: tuple[int, onnx.NodeProto, _Match] | None = None
    for node in graph.nodes:
        if is_op(node, "Sub") and not any(graph.is_constant(name) for name in node.input):
            match = _follow(graph, shapes, (node.input[0], node.input[1]))
            if match.worth() >= _WORTH and (best is None or match.worth() > best[0]):
                best = (match.worth(), node, match)
    if best is None:
        return PassResult(graph.finish(), 0)
    _, node, match = best
    pair = (node.input[0], node.input[1])
    stacked = _build(graph, shapes, match, pair)
    first, second = graph.add("Split", [stacked, graph.ints([1, 1], _NAME)], _NAME, outputs=2, axis=0)
    graph.replace(pair[0], first)
    graph.replace(pair[1], second)
    nodes = len({id(a) for a, _ in match.twins.values()})
    return PassResult(graph.finish(), nodes)


def _follow(graph: Graph, shapes: Shapes, start: Pair) -> _Match:
    """Back from ``start`` along both sides."""
    match = _Match({})
    pending, seen = [start], {start}
    while pending:
        pair = pending.pop()
        twins = _twins(graph, shapes, pair)
        if twins is None:
            continue
        match.twins[pair] = twins
        for inner in zip(twins[0].input, twins[1].input, strict=True):
            if inner[0] != inner[1] and inner not in seen:
                seen.add(inner)
                pending.append(inner)
    return match


def _twins(graph: Graph, shapes: Shapes, pair: Pair) -> tuple[onnx.NodeProto, onnx.NodeProto] | None:
    """The nodes that make both values, if one node could make both at once."""
    a, b = graph.maker.get(pair[0]), graph.maker.get(pair[1])
    if a is None or b is None or a is b or a.op_type != b.op_type or len(a.input) != len(b.input):
        return None
    if attributes(a) != attributes(b) or list(a.output).index(pair[0]) != list(b.output).index(pair[1]):
        return None
    differ = [x != y for x, y in zip(a.input, b.input, strict=True)]
    sizes = [shapes.static(name) for name in (*a.input, a.output[0]) if name]
    if any(size is None for size in sizes) or any(
        shapes.static(x) != shapes.static(y) for x, y in zip((*a.input, *a.output), (*b.input, *b.output), strict=True)
    ):
        return None
    return (a, b) if _takes_batch(graph, shapes, a, differ) else None


def _takes_batch(graph: Graph, shapes: Shapes, node: onnx.NodeProto, differ: Sequence[bool]) -> bool:
    """Whether the operator does a batch of two as it does one, where the inputs that ``differ`` are stacked."""
    sizes = {name: shapes.static(name) or () for name in (*node.input, *node.output)}
    stacked = [name for name, other in zip(node.input, differ, strict=True) if other]
    out = sizes[node.output[0]]
    if node.domain not in ("", "ai.onnx") or not out or out[0] != 1 or any(sizes[name][:1] != (1,) for name in stacked):
        return False
    rank = len(sizes[node.input[0]])
    if node.op_type in _SAME_SHAPE:
        return True
    if node.op_type in _BINARY:
        return all(len(sizes[name]) == len(out) for name in stacked)
    if is_op(node, "MatMul"):
        left, right = (len(sizes[name]) for name in node.input)
        return left == right >= 3 if differ[1] else right == 2 or left == right
    if differ[1:].count(True) and not is_op(node, "Concat"):
        return False
    if node.op_type in _ALONG_AXIS:
        default = {"LayerNormalization": -1, "Softmax": -1}.get(node.op_type, 0)
        return attributes(node).get("axis", default) % rank != 0
    if is_op(node, "Reshape"):
        return graph.is_constant(node.input[1])
    if is_op(node, "Transpose"):
        return bool(attributes(node)["perm"][0] == 0)
    if is_op(node, "Unsqueeze", "Squeeze"):
        axes = graph.constant(node.input[1]) if len(node.input) > 1 else None
        return axes is not None and all(int(axis) % max(rank, len(out)) != 0 for axis in axes.reshape(-1))
    return False


def _build(graph: Graph, shapes: Shapes, match: _Match, root: Pair) -> str:
    """Make the batched nodes; the name of what stands for ``root``."""
    place = {name: i for i, node in enumerate(graph.nodes) for name in node.output}
    made: dict[Pair, str] = {}

    def value(pair: Pair, whole: bool) -> str:
        """``whole``: a value that both have in common is repeated rather than left to broadcasting."""
        if pair[0] == pair[1] and not whole:
            return pair[0]
        if pair not in made:
            made[pair] = graph.op("Concat", list(pair), _NAME, axis=0)
        return made[pair]

    for pair, (a, b) in sorted(match.twins.items(), key=lambda item: place[item[0][0]]):
        if pair in made:
            continue
        whole = is_op(a, "Concat")
        inputs = [value(inner, whole) if inner[0] else "" for inner in zip(a.input, b.input, strict=True)]
        if is_op(a, "Reshape"):
            shape = shapes.static(a.output[0]) or ()
            inputs[1] = graph.ints([2, *shape[1:]], _NAME)
        outputs = graph.add(a.op_type, inputs, _NAME, outputs=len(a.output), **attributes(a))
        made.update(zip(zip(a.output, b.output, strict=True), outputs, strict=True))
    return made[root]
