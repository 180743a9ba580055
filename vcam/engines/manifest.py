"""The manifest beside an engine: what it was built of, by what and for what; and whether that is still wanted."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from vcam.errors import AnimatorError

from .foreign import FileKind, identify
from .hashing import file_hash
from .passes import Precision
from .profiles import Profile
from .records import Record

FORMAT = 1
SUFFIX = ".engine"
_REBUILD = "Build it again: vcam engines build"
_BUILD = "Engines are built of the ONNX graphs: vcam engines build"


@dataclass(frozen=True, slots=True)
class Target:
    """What an engine runs on. ``architecture``: as "sm89", of compute capability 8.9; ``tensorrt``: the version that
    builds and loads it, which must be the very same.
    """

    architecture: str
    tensorrt: str

    @classmethod
    def of(cls, capability: tuple[int, int], tensorrt: str) -> Target:
        return cls(f"sm{capability[0]}{capability[1]}", tensorrt)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An engine as it is wanted now. ``network``: the name of the prepared graph's part (lmdm has two: lmdm_condition
    and lmdm_step); ``source``, ``graph``: SHA-256 of the checkpoint's graph and of the prepared one; ``passes``: tags.
    """

    network: str
    precision: Precision
    batch: int
    target: Target
    source: str
    graph: str
    passes: tuple[str, ...]

    @property
    def file_name(self) -> str:
        what = f"{self.network}-{self.precision}-b{self.batch}"
        return f"{what}-{self.target.architecture}-trt{self.target.tensorrt}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """``built``: ISO 8601, UTC; ``seconds``: the build took; ``profiles``: least, usual and most of open sizes."""

    wanted: Wanted
    gpu: str
    driver: str
    built: str
    seconds: float
    size: int
    sha256: str
    profiles: dict[str, Profile]

    def write(self, engine: Path) -> None:
        """Beside the engine, whole or not at all."""
        path = manifest_path(engine)
        partial = path.with_name(path.name + ".part")
        partial.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")
        partial.replace(path)

    @classmethod
    def read(cls, engine: Path) -> Manifest | None:
        """None where there is none, or not one that this version of vcam understands."""
        try:
            found = json.loads(manifest_path(engine).read_text())
            if found.pop("format") != FORMAT:
                return None
            wanted = found.pop("wanted")
            target = Target(**wanted.pop("target"))
            passes = tuple(wanted.pop("passes"))
            profiles = {name: _profile(item) for name, item in found.pop("profiles").items()}
            return cls(Wanted(**wanted, target=target, passes=passes), **found, profiles=profiles)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


class EngineState(Enum):
    CURRENT = "current"
    MISSING = "missing"
    STALE = "stale"
    DAMAGED = "damaged"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Finding:
    """``reasons``: each a clause, empty for a current engine."""

    state: EngineState
    reasons: tuple[str, ...]
    manifest: Manifest | None = None


def manifest_path(engine: Path) -> Path:
    return engine.with_name(engine.name + ".json")


def examine(engine: Path, wanted: Wanted, *, thorough: bool = False) -> Finding:
    """Whether an engine file is what is wanted, without loading it. ``thorough``: its content is read and compared."""
    try:
        facts, size = identify(engine), engine.stat().st_size
    except FileNotFoundError:
        return Finding(EngineState.MISSING, ("there is no such file",))
    except OSError as error:
        return Finding(EngineState.DAMAGED, (f"it cannot be read: {error.strerror}",))
    manifest = Manifest.read(engine)
    if manifest is None:
        return Finding(EngineState.FOREIGN, _foreign_reasons(engine, wanted))
    if facts.kind is not FileKind.ENGINE:
        return Finding(EngineState.DAMAGED, (f"it is {facts}",), manifest)
    if size != manifest.size or (thorough and file_hash(engine) != manifest.sha256):
        return Finding(EngineState.DAMAGED, ("its content is not what was built",), manifest)
    reasons = tuple(_differences(manifest.wanted, wanted))
    return Finding(EngineState.STALE if reasons else EngineState.CURRENT, reasons, manifest)


def require_current(engine: Path, wanted: Wanted) -> Manifest:
    """Raises AnimatorError, saying why, where the engine is not what is wanted."""
    found = examine(engine, wanted)
    if found.state is EngineState.CURRENT and found.manifest is not None:
        return found.manifest
    if found.state is EngineState.MISSING:
        raise AnimatorError(f"There is no engine of {wanted.network} for this machine: no {engine}.", _BUILD)
    hint = _BUILD if found.state is EngineState.FOREIGN else _REBUILD
    raise AnimatorError(f"The engine {engine.name} cannot be used: {'; '.join(found.reasons)}.", hint)


def _foreign_reasons(engine: Path, wanted: Wanted) -> tuple[str, ...]:
    facts = identify(engine)
    if facts.kind is not FileKind.ENGINE:
        return (f"it is {facts}",)
    reasons = []
    ours = _numbers(wanted.target.tensorrt)
    if facts.version is not None and facts.version[: len(ours)] != ours[:3]:
        reasons.append(f"it is {facts}, and TensorRT {wanted.target.tensorrt} loads only its own")
    if facts.version is not None and facts.version[:2] == (8, 6):
        reasons.append("it looks like one of the published engines, which fit TensorRT 8.6.1 and its plugin alone")
    return (*reasons, "it was not built by vcam: nothing says of what, or for which graphics processor")


def _differences(found: Wanted, wanted: Wanted) -> list[str]:
    reasons = []
    for name, label in (("network", "network"), ("precision", "precision"), ("batch", "number of frames at once")):
        a, b = getattr(found, name), getattr(wanted, name)
        if a != b:
            reasons.append(f"its {label} is {a}, not {b}")
    if found.target.architecture != wanted.target.architecture:
        reasons.append(
            f"it was built for a graphics processor of {_capability(found.target.architecture)},"
            f" this one is of {_capability(wanted.target.architecture)}"
        )
    if found.target.tensorrt != wanted.target.tensorrt:
        reasons.append(f"it was built by TensorRT {found.target.tensorrt}, here is {wanted.target.tensorrt}")
    if found.source != wanted.source:
        reasons.append("the checkpoint's graph has changed since")
    elif found.passes != wanted.passes:
        changed = sorted(set(found.passes) ^ set(wanted.passes))
        reasons.append(f"vcam rewrites graphs otherwise now ({', '.join(changed) or 'in another order'})")
    elif found.graph != wanted.graph:
        reasons.append("the prepared graph is another")
    return reasons


def _capability(architecture: str) -> str:
    digits = architecture.removeprefix("sm")
    return f"compute capability {digits[:-1]}.{digits[-1:]}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _profile(item: list[list[int]]) -> Profile:
    least, usual, most = (tuple(shape) for shape in item)
    return least, usual, most


def wanted_of(record: Record, role: str, target: Target) -> Wanted:
    """The engine wanted for one file of a prepared network's record."""
    file = next(file for file in record.files if file.role == role)
    name = record.network if role == "network" else f"{record.network}_{role}"
    return Wanted(name, record.precision, record.batch, target, record.source, file.sha256, record.passes)
