"""What is computed or stored twice is kept once: equal constants, and equal operators of equal inputs."""

from __future__ import annotations

import hashlib

import onnx

from vcam.engines.graph import Graph

from .base import PassResult

_RANDOM = {
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
    *("Bernoulli", "Multinomial", "Dropout"),
}


def apply(model: onnx.ModelProto) -> PassResult:
    graph = Graph(Graph(model).finish())  # sorted, so that what a node reads has been looked at before it
    same: dict[str, str] = {}
    constants: dict[object, str] = {}
    seen: dict[object, list[str]] = {}
    changed = 0
    for node in graph.nodes:
        for name in node.input:
            value = graph.constant(name)
            if value is not None and name not in same:
                key = (value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).digest())
                same[name] = constants.setdefault(key, name)
        for i, name in enumerate(node.input):
            if same.get(name, name) != name:
                node.input[i] = same[name]
        if node.op_type in _RANDOM or any(item.HasField("g") or item.graphs for item in node.attribute):
            continue
        given = tuple(sorted(item.SerializeToString() for item in node.attribute))
        outputs = seen.setdefault((node.domain, node.op_type, tuple(node.input), given), list(node.output))
        if outputs != list(node.output) and not set(node.output) & set(graph.outputs):
            same.update(zip(node.output, outputs, strict=True))
            changed += 1
    return PassResult(graph.finish(), changed)
