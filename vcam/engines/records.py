"""What preparing a network found: kept beside the prepared graph, and shown in tables."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .equality import Difference
from .passes import Precision

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One pass. ``flops`` and ``nodes``: of the graph after it; ``error``: against the graph as it came, None where
    nothing changed or it was not compared.
    """

    name: str
    changed: int
    nodes: int
    flops: int
    error: Difference | None
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """``role``: "network", or "condition" and "step" where one became two; ``flops``: of one run."""

    name: str
    role: str
    sha256: str
    flops: int
    inputs: dict[str, list[int | None]]
    outputs: dict[str, list[int | None]]


@dataclass(frozen=True, slots=True)
class Record:
    """``source``: SHA-256 of the checkpoint's graph; ``key``: of everything that decides about the result;
    ``flops``: of the graph as it came, for as many frames as it takes now; ``unsupported``: what TensorRT's parser is
    known to refuse.
    """

    network: str
    key: str
    source: str
    precision: Precision
    batch: int
    passes: tuple[str, ...]
    tools: dict[str, str]
    flops: int
    parameters: int
    steps: tuple[Step, ...]
    files: tuple[PreparedFile, ...]
    unsupported: tuple[str, ...]
    error: Difference | None
    seconds: float

    def write(self, path: Path) -> None:
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1)
        partial = path.with_name(path.name + ".part")
        partial.write_text(text + "\n")
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """None where there is none, or it is not one of this version's."""
        try:
            found = json.loads(path.read_text())
            if found.pop("format") != FORMAT:
                return None
            found["steps"] = tuple(_step(item) for item in found["steps"])
            found["files"] = tuple(PreparedFile(**item) for item in found["files"])
            found["passes"], found["unsupported"] = tuple(found["passes"]), tuple(found["unsupported"])
            found["error"] = _difference(found["error"])
            return cls(**found)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def _step(item: dict[str, Any]) -> Step:
    return Step(**{**item, "notes": tuple(item["notes"]), "error": _difference(item["error"])})


def _difference(item: dict[str, float] | None) -> Difference | None:
    return None if item is None else Difference(**item)
