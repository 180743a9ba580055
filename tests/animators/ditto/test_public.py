"""What a library user finds in ``vcam.animators.ditto``."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vcam.animators.ditto as ditto
from vcam.animators.base import Animator


def test_every_public_name_is_there() -> None:
    assert issubclass(ditto.DittoAnimator, Animator)
    for name in ditto.__all__:
        assert getattr(ditto, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'DitoAnimator'"):
        _ = ditto.DitoAnimator


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    look = "import sys, vcam.animators.ditto; print(sorted({'cv2', 'onnxruntime', 'onnx', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
