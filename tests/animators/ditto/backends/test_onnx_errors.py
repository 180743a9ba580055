"""What CUDA, cuDNN and cuBLAS say through onnxruntime, word for word, and what the user is told."""

from __future__ import annotations

import pytest

from vcam.animators.ditto.backends import providers
from vcam.animators.ditto.backends.onnx_errors import explained, first_line, hint_for, load_error, run_error

_SHORT = "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : "
_LONG = (
    "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Conv node. Name:'/conv' Status"
    " Message: CUDA failure {}: {} ; GPU=0 ; hostname=box ; file=/cuda_call.cc ; line=132 ; expr=x;"
)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (_LONG.format(2, "out of memory"), "not enough memory for the network warp", "nvidia-smi"),
        (_SHORT + "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 9", "memory", "lite"),
        ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", "not enough memory", "lite"),
        (_LONG.format(35, "CUDA driver version is insufficient for CUDA runtime version"), "too old", "drivers"),
        ("CUDA failure 222: the provided PTX was compiled with an unsupported toolchain.", "too old", "drivers"),
        (_LONG.format(100, "no CUDA-capable device is detected"), "no such GPU", "animator.ditto.gpu"),
        (_LONG.format(101, "invalid device ordinal"), "no such GPU", "animator.ditto.gpu"),
        (
            _LONG.format(209, "no kernel image is available for execution on the device"),
            "capability",
            "onnxruntime-gpu",
        ),
        ("CUDNN failure 3008: CUDNN_STATUS_ARCH_MISMATCH ; GPU=0", "compute capability", "onnxruntime-gpu"),
        (_LONG.format(700, "an illegal memory access was encountered"), "stopped in the middle", "Restart vcam"),
        (_LONG.format(719, "unspecified launch failure"), "stopped in the middle", "driver may be stuck"),
    ],
)
def test_each_trouble_has_its_message_and_its_cure(text: str, message: str, hint: str) -> None:
    state = pytest.importorskip("onnxruntime.capi.onnxruntime_pybind11_state")
    for kind in (RuntimeError, state.Fail, state.RuntimeException):
        error = kind(text)
        assert isinstance(error, providers.runtime_errors())
        for told in (run_error("warp_network", error), load_error("warp_network", "/a/file", error)):
            assert message in told.message
            assert hint in told.hint
            assert "\n" not in told.message


def test_what_is_no_matter_of_the_gpu_is_passed_on() -> None:
    error = RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: x\nmore")
    assert explained("lmdm", error) is None
    assert hint_for(error) == ""
    assert run_error("lmdm", error).message == "The network lmdm: Got invalid dimensions for input: x"
    assert "vcam checkpoints verify" in load_error("lmdm", "/a/file", error).hint
    assert first_line(RuntimeError("\n ")) == "RuntimeError"
