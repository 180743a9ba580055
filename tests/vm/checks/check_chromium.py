"""What people use the camera for: a page in a browser asks for it and gets moving pictures."""

from __future__ import annotations

from pathlib import Path

from .browser import shows_test_picture, watching
from .check_pyvirtualcam import producing
from .loopback import LABEL


def check_page_sees_pyvirtualcam(device: Path, tmp_path: Path) -> None:
    with producing(device, 640, 360), watching(tmp_path / "profile") as page:
        report = page.wait(lambda report: report["frames"] >= 40)
    assert report["cameras"] == [LABEL]
    assert (report["width"], report["height"]) == (640, 360)
    assert shows_test_picture(report), report["colours"]
