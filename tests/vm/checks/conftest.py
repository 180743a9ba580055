from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import loopback


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "last(reason): run after all others, because it changes the machine for good")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture
def device() -> Path:
    """A loopback device as it is right after loading the module, before any program has written to it."""
    if "VCAM_IN_VM" not in os.environ:
        pytest.skip("needs the virtual machine: scripts/test-vm")
    loopback.load_module()
    return loopback.DEVICE
