"""The bundled portraits are what the script draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from vcam.animators.lite import list_avatars

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", list_avatars())
def test_the_script_draws_the_bundled_portraits(name: str, tmp_path: Path) -> None:
    script = ROOT / "scripts" / "draw_portraits.py"
    subprocess.run(
        [sys.executable, str(script), name, "--height", "240", "--into", str(tmp_path)], check=True, cwd=ROOT
    )
    for drawn in sorted((tmp_path / name).glob("*.webp")):
        bundled = ROOT / "vcam" / "assets" / "portraits" / name / drawn.name
        small, large = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (drawn, bundled))
        assert small is not None
        assert large is not None
        assert small.shape[2] == large.shape[2]
        size = (small.shape[1], small.shape[0])
        shrunk = cv2.resize(_premultiplied(large), size, interpolation=cv2.INTER_AREA)
        assert np.abs(_premultiplied(small).astype(float) - shrunk).mean() < 5


def _premultiplied(image: np.ndarray) -> np.ndarray:
    if image.shape[2] == 3:
        return image
    return np.concatenate([image[..., :3] * (image[..., 3:] / 255), image[..., 3:]], axis=2)
