"""What can be tried of the harness without a machine: it says why there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "test-vm"

if sys.platform != "linux":
    pytest.skip("the virtual machine is Linux's", allow_module_level=True)


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)])
def test_without_qemu_and_apt_it_is_skipped_with_a_reason(
    tmp_path: Path, options: tuple[str, ...], status: int
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        ["sh", str(SCRIPT), *options],
        env={"PATH": str(programs), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("skipped: ")
    assert "qemu-system-x86" in done.stderr or "no virtual environment" in done.stderr
