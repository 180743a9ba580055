"""Rows that are known early are no longer worked on together with rows that are not.

Where a tensor is put together of rows known early (constants, or such as depend on the early inputs alone) and rows
that are not, whatever works row by row behind it (norms, projections, rotations) is done for the parts, which are put
together as late as possible. In lmdm: keys and values of the condition's tokens no longer depend on the time step.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx

from vcam.engines.graph import Graph, attributes, is_op
from vcam.engines.rows import Rows, divide
from vcam.engines.shapes import infer_shapes

from .base import PassResult


def apply(model: onnx.ModelProto, early: Collection[str] = ("cond",)) -> PassResult:
    """``early``: names of inputs."""
    graph, shapes = Graph(Graph(model).finish()), infer_shapes(model)
    late = late_values(graph, early)
    rows: dict[str, Rows] = {}
    changed = 0
    for node in list(graph.nodes):
        if is_op(node, "Concat") and not any(name in rows for name in node.input):
            sizes = [shapes.static(name) for name in node.input]
            axis = attributes(node)["axis"]
            if len({name in late for name in node.input}) == 2 and all(sizes):
                axis %= len(sizes[0] or ())
                parts = tuple(size[axis] for size in sizes if size)
                rows[node.output[0]] = Rows(axis, tuple(node.input), parts)
            continue
        if not any(name in rows for name in node.input):
            continue
        divided = divide(graph, node, rows, shapes)
        if divided is not None:
            rows.update(zip(node.output, divided, strict=True))
            changed += 1
            continue
        for name in node.input:
            if name in rows and is_op(graph.maker[name], "Concat") is False:
                graph.replace(name, graph.op("Concat", rows[name].parts, "rows", axis=rows[name].axis))
    for name in graph.outputs:
        if name in rows and not is_op(graph.maker[name], "Concat"):
            graph.replace(name, graph.op("Concat", rows[name].parts, "rows", axis=rows[name].axis))
    return PassResult(graph.finish(), changed)


def late_values(graph: Graph, early: Collection[str]) -> set[str]:
    """All values that depend on an input that is not early. The graph's nodes must be sorted."""
    late = set(graph.inputs) - set(early)
    for node in graph.nodes:
        if any(name in late for name in node.input):
            late.update(node.output)
    return late
