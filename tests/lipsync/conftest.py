from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="package")
def scripts() -> Iterator[Path]:
    """The training scripts, importable as when one of them runs."""
    folder = Path(__file__).resolve().parents[2] / "scripts"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder
