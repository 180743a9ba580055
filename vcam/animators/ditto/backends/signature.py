"""Whether a graph has the inputs and outputs of the network that it should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vcam.animators.ditto.networks import NetworkSpec, Shape
from vcam.errors import AnimatorError

FLOATS = ("tensor(float)", "tensor(float16)")
INTEGERS = ("tensor(int64)", "tensor(int32)")


class Argument(Protocol):
    """An input or output as onnxruntime tells it: ``type`` such as "tensor(float)"; names or None for free sizes."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def shape(self) -> Sequence[int | str | None]: ...


def check_signature(
    inputs: Sequence[Argument], outputs: Sequence[Argument], spec: NetworkSpec
) -> tuple[dict[str, str], dict[str, str]]:
    """The types of the inputs and of the outputs that are read. Raises AnimatorError unless they are the spec's."""
    taken, given = {arg.name: arg for arg in inputs}, {arg.name: arg for arg in outputs}
    if taken.keys() != spec.inputs.keys():
        raise _mismatch(spec, f"it takes {', '.join(taken) or 'nothing'}, not {', '.join(spec.inputs)}")
    if missing := [name for name in spec.outputs if name not in given]:
        raise _mismatch(spec, f"it gives {', '.join(given) or 'nothing'}, but not {', '.join(missing)}")
    for name, shape in spec.inputs.items():
        _check(taken[name], shape, INTEGERS if name in spec.integers else FLOATS, spec)
    for name, shape in spec.outputs.items():
        _check(given[name], shape, FLOATS, spec)
    return {name: taken[name].type for name in spec.inputs}, {name: given[name].type for name in spec.outputs}


def fits(found: Sequence[int | None], shape: Shape) -> bool:
    """Whether sizes agree; None agrees with any, and the shape () with all."""
    return not shape or (len(found) == len(shape) and all(map(_same_size, found, shape)))


def _same_size(one: int | None, other: int | None) -> bool:
    return one is None or other is None or one == other


def _check(arg: Argument, shape: Shape, types: Sequence[str], spec: NetworkSpec) -> None:
    if arg.type not in types:
        raise _mismatch(spec, f"{arg.name} is {arg.type}, not {' or '.join(types)}")
    known = tuple(size if isinstance(size, int) else None for size in arg.shape)
    if known and not fits(known, shape):  # a graph need not say what shape its outputs have
        raise _mismatch(spec, f"{arg.name} has the shape {tuple(arg.shape)}, not {shape}")


def _mismatch(spec: NetworkSpec, what: str) -> AnimatorError:
    return AnimatorError(
        f"The file of the network {spec.name} holds another network: {what}.",
        "See which files are not what they should be: vcam checkpoints verify",
    )
