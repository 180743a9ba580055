"""The stand-in checkpoint, made once, in a cache folder that belongs to the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcam.animators.ditto.standin import stand_in_checkpoint


@pytest.fixture(scope="session")
def ditto_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ditto-cache")


@pytest.fixture
def stand_in(ditto_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in checkpoint's folder; prepared avatars are kept from one test to the next."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(ditto_cache))
    return stand_in_checkpoint()
