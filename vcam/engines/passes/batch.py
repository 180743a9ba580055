"""A graph made for one item at a time takes several at once.

The batch is the first axis of inputs and outputs and stays outermost inside: shapes written into the graph (Reshape,
Expand) get their first size multiplied, constants that are joined to a batch are repeated. Whether that was right for
a graph shows only when it runs: ``vcam.engines.prepare`` compares it with single runs.
"""

from __future__ import annotations

import numpy as np
import onnx

from vcam.engines.graph import Graph, attributes, is_op
from vcam.engines.shapes import Shapes, infer_shapes, set_shape, shape_of

from .base import PassError, PassResult
from .split_rows import late_values


def apply(model: onnx.ModelProto, size: int) -> PassResult:
    """Raises PassError where inputs or outputs do not begin with 1."""
    graph, shapes = Graph(Graph(model).finish()), infer_shapes(model)
    batched = late_values(graph, ())
    changed = 0
    for node in graph.nodes if size > 1 else []:
        if node.output[0] in batched:
            changed += _widen(graph, node, shapes, batched, size)
    made = graph.finish()
    for item in (*made.graph.input, *made.graph.output) if size > 1 else []:
        shape = shape_of(item)
        if not shape or shape[0] != 1:
            raise PassError(f"{item.name} has the shape {shape}: a batch needs 1 as its first size")
        set_shape(item, [size, *shape[1:]])
        changed += 1
    return PassResult(made, changed)


def _widen(graph: Graph, node: onnx.NodeProto, shapes: Shapes, batched: set[str], size: int) -> int:
    if is_op(node, "Reshape", "Expand"):
        shape = shapes.static(node.output[0])
        if shape is None or graph.constant(node.input[1]) is None:
            raise PassError(f"the size of what {node.op_type} {node.name} makes is not known")
        node.input[1] = graph.ints([shape[0] * size, *shape[1:]], "batch")
        return 1
    if is_op(node, "Resize"):
        if len(node.input) > 3 and node.input[3]:
            sizes = graph.constant(node.input[3])
            if sizes is None:
                raise PassError(f"the size of what Resize {node.name} makes is not known")
            node.input[3] = graph.ints([int(sizes[0]) * size, *(int(n) for n in sizes[1:])], "batch")
            return 1
        return 0
    if is_op(node, "Concat"):
        rank = len(shapes.get(node.output[0], ()))
        if attributes(node)["axis"] % max(rank, 1) == 0:
            raise PassError(f"Concat {node.name} joins along the batch")
        for i, name in enumerate(node.input):
            value = graph.constant(name)
            if value is None and name not in batched:
                raise PassError(f"{name}, joined to a batch by {node.name}, is not a constant: fold the graph first")
            if value is not None:
                node.input[i] = graph.add_constant(np.concatenate([value] * size), "batch", value.dtype)
        return 1
    return 0
