"""What onnxruntime and the libraries below it say when something is wrong, as one message that says what to do.

onnxruntime passes on the texts of CUDA ("CUDA failure 35: ..."), cuDNN and cuBLAS; its classes of errors say little.
"""

from __future__ import annotations

from vcam.errors import AnimatorError

LITE = "use the lite animator: vcam start --animator lite"
DRIVER = "Install or update NVIDIA's driver, see https://www.nvidia.com/drivers; `nvidia-smi` then lists the GPUs."

_NO_MEMORY = (
    "failed to allocate",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    "cudaerrormemoryallocation",
    "status_alloc_failed",  # cuDNN's and cuBLAS's
    "not enough memory",
)
#: Words in the text, what that means, and what to do. The first that fits is told.
_KNOWN: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        (
            "driver version is insufficient",
            "unsupported display driver",
            "provided ptx was compiled",
            "cuda failure 35:",
        ),
        "NVIDIA's driver is too old for this onnxruntime",
        DRIVER,
    ),
    (
        ("no cuda-capable device", "cuda failure 100:", "invalid device ordinal", "cuda failure 101:"),
        "There is no such GPU that CUDA can use",
        f"{DRIVER} Set animator.ditto.gpu to the number of one, or {LITE}",
    ),
    (
        ("no kernel image is available", "cuda failure 209:", "arch_mismatch"),
        "This onnxruntime was not built for this GPU's compute capability",
        f"Install one that knows it (pip install --upgrade onnxruntime-gpu; an older one for an old GPU), or {LITE}",
    ),
    (
        (
            "illegal memory access",
            "unspecified launch failure",
            "device-side assert",
            "uncorrectable ecc",
            "gpu is lost",
        ),
        "The GPU stopped in the middle of its work",
        "Restart vcam; if it goes on failing, restart the computer: the driver may be stuck.",
    ),
)


def load_error(network: str, path: object, error: Exception) -> AnimatorError:
    """For a network that cannot be loaded."""
    return explained(network, error) or AnimatorError(
        f"The network {network} cannot be loaded from {path}: {first_line(error)}",
        "Check the files with `vcam checkpoints verify`; fetch broken ones again with `vcam checkpoints pull`.",
    )


def run_error(network: str, error: Exception) -> AnimatorError:
    """For a network that fails while it runs."""
    return explained(network, error) or AnimatorError(f"The network {network}: {first_line(error)}")


def explained(network: str, error: Exception) -> AnimatorError | None:
    """What the GPU or its driver says, in words; None for what is no matter of theirs."""
    said = str(error).casefold()
    if isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY):
        return AnimatorError(
            f"There is not enough memory for the network {network}.",
            f"Close what else uses the GPU (`nvidia-smi` lists it) or the memory, or {LITE}",
        )
    for words, what, hint in _KNOWN:
        if any(word in said for word in words):
            return AnimatorError(f"{what} (the network {network}: {first_line(error)}).", hint)
    return None


def hint_for(error: Exception) -> str:
    """What to do about it; "" if nothing is known."""
    said = str(error).casefold()
    return next((hint for words, _, hint in _KNOWN if any(word in said for word in words)), "")


def first_line(error: BaseException) -> str:
    """The first line of an error's text, without onnxruntime's bookkeeping, at most 300 characters."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if text.startswith("[ONNXRuntimeError]"):
        text = text.split(" : ", 3)[-1]
    return text[:300]
