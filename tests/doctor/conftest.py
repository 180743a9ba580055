from __future__ import annotations

from pathlib import Path

import pytest

from tests.camera.fake_v4l2 import FakeKernel
from vcam.camera import v4l2


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of their own, as far as vcam can tell."""
    for name in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME", "CACHE_HOME"):
        folder = tmp_path / "user" / name.lower()
        folder.mkdir(mode=0o700, parents=True)
        monkeypatch.setenv(f"XDG_{name}", str(folder))
    return tmp_path / "user"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    made = FakeKernel(tmp_path)
    monkeypatch.setattr(v4l2, "V4L2", lambda: made.v4l2)
    return made
