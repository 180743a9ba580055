"""Writing an ONNX graph operator by operator, with random weights that keep activations near one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
OPSET = 20  # the first with a 5-D GridSample


def scaled(channels: int, width: float) -> int:
    """A channel count times ``width``, kept a multiple of 8 (of 1 below 8 channels)."""
    return channels if width == 1 else max(8, round(channels * width / 8) * 8)


class GraphBuilder:
    """Every method that makes an operator returns the name of its output."""

    def __init__(self, name: str, seed: int = 0, opset: int = OPSET) -> None:
        self.name, self.opset = name, opset
        self.parameters = 0  # weights that a training would have found
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._domains: dict[str, int] = {}
        self._count = 0

    def input(self, name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def output(self, value: str, name: str, shape: Sequence[int | str]) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"output/{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """One operator; the name of its output, or a list of names where ``outputs`` is more than one."""
        made = [self._new(kind.lower()) for _ in range(outputs)]
        if domain:
            self._domains[domain] = 1
        self._nodes.append(helper.make_node(kind, list(inputs), made, name=made[0], domain=domain, **attributes))
        return made[0] if outputs == 1 else made

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = self._new("constant")
        self._weights.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def weight(self, shape: Sequence[int], deviation: float, mean: float = 0.0) -> str:
        self.parameters += math.prod(shape)
        return self.constant(mean + deviation * self._random.standard_normal(shape, np.float32))

    def conv(
        self,
        x: str,
        channels: tuple[int, int],
        kernel: Sequence[int],
        *,
        stride: int = 1,
        pad: Sequence[int] | None = None,
        groups: int = 1,
        bias: bool = True,
        gain: float = 1.0,
    ) -> str:
        """A convolution with "same" padding unless ``pad`` (one number an axis) says otherwise."""
        fan_in = channels[0] // groups * math.prod(kernel)
        inputs = [x, self.weight((channels[1], channels[0] // groups, *kernel), gain / math.sqrt(fan_in))]
        if bias:
            inputs.append(self.weight((channels[1],), 0.05))
        pads = [k // 2 for k in kernel] if pad is None else list(pad)
        return self.op(
            "Conv",
            *inputs,
            kernel_shape=list(kernel),
            pads=pads * 2,
            strides=[stride] * len(kernel),
            dilations=[1] * len(kernel),
            group=groups,
        )

    def batch_norm(self, x: str, channels: int) -> str:
        scale, shift = self.weight((channels,), 0.05, 1.0), self.weight((channels,), 0.05)
        mean = self.constant(0.05 * self._random.standard_normal(channels))
        variance = self.constant(self._random.uniform(0.8, 1.2, channels))
        return self.op("BatchNormalization", x, scale, shift, mean, variance, epsilon=1e-5)

    def conv_norm_relu(self, x: str, channels: tuple[int, int], kernel: Sequence[int]) -> str:
        return self.op("Relu", self.batch_norm(self.conv(x, channels, kernel, gain=math.sqrt(2)), channels[1]))

    def linear(self, x: str, sizes: tuple[int, int], *, bias: bool = True, gain: float = 1.0) -> str:
        """As PyTorch exports it for inputs of more than two axes: MatMul and Add."""
        y: str = self.op("MatMul", x, self.weight(sizes, gain / math.sqrt(sizes[0])))
        return self.op("Add", self.weight((sizes[1],), 0.02), y) if bias else y

    def layer_norm(self, x: str, size: int) -> str:
        scale, shift = self.weight((size,), 0.05, 1.0), self.weight((size,), 0.05)
        return self.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)

    def gelu(self, x: str) -> str:
        half = self.op(
            "Mul", self.op("Add", self.op("Erf", self.op("Div", x, self.constant(math.sqrt(2)))), self.one), x
        )
        return self.op("Mul", half, self.constant(0.5))

    def mish(self, x: str) -> str:
        return self.op("Mul", x, self.op("Tanh", self.op("Softplus", x)))

    def reshape(self, x: str, *shape: int) -> str:
        return self.op("Reshape", x, self.ints(*shape))

    def transpose(self, x: str, *order: int) -> str:
        return self.op("Transpose", x, perm=list(order))

    def upsample(self, x: str, *scales: int) -> str:
        """Nearest, as PyTorch exports it."""
        return self.op(
            "Resize",
            x,
            "",
            self.constant([1, 1, *scales]),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    @property
    def one(self) -> str:
        return self.constant(1.0)

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, self._weights)
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(domain, version) for domain, version in self._domains.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="vcam full_size")

    def _new(self, hint: str) -> str:
        self._count += 1
        return f"{hint}_{self._count}"
