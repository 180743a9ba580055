"""The little arithmetic between networks, as ONNX graphs: the provider that runs the networks runs it too.

Operators are those that every provider has, in the order of what they stand in for, so that the results are the same.
Graphs of opset 17, IR 8, as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vcam.animators.ditto.networks import Shape

from .base import Array

_OPSET, _IR = 17, 8


def picture(side: int, half: bool = False) -> bytes:
    """``planes`` float32 [1, 3, side, side] in 0..1 to ``crop`` uint8 [side, side, 3], as ``Renderer.render_bytes``:
    clipped, rounded half to even. ``half``: the planes are float16.
    """
    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Clip", ["wide", "zero", "one"], "clipped", {}),
        ("Mul", ["clipped", "full"], "grey", {}),
        ("Round", ["grey"], "round", {}),
        ("Cast", ["round"], "bytes", {"to": "UINT8"}),
        ("Transpose", ["bytes"], "turned", {"perm": [0, 2, 3, 1]}),
        ("Reshape", ["turned", "shape"], "crop", {}),
    ]
    if half:
        nodes.insert(0, ("Cast", ["planes"], "wide", {"to": "FLOAT"}))
    else:
        nodes[0] = ("Clip", ["planes", "zero", "one"], "clipped", {})
    return _model(
        nodes,
        {"planes": ("FLOAT16" if half else "FLOAT", (1, 3, side, side))},
        {"crop": ("UINT8", (side, side, 3))},
        {
            "zero": np.float32(0),
            "one": np.float32(1),
            "full": np.float32(255),
            "shape": np.array([side, side, 3], np.int64),
        },
    )


def diffusion_step(shape: Shape) -> bytes:
    """``x_start`` * ``signal`` + ``pred_noise`` * ``direction`` + ``noise``: the next ``x``, as ``Sampler`` has it.

    All are float32 of the shape but ``signal`` and ``direction``, which are [1].
    """
    tensor = ("FLOAT", shape)
    return _model(
        [
            ("Mul", ["x_start", "signal"], "kept", {}),
            ("Mul", ["pred_noise", "direction"], "turned", {}),
            ("Add", ["kept", "turned"], "mean", {}),
            ("Add", ["mean", "noise"], "x", {}),
        ],
        {
            **dict.fromkeys(("x_start", "pred_noise", "noise"), tensor),
            **dict.fromkeys(("signal", "direction"), ("FLOAT", (1,))),
        },
        {"x": tensor},
        {},
    )


def same(shape: Shape) -> bytes:
    """``given`` uint8 of the shape as ``made``: a copy, from and to wherever both are."""
    tensor = ("UINT8", shape)
    return _model([("Identity", ["given"], "made", {})], {"given": tensor}, {"made": tensor}, {})


def _model(
    nodes: Sequence[tuple[str, list[str], str, dict[str, Any]]],
    inputs: Mapping[str, tuple[str, Shape]],
    outputs: Mapping[str, tuple[str, Shape]],
    constants: Mapping[str, np.generic | Array],
) -> bytes:
    from onnx import TensorProto, helper, numpy_helper  # a third of a second, and only for who binds memory

    def info(name: str, kind: str, shape: Shape) -> Any:
        return helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape)

    made = []
    for kind, taken, given, attributes in nodes:
        plain = {key: getattr(TensorProto, value) if key == "to" else value for key, value in attributes.items()}
        made.append(helper.make_node(kind, taken, [given], **plain))
    graph = helper.make_graph(
        made,
        "vcam",
        [info(name, *what) for name, what in inputs.items()],
        [info(name, *what) for name, what in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR
    ).SerializeToString()
    return content
