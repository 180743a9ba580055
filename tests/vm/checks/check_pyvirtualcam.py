"""The machine itself: pyvirtualcam writes, FFmpeg reads, and the driver is as troublesome as expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pyvirtualcam

from .loopback import FPS, Producer, record


@contextmanager
def producing(device: Path, width: int, height: int) -> Iterator[None]:
    with (
        pyvirtualcam.Camera(width, height, FPS, fmt=pyvirtualcam.PixelFormat.I420, device=str(device)) as camera,
        Producer(lambda i420: camera.send(i420.reshape(-1)), width, height),
    ):
        yield


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 360)])
def check_frames_arrive_as_sent(device: Path, width: int, height: int) -> None:
    with producing(device, width, height):
        recording = record(25)
    assert (recording.fourcc, recording.width, recording.height) == ("I420", width, height)
    assert recording.colours_differ() == 0
    numbers = recording.numbers()
    assert len(numbers) == 25
    assert len(set(numbers)) > 15
