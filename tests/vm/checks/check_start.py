"""`vcam start` as a user runs it, seen by FFmpeg and by a page in a browser."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from vcam.audio.demo import demo_path

from .browser import watching
from .loopback import LABEL, Viewer, record, wait_for_producer


@contextmanager
def vcam_start(camera: Path, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`vcam start` with five minutes of speech as a file; a small picture, because the machine is slow."""
    speech = log.with_name("speech.wav")
    repeated = ["-stream_loop", "-1", "-i", str(demo_path()), "-t", "300"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *repeated, "-ar", "16000", "-ac", "1", str(speech)], check=True
    )
    command = [sys.executable, "-m", "vcam", "start", "--audio", str(speech), "--camera", str(camera)]
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
    with vcam_start(device, tmp_path / "start.log", "--duration", "60") as vcam:
        recording = record(5)
        assert (recording.fourcc, recording.width, recording.height) == ("I420", 320, 240)
        with Viewer(320, 240) as viewer:
            first = last = viewer.more(1)  # perhaps the portrait that stands still while the animator loads
            moved = 0
            while moved < 20 and vcam.poll() is None:
                last = viewer.more(5)
                moved = int(np.abs(last.astype(np.int16) - first).max())
        cv2.imwrite("/run/vm/portrait.png", cv2.cvtColor(last, cv2.COLOR_YUV2BGR_I420))
        assert moved >= 20, "nothing moves"
        assert float(last[:240].std()) > 10, "the picture is plain"
        assert vcam.wait(180) == 0


def check_a_second_start_finds_the_camera_again(device: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        log = tmp_path / f"{name}.log"
        with vcam_start(device, log) as vcam:
            assert len(record(10).frames) == 10
            vcam.send_signal(signal.SIGTERM)
            assert vcam.wait(60) == 0


def check_a_page_shows_it(device: Path, tmp_path: Path) -> None:
    with vcam_start(device, tmp_path / "start.log"), watching(tmp_path / "profile") as page:
        report = page.wait(lambda report: report["frames"] >= 40)
    assert report["cameras"] == [LABEL]
    assert (report["width"], report["height"]) == (320, 240)
