"""What the photoreal animator would use. All of it is optional."""

from __future__ import annotations

import shutil
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from vcam.doctor.check import Check
from vcam.doctor.install import pip_command
from vcam.errors import ProfileError

_DRIVER = Path("/proc/driver/nvidia/version")
_FOR_CUDA = '"onnxruntime-gpu[cuda,cudnn]"'
_OPTIONAL = "only the ditto animator would use it"


def nvidia(driver: Path = _DRIVER) -> Check:
    try:
        words = driver.read_text(encoding="utf-8", errors="replace").splitlines()[0].split()
    except (OSError, IndexError):
        if shutil.which("nvidia-smi"):
            return Check("nvidia", "info", "nvidia-smi is there; the driver's version is not known.")
        return Check("nvidia", "info", f"No NVIDIA driver ({_OPTIONAL}).")
    version = next((word for word in words if word[:1].isdigit() and "." in word), "unknown")
    if problem := _why_not():
        return Check("nvidia", "info", f"NVIDIA driver {version}, but {problem[0]}", problem[1])
    return Check("nvidia", "ok", f"NVIDIA driver {version}.")


def _why_not(needed: str = "") -> tuple[str, str] | None:
    from vcam.animators.ditto.backends import nvidia

    return nvidia.why_not(0, needed)


def onnxruntime() -> Check:
    if find_spec("onnxruntime") is None:
        return Check("onnxruntime", "info", f"Not installed ({_OPTIONAL}).", pip_command("onnxruntime"))
    try:
        runtime = import_module("onnxruntime")
    except (ImportError, OSError) as error:
        return Check("onnxruntime", "info", f"Does not load: {str(error).splitlines()[0][:160]}")
    providers = [name.removesuffix("ExecutionProvider") for name in runtime.get_available_providers()]
    found = f"onnxruntime {runtime.__version__}: {', '.join(providers)}."
    if "CUDA" in providers:
        if problem := _why_not(getattr(runtime, "cuda_version", "")):
            return Check("onnxruntime", "info", f"{found} CUDA cannot be used: {problem[0]}", problem[1])
    elif _why_not() is None:
        replace = f"pip uninstall onnxruntime; {pip_command(_FOR_CUDA)}"
        return Check("onnxruntime", "info", f"{found} There is an NVIDIA GPU, which it cannot use.", replace)
    return Check("onnxruntime", "ok", found)


def tensorrt() -> Check:
    # looked for, not imported: its libraries take gigabytes
    if find_spec("tensorrt") is None:
        return Check("tensorrt", "info", f"Not installed ({_OPTIONAL}).")
    try:
        version = metadata.version("tensorrt")
    except metadata.PackageNotFoundError:
        version = "of unknown version"
    return Check("tensorrt", "ok", f"TensorRT {version} is installed.")


def ditto() -> Check:
    from vcam.profile import Profile
    from vcam.profile.loader import load

    try:
        profile = load()
    except ProfileError:  # has a check of its own
        profile = Profile()
    from vcam.animators.ditto.checkpoint import Checkpoint
    from vcam.animators.ditto.location import has_networks
    from vcam.checkpoints.location import checkpoint_folder
    from vcam.errors import AnimatorError

    folder = checkpoint_folder(profile)
    if not has_networks(folder):
        return Check("ditto", "info", f"No checkpoint in {folder} ({_OPTIONAL}).", "vcam checkpoints pull")
    try:
        Checkpoint.open(folder).require()
    except AnimatorError as error:
        return Check("ditto", "info", error.message, error.hint)
    return Check("ditto", "ok", f"The checkpoint in {folder} has all its networks.")
