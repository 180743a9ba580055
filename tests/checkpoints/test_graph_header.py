"""Inputs and outputs of ONNX files, read without their weights."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vcam.checkpoints.graph_header import GraphArgument, read_graph_header


def save(path: Path, weights: int = 10) -> Path:
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, None, "n"]),
        helper.make_tensor_value_info("t", TensorProto.INT64, [1]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT16, None)]
    node = helper.make_node("Add", ["x", "w"], ["y"])
    weight = numpy_helper.from_array(np.zeros(weights, np.float32), "w")
    graph = helper.make_graph([node], "test", inputs, outputs, [weight])
    onnx.save(helper.make_model(graph), path)
    return path


def test_names_types_and_shapes(tmp_path: Path) -> None:
    header = read_graph_header(save(tmp_path / "a.onnx"))
    assert header.inputs == (
        GraphArgument("x", "tensor(float)", (1, None, "n")),
        GraphArgument("t", "tensor(int64)", (1,)),
    )
    assert header.outputs == (GraphArgument("y", "tensor(float16)", ()),)


def test_the_weights_stay_on_disk(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", 8_000_000)
    read_graph_header(path)
    tracemalloc.start()
    try:
        read_graph_header(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    data = save(tmp_path / "a.onnx").read_bytes()
    path = tmp_path / "b.onnx"
    whole = read_graph_header(tmp_path / "a.onnx")
    for length in range(len(data)):
        path.write_bytes(data[:length])
        try:
            # what comes after the graph, such as the opsets, may be missing
            assert read_graph_header(path) == whole
        except ValueError:
            continue


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a graph at all",
        b"\xff" * 40,
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"PK\x03\x04zip",
        b"\x3a\x00",
    ],
)
def test_other_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"no ONNX model|cut short"):
        read_graph_header(path)


def test_noise_is_never_more_than_an_error(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    good = np.frombuffer(save(tmp_path / "a.onnx").read_bytes(), np.uint8)
    path = tmp_path / "b.onnx"
    for _ in range(500):
        bad = good.copy()
        places = random.integers(0, len(bad), 3)
        bad[places] = random.integers(0, 256, 3)
        path.write_bytes(bad.tobytes())
        try:
            read_graph_header(path)
        except ValueError:
            continue
