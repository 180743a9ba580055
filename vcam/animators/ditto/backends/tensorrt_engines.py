"""Which engine files run a network here: found by what the prepared graphs' records and the manifests say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vcam.animators.ditto.file_hashes import FileHashes
from vcam.animators.ditto.networks import NetworkSpec
from vcam.engines.manifest import Target, Wanted, require_current, wanted_of
from vcam.engines.passes import Precision, is_batched, passes_for, precision_of
from vcam.engines.records import Record
from vcam.errors import AnimatorError

from .choice import ENGINES

BUILD = "Build the engines for this machine: vcam engines build"


def engines_folder(checkpoint: Path) -> Path:
    """Where a checkpoint's engines go; its prepared graphs are in ``graphs`` below it."""
    return checkpoint / ENGINES


def graphs_folder(engines: Path) -> Path:
    return engines / "graphs"


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """``folder``: see :func:`engines_folder`; ``batch``: frames at once, of the networks that take several."""

    folder: Path
    target: Target
    precision: Precision = "fp16"
    batch: int = 1

    def wanted(self, spec: NetworkSpec, source: Path) -> dict[str, Wanted]:
        """By role: "network", or "condition" and "step" where one network became two. ``source``: its ONNX graph.

        Raises AnimatorError where the graph was never prepared so.
        """
        precision, batch = precision_of(spec, self.precision), self.batch if is_batched(spec) else 1
        for path in sorted(graphs_folder(self.folder).glob(f"{spec.name}-*.json")):
            record = Record.read(path)
            if record and (record.network, record.precision, record.batch) == (spec.name, precision, batch):
                break
        else:
            at_once = f" for {batch} frames at once" if batch > 1 else ""
            raise AnimatorError(f"There is no {precision} engine of {spec.name}{at_once} in {self.folder}.", BUILD)
        tags = tuple(item.tag for item in passes_for(spec, precision, batch))
        present = self._hash(source) or record.source
        found = {file.role: wanted_of(record, file.role, self.target) for file in record.files}
        return {role: replace(one, source=present, passes=tags) for role, one in found.items()}

    def current(self, spec: NetworkSpec, source: Path) -> dict[str, Path]:
        """The engine files by role. Raises AnimatorError, saying why and what to do, unless all are what is wanted."""
        found = {}
        for role, wanted in self.wanted(spec, source).items():
            found[role] = self.folder / wanted.file_name
            require_current(found[role], wanted)
        return found

    def _hash(self, source: Path) -> str | None:
        """None where the graph is not there: engines work without."""
        try:
            return FileHashes(self.folder / "hashes.json")(source)
        except OSError:
            return None
