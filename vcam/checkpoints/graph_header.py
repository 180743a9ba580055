"""A graph's inputs and outputs, without its weights: an ONNX file is read in pieces, and what is large is skipped.

The files are protocol buffers; the numbers of the fields are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_MODEL_GRAPH, _GRAPH_INPUT, _GRAPH_OUTPUT = 7, 11, 12
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_BYTES = 64 * 1024  # of an input's or output's description


@dataclass(frozen=True, slots=True)
class GraphArgument:
    """As onnxruntime tells it: ``type`` such as "tensor(float)"; ``shape``: sizes, names, or None."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True, slots=True)
class GraphHeader:
    inputs: tuple[GraphArgument, ...]
    outputs: tuple[GraphArgument, ...]


def read_graph_header(path: Path) -> GraphHeader:
    """Raises OSError, or ValueError if the file is no ONNX model or was cut short."""
    inputs: list[GraphArgument] = []
    outputs: list[GraphArgument] = []
    graphs = 0
    with path.open("rb") as file:
        size = path.stat().st_size
        for number, start, end in _fields(file, 0, size):
            if number != _MODEL_GRAPH:
                continue
            graphs += 1
            for inner, first, last in _fields(file, start, end):
                if inner in (_GRAPH_INPUT, _GRAPH_OUTPUT):
                    file.seek(first)
                    (inputs if inner == _GRAPH_INPUT else outputs).append(_argument(file.read(_limited(last - first))))
    if graphs != 1 or not outputs:
        raise ValueError("it is no ONNX model")
    return GraphHeader(tuple(inputs), tuple(outputs))


def _fields(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The number, beginning and end of each field of bytes between two places of the file; others are passed over."""
    at = start
    while at < end:
        file.seek(at)
        key = _varint(file)
        kind = key & 7
        if kind == _VARINT:
            _varint(file)
            at = file.tell()
        elif kind in (_FIXED64, _FIXED32):
            at = file.tell() + (8 if kind == _FIXED64 else 4)
        elif kind == _BYTES:
            length = _varint(file)
            first = file.tell()
            at = first + length
            if at > end:
                raise ValueError("it was cut short")
            yield key >> 3, first, at
        else:
            raise ValueError("it is no ONNX model")
    if at > end:
        raise ValueError("it was cut short")


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("it was cut short")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("it is no ONNX model")


def _limited(size: int) -> int:
    if size > _MOST_BYTES:
        raise ValueError("the description of an input or output is too large")
    return size


def _argument(data: bytes) -> GraphArgument:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import TensorProto, ValueInfoProto

    try:
        info: Any = ValueInfoProto.FromString(data)
    except DecodeError as error:
        raise ValueError("it is no ONNX model") from error
    tensor = info.type.tensor_type
    kind = TensorProto.DataType.Name(tensor.elem_type).lower() if tensor.elem_type else "undefined"
    dimensions = [one.dim_value if one.HasField("dim_value") else (one.dim_param or None) for one in tensor.shape.dim]
    return GraphArgument(info.name, f"tensor({kind})", tuple(dimensions))
