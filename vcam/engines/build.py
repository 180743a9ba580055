"""From a checkpoint to engines for one GPU: prepare each graph, build what is not up to date, note what it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from vcam.animators.ditto.backends.cuda import CudaDevice
from vcam.animators.ditto.backends.tensorrt_engines import engines_folder, graphs_folder
from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.networks import NETWORKS, NetworkSpec
from vcam.errors import AnimatorError, UsageError, nearest

from .builder import build_plan
from .hashing import file_hash
from .manifest import EngineState, Finding, Manifest, Target, Wanted, examine, manifest_path, wanted_of
from .passes import Precision, is_batched
from .prepare import Prepared, prepare_network
from .profiles import profiles_for

logger = logging.getLogger(__name__)

_PARTIAL = ".part"


class Progress:
    """Told what is being done; does nothing. ``step`` returns False to stop."""

    def network(self, name: str, index: int, count: int) -> None: ...

    def doing(self, what: str, done: int = 0, steps: int = 0) -> bool:
        return True

    def built(self, engine: Engine) -> None: ...


@dataclass(frozen=True, slots=True)
class Engine:
    """``fresh``: whether it was built now, rather than found up to date; ``seconds``: that its build took."""

    wanted: Wanted
    path: Path
    manifest: Manifest
    fresh: bool


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where engines are built: a GPU and TensorRT."""

    gpu: Any
    library: TensorRt

    @classmethod
    def open(cls, index: int = 0) -> Workshop:
        """Raises AnimatorError, in one message, where TensorRT or a GPU that it can use is missing."""
        library = TensorRt()
        if not hasattr(library.module, "Builder"):
            raise AnimatorError(
                f"This TensorRT {library.version} can run engines but not build them.", "pip install tensorrt"
            )
        return cls(CudaDevice(index), library)

    @property
    def target(self) -> Target:
        return Target.of(self.gpu.capability, self.library.version)


def networks_called(names: Collection[str]) -> list[NetworkSpec]:
    """All where none are named. Raises UsageError for an unknown name."""
    for name in names:
        if name not in NETWORKS:
            near = nearest(name, NETWORKS, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"There is no network {name[:40]!r}.", f"{hint}Possible are: {', '.join(NETWORKS)}.")
    return [spec for name, spec in NETWORKS.items() if not names or name in names]


def build(
    checkpoint: Path,
    workshop: Workshop,
    precision: Precision = "fp16",
    batches: Collection[int] = (1,),
    *,
    only: Collection[str] = (),
    progress: Progress | None = None,
) -> Iterator[Engine]:
    """Each engine as soon as it is there; those found up to date are not built again, so a build can be broken off.

    ``batches``: frames at once, of warp and decoder. Raises AnimatorError, naming the network.
    """
    opened, tell = Checkpoint.open(checkpoint), progress or Progress()
    specs = networks_called(only)
    jobs = [(spec, size) for spec in specs for size in (sorted(set(batches)) if is_batched(spec) else (1,))]
    opened.require(specs)
    folder = engines_folder(opened.folder)
    try:
        graphs_folder(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AnimatorError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    for index, (spec, size) in enumerate(jobs):
        tell.network(f"{spec.name}, {size} at once" if size > 1 else spec.name, index, len(jobs))
        prepared = prepare_network(
            spec,
            opened.path(spec),
            graphs_folder(folder),
            precision,
            size,
            progress=lambda _, doing: _told(tell, doing),
        )
        for engine in _build_network(prepared, folder, workshop, tell):
            tell.built(engine)
            yield engine


def _build_network(prepared: Prepared, folder: Path, workshop: Workshop, tell: Progress) -> Iterator[Engine]:
    for file in prepared.record.files:
        wanted = wanted_of(prepared.record, file.role, workshop.target)
        path = folder / wanted.file_name
        found = examine(path, wanted, thorough=True)
        if found.state is EngineState.CURRENT and found.manifest is not None:
            yield Engine(wanted, path, found.manifest, fresh=False)
            continue
        if found.state is not EngineState.MISSING:
            logger.info("%s is built again: %s", path.name, "; ".join(found.reasons))
        profiles = profiles_for(file.inputs)
        graph = prepared.folder / file.name
        cache = folder / f"timing-{workshop.target.architecture}-trt{workshop.target.tensorrt}.cache"
        started = time.monotonic()
        workshop.library.log.errors.clear()
        with workshop.gpu.current():
            built = build_plan(
                workshop.library.module,
                workshop.library.log,
                graph,
                profiles,
                _read(cache),
                tell.doing,
                exact=prepared.record.precision == "fp32",
            )
        seconds = time.monotonic() - started
        try:
            _write(path, built.plan)
            _write(cache, built.cache)
        except OSError as error:
            raise AnimatorError(f"The engine {path} cannot be written: {error.strerror}.") from error
        manifest = Manifest(
            wanted,
            workshop.gpu.name,
            workshop.gpu.driver,
            datetime.now(timezone.utc).isoformat(timespec="seconds"),
            seconds,
            path.stat().st_size,
            file_hash(path),
            profiles,
        )
        manifest.write(path)
        yield Engine(wanted, path, manifest, fresh=True)


@dataclass(frozen=True, slots=True)
class Listed:
    """An engine file that is there. ``finding``: without ``manifest`` it is not one of vcam's."""

    path: Path
    finding: Finding
    size: int


def list_engines(checkpoint: Path, target: Target | None) -> list[Listed]:
    """Every engine file in the checkpoint's folders, the published ones too.

    ``target``: of this machine, None where that cannot be told: engines of vcam then count as current.
    """
    found = []
    places = [engines_folder(checkpoint), *sorted(checkpoint.glob("ditto_trt*"))]
    for path in (path for place in places for path in sorted(place.glob("*.engine"))):
        manifest = Manifest.read(path)
        there = manifest.wanted if manifest else _anything(path, target)
        wanted = there if target is None else replace(there, target=target)
        found.append(Listed(path, examine(path, wanted), path.stat().st_size))
    return found


def clean(checkpoint: Path, target: Target | None, *, everything: bool = False) -> list[Path]:
    """Remove the engines that cannot be used, and what broken-off builds left; the paths that are gone.

    Engines for other GPUs and versions stay where ``target`` is None, as does all that was not built by vcam.
    ``everything``: remove vcam's engines, prepared graphs and caches whole.
    """
    folder = engines_folder(checkpoint)
    gone: list[Path] = []
    if everything:
        chosen = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    else:
        bad = [item.path for item in list_engines(checkpoint, target) if _is_ours_and_bad(item, folder)]
        chosen = [*bad, *(manifest_path(path) for path in bad), *sorted(folder.rglob(f"*{_PARTIAL}"))]
    for path in chosen:
        if path.is_file():
            path.unlink()
            gone.append(path)
    return gone


def _told(progress: Progress, doing: str) -> None:
    """Raises KeyboardInterrupt if it is to stop."""
    if not progress.doing(doing):
        raise KeyboardInterrupt


def _is_ours_and_bad(item: Listed, folder: Path) -> bool:
    return item.path.parent == folder and item.finding.state in (EngineState.STALE, EngineState.DAMAGED)


def _anything(path: Path, target: Target | None) -> Wanted:
    return Wanted(path.stem, "fp16", 1, target or Target("sm00", "0"), "", "", ())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _write(path: Path, content: Any) -> None:
    """Whole or not at all."""
    partial = path.with_name(path.name + _PARTIAL)
    partial.write_bytes(memoryview(content))
    partial.replace(path)
