"""A checkpoint's ONNX graphs, rewritten for TensorRT: each rewrite compared with the original by onnxruntime.

Inputs and outputs stay float32 (and int64), with the names that networks.py gives them, so a prepared graph can be
used wherever the original could. lmdm becomes two, where its structure allows: ``lmdm_condition``, run once for each
clip, whose outputs ``lmdm_step`` reads at every step beside the other inputs, by the same names.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from vcam.animators.ditto.backends.providers import first_line, load_runtime, runtime_errors
from vcam.animators.ditto.networks import LMDM, NETWORKS, NetworkSpec
from vcam.errors import AnimatorError

from .equality import Difference, compare, run_graph
from .flops import count_flops, count_parameters
from .hashing import file_hash
from .passes import (
    EARLY_INPUTS,
    Pass,
    PassError,
    PassResult,
    Precision,
    gridsample3d,
    is_batched,
    passes_for,
    precision_of,
)
from .records import PreparedFile, Record, Step
from .samples import random_inputs
from .shapes import fixed_inputs, infer_shapes
from .split import split_graph
from .support import unsupported

logger = logging.getLogger(__name__)

_DecodeError: type[Exception] = import_module("google.protobuf.message").DecodeError  # what onnx raises for garbage

Array = npt.NDArray[Any]
Progress = Callable[[str, str], None]
_CONDITION = "condition"
_SPLIT = Pass("split", 1, lambda model: PassResult(model, 0), 5e-5)
_REPORT = "Please report it with the graph's origin; the onnxruntime backend can use the graph as it is."
_VERSION = 1  # of what this module does beside the passes


@dataclass(frozen=True, slots=True)
class Prepared:
    """``fresh``: whether it was made now, rather than found up to date."""

    record: Record
    folder: Path
    fresh: bool

    def paths(self) -> dict[str, Path]:
        """By role."""
        return {file.role: self.folder / file.name for file in self.record.files}


def prepare(
    checkpoint: Path,
    out: Path,
    precision: Precision = "fp16",
    batch: int = 1,
    *,
    networks: Collection[str] = (),
    progress: Progress | None = None,
) -> list[Prepared]:
    """Prepare every network of ``checkpoint`` (a folder of ONNX graphs) into ``out``; those found up to date are
    left alone. ``batch``: frames at once, for the networks of each frame. ``networks``: names; all that are there if
    empty. ``progress`` is told of a network and what is being done. Raises AnimatorError, naming the network, where
    one is missing that was asked for, cannot be read, or does not give the same after a rewrite.
    """
    specs = [NETWORKS[name] for name in networks or NETWORKS]
    found = [spec for spec in specs if networks or (checkpoint / spec.file).is_file()]
    if not found:
        raise AnimatorError(f"There are no ONNX graphs in {checkpoint}.", "Fetch them: vcam checkpoints pull")
    out.mkdir(parents=True, exist_ok=True)
    return [prepare_network(spec, checkpoint / spec.file, out, precision, batch, progress=progress) for spec in found]


def prepare_network(
    spec: NetworkSpec,
    source: Path,
    out: Path,
    precision: Precision = "fp16",
    batch: int = 1,
    *,
    progress: Progress | None = None,
) -> Prepared:
    """One network; see :func:`prepare`."""
    tell = progress or (lambda network, doing: None)
    precision, batch = precision_of(spec, precision), batch if is_batched(spec) else 1
    chosen = passes_for(spec, precision, batch)
    stem = f"{spec.name}-{precision}" + (f"-b{batch}" if is_batched(spec) else "")
    tell(spec.name, "reading")
    try:
        digest = file_hash(source)
    except OSError as error:
        raise AnimatorError(
            f"The network {spec.name} cannot be read: {error}.", "Fetch it: vcam checkpoints pull"
        ) from error
    tools = {"onnx": onnx.__version__, "onnxruntime": load_runtime().__version__}
    key = _key(digest, chosen, tools, batch)
    known = Record.read(out / f"{stem}.json")
    if known is not None and known.key == key and _all_there(known, out):
        return Prepared(known, out, fresh=False)
    started = time.monotonic()
    work = _Work(spec, _load(spec, source), batch, tell)
    for item in chosen:
        work.apply(item)
    models = work.split() if spec.name == LMDM.name else {"network": work.model}
    tell(spec.name, "writing")
    files = tuple(_write(out, stem, role, made) for role, made in models.items())
    record = Record(
        spec.name,
        key,
        digest,
        precision,
        batch,
        tuple(item.tag for item in chosen),
        tools,
        work.flops,
        work.parameters,
        tuple(work.steps),
        files,
        tuple(reason for made in models.values() for reason in unsupported(made)),
        work.error,
        time.monotonic() - started,
    )
    record.write(out / f"{stem}.json")
    return Prepared(record, out, fresh=True)


class _Work:
    """A network's graph on its way through the passes, with inputs and what the original makes of them."""

    def __init__(self, spec: NetworkSpec, model: onnx.ModelProto, batch: int, tell: Progress) -> None:
        """Raises AnimatorError where the graph is not the spec's, or does not run."""
        self.spec, self.model, self._batch, self._tell = spec, model, batch, tell
        self.steps: list[Step] = []
        self.error: Difference | None = None
        self._check_names()
        tell(spec.name, "running the original")
        with self._explained("reading"):
            self.parameters, self.flops = count_parameters(model), count_flops(model) * batch
            self._original: tuple[str, ...] = ()
            if not gridsample3d.is_runnable(model):
                worst = gridsample3d.check_nodes(model)
                model = gridsample3d.apply(model).model
                self._original = (
                    f"onnxruntime cannot run the original; its samplings alone differ by {worst.relative:.1e}",
                )
        self._inputs = [random_inputs(model, seed) for seed in range(batch)]
        self._reference = [self._run(model, inputs) for inputs in self._inputs]

    def apply(self, item: Pass) -> None:
        """Do one pass and compare. Raises AnimatorError."""
        self._tell(self.spec.name, item.name)
        started = time.monotonic()
        with self._explained(item.name):
            result = item.apply(self.model)
        self.model = result.model
        notes, self._original = (*self._original, *result.notes), ()
        error = None
        if result.changed and gridsample3d.is_runnable(self.model):
            # float16 graphs run as they stand: optimised, they would round less than on a GPU
            error = self._compare(item, {"": self.model}, optimise=item.name != "half")
        self._note(item.name, result.changed, self.model, error, notes, started)

    def split(self) -> dict[str, onnx.ModelProto]:
        """Part what depends on the early inputs alone, if there is something; by role."""
        self._tell(self.spec.name, "split")
        started = time.monotonic()
        try:
            parts = split_graph(self.model, EARLY_INPUTS, _CONDITION)
        except PassError as reason:
            self._note("split", 0, self.model, None, (f"left whole: {reason}",), started)
            return {"network": self.model}
        models = {_CONDITION: parts.early, "step": parts.late}
        error = self._compare(_SPLIT, models)
        notes = (f"once a clip {count_flops(parts.early) / 1e9:.2f} GFLOP, {len(parts.between)} values handed on",)
        self._note("split", 1, parts.late, error, notes, started)
        return models

    def _note(
        self,
        name: str,
        changed: int,
        model: onnx.ModelProto,
        error: Difference | None,
        notes: tuple[str, ...],
        started: float,
    ) -> None:
        with self._explained(name):
            flops = count_flops(model)
        self.error = error or self.error
        seconds = time.monotonic() - started
        self.steps.append(Step(name, changed, len(model.graph.node), flops, error, notes, seconds))

    def _compare(self, item: Pass, models: Mapping[str, onnx.ModelProto], optimise: bool = True) -> Difference:
        """The graph, or the graphs one after the other, against the original. Raises AnimatorError where too far."""
        wide = self._batch > 1 and _first_size(next(iter(models.values()))) == self._batch
        inputs = _joined(self._inputs) if wide else self._inputs[0]
        reference = _joined(self._reference) if wide else self._reference[0]
        made = dict(inputs)
        for model in models.values():
            given = {name: made[name] for name in fixed_inputs(model)}
            made.update(self._run(model, given, optimise, f" after the rewrite {item.name}", _hint(item)))
        error = compare({name: made[name] for name in reference}, reference)
        if not error.relative <= item.tolerance:
            raise AnimatorError(
                f"The network {self.spec.name} gives something else after the rewrite {item.name}:"
                f" it differs by {error.relative:.1e} of the largest value, {item.tolerance:.0e} is allowed.",
                _hint(item),
            )
        return error

    def _run(
        self,
        model: onnx.ModelProto,
        inputs: Mapping[str, Array],
        optimise: bool = True,
        when: str = "",
        hint: str = "Fetch it again: vcam checkpoints pull",
    ) -> dict[str, Array]:
        try:
            return run_graph(model, inputs, optimise=optimise)
        except runtime_errors() as error:
            raise AnimatorError(
                f"The network {self.spec.name} does not run{when}: {first_line(error)}", hint
            ) from error

    def _check_names(self) -> None:
        found, named = fixed_inputs(self.model), {item.name for item in self.model.graph.output}
        missing = (self.spec.inputs.keys() ^ found.keys()) | (self.spec.outputs.keys() - named)
        if missing:
            names = ", ".join(sorted(missing))
            raise AnimatorError(
                f"The graph of {self.spec.name} has other inputs or outputs than Ditto's: {names}.",
                "Fetch it again: vcam checkpoints pull",
            )

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        errors: tuple[type[Exception], ...] = (PassError, *runtime_errors())
        try:
            yield
        except errors as error:
            raise AnimatorError(
                f"The network {self.spec.name} cannot be prepared ({doing}): {first_line(error)}.", _REPORT
            ) from error


def _load(spec: NetworkSpec, source: Path) -> onnx.ModelProto:
    try:
        return onnx.load(source)
    except (OSError, ValueError, _DecodeError, onnx.checker.ValidationError) as error:
        raise AnimatorError(
            f"The network {spec.name} cannot be read: {source} is no ONNX graph ({first_line(error)}).",
            "Fetch it again: vcam checkpoints pull",
        ) from error


def _write(out: Path, stem: str, role: str, model: onnx.ModelProto) -> PreparedFile:
    path = out / (f"{stem}.onnx" if role == "network" else f"{stem}-{role}.onnx")
    partial = path.with_name(path.name + ".part")
    onnx.save(model, partial)
    partial.replace(path)
    shapes = infer_shapes(model)
    inputs = {name: list(shape) for name, shape in fixed_inputs(model).items()}
    outputs = {item.name: list(shapes.get(item.name, ())) for item in model.graph.output}
    return PreparedFile(path.name, role, file_hash(path), count_flops(model), inputs, outputs)


def _key(source: str, passes: tuple[Pass, ...], tools: Mapping[str, str], batch: int) -> str:
    parts = (str(_VERSION), source, str(batch), *(item.tag for item in passes), *map("=".join, tools.items()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _all_there(record: Record, folder: Path) -> bool:
    try:
        return all(file_hash(folder / file.name) == file.sha256 for file in record.files)
    except OSError:
        return False


def _hint(item: Pass) -> str:
    if item.name.startswith("batch"):
        return "This graph takes one frame at a time: prepare it so."
    return _REPORT


def _first_size(model: onnx.ModelProto) -> int | None:
    return next(iter(fixed_inputs(model).values()))[0]


def _joined(items: list[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([item[name] for item in items]) for name in items[0]}
