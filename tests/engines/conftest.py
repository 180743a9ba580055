from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import onnx
import pytest

Full = Callable[..., onnx.ModelProto]


@pytest.fixture(scope="package")
def scripts() -> Iterator[Path]:
    """The developer's scripts, importable as when one of them runs."""
    folder = Path(__file__).resolve().parents[2] / "scripts"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(scope="package")
def full_size(scripts: Path) -> Full:
    """Makes a graph of Ditto's structure by name, at a small width: ``full_size("decoder", size=8)``."""
    modules: list[ModuleType] = [importlib.import_module(f"full_size.{name}") for name in ("rendering", "audio")]

    def make(name: str, width: float = 0.04, **options: object) -> onnx.ModelProto:
        maker = next(getattr(module, name) for module in modules if hasattr(module, name))
        model: onnx.ModelProto = maker(width, **options).model()
        return model

    return make
