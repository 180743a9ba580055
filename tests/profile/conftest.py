from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vcam.profile import loader

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a profile file: ``write("camera: {}", name="x.yaml")``."""

    def write(content: str | bytes, name: str = "mine.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def user_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own profile folder, private to the test and still empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = loader.user_folder()
    if not folder.is_relative_to(tmp_path):
        pytest.skip("this system's configuration folder cannot be moved by XDG_CONFIG_HOME")
    folder.mkdir(parents=True)
    return folder
