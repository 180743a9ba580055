"""The emulated TensorRT against the real one: every class, method, argument and enum that is used is there.

The lean runtime's wheels (tensorrt_lean_cu13_libs, tensorrt_lean_cu13_bindings) load without a GPU. The full
bindings (tensorrt_cu12_bindings of 10.x, tensorrt_cu13_bindings of 11.x) need their libraries to be there, but only
a few functions of them, which are made here: enough to look at the builder's classes.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from vcam.animators.ditto.backends.tensorrt_runtime import _TYPES, TensorRt
from vcam.errors import AnimatorError

from .emulated import compiler
from .emulated.device import Device
from .emulated.tensorrt import CLASSES, Emulation, Severity

_STUBS = {
    "nvinfer": "createInferBuilder_INTERNAL createInferRefitter_INTERNAL createInferRuntime_INTERNAL"
    " getBuilderPluginRegistry getPluginRegistry",
    "nvonnxparser": "createNvOnnxParser_INTERNAL createNvOnnxParserRefitter_INTERNAL getNvOnnxParserVersion",
    "nvinfer_plugin": "initLibNvInferPlugins",
}

# Prints, for each class of a module: its public names with their documentation.
_LOOK = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
kinds = {name: kind for name, kind in vars(module).items() if isinstance(kind, type)}
found = {name: {each: str(getattr(kind, each).__doc__) for each in dir(kind) if not each.startswith("__")
                or each == "__init__"} for name, kind in kinds.items()}
found["Severity"] = dict.fromkeys(module.ILogger.Severity.__members__, "")
json.dump({"version": module.__version__, "classes": found}, sys.stdout)
"""


def look(module: str, libraries: Path | None = None) -> dict[str, Any]:
    paths = [*([str(libraries)] if libraries else []), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", _LOOK, module], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def lean() -> dict[str, Any]:
    if find_spec("tensorrt_lean_bindings") is None:
        pytest.skip("tensorrt_lean_cu13_bindings is not installed")
    return look("tensorrt_lean_bindings")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if find_spec("tensorrt_bindings") is None:
        pytest.skip("tensorrt_cu12_bindings or tensorrt_cu13_bindings is not installed")
    if compiler.COMPILER is None:
        pytest.skip("there is no C++ compiler")
    folder = tmp_path_factory.mktemp("libraries")
    for name, functions in _STUBS.items():
        code = folder / f"{name}.cpp"
        code.write_text("".join(f'extern "C" void *{each}() {{ return nullptr; }}\n' for each in functions.split()))
        for major in (10, 11):
            made = folder / f"lib{name}.so.{major}"
            command = [compiler.COMPILER, "-shared", "-fPIC", f"-Wl,-soname,{made.name}", str(code), "-o", str(made)]
            subprocess.run(command, check=True, timeout=60)
    return look("tensorrt_bindings", folder)


def used() -> dict[str, type]:
    module = Emulation(Device()).module()
    return {kind.__name__: kind for kind in (*CLASSES, module.Runtime, module.Builder)}


def arguments(documentation: str) -> list[list[str]]:
    """The names of the arguments of each signature that pybind11 wrote down."""
    signatures = re.findall(r"^(?:\d+\. )?\w+\(self: [^\n]*\) -> ", documentation, re.MULTILINE)
    return [re.findall(r"[(,] ?(\w+): ", signature)[1:] for signature in signatures]


def check(found: dict[str, Any], names: dict[str, type]) -> list[str]:
    """What of the emulation is not in the real library."""
    missing = []
    for name, kind in names.items():
        real = found["classes"].get(name)
        if real is None:
            missing.append(name)
            continue
        for each, value in vars(kind).items():
            if each.startswith("_") and each != "__init__":
                continue
            if each == "__init__" and not arguments(real.get(each, "")):
                continue  # made by the library, not by its user
            if each not in real:
                missing.append(f"{name}.{each}")
            elif inspect.isfunction(value):
                wanted = list(inspect.signature(value).parameters)[1:]
                if not any(wanted == given[: len(wanted)] for given in arguments(real[each])):
                    missing.append(f"{name}.{each}({', '.join(wanted)}), which takes {arguments(real[each])}")
    return missing


def test_the_runtime_has_what_is_used(lean: dict[str, Any]) -> None:
    runtime = {name: kind for name, kind in used().items() if name in lean["classes"]}
    assert runtime.keys() >= {"Runtime", "ICudaEngine", "IExecutionContext", "ILogger", "DataType", "TensorIOMode"}
    assert check(lean, runtime) == []
    assert set(_TYPES) <= lean["classes"]["DataType"].keys()
    assert {each.name for each in Severity} <= lean["classes"]["Severity"].keys()


def test_the_builder_has_what_is_used(full: dict[str, Any]) -> None:
    assert full["version"].split(".")[0] in ("10", "11")
    assert check(full, used()) == []


def test_the_check_would_find_what_is_missing(full: dict[str, Any]) -> None:
    class Builder:
        def create_network(self, flag: int) -> None: ...
        def make_engine(self) -> None: ...

    missing = " ".join(check(full, {"Builder": Builder, "Constructor": Builder}))
    assert "create_network" in missing
    assert "make_engine" in missing
    assert "Constructor" in missing


def test_the_real_runtime_without_a_driver_is_explained(tmp_path: Path) -> None:
    module = pytest.importorskip("tensorrt_lean_bindings", reason="tensorrt_lean_cu13_bindings is not installed")
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("there is a driver")
    path = tmp_path / "x.engine"
    path.write_bytes(b"ftrt" + bytes(600))
    library = TensorRt(module)
    assert library.version == version("tensorrt_lean_cu13_bindings")
    with pytest.raises(AnimatorError, match="cannot use the GPU") as caught:
        library.read(path)
    assert "driver" in caught.value.hint
