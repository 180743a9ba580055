"""What NVIDIA's driver says of itself and its GPUs, asked by ctypes: no other package is needed for that."""

from __future__ import annotations

import ctypes
import sys

from .onnx_errors import DRIVER, LITE

# The driver's functions and results are those of cuda.h.
_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NO_DEVICE = 100
_TOO_OLD = (35, 803, 804)  # insufficient, mismatch with the kernel's part, compatibility not supported on this GPU


def why_not(index: int, needed: str = "", library: str = _LIBRARY) -> tuple[str, str] | None:
    """Why CUDA cannot be used on GPU ``index``, and what to do; None if nothing speaks against it.

    ``needed``: the CUDA version that a program was built with, such as "12.8"; a driver must know its major version.
    """
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return "there is no NVIDIA driver (its library libcuda cannot be loaded).", f"{DRIVER} Without a GPU, {LITE}"
    result = driver.cuInit(0)
    version, count = ctypes.c_int(), ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    known = f"{version.value // 1000}.{version.value % 1000 // 10}"
    major = needed.partition(".")[0]
    if result in _TOO_OLD or (major.isdigit() and version.value and version.value // 1000 < int(major)):
        wanted = f", and CUDA {needed} is needed" if needed else ""
        return f"NVIDIA's driver is too old: it knows CUDA up to {known}{wanted}.", DRIVER
    if result not in (0, _NO_DEVICE):
        return f"NVIDIA's driver does not start (error {result}).", f"Restart the computer. {DRIVER}"
    if result == 0:
        driver.cuDeviceGetCount(ctypes.byref(count))
    if not count.value:
        return "there is no GPU that CUDA can use.", f"{DRIVER} Without a GPU, {LITE}"
    if index >= count.value:
        there = "is only one, GPU 0" if count.value == 1 else f"are {count.value}, from 0 on"
        hint = f"Set animator.ditto.gpu to a number from 0 to {count.value - 1}."
        return f"there is no GPU {index}: there {there}.", hint
    return None
