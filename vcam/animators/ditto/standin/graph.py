"""Writing small ONNX graphs by hand, one operator at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vcam.animators.ditto.networks import NetworkSpec

OPSET, IR_VERSION = 17, 8


class Graph:
    """Operators are added in the order in which they are computed; each is known by the name of its output."""

    def __init__(self, spec: NetworkSpec) -> None:
        self._spec = spec
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str | Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add an operator. Inputs are names, or numbers and arrays, which become constants. Gives its output's name,
        or a list of names."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        made = [f"{kind.lower()}{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(kind, names, made, **attributes))
        return made[0] if outputs == 1 else made

    def constant(self, value: Any) -> str:
        """Numbers are float32; arrays keep their type."""
        array = value if isinstance(value, np.ndarray) else np.asarray(value, np.float32)
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def add(self, first: str, *rest: str | Any) -> str:
        for other in rest:
            first = self.op("Add", first, other)
        return first

    def mul(self, first: str, *rest: str | Any) -> str:
        for other in rest:
            first = self.op("Mul", first, other)
        return first

    def sub(self, first: str | Any, second: str | Any) -> str:
        return str(self.op("Sub", first, second))

    def slice(self, value: str, axis: int, start: int, end: int) -> str:
        return str(self.op("Slice", value, integers(start), integers(end), integers(axis)))

    def gather(self, value: str, axis: int, indices: Sequence[int]) -> str:
        return str(self.op("Gather", value, integers(*indices), axis=axis))

    def reshape(self, value: str, *shape: int) -> str:
        return str(self.op("Reshape", value, integers(*shape)))

    def mean(self, value: str, *axes: int) -> str:
        return str(self.op("ReduceMean", value, axes=list(axes), keepdims=1))

    def sum(self, value: str, *axes: int) -> str:
        return str(self.op("ReduceSum", value, integers(*axes), keepdims=1))

    def fixed(self, values: Any, image: str, axes: int = 4) -> str:
        """Numbers that do not depend on the picture, in a graph that must read it."""
        nothing = self.mul(self.reshape(self.mean(image, *range(axes)), 1), 0.0)
        return self.add(self.constant(np.asarray(values, np.float32)), nothing)

    def save(
        self, folder: Path, outputs: dict[str, str], sizes: dict[str, tuple[int | str, ...]] | None = None
    ) -> None:
        """Write the spec's file. ``outputs``: the names of what to give out; ``sizes``: shapes that the spec leaves
        open, or outputs that it does not have."""
        shapes = {**self._spec.inputs, **self._spec.outputs, **(sizes or {})}
        for name, value in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        graph = helper.make_graph(
            self._nodes,
            f"stand-in for {self._spec.name}",
            [
                helper.make_tensor_value_info(
                    name, TensorProto.INT64 if name in self._spec.integers else TensorProto.FLOAT, shapes[name]
                )
                for name in self._spec.inputs
            ],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
            self._constants,
        )
        model = helper.make_model(
            graph, producer_name="vcam", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model)
        onnx.save(model, folder / self._spec.file)


def integers(*values: int) -> Any:
    return np.array(values, np.int64)
