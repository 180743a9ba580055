from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audio.sounds import tone, write_wav
from vcam.audio import demo
from vcam.audio.demo import demo_source
from vcam.audio.devices import open_source
from vcam.errors import SourceError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose bundled files are in a folder of the test's own."""
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr(demo, "files", lambda name: tmp_path)
    return tmp_path


def test_demo_is_followed_by_a_pause_in_real_time(package: Path) -> None:
    write_wav(package / "assets" / "demo.wav", tone(440, 0.02))
    source = open_source("demo", realtime=True)
    assert source.name == "demo"
    source.open()
    blocks = [block.samples for _ in range(3) if (block := source.read(5))]
    assert [bool(np.any(block)) for block in blocks] == [True, False, False]
    source.close()


def test_demo_is_played_once_at_full_speed(package: Path) -> None:
    write_wav(package / "assets" / "demo.wav", tone(440, 0.04))
    source = open_source("demo", realtime=False)
    source.open()
    assert [source.read(1) is not None for _ in range(2)] == [True, True]
    with pytest.raises(EOFError):
        source.read(1)
    source.close()


def test_missing_demo_is_explained(package: Path) -> None:
    with pytest.raises(SourceError, match="demo speech is missing"):
        demo_source()
