"""The shape and type of every value of a graph, as far as they are known without running it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import onnx
from onnx import TensorProto, helper, shape_inference

from .graph import attributes

Shape = tuple[int | None, ...]

# Shape inference reads the values of small constants (shapes, axes); those of weights only cost time.
_SMALL = 1024


class Shapes(Mapping[str, Shape]):
    """Known shapes by value name; ``kinds``: element types (onnx.TensorProto.*)."""

    def __init__(self, shapes: dict[str, Shape], kinds: dict[str, int]) -> None:
        self._shapes, self.kinds = shapes, kinds

    def __getitem__(self, name: str) -> Shape:
        return self._shapes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def static(self, name: str) -> tuple[int, ...] | None:
        """The shape if every size is known."""
        shape = self._shapes.get(name)
        if shape is None or any(size is None for size in shape):
            return None
        return tuple(size for size in shape if size is not None)


def infer_shapes(model: onnx.ModelProto) -> Shapes:
    """By ONNX's own inference, which is told what the volumetric GridSample node of other domains makes."""
    light = skeleton(model)
    while True:
        light = shape_inference.infer_shapes(light, data_prop=True)
        shapes = _collect(light)
        if not _add_custom(light, shapes):
            return shapes


def skeleton(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the values of its weights."""
    light = onnx.ModelProto()
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph = light.graph
    graph.name = model.graph.name or "graph"
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _SMALL:
            graph.initializer.append(tensor)
        elif all(item.name != tensor.name for item in graph.input):
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return light


def fixed_inputs(model: onnx.ModelProto) -> dict[str, Shape]:
    """The shapes of the inputs that are not weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {item.name: shape_of(item) or () for item in model.graph.input if item.name not in weights}


def shape_of(item: onnx.ValueInfoProto) -> Shape | None:
    if not item.type.tensor_type.HasField("shape"):
        return None
    dims = item.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)


def set_shape(item: onnx.ValueInfoProto, shape: Sequence[int | str | None]) -> None:
    kind = item.type.tensor_type.elem_type
    item.CopyFrom(helper.make_tensor_value_info(item.name, kind, list(shape)))


def is_volumetric_sample(node: onnx.NodeProto) -> bool:
    """A GridSample3D node of any domain: what exporters call the 5-D GridSample."""
    return node.op_type == "GridSample3D"


def _collect(model: onnx.ModelProto) -> Shapes:
    shapes: dict[str, Shape] = {}
    kinds: dict[str, int] = {}
    graph = model.graph
    for item in [*graph.input, *graph.value_info, *graph.output]:
        kinds[item.name] = item.type.tensor_type.elem_type
        shape = shape_of(item)
        if shape is not None:
            shapes[item.name] = shape
    for tensor in graph.initializer:
        shapes[tensor.name], kinds[tensor.name] = tuple(tensor.dims), tensor.data_type
    for node in graph.node:
        if node.op_type == "Constant":
            value = attributes(node).get("value")
            if isinstance(value, TensorProto):
                shapes[node.output[0]], kinds[node.output[0]] = tuple(value.dims), value.data_type
    return Shapes(shapes, kinds)


def _add_custom(model: onnx.ModelProto, shapes: Shapes) -> bool:
    """Say what the first GridSample3D of unknown output makes; whether there was one."""
    known = {item.name: item for item in model.graph.value_info}
    for node in model.graph.node:
        if not is_volumetric_sample(node) or shapes.static(node.output[0]):
            continue
        data, grid = shapes.static(node.input[0]), shapes.static(node.input[1])
        if data and grid:
            kind = shapes.kinds.get(node.input[0], TensorProto.FLOAT)
            made = helper.make_tensor_value_info(node.output[0], kind, [*data[:2], *grid[1:4]])
            if node.output[0] in known:
                known[node.output[0]].CopyFrom(made)
            else:
                model.graph.value_info.append(made)
            return True
    return False
