"""A graph whose inputs and outputs keep their places: bound once, run again and again, nothing allocated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Bound:
    """``inputs``, ``outputs``: OrtValues by the session's names, all of them.

    An input must lie where the provider works: onnxruntime copies others when they are bound, and never again.
    """

    def __init__(self, session: Any, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        self._session = session
        self._binding = session.io_binding()
        self._inputs: dict[str, Any] = {}
        for name, value in inputs.items():
            self.read(name, value)
        self._outputs: dict[str, Any] = {}
        for name, value in outputs.items():
            self.write(name, value)

    def read(self, name: str, value: Any) -> None:
        """Take an input from there from now on."""
        if self._inputs.get(name) is not value:
            self._binding.bind_ortvalue_input(name, value)
            self._inputs[name] = value

    def write(self, name: str, value: Any) -> None:
        """Put an output there from now on."""
        if self._outputs.get(name) is not value:
            self._binding.bind_ortvalue_output(name, value)
            self._outputs[name] = value

    def run(self) -> None:
        """Returns when the outputs are there. Raises ``providers.runtime_errors``."""
        self._session.run_with_iobinding(self._binding)
