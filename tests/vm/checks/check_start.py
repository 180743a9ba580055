"""`vcam start` as a user runs it, seen by FFmpeg and by a page in a browser."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vcam.audio.demo import demo_path

from .browser import watching
from .loopback import LABEL, record, wait_for_producer


@contextmanager
def vcam_start(camera: Path, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`vcam start` with the bundled speech as a file; small, because the machine is slow."""
    command = [sys.executable, "-m", "vcam", "start", "--audio", str(demo_path()), "--camera", str(camera)]
    command += ["--animator", "lite", "--size", "320x240", "--fps", "25", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_for_producer()
            yield process
        finally:
            process.kill()
            process.wait()
            sys.stderr.write(log.read_text(errors="replace"))  # pytest shows it with a failure


def check_ffmpeg_reads_a_moving_portrait(device: Path, tmp_path: Path) -> None:
    log = tmp_path / "start.log"
    with vcam_start(device, log, "--duration", "12") as vcam:
        recording = record(100)
        assert (recording.fourcc, recording.width, recording.height) == ("I420", 320, 240)
        luma = recording.frames[:, :240].astype(np.int16)
        assert luma.std() > 10, "the picture is plain"
        assert np.abs(np.diff(luma, axis=0)).max() > 20, "nothing moves"
        assert vcam.wait(120) == 0


def check_a_second_start_finds_the_camera_again(device: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        log = tmp_path / f"{name}.log"
        with vcam_start(device, log) as vcam:
            assert len(record(10).frames) == 10
            vcam.send_signal(signal.SIGTERM)
            assert vcam.wait(60) == 0


def check_a_page_shows_it(device: Path, tmp_path: Path) -> None:
    with vcam_start(device, tmp_path / "start.log"), watching(tmp_path / "profile") as page:
        report = page.wait(lambda report: report["seconds"] >= 5)
    assert report["cameras"] == [LABEL]
    assert (report["width"], report["height"]) == (320, 240)
