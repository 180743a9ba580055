"""The one call of TensorRT's builder: an ONNX graph becomes an engine for the GPU that is current.

Written for TensorRT 10 and 11. Precision is in the graph, so the network is strongly typed: by a flag in 10, always
in 11, where the flag still exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vcam.errors import AnimatorError

from .profiles import Profile

#: Told how far a build is: what is being done, steps done, steps in all. False stops it.
Tell = Callable[[str, int, int], bool]

_REPORT = "Please report it with what `vcam -vv engines build` says; the onnxruntime backend can use the graph."


@dataclass(frozen=True, slots=True)
class Built:
    """``cache``: the timing cache, richer by what was measured."""

    plan: Any  # of TensorRT, readable as bytes
    cache: bytes


def build_plan(
    trt: Any,
    log: Any,
    graph: Path,
    profiles: Mapping[str, Profile],
    cache: bytes,
    tell: Tell,
    *,
    exact: bool,
) -> Built:
    """``trt``: the module; ``log``: its ILogger, with ``errors``; ``exact``: float32 stays float32, no TF32.

    Raises AnimatorError if it does not come about; KeyboardInterrupt if ``tell`` stopped it.
    """
    try:
        builder = trt.Builder(log)
    except TypeError as error:  # pybind11's word for a factory that gave nothing, as without a driver
        raise _failed(f"TensorRT {trt.__version__} cannot build here", log) from error
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(graph)):
        said = "; ".join(parser.get_error(index).desc() for index in range(min(3, parser.num_errors)))
        raise AnimatorError(
            f"TensorRT {trt.__version__} cannot read {graph.name}: {said or 'no reason given'}", _REPORT
        )
    config = builder.create_builder_config()
    if exact:
        config.clear_flag(trt.BuilderFlag.TF32)
    if profiles:
        profile = builder.create_optimization_profile()
        for name, (least, usual, most) in profiles.items():
            profile.set_shape(name, least, usual, most)
        config.add_optimization_profile(profile)
    timings = config.create_timing_cache(cache)
    if not config.set_timing_cache(timings, False):  # of another GPU or version: begin anew
        config.set_timing_cache(config.create_timing_cache(b""), False)
    monitor = _monitor(trt, tell)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        if monitor.stopped:
            raise KeyboardInterrupt
        raise _failed(f"TensorRT {trt.__version__} cannot build {graph.name}", log)
    return Built(plan, bytes(config.get_timing_cache().serialize()))


def _failed(what: str, log: Any) -> AnimatorError:
    said = log.errors[-1] if log.errors else "it does not say why"
    if any("outofmemory" in text.casefold().replace(" ", "") for text in log.errors):
        return AnimatorError(
            f"{what}: the GPU's memory is full.", "Close what else uses the GPU (`nvidia-smi` lists it) and go on."
        )
    return AnimatorError(f"{what}: {said}", _REPORT)


def _monitor(trt: Any, tell: Tell) -> Any:
    """TensorRT's progress, told for the outermost phase. It may call from several threads."""

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped = False
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if not parent_phase:
                self._steps[phase_name] = num_steps

        def step_complete(self, phase_name: str, step: int) -> bool:
            try:
                if phase_name in self._steps and not tell(phase_name, step + 1, self._steps[phase_name]):
                    self.stopped = True
            except KeyboardInterrupt:  # must not pass through the library
                self.stopped = True
            return not self.stopped

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

    return Monitor()
