"""Run with the emulated libcuda.so.1 on the library path: the real pycuda, and all that is built on it.

One argument: what to do. Prints what was found as JSON.
"""

from __future__ import annotations

import ctypes
import json
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from vcam.animators.ditto.backends import cuda_twins
from vcam.animators.ditto.backends.cuda import CudaDevice
from vcam.animators.ditto.backends.cuda_kernels import FORMATS, Kernels, source
from vcam.errors import AnimatorError


class Bridge:
    """What the emulated TensorRT needs of a device, over the emulated driver."""

    def __init__(self, device: CudaDevice) -> None:
        self.capability = device.capability
        self.name, self.driver = device.name, device.driver
        self.streams = self
        self._library = ctypes.CDLL("libcuda.so.1")
        self._library.emulated_call.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self._calls: list[Any] = []
        self._handle = 0

    def __getitem__(self, handle: int) -> Bridge:
        self._handle = handle
        return self

    is_current = True

    def note(self, what: str, of: Any) -> None:
        pass

    def do(self, work: Any) -> None:
        call = ctypes.CFUNCTYPE(None)(work)
        self._calls.append(call)
        assert self._library.emulated_call(self._handle, ctypes.cast(call, ctypes.c_void_p)) == 0

    def view(self, address: int, size: int) -> np.ndarray:
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


def kernels() -> Any:
    """Every kernel, compiled by nvcc, launched by pycuda, run by the CPU."""
    device = CudaDevice()
    with device.current():
        stream = device.stream()
        functions = device.compile(source(), FORMATS)
        found = cuda_twins.compare(device, Kernels(stream, functions), stream, {"picture": (322, 182)})
    device.close()
    return {one.name: [one.largest, one.allowed] for one in found}


def graphs() -> Any:
    """A recording does nothing; it is done as often as it is launched; a closed or broken one is an error."""
    device = CudaDevice()
    with device.current():
        stream, numbers = device.stream(), np.arange(8, dtype=np.float32)
        a, b = device.alloc(32), device.alloc(32)
        stream.upload(a.address, numbers)
        graph = stream.capture(lambda: stream.copy(b.address, a.address, 32))
        seen = []
        made = device.pinned((8,), np.float32)
        for factor in (1, 2):
            stream.upload(a.address, numbers * factor)
            stream.replay(graph)
            stream.download(made, b.address)
            stream.synchronize()
            seen.append(made.tolist())
        graph.close()
        graph.close()
        errors = []

        def taking() -> None:
            device.alloc(4)

        for work in (lambda: stream.replay(graph), lambda: stream.capture(taking)):
            try:
                with device.current():
                    work()
            except AnimatorError as error:
                errors.append(error.message)
        stream.synchronize()
    return {"seen": seen, "errors": errors}


def threads() -> Any:
    """Opened on one thread, used on another, freed on a third."""
    device = CudaDevice()
    state: dict[str, Any] = {"errors": []}

    def on_a_thread(work: Any) -> None:
        def run() -> None:
            try:
                with device.current(), device.current():
                    work()
            except AnimatorError as error:
                state["errors"].append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    def use() -> None:
        state["memory"], state["stream"] = device.alloc(16), device.stream()
        state["event"] = device.event()
        state["stream"].upload(state["memory"].address, np.arange(4, dtype=np.int32))
        state["stream"].record(state["event"])

    def read() -> None:
        made = np.empty(4, np.int32)
        state["event"].synchronize()
        state["stream"].wait(state["event"])
        state["stream"].download(made, state["memory"].address)
        state["stream"].synchronize()
        state["read"] = made.tolist()
        state["memory"].free()
        state["memory"].free()
        del state["stream"], state["event"]

    on_a_thread(use)
    on_a_thread(read)
    with device.current():
        free, total = device.memory
    device.close()
    device.close()
    try:
        with device.current():
            pass
    except AnimatorError as error:
        state["closed"] = error.message
    return {"read": state["read"], "errors": state["errors"], "free": free, "total": total, "closed": state["closed"]}


def leaving() -> Any:
    """Streams, events and graphs that are forgotten on another thread, where the GPU is not current."""
    device, library = CudaDevice(), ctypes.CDLL("libcuda.so.1")
    with device.current():
        before = library.emulated_alive()
        stream = device.stream()
        held = [stream, device.event(), stream.capture(lambda: None)]
    there = library.emulated_alive() - before
    del stream
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join()
    forgotten = library.emulated_alive() - before
    with device.current():
        left = library.emulated_alive() - before
    device.close()
    return {"there": there, "forgotten": forgotten, "left": left, "warnings": [str(one.message) for one in caught]}


def trouble() -> Any:
    """The message and hint of opening a GPU, or of taking 1 MB of it."""
    try:
        device = CudaDevice(int(sys.argv[2]))
        with device.current():
            device.alloc(1 << 20)
    except AnimatorError as error:
        return {"message": error.message, "hint": error.hint}
    return {"message": "", "hint": ""}


def chain() -> Any:
    """Faces, frames and diffusion over the emulated TensorRT and the real pycuda, against onnxruntime."""
    from tests.animators.ditto.backends.emulated.tensorrt import Emulation
    from tests.animators.ditto.backends.test_cuda_frames import REST, loaded, maker, person, rows
    from tests.animators.ditto.backends.test_several import Known
    from vcam.animators.ditto.backends.onnx import OnnxBackend
    from vcam.animators.ditto.backends.tensorrt import TensorRtBackend
    from vcam.animators.ditto.backends.tensorrt_runtime import TensorRt
    from vcam.animators.ditto.controls import NO_CONTROL
    from vcam.animators.ditto.randomness import Seeded
    from vcam.animators.ditto.sampler import Sampler

    folder = Path(sys.argv[2])
    found = {}
    for graphs in (False, True):
        device = CudaDevice()
        bridge: Any = Bridge(device)
        library = TensorRt(Emulation(bridge).module())
        backend = TensorRtBackend(folder, precision="fp32", graphs=graphs, device=device, library=library)
        reference, networks = loaded(folder, OnnxBackend("cpu")), loaded(folder, backend)
        pair = [maker(each, person()) for each in (reference, networks)]
        worst = 0
        for frame, row in enumerate(rows(4)):
            wanted, made = (one.make(frame, row, REST).astype(int) for one in pair)
            worst = max(worst, int(np.abs(wanted - made).max()))
        known = [Known(4 + frame, row, REST, NO_CONTROL) for frame, row in enumerate(rows(7))]
        for one, made in pair[1].make_all(known, "i420", networks.drawing):
            wanted = cuda_twins.rgb_to_i420(pair[0].make(one.frame, one.row, one.rest, one.control)).astype(int)
            worst = max(worst, int(np.abs(wanted - made).max()))
        clips = []
        for each in (reference, networks):
            sampler = Sampler(each["lmdm"], 4, Seeded(7), put=each.backend.put)
            conditions = np.random.default_rng(1).standard_normal((80, 1103)).astype(np.float32)
            clips.append([sampler.clip(np.zeros(265, np.float32), conditions + clip) for clip in range(2)])
        networks.hold()
        networks.release()
        backend.close()
        found["graphs" if graphs else "plain"] = [worst, float(np.abs(np.array(clips[0]) - clips[1]).max())]
    return found


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))  # noqa: T201
