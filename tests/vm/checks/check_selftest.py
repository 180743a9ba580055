"""`vcam selftest` on a real v4l2loopback device: its pictures are read back through V4L2, marks and all."""

from __future__ import annotations

import json
from pathlib import Path

from tests.live.parts import CountingAnimator
from vcam.app import StartOptions
from vcam.selftest import Parts, run_selftest


def check_the_device_is_read_back_and_its_marks_are_read(device: Path) -> None:
    # this machine is emulated, and too slow to draw a portrait in time
    parts = Parts(make_animator=lambda _: (CountingAnimator(320, 240), ""))
    result = run_selftest(StartOptions(camera=str(device), size="320x240", fps=5), 12, parts)
    Path("/run/vm/selftest.json").write_text(json.dumps(result.to_dict(), indent=2))  # kept with test-vm's --out
    assert str(device) in result.camera
    assert "V4L2" in result.camera
    assert not any("preview stands in" in text for text in result.left_out)
    latency = result.row("camera_latency").value
    assert latency is not None
    assert latency > 0
