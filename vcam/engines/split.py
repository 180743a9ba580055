"""One graph becomes two: what depends on early inputs alone, to be run once, and the rest, to be run at every step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import onnx
from onnx import helper

from .graph import Graph
from .passes.base import PassError
from .passes.split_rows import late_values
from .shapes import infer_shapes


@dataclass(frozen=True, slots=True)
class SplitGraph:
    """``early`` gives ``between``, which ``late`` reads beside the other inputs, by the same names."""

    early: onnx.ModelProto
    late: onnx.ModelProto
    between: tuple[str, ...]


def split_graph(model: onnx.ModelProto, early: Collection[str], prefix: str) -> SplitGraph:
    """Cut where the last value that depends on the ``early`` inputs alone is read by something else.

    Values between are named ``prefix_0`` and so on. Raises PassError where nothing depends on the early inputs
    alone, or one of the graph's outputs does.
    """
    graph, shapes = Graph(Graph(model).finish()), infer_shapes(model)
    late = late_values(graph, early)
    known = set(early)
    for node in graph.nodes:
        if any(name in known for name in node.input) and not any(name in late for name in node.input):
            known.update(node.output)
    if known & set(graph.outputs):
        raise PassError(f"the outputs {', '.join(sorted(known & set(graph.outputs)))} depend on nothing else")
    first: list[onnx.NodeProto] = []
    second: list[onnx.NodeProto] = []
    for node in graph.nodes:
        (first if set(node.output) & known else second).append(node)
    cut = list(dict.fromkeys(name for node in second for name in node.input if name in known))
    if not first or not cut:
        raise PassError(f"nothing in the graph depends on {', '.join(early)} alone")
    names = {name: f"{prefix}_{i}" for i, name in enumerate(cut)}
    values = [helper.make_tensor_value_info(names[name], shapes.kinds[name], [*shapes[name]]) for name in cut]
    renamed = [_renamed(node, names) for node in graph.nodes]
    inputs = {item.name: item for item in graph.model.graph.input}
    made = []
    for part, wanted, given, tag in (
        (first, values, [inputs[name] for name in early], "early"),
        (second, list(graph.model.graph.output), None, "late"),
    ):
        ids = {id(node) for node in part}
        nodes = [new for old, new in zip(graph.nodes, renamed, strict=True) if id(old) in ids]
        if given is None:
            read = {name for node in nodes for name in node.input}
            given = [item for name, item in inputs.items() if name in read] + values
        made.append(_model(graph, nodes, given, wanted, f"{model.graph.name}_{tag}"))
    return SplitGraph(made[0], made[1], tuple(names.values()))


def _renamed(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.input[:] = [names.get(name, name) for name in node.input]
    made.output[:] = [names.get(name, name) for name in node.output]
    return made


def _model(
    graph: Graph,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    name: str,
) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.ir_version, model.producer_name = graph.model.ir_version, graph.model.producer_name
    model.opset_import.extend(graph.model.opset_import)
    model.graph.name = name
    model.graph.node.extend(nodes)
    model.graph.input.extend(inputs)
    model.graph.output.extend(outputs)
    read = {value for node in nodes for value in node.input}
    model.graph.initializer.extend(tensor for tensor in graph.model.graph.initializer if tensor.name in read)
    return Graph(model).finish()
