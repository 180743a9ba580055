"""Which of onnxruntime's execution providers runs the networks: chosen by name, and only if it really starts here."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from vcam.errors import AnimatorError, nearest

from .nvidia import why_not
from .onnx_errors import first_line, hint_for

logger = logging.getLogger(__name__)

INSTALL = "pip install 'vcam[ditto]'"
CPU = "CPUExecutionProvider"
_HEAVY = {"Conv", "ConvTranspose", "GridSample", "MatMul", "Gemm", "Resize", "Softmax", "InstanceNormalization"}
_SUFFIX = "ExecutionProvider"
#: y = x + x for one number, as a model of opset 17: enough to see whether a provider starts.
PROBE = (
    b'\x08\x08:9\n\x0e\n\x01x\n\x01x\x12\x01y"\x03Add\x12\x05probeZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11"
)
_MOST_THREADS = 8  # more only fight over the memory bus


@dataclass(frozen=True, slots=True)
class Provider:
    """``memory``: the kind of device memory that arrays can stay in between networks, "cpu" where there is none.

    ``package``: what to install for it.
    """

    name: str
    memory: str
    package: str


#: By the names that a profile uses, best first.
PROVIDERS = {
    "cuda": Provider("CUDAExecutionProvider", "cuda", "onnxruntime-gpu"),
    "migraphx": Provider("MIGraphXExecutionProvider", "cpu", "onnxruntime-migraphx"),
    "directml": Provider("DmlExecutionProvider", "dml", "onnxruntime-directml"),
    "coreml": Provider("CoreMLExecutionProvider", "cpu", "onnxruntime"),
    "openvino": Provider("OpenVINOExecutionProvider", "cpu", "onnxruntime-openvino"),
    "cpu": Provider(CPU, "cpu", "onnxruntime"),
}


def load_runtime() -> Any:
    """The onnxruntime module. Raises AnimatorError if it is not installed or does not load."""
    try:
        runtime = import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise AnimatorError("onnxruntime is not installed; the ditto animator needs it.", INSTALL) from error
    except (ImportError, OSError) as error:
        raise AnimatorError(f"onnxruntime does not load: {str(error).splitlines()[0]:.200}", INSTALL) from error
    if hasattr(runtime, "disable_telemetry_events"):
        runtime.disable_telemetry_events()
    return runtime


def runtime_errors() -> tuple[type[Exception], ...]:
    """Every class of error that onnxruntime raises: they have no common base, and differ between releases."""
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    kinds = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*kinds, RuntimeError, ValueError, TypeError, MemoryError)


def provider_called(name: str, available: Sequence[str]) -> Provider:
    """A provider by the profile's name or onnxruntime's own. Raises AnimatorError if there is none of that name."""
    folded = name.casefold()
    if folded in PROVIDERS:
        return PROVIDERS[folded]
    for known in available:
        if folded in (known.casefold(), known.removesuffix(_SUFFIX).casefold()):
            return Provider(known, "cpu", "onnxruntime")
    possible = ["auto", *PROVIDERS]
    near = nearest(name, possible, 1)
    hint = f"Possible are: {', '.join(possible)}."
    raise AnimatorError(
        f"There is no onnxruntime provider {name[:40]!r}.", f"Did you mean {near[0]!r}? {hint}" if near else hint
    )


def choose_provider(wanted: str, device_index: int = 0) -> Provider:
    """The provider that ``wanted`` names; for "auto" the best one that starts here.

    onnxruntime drops a provider that fails to start (a driver is missing, a library is too old) and says so only in
    its log, so each is tried on a tiny graph. Raises AnimatorError if a named one cannot be used.
    """
    available = load_runtime().get_available_providers()
    if wanted.casefold() != "auto":
        provider = provider_called(wanted, available)
        if provider.name not in available:
            has = ", ".join(name.removesuffix(_SUFFIX) for name in available)
            raise AnimatorError(
                f"The installed onnxruntime cannot use {wanted}; it has {has}.",
                f"Install one that can: pip uninstall onnxruntime && pip install {provider.package}",
            )
        if found := _trouble(provider, device_index):
            problem, hint = found
            raise AnimatorError(
                f"onnxruntime cannot use {wanted} here: {problem}",
                f"Set animator.ditto.provider to 'auto' to use what there is. {hint}".strip(),
            )
        return provider
    for provider in PROVIDERS.values():
        if provider.name in available:
            found = _trouble(provider, device_index)
            if found is None:
                return provider
            kind = provider.name.removesuffix(_SUFFIX)
            logger.warning("onnxruntime's %s cannot be used here: %s %s", kind, *found)
    raise AnimatorError("onnxruntime has no provider that works here.", f"Install it again: {INSTALL}")


def session_options(threads: int | None = None) -> Any:
    """For a process that also has sound to serve: few threads, and none that spins while it waits."""
    options = load_runtime().SessionOptions()
    options.intra_op_num_threads = default_threads() if threads is None else max(1, threads)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")  # see left_behind
    options.log_severity_level = 3  # errors; warnings tell of every initialiser that the optimiser folded away
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
    return options


def open_session(model: str | bytes, provider: Provider, device_index: int, options: Any) -> Any:
    """An InferenceSession on this provider, with the CPU for what it does not support. Raises ``runtime_errors``."""
    chain: list[Any] = [provider.name]
    if provider.memory != "cpu":
        settings = {"device_id": str(device_index)}
        if provider.memory == "cuda":  # the networks share the GPU: none should take twice what it needs
            settings["arena_extend_strategy"] = "kSameAsRequested"
        chain = [(provider.name, settings)]
    if provider.name != CPU:
        chain.append(CPU)
    # no second try on the CPU by onnxruntime itself: it would print, and hide what failed
    return load_runtime().InferenceSession(model, options, providers=chain, enable_fallback=0)


def left_behind(session: Any, provider: Provider) -> list[str]:
    """The kinds of heavy operators that the provider leaves to the CPU; empty where onnxruntime does not tell.

    That is as silent as a provider that does not start, and can cost as much: tensors are copied there and back.
    """
    if provider.name == CPU or not hasattr(session, "get_provider_graph_assignment_info"):
        return []
    elsewhere = (part for part in session.get_provider_graph_assignment_info() if part.ep_name != provider.name)
    return sorted({node.op_type for part in elsewhere for node in part.get_nodes()} & _HEAVY)


def default_threads() -> int:
    """All cores that this process may use but one, which stays free for sound; 1 to 8."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(max(1, cores - 1), _MOST_THREADS)


def _trouble(provider: Provider, device_index: int) -> tuple[str, str] | None:
    """Why the provider cannot be used here, and what to do; None if it can."""
    if provider.name == CPU:
        return None
    if provider.memory == "cuda":
        # before onnxruntime tries: it would only leave the provider out, and say why in its log
        if problem := why_not(device_index, getattr(load_runtime(), "cuda_version", "")):
            return problem
        _preload_cuda()
    try:
        session = open_session(PROBE, provider, device_index, session_options(1))
        if session.get_providers()[0] != provider.name:
            return (
                "it did not start, most likely for want of a library (CUDA's or cuDNN's).",
                f"`vcam doctor` shows what is there. pip install '{provider.package}[cuda,cudnn]' brings the libraries."
                if provider.memory == "cuda"
                else "`vcam doctor` shows what is there.",
            )
        session.run(None, {"x": np.ones(1, np.float32)})  # a GPU for which it has no kernels shows only now
    except runtime_errors() as error:
        return first_line(error), hint_for(error)
    return None


def _preload_cuda() -> None:
    """Find CUDA's libraries where Python packages put them. onnxruntime prints what it misses; that goes to the log."""
    runtime = load_runtime()
    if hasattr(runtime, "preload_dlls"):
        with _stdout_to_log():
            runtime.preload_dlls()


@contextlib.contextmanager
def _stdout_to_log() -> Iterator[None]:
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        yield
    for line in heard.getvalue().splitlines():
        logger.debug("onnxruntime: %s", line)
