"""Stand-ins for hardware that is not there, and small real parts to put beside them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from vcam.animators.base import Animator, Pose
from vcam.audio.sink import Heard, Sink
from vcam.audio.source import Block, Source
from vcam.camera.base import Camera, CameraFormat
from vcam.errors import CameraLost, OutputError, OutputLost, SourceError, SourceLost
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, ByteArray, FloatArray, Picture, silence


class Microphone(Source):
    """A microphone under the test's control: 10 ms blocks at real-time pace; can be unplugged and put back."""

    name = "test microphone"
    live = True

    def __init__(self) -> None:
        self.plugged = True
        self.opened = 0
        self.level = 0.1
        self.slow_to_open = 0.0
        self.opening = False
        self.broken = False
        self.lost_blocks = 0
        self.late = 0.0  # s that blocks come later than they say
        self._taken = 0
        self._start = 0.0
        self._stop = threading.Event()

    def open(self) -> None:
        if not self.plugged:
            raise SourceError("The test microphone is not there.")
        self.opened += 1
        self._stop.clear()
        if self.slow_to_open:
            self.opening = True
            self._stop.wait(self.slow_to_open)
            self.opening = False
        self._start, self._taken = time.monotonic(), 0

    def read(self, timeout: float) -> Block | None:
        if self.broken:
            raise ZeroDivisionError("inside the driver")
        if not self.plugged:
            raise SourceLost("The test microphone was unplugged.")
        due = self._start + (self._taken + 160) / SAMPLE_RATE
        wait = due + self.late - time.monotonic()
        if self._stop.wait(max(0.0, min(wait, timeout))) or wait > timeout:
            return None
        self._taken += 160
        return Block(np.full(160, self.level, np.float32), due)

    def skip(self, count: int) -> None:
        """Lose ``count`` samples, as an overrun does."""
        self._taken += count

    def close(self) -> None:
        self._stop.set()

    @property
    def overruns(self) -> int:
        return self.lost_blocks


class ScriptedSource(Source):
    """Gives the blocks it was given, then ends."""

    name = "script"

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = deque(blocks)

    def open(self) -> None:
        """Nothing to open."""

    def read(self, timeout: float) -> Block | None:
        if not self._blocks:
            raise EOFError
        return self._blocks.popleft()

    def close(self) -> None:
        """Nothing to close."""


class RecordingCamera(Camera):
    """Notes what comes, and when; can be taken away."""

    kind: ClassVar[str] = "recording"

    def __init__(self, format: CameraFormat) -> None:
        super().__init__(format)
        self.there = True
        self.opens = 0
        self.closes = 0
        self.pictures: list[tuple[int, float, int]] = []  # PTS, monotonic time, brightness of the first pixel

    def open(self) -> None:
        if not self.there:
            raise CameraLost("The test camera is still away.")
        self.opens += 1

    def send(self, picture: Picture) -> None:
        if not self.there:
            raise CameraLost("The test camera was taken away.")
        self.pictures.append((picture.pts, time.monotonic(), int(picture.i420[0, 0])))

    def close(self) -> None:
        self.closes += 1


class CountingAnimator(Animator):
    """Draws a frame whose brightness tells its number, and can be told to fail, hang or be slow."""

    kind: ClassVar[str] = "counting"
    look_ahead = 320

    def __init__(self, width: int = 160, height: int = 120) -> None:
        self.resets: list[int] = []
        self.closed = False
        self.fail = False
        self.hang = threading.Event()
        self.hanging = False
        self.inside = threading.Event()  # set once it hangs
        self.slow = 0.0
        self.away = False
        self._size = (height, width, 3)
        self._next: int | None = None

    def portrait(self) -> ByteArray:
        return np.zeros(self._size, np.uint8)

    def analyse(self, chunk: AudioChunk) -> Sequence[Pose]:
        assert len(chunk.ahead) >= self.look_ahead
        assert self._next in (None, chunk.pts), f"chunk {chunk.pts} does not follow {self._next}"
        self._next = chunk.end
        return [Pose(chunk.end - FRAME_SAMPLES)] if chunk.end % FRAME_SAMPLES == 0 else []

    def render(self, pose: Pose) -> ByteArray:
        if self.fail:
            raise RuntimeError("told to fail")
        if self.hanging:
            self.inside.set()
            self.hang.wait(30)
        if self.slow:
            threading.Event().wait(self.slow)
        return np.full(self._size, 50 + pose.pts // FRAME_SAMPLES % 100, np.uint8)

    def set_away(self, away: bool) -> None:
        self.away = away

    def reset(self, pts: int) -> None:
        assert pts % FRAME_SAMPLES == 0
        self.resets.append(pts)
        self._next = pts

    def close(self) -> None:
        self.closed = True


class Loudspeaker(Sink):
    """A playback device under the test's control, which takes 10 ms blocks at real-time pace and keeps them.

    ``heard``: (monotonic time of the first sample, block) of all that was played.
    """

    name = "test loudspeaker"
    held = 0.02  # s in its own buffer

    def __init__(self) -> None:
        self.plugged = True
        self.listened = True
        self.broken = False
        self.opened = 0
        self.closed = False
        self.discarded = 0
        self.gaps = 0
        self.heard: list[tuple[float, FloatArray]] = []
        self._blocks: deque[tuple[int, FloatArray]] = deque()
        self._due = 0.0
        self._began = False
        self._never = threading.Event()

    def open(self) -> None:
        if not self.plugged:
            raise OutputError("The test loudspeaker is not there.")
        self.opened += 1
        self.closed = False
        self._blocks.clear()
        self._due = time.monotonic()
        self._began = False

    def put(self, number: int, block: FloatArray) -> None:
        assert block.shape == (self.frames,)
        assert block.dtype == np.float32
        self._blocks.append((number, block))

    def wait(self, timeout: float) -> Heard | None:
        if self.broken:
            raise ZeroDivisionError("inside the driver")
        if not self.plugged:
            raise OutputLost("The test loudspeaker was unplugged.")
        pause = self._due - time.monotonic()
        if pause > timeout:
            self._never.wait(timeout)
            return None
        self._never.wait(max(0.0, pause))
        at, self._due = self._due + self.held, self._due + self.frames / self.rate
        if not self._blocks:
            self.gaps += self._began
            return Heard(None, at, self._began)
        self._began = True
        number, block = self._blocks.popleft()
        self.heard.append((at, silence(self.frames) if self.muted else block))
        return Heard(number, at)

    def stumble(self, seconds: float) -> None:
        """Play nothing for a while, and go on later than planned."""
        self._due += seconds
        self.gaps += 1

    def check(self) -> None:
        if not self.listened:
            raise OutputLost("Nobody can hear the test loudspeaker.")

    def close(self) -> None:
        self.closed = True

    def discard(self) -> None:
        assert self.closed
        self.discarded += 1

    @property
    def latency(self) -> float:
        return self.held

    @property
    def underruns(self) -> int:
        return self.gaps
