"""An ONNX graph to rewrite: who makes and who reads each value, and what is constant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[Any]


class Graph:
    """A copy of ``model``, open for changes; ``finish`` gives the changed model. Values are known by name.

    Constant nodes become initializers. A node is replaced by making new ones and calling ``replace``; what is then no
    longer used falls away in ``finish``, which also sorts the nodes. Subgraphs (of If, Loop, Scan) are kept as they
    are: a value that one reads from outside must not be replaced.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self._tensors = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self._arrays: dict[str, Array] = {}
        self._added: dict[str, onnx.TensorProto] = {}
        self.nodes: list[onnx.NodeProto] = []
        for node in self.model.graph.node:
            if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
                self._added[node.output[0]] = numpy_helper.from_array(_value(node), node.output[0])
            else:
                self.nodes.append(node)
        self.inputs = [item.name for item in self.model.graph.input if item.name not in self._tensors]
        self.outputs = [item.name for item in self.model.graph.output]
        self._replaced: dict[str, str] = {}
        self._taken = {name for node in self.nodes for name in (*node.input, *node.output)}
        self._taken |= {*self._tensors, *self._added, *self.inputs}
        self.refresh()

    def refresh(self) -> None:
        """Bring ``maker`` and ``readers`` up to date after changes."""
        self.maker = {name: node for node in self.nodes for name in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                if name:
                    self._readers[name].append(node)

    @property
    def opset(self) -> int:
        return next(item.version for item in self.model.opset_import if item.domain in ("", "ai.onnx"))

    def readers(self, name: str) -> list[onnx.NodeProto]:
        return self._readers.get(name, [])

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The one node that reads ``name``; None if there are more, or it is an output of the graph."""
        found = self.readers(name)
        return found[0] if len(found) == 1 and name not in self.outputs else None

    def is_constant(self, name: str) -> bool:
        return name in self._tensors or name in self._added

    def constant(self, name: str) -> Array | None:
        """The value of ``name`` where it is constant. Not to be written to."""
        if name not in self._arrays:
            tensor = self._added.get(name) or self._tensors.get(name)
            if tensor is None:
                return None
            self._arrays[name] = numpy_helper.to_array(tensor)
        return self._arrays[name]

    def add_constant(self, value: npt.ArrayLike, hint: str, dtype: npt.DTypeLike | None = None) -> str:
        array = np.ascontiguousarray(np.asarray(value, dtype=dtype))
        array = array.reshape(np.shape(value))  # ascontiguousarray makes a scalar one-dimensional
        name = self._name(hint)
        self._added[name] = numpy_helper.from_array(array, name)
        return name

    def add(self, kind: str, inputs: Sequence[str], hint: str, *, outputs: int = 1, **attributes: Any) -> list[str]:
        """A new node with new outputs, whose names (and its own) begin with ``hint``."""
        names = [self._name(f"{hint}/{kind}") for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names

    def op(self, kind: str, inputs: Sequence[str], hint: str, **attributes: Any) -> str:
        """As ``add``, for one output."""
        return self.add(kind, inputs, hint, **attributes)[0]

    def ints(self, values: Iterable[int], hint: str) -> str:
        return self.add_constant(list(values), f"{hint}/ints", np.int64)

    def reshape(self, x: str, shape: Sequence[int], hint: str) -> str:
        return self.op("Reshape", [x, self.ints(shape, hint)], hint)

    def replace(self, old: str, new: str) -> None:
        """Whoever reads ``old`` shall read ``new``; an output of the graph keeps its name."""
        self._replaced[old] = new

    def apply_replacements(self) -> None:
        """Do what ``replace`` was asked for, so that the graph can be looked at again."""

        def final(name: str) -> str:
            while name in self._replaced:
                name = self._replaced[name]
            return name

        for node in self.nodes:
            for i, name in enumerate(node.input):
                if name in self._replaced:
                    node.input[i] = final(name)
        taken_over = [name for name in self.outputs if name in self._replaced]
        for node in self.nodes if taken_over else []:
            for i, name in enumerate(node.output):
                if name in taken_over:
                    node.output[i] = self._name(f"{name}/before")
        for name in taken_over:
            self.nodes.append(helper.make_node("Identity", [final(name)], [name], name=self._name(f"{name}/out")))
        self._replaced.clear()
        self.refresh()

    def finish(self) -> onnx.ModelProto:
        """The changed model: sorted, without what no output needs. Raises onnx.checker.ValidationError if broken."""
        self.apply_replacements()
        kept, names = self._needed()
        graph = self.model.graph
        tensors = [t for t in graph.initializer if t.name in names and t.name not in self._added]
        tensors += [tensor for name, tensor in self._added.items() if name in names]
        model = onnx.ModelProto()
        for field, value in self.model.ListFields():
            if field.name == "graph":
                continue
            if field.is_repeated:
                getattr(model, field.name).extend(value)
            else:
                setattr(model, field.name, value)
        model.graph.name = graph.name
        model.graph.node.extend(kept)
        model.graph.initializer.extend(tensors)
        model.graph.input.extend(item for item in graph.input if item.name in self.inputs)
        model.graph.output.extend(graph.output)
        return model

    def _needed(self) -> tuple[list[onnx.NodeProto], set[str]]:
        """The nodes that the outputs need, each after what it reads, and all names that these read."""
        order: list[onnx.NodeProto] = []
        done: set[int] = set()
        names = set(self.outputs)
        stack = [(self.maker[name], False) for name in reversed(self.outputs) if name in self.maker]
        while stack:
            node, ready = stack.pop()
            if id(node) in done:
                continue
            if ready:
                done.add(id(node))
                order.append(node)
                continue
            stack.append((node, True))
            read = [*node.input, *_captured(node)]
            names.update(read)
            stack.extend((self.maker[name], False) for name in reversed(read) if name in self.maker)
        return order, names

    def _name(self, hint: str) -> str:
        name, count = hint, 1
        while name in self._taken:
            count += 1
            name = f"{hint}_{count}"
        self._taken.add(name)
        return name


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values; text as str."""
    found = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}


def is_op(node: onnx.NodeProto | None, *kinds: str) -> bool:
    """Whether this is one of the standard operators ``kinds``."""
    return node is not None and node.domain in ("", "ai.onnx") and node.op_type in kinds


def _value(node: onnx.NodeProto) -> Array:
    """What a Constant node holds."""
    name, value = next(iter(attributes(node).items()))
    if name == "value":
        return numpy_helper.to_array(value)
    kind = np.float32 if "float" in name else np.int64 if "int" in name else np.object_
    return np.asarray(value, kind)


def _captured(node: onnx.NodeProto) -> list[str]:
    """Names that a node's subgraphs may read from outside."""
    found: list[str] = []
    for item in node.attribute:
        for graph in [*([item.g] if item.HasField("g") else []), *item.graphs]:
            for inner in graph.node:
                found += [*inner.input, *_captured(inner)]
    return found
