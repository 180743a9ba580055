"""What a rewrite of a graph is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import onnx


@dataclass(frozen=True, slots=True)
class PassResult:
    """``changed``: how many places were rewritten; ``notes``: what a reader of the report should know."""

    model: onnx.ModelProto
    changed: int
    notes: tuple[str, ...] = field(default_factory=tuple)


class PassError(Exception):
    """A graph is not what a rewrite needs; says which node and what of it."""


@dataclass(frozen=True, slots=True)
class Pass:
    """``version``: goes up whenever the pass makes other graphs than before, so that engines are rebuilt;
    ``tolerance``: how far outputs may move, relative to their greatest value.
    """

    name: str
    version: int
    apply: Callable[[onnx.ModelProto], PassResult]
    tolerance: float = 1e-5

    @property
    def tag(self) -> str:
        return f"{self.name}/{self.version}"
