"""The project's CUDA kernels, from the very same source, as a library for the CPU."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from vcam.animators.ditto.backends.cuda_kernels import FORMATS, source

HERE = Path(__file__).parent
COMPILER = shutil.which("g++") or shutil.which("clang++")
_EXACT = ("-O2", "-ffp-contract=off", "-std=c++17", "-fPIC", "-shared")


def compile_kernels(folder: Path, driver: bool = False) -> Path:
    """A library with ``int launch(name, grid, block, buffer)``; needs a C++ compiler.

    ``driver``: as ``libcuda.so.1``, with the functions of CUDA's driver too.
    """
    assert COMPILER is not None
    choices = "\n".join(
        f'    if (!std::strcmp(name, "{name}")) return every_thread({name}, grid, block, buffer), 0;'
        for name in FORMATS
    )
    text = f"""#include "cuda_on_cpu.h"
{source()}
extern "C" int launch(const char *name, const unsigned *grid, const unsigned *block, const char *buffer)
{{
{choices}
    return 1;
}}
"""
    if driver:
        text += (HERE / "libcuda.cpp").read_text()
    name = "libcuda.so.1" if driver else "kernels.so"
    code, library = folder / "kernels.cpp", folder / name
    code.write_text(text)
    command = [COMPILER, *_EXACT, f"-I{HERE}", f"-Wl,-soname,{name}", str(code), "-o", str(library)]
    subprocess.run(command, check=True, timeout=100)
    return library
