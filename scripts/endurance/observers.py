"""Who speaks into the session's microphone, who listens to what it plays, and who looks at what it shows.

All of them stamp what they notice with monotonic seconds, and keep only what a later look at a few seconds needs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np

from vcam.audio import portaudio
from vcam.audio.outputs import find_bridge
from vcam.audio.source import Block
from vcam.audio.wideband import VOICE_RATE
from vcam.errors import CameraError, SourceError
from vcam.media import SAMPLE_RATE, FloatArray
from vcam.selftest.loopback import Recorder
from vcam.selftest.stimulus import ClickDetector
from vcam.selftest.viewer import PreviewViewer, Seen, Watching

KEPT = 60.0  # s for which events are remembered
_BUFFERING = 0.1  # s ahead of the sink, so that a busy machine does not tear the sound
_AROUND = 1.0  # s on either side over which capture times are smoothed
_NOTHING = np.zeros((0, 0), np.uint8)


class Events:
    """Things noticed, oldest first, for the last ``KEPT`` seconds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[tuple[float, Any]] = deque()

    def add(self, at: float, what: Any) -> None:
        with self._lock:
            self._kept.append((at, what))
            while self._kept[0][0] < at - KEPT:
                self._kept.popleft()

    def between(self, first: float, last: float) -> list[Any]:
        with self._lock:
            return [what for at, what in self._kept if first <= at < last]


class Speaker:
    """Plays a sound, float32 [n] at 48 kHz, into a sink over and over, for as long as the context lasts."""

    def __init__(self, sound: FloatArray, sink: str) -> None:
        self.underflows = 0
        self._sound = sound
        self._sink = sink
        self._position = 0
        self._stream: Any = None

    def __enter__(self) -> Speaker:
        sounddevice = portaudio.load()
        device = find_bridge().index
        with portaudio.environment(PULSE_SINK=self._sink):
            self._stream = portaudio.start_stream(
                lambda: sounddevice.RawOutputStream(
                    device=device,
                    samplerate=VOICE_RATE,
                    blocksize=VOICE_RATE // 50,
                    channels=1,
                    dtype="float32",
                    latency=_BUFFERING,
                    callback=self._callback,
                )
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        portaudio.stop_stream(self._stream)

    def _callback(self, out: Any, frames: int, times: Any, status: Any) -> None:
        self.underflows += bool(status.output_underflow)
        places = np.arange(self._position, self._position + frames)
        np.frombuffer(out, np.float32)[:] = self._sound.take(places, mode="wrap")
        self._position = (self._position + frames) % len(self._sound)


class Listener:
    """Hears the clicks in a source of the sound server's: ``clicks`` has when each was there."""

    def __init__(self, source: str) -> None:
        self.clicks = Events()
        self._recorder = Recorder(source, self._hear)
        self._detector = ClickDetector()
        self._position = 0
        self._starts: deque[tuple[int, float]] = deque()  # position, and when the recording began as that block has it
        self._waiting: deque[float] = deque()  # positions of clicks whose surroundings are not all known yet

    @property
    def error(self) -> SourceError | None:
        return self._recorder.error

    @property
    def overruns(self) -> int:
        return self._recorder.overruns

    def __enter__(self) -> Listener:
        self._recorder.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recorder.__exit__(kind, error, trace)

    def _hear(self, block: Block) -> None:
        around = round(_AROUND * SAMPLE_RATE)
        self._waiting.extend(self._detector.push(block.samples))
        self._position += len(block.samples)
        self._starts.append((self._position, block.captured_at - self._position / SAMPLE_RATE))
        while self._starts[0][0] < self._position - 2 * around:
            self._starts.popleft()
        while self._waiting and self._waiting[0] + around <= self._position:
            began = float(np.median([start for _, start in self._starts]))
            at = began + self._waiting.popleft() / SAMPLE_RATE
            self.clicks.add(at, at)


class Watcher:
    """Looks at the preview as a browser does: ``seen`` has each picture with its marks, ``count`` how many."""

    def __init__(self, address: str) -> None:
        self.seen = Events()
        self.count = 0
        self._watching = Watching(PreviewViewer(address), self._see)
        self._last: float | None = None
        self._intervals: list[float] = []

    @property
    def error(self) -> CameraError | None:
        return self._watching.error

    def intervals(self) -> list[float]:
        """The ms between pictures since this was last asked."""
        intervals, self._intervals = self._intervals, []
        return intervals

    def __enter__(self) -> Watcher:
        self._watching.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.__exit__(kind, error, trace)

    def _see(self, seen: Seen) -> None:
        if self._last is not None:
            self._intervals.append((seen.at - self._last) * 1000)
        self._last = seen.at
        self.count += 1
        self.seen.add(seen.at, replace(seen, small=_NOTHING))


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """What ``condition`` gives at last. Raises TimeoutError."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        pause.wait(0.1)
    return found
