from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import loopback


@pytest.fixture
def device() -> Path:
    """A loopback device as it is right after loading the module, before any program has written to it."""
    if "VCAM_IN_VM" not in os.environ:
        pytest.skip("needs the virtual machine: scripts/test-vm")
    loopback.load_module()
    return loopback.DEVICE
