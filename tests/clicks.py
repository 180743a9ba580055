"""How long a click takes from the microphone's sink to the virtual microphone, told by the sample.

One stream plays clicks into the sink that stands for the microphone, another plays upside-down ones straight into the
sink behind the virtual microphone. Of both the sound server tells when they are heard; a recording of the virtual
microphone then has, side by side, the voice of the one and the time marks of the other.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

import numpy as np

from vcam.audio import portaudio, virtual_mic
from vcam.audio.devices import find_output
from vcam.audio.microphone import MicrophoneSource
from vcam.errors import SourceError
from vcam.media import SAMPLE_RATE, FloatArray

RATE = 48_000
PERIOD = 0.5  # s between two clicks
WIDTH = 48  # samples: 1 ms
LOUD = 0.3


class Clicks:
    """A click of the given level every half second into a sink. ``phase``: monotonic time of one of them."""

    def __init__(self, sink: str, level: float) -> None:
        self._level = level
        self._written = 0
        self._heard_at: list[float] = []
        sounddevice = portaudio.load()
        device = find_output("pulse").index
        with portaudio.environment(PULSE_SINK=sink):
            self._stream = portaudio.start_stream(
                lambda: sounddevice.OutputStream(
                    device=device, samplerate=RATE, blocksize=480, channels=1, latency=0.04, callback=self._play
                )
            )

    def _play(self, data: FloatArray, frames: int, times: Any, status: Any) -> None:
        period = round(PERIOD * RATE)
        start = -self._written % period
        self._written += frames
        data[:] = 0
        if start + WIDTH <= frames:
            data[start : start + WIDTH] = self._level
            ahead = times.outputBufferDacTime - times.currentTime
            self._heard_at.append(time.monotonic() + ahead + start / RATE)

    def heard_at(self, since: float) -> float:
        """The time of the first click after ``since``, as the median of all since then tells."""
        times = np.array([at for at in self._heard_at if at >= since])
        order = np.arange(len(times))
        return float(np.median(times - order * PERIOD))

    def close(self) -> None:
        portaudio.stop_stream(self._stream)


class Recording:
    """What an application hears from the virtual microphone."""

    def __init__(self) -> None:
        self._source = MicrophoneSource("pulse")
        with portaudio.environment(PULSE_SOURCE=virtual_mic.SOURCE):
            self._source.open()
        self._parts: list[FloatArray] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            while not self._stop.is_set():
                if (block := self._source.read(0.2)) is not None:
                    self._parts.append(block.samples)
        except SourceError:
            return  # its server has gone

    @property
    def sound(self) -> FloatArray:
        """Everything until now: float32 [n], 16 kHz."""
        return np.concatenate([np.zeros(0, np.float32), *self._parts])

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._source.close()


def onsets(sound: FloatArray, sign: int) -> FloatArray:
    """Where clicks of that sign begin, in samples."""
    loud = np.flatnonzero(sound * sign > LOUD)
    if not len(loud):
        return loud.astype(np.float32)
    first = np.concatenate(([True], np.diff(loud) > SAMPLE_RATE * PERIOD / 4))
    return loud[first].astype(np.float32)


class Measurement:
    """Clicks into both ends and a recording of what comes out, for as long as the context lasts."""

    def __enter__(self) -> Measurement:
        self._began = time.monotonic()
        self.voice = Clicks("mic_in", 0.8)
        self.marks = Clicks(virtual_mic.FEED, -0.8)
        self.recording = Recording()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.recording.close()
        self.voice.close()
        self.marks.close()

    def count(self) -> int:
        """How many clicks of the voice have come through."""
        return len(onsets(self.recording.sound, 1))

    def delays(self, expected: float) -> list[float]:
        """Of each click of the voice, in seconds; known but for whole periods: the nearest to ``expected`` is given."""
        sound = self.recording.sound
        marks, voices = onsets(sound, -1), onsets(sound, 1)
        # Who records from a sink has its sound a block earlier than whoever plays it is told: the session the clicks,
        # and this recording the marks.
        early = virtual_mic.sink_block(virtual_mic.FEED) - virtual_mic.sink_block("mic_in")
        apart = self.marks.heard_at(self._began) - self.voice.heard_at(self._began) - early
        found = []
        for voice in voices:
            mark = marks[np.argmin(np.abs(marks - voice))]
            delay = float(voice - mark) / SAMPLE_RATE + apart
            found.append(delay + round((expected - delay) / PERIOD) * PERIOD)
        return found
