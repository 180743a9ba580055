"""The conformance data, if this checkout has them beside it: cases, golden arrays, stand-in networks, golden parts.

``every_case`` parametrises a test over the cases; both it and ``needs_golden`` skip where the data are absent.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from vcam.animators.ditto.avatar import DittoAvatar, FaceFound, SourceFrame
from vcam.animators.ditto.backends.base import Backend, Network
from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.networks import NETWORKS
from vcam.media import ByteArray

SCRIPTS = Path(__file__).parents[3] / "scripts"
sys.path.append(str(SCRIPTS))  # as when scripts/conformance.py runs, whose cases these are
from ditto_conformance import data  # noqa: E402

FOLDER = (Path(__file__).parents[3] / ".." / "shared" / "conformance").resolve()
THERE = (FOLDER / "cases.yaml").is_file()
needs_golden = pytest.mark.skipif(not THERE, reason="the conformance data are not beside this checkout")


class Case(data.Case):
    """A case, with its golden parts."""

    @property
    def source_frames(self) -> ByteArray:
        """uint8 RGB [S, h, w, 3], after loading and resizing. Zeros where they are not known without resizing."""
        return _frames(self.name)

    @property
    def avatar(self) -> DittoAvatar:
        """The registered source as the golden arrays have it, except that ``features`` and the box are zeros."""
        return _avatar(self.name)


@cache
def cases() -> tuple[Case, ...]:
    if not THERE:
        return ()
    return tuple(Case(**vars(one)) for one in data.load_cases(FOLDER))


def case(name: str) -> Case:
    return next(one for one in cases() if one.name == name)


every_case = pytest.mark.parametrize(
    "case",
    [pytest.param(one, id=one.name) for one in cases()]
    or [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="no conformance data beside this checkout"))],
)


@cache
def network(name: str) -> Network:
    """A stand-in network, by its name in ``networks.NETWORKS``."""
    spec = NETWORKS[name]
    return _backend().load(FOLDER / "checkpoints" / "ditto_onnx" / spec.file, spec)


@cache
def _backend() -> Backend:
    from vcam.animators.ditto.backends.onnx import OnnxBackend  # onnxruntime takes a second, without the data too

    return OnnxBackend("cpu", threads=1)


@cache
def _frames(name: str) -> ByteArray:
    one = case(name)
    if "source_frames" in one.golden:
        return one.golden["source_frames"]
    height, width, _ = (int(side) for side in one.golden["source_shape"])
    picture = cv2.imread(str(one.source_path))
    assert picture is not None
    if picture.shape[:2] != (height, width):
        return np.zeros((1, height, width, 3), np.uint8)
    return np.ascontiguousarray(picture[None, :, :, ::-1])


_NO_FEATURES = np.zeros((1, 32, 16, 64, 64), np.float32)


@cache
def _avatar(name: str) -> DittoAvatar:
    golden, images = case(name).golden, _frames(name)
    frames = tuple(
        SourceFrame(
            images[k],
            golden["M_c2o"][k].astype(np.float32),
            golden["eye_open"][k : k + 1],
            golden["eye_ball"][k : k + 1],
            SourceMotion(**{key: golden[f"xs_used_{key}"][k : k + 1] for key in SourceMotion.SHAPES}),
            _NO_FEATURES,
        )
        for k in range(len(golden["eye_open"]))
    )
    face = FaceFound(np.zeros(4, np.float32), 1, golden["lmk203"][0].astype(np.float32))
    return DittoAvatar(frames, golden["sc"], not bool(golden["source_is_image"]), face)
