"""The volumetric (5-D) GridSample becomes gathering and arithmetic: TensorRT samples only in two dimensions.

Both the standard operator and the GridSample3D node of published graphs (in any domain, whose attributes may be
missing) are known. Trilinear, zeros outside. Of each point's eight corners the weights and row numbers are computed
for each axis apart, in float32 and int32; then rows of all channels are gathered at once from the volume laid out
with channels last, weighted and summed. Nodes that compute where to sample have names beginning with ``GRID``, those
that move samples with ``DATA``, so that precision can be chosen for each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx

from vcam.engines.equality import Difference, compare, run_graph
from vcam.engines.graph import Graph, attributes, is_op
from vcam.engines.shapes import Shapes, infer_shapes, is_volumetric_sample

from .base import PassError, PassResult

GRID, DATA = "sample3d/grid", "sample3d/data"


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Of the volume [N, C, D, H, W] and of the points [N, d, h, w, 3]."""

    data: tuple[int, ...]
    grid: tuple[int, ...]

    @property
    def points(self) -> int:
        return math.prod(self.grid[:4])

    @property
    def rows(self) -> int:
        return math.prod(self.data[2:])


def apply(model: onnx.ModelProto) -> PassResult:
    """Raises PassError where sizes are not known, or a node samples otherwise than described."""
    graph, shapes = Graph(model), infer_shapes(model)
    if graph.opset < 13:
        raise PassError(f"the graph is of opset {graph.opset}; 13 is the oldest that can be rewritten")
    shared = 0
    found = [node for node in graph.nodes if _is_sample(node, shapes)]
    for node in found:
        shared += _lower(graph, node, shapes)
    notes = (f"{shared} sampled one volume again and again: it is no longer repeated",) if shared else ()
    made = graph.finish()
    domains = {node.domain for node in made.graph.node} | {""}
    for item in list(made.opset_import):
        if item.domain not in domains and item.domain != "ai.onnx":
            made.opset_import.remove(item)
    return PassResult(made, len(found), notes)


def _is_sample(node: onnx.NodeProto, shapes: Shapes) -> bool:
    if is_volumetric_sample(node):
        return True
    return is_op(node, "GridSample") and len(shapes.get(node.input[0], ())) == 5


def _lower(graph: Graph, node: onnx.NodeProto, shapes: Shapes) -> bool:
    """Rewrite one node; whether its volume was a repeated one."""
    _check(node)
    data, grid = shapes.static(node.input[0]), shapes.static(node.input[1])
    if data is None or grid is None or len(data) != 5 or len(grid) != 5 or grid[0] != data[0]:
        raise PassError(f"{node.op_type} {node.name} samples {data} at {grid}: the sizes must be known and fit")
    sizes = _Sizes(data, grid)
    volume, group = _unrepeated(graph, node.input[0], data, shapes)
    rows, weights = _where(graph, node, sizes, group)
    flat = graph.op("Transpose", [volume], DATA, perm=[0, 2, 3, 4, 1])
    flat = graph.reshape(flat, [-1, data[1]], DATA)
    corners = graph.op("Gather", [flat, rows], DATA, axis=0)  # [8, points, C]
    weighted = graph.op("Mul", [corners, weights], DATA)
    summed = graph.op("ReduceSum", [weighted, graph.ints([0], DATA)], DATA, keepdims=0)
    summed = graph.reshape(summed, [*grid[:4], data[1]], DATA)
    graph.replace(node.output[0], graph.op("Transpose", [summed], DATA, perm=[0, 4, 1, 2, 3]))
    return group > 1


def _check(node: onnx.NodeProto) -> None:
    """Modes may be words (ONNX) or numbers (as PyTorch's grid_sampler has them): 0 is linear, 0 is zeros."""
    given = attributes(node)
    mode = given.get("mode", given.get("interpolation_mode", "linear"))
    padding = given.get("padding_mode", "zeros")
    if mode not in ("linear", "bilinear", 0) or padding not in ("zeros", 0):
        raise PassError(f"{node.op_type} {node.name}: only linear with zeros is known, not {mode!r} with {padding!r}")


def _where(graph: Graph, node: onnx.NodeProto, sizes: _Sizes, group: int) -> tuple[str, str]:
    """Row numbers [8, points] (int32) and weights [8, points, 1] of every point's corners."""
    ends = bool(attributes(node).get("align_corners", 0))
    thirds = graph.ints([1, 1, 1], GRID)
    axes = graph.add("Split", [node.input[1], thirds], GRID, outputs=3, axis=-1)
    number = weight = None
    steps = {0: 1, 1: sizes.data[4], 2: sizes.data[4] * sizes.data[3]}
    for axis, (name, size) in enumerate(zip(axes, sizes.data[:1:-1], strict=True)):  # x, y, z against W, H, D
        place, share = _axis(graph, graph.reshape(name, [1, 1, 1, sizes.points], GRID), size, axis, ends)
        if steps[axis] != 1:
            place = graph.op("Mul", [place, graph.add_constant(steps[axis], GRID, np.int32)], GRID)
        number = place if number is None else graph.op("Add", [place, number], GRID)
        weight = share if weight is None else graph.op("Mul", [share, weight], GRID)
    assert number is not None
    assert weight is not None
    batch = np.repeat(np.arange(sizes.grid[0]) // group * sizes.rows, sizes.points // sizes.grid[0])
    if batch.any():
        number = graph.op("Add", [number, graph.add_constant(batch[None, None, None], GRID, np.int32)], GRID)
    return graph.reshape(number, [8, sizes.points], GRID), graph.reshape(weight, [8, sizes.points, 1], GRID)


def _axis(graph: Graph, coordinate: str, size: int, axis: int, ends: bool) -> tuple[str, str]:
    """Both neighbours along one axis: their places (int32, kept inside) and weights (0 outside)."""

    def scalar(value: float) -> str:
        return graph.add_constant(value, GRID, np.float32)

    x = graph.op("Add", [coordinate, scalar(1)], GRID)
    if ends:
        x = graph.op("Mul", [x, scalar((size - 1) / 2)], GRID)
    else:
        x = graph.op("Sub", [graph.op("Mul", [x, scalar(size)], GRID), scalar(1)], GRID)
        x = graph.op("Mul", [x, scalar(0.5)], GRID)
    # Nothing changes beyond two cells outside; inside these bounds every whole number is exact and fits an int32.
    x = graph.op("Min", [graph.op("Max", [x, scalar(-2)], GRID), scalar(size + 1)], GRID)
    shape = [1, 1, 1, 1]
    shape[2 - axis] = 2
    sides = graph.add_constant(np.reshape([0, 1], shape), GRID, np.float32)
    neighbour = graph.op("Add", [graph.op("Floor", [x], GRID), sides], GRID)
    inside = graph.op("Min", [graph.op("Max", [neighbour, scalar(0)], GRID), scalar(size - 1)], GRID)

    def nearness(a: str, b: str) -> str:
        distance = graph.op("Abs", [graph.op("Sub", [a, b], GRID)], GRID)
        return graph.op("Relu", [graph.op("Sub", [scalar(1), distance], GRID)], GRID)

    share = graph.op("Mul", [nearness(x, neighbour), nearness(inside, neighbour)], GRID)
    return graph.op("Cast", [inside], GRID, to=onnx.TensorProto.INT32), share


def _unrepeated(graph: Graph, name: str, shape: tuple[int, ...], shapes: Shapes) -> tuple[str, int]:
    """The volume before each was repeated n times, as [N/n, C, D, H, W], and n; ``name`` and 1 if it was not."""
    node = graph.maker.get(name)
    while is_op(node, "Reshape", "Unsqueeze", "Squeeze", "Identity") and node is not None:
        node = graph.maker.get(node.input[0])
    if not is_op(node, "Tile", "Expand") or node is None:
        return name, 1
    before, after = shapes.static(node.input[0]), shapes.static(node.output[0])
    if before is None or after is None:
        return name, 1
    before = (1,) * (len(after) - len(before)) + before
    grown = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    # one axis of size 1 grew, right behind those that make up the batch, so copies of a volume are neighbours
    if len(grown) != 1 or before[grown[0]] != 1:
        return name, 1
    count = after[grown[0]]
    if math.prod(after[: grown[0] + 1]) != shape[0] or math.prod(after[grown[0] + 1 :]) != math.prod(shape[1:]):
        return name, 1
    return graph.reshape(node.input[0], [shape[0] // count, *shape[1:]], DATA), count


def is_runnable(model: onnx.ModelProto) -> bool:
    """Whether onnxruntime knows all of the graph's operators, as far as sampling goes."""
    return not any(is_volumetric_sample(node) for node in model.graph.node)


def check_nodes(model: onnx.ModelProto, seed: int = 0) -> Difference:
    """Each volumetric sampling node alone against onnxruntime's own operator, on random volumes and places (a third
    of them outside): the worst. For graphs that onnxruntime cannot run as they are.
    """
    shapes = infer_shapes(model)
    random = np.random.default_rng(seed)
    found = []
    for node in model.graph.node:
        if not _is_sample(node, shapes):
            continue
        data, grid = shapes.static(node.input[0]), shapes.static(node.input[1])
        if data is None or grid is None:
            raise PassError(f"the sizes at {node.op_type} {node.name} are not known")
        reference = _alone(data, grid, bool(attributes(node).get("align_corners", 0)))
        inputs = {
            "data": random.standard_normal(data, np.float32),
            "grid": random.uniform(-1.2, 1.2, grid).astype(np.float32),
        }
        found.append(compare(run_graph(apply(reference).model, inputs), run_graph(reference, inputs)))
    return Difference.worst(found)


def _alone(data: tuple[int, ...], grid: tuple[int, ...], ends: bool) -> onnx.ModelProto:
    """A graph of one standard operator."""
    node = onnx.helper.make_node(
        "GridSample", ["data", "grid"], ["out"], mode="linear", padding_mode="zeros", align_corners=int(ends)
    )
    kind = onnx.TensorProto.FLOAT
    sizes = {"data": data, "grid": grid, "out": (*data[:2], *grid[1:4])}
    values = {name: onnx.helper.make_tensor_value_info(name, kind, shape) for name, shape in sizes.items()}
    graph = onnx.helper.make_graph([node], "sample", [values["data"], values["grid"]], [values["out"]])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
