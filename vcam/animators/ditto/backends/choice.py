"""Which backend runs a profile's networks."""

from __future__ import annotations

import logging

from vcam.animators.ditto.checkpoint import Checkpoint
from vcam.animators.ditto.networks import ANIMATION
from vcam.errors import AnimatorError
from vcam.profile.model import DittoOptions

from .base import Backend
from .onnx import OnnxBackend

logger = logging.getLogger(__name__)

ENGINES = "ditto_engines"  # below the checkpoint: see tensorrt_engines.py, which takes long to import


def make_backend(settings: DittoOptions, checkpoint: Checkpoint) -> Backend:
    """As ``settings.backend`` says; "auto": TensorRT where it is ready, else onnxruntime, and the log says why.

    Raises AnimatorError where what was asked for by name cannot be used, or onnxruntime cannot.
    """
    if settings.backend == "tensorrt":
        return _tensorrt(settings, checkpoint)
    # without engines there is nothing to try, and another provider than CUDA's is a wish for onnxruntime
    wanted = settings.backend == "auto" and settings.provider in ("auto", "cuda")
    if wanted and any((checkpoint.folder / ENGINES).glob("*.engine")):
        try:
            return _tensorrt(settings, checkpoint)
        except AnimatorError as error:
            logger.warning("TensorRT is not used: %s %s", error.message, error.hint)
    return OnnxBackend(settings.provider, device_index=settings.gpu)


def _tensorrt(settings: DittoOptions, checkpoint: Checkpoint) -> Backend:
    """Raises AnimatorError unless the engines of all that moves are up to date."""
    from .tensorrt import TensorRtBackend

    backend = TensorRtBackend(
        checkpoint.folder,
        gpu=settings.gpu,
        precision=settings.precision,
        graphs=settings.cuda_graphs,
        spare=OnnxBackend("cpu"),
    )
    try:
        for spec in ANIMATION:
            backend.files.current(spec, checkpoint.path(spec))
    except AnimatorError:
        backend.close()
        raise
    return backend
