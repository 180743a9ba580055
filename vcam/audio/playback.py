"""A playback device: blocks go out through PortAudio, whose callback only copies them."""

from __future__ import annotations

import logging
import math
import queue
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from vcam.audio import portaudio
from vcam.audio.devices import AudioDevice
from vcam.audio.sink import Heard, Sink
from vcam.audio.urgent import go_first
from vcam.audio.wideband import VOICE_RATE
from vcam.errors import OutputError, OutputLost
from vcam.media import FloatArray

logger = logging.getLogger(__name__)

BLOCK_SECONDS = 0.010
BUFFERING = 0.03  # s; with less a busy machine interrupts the voice several times as often
DIRECT_BUFFERING = 0.02  # s, where the delay is what matters most
QUEUE_BLOCKS = 50  # reports that wait; beyond it one of missing blocks is dropped
_FALLBACK_RATES = (44_100,)  # Hz, tried after 48000 and the device's own
_SILENT_SECONDS = 2.0  # without a callback: the device is gone
_MAX_DEVICE_DELAY = 3.0  # s; a driver that claims more is not believed
_INVALID_CHANNELS = -9998  # PortAudio's error codes (portaudio.h) for settings that another try may avoid
_INVALID_RATE = -9997


class _Outlet:
    """The callback's side of one stream: takes a block, copies it, and reports when it will be heard."""

    def __init__(self, sink: PlaybackSink, channels: int) -> None:
        self.blocks: queue.SimpleQueue[tuple[int, FloatArray]] = queue.SimpleQueue()
        self.reports: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()  # None: the stream has ended
        self.gaps = 0
        self.device_delay = 0.0  # s, for drivers that do not tell when a block is heard
        self.longest_ahead = 0.0  # s from a callback until its block is heard
        self._sink = sink
        self._channels = channels
        self._gain = 0.0
        self._started = False
        self._first = True

    def callback(self, out: Any, frames: int, times: Any, status: Any) -> None:
        """Called by PortAudio in its own thread, every 10 ms."""
        if self._first:
            self._first = False
            go_first()
        now = time.monotonic()
        ahead = times.outputBufferDacTime - times.currentTime  # of PortAudio's clock: only the difference is used
        if not (times.outputBufferDacTime > 0 and 0 <= ahead <= _MAX_DEVICE_DELAY):
            ahead = self.device_delay
        self.longest_ahead = max(self.longest_ahead, ahead)
        target = np.frombuffer(out, np.float32).reshape(frames, self._channels)
        try:
            number, block = self.blocks.get_nowait()
        except queue.Empty:
            target[:] = 0
            number = None
        else:
            gain = 0.0 if self._sink.muted else 1.0
            if gain == self._gain:
                target[:] = block[:, None] if gain else 0
            else:
                target[:] = (block * np.linspace(self._gain, gain, frames, dtype=np.float32))[:, None]
                self._gain = gain
        gap = self._started and (number is None or bool(status.output_underflow))
        self._started = self._started or number is not None
        self.gaps += gap
        if number is not None or self.reports.qsize() < QUEUE_BLOCKS:
            self.reports.put(Heard(number, now + ahead, gap))

    def end(self) -> None:
        """Wake the reader: the stream has ended."""
        self.reports.put(None)


class PlaybackSink(Sink):
    """``find`` gives the device, and is called at each opening; ``name`` is shown until then.

    ``buffering`` in seconds: how much the device is asked to hold.
    """

    def __init__(self, find: Callable[[], AudioDevice], name: str, buffering: float = BUFFERING) -> None:
        self.name = name
        self._find = find
        self._buffering = buffering
        self._stream: Any = None
        self._outlet: _Outlet | None = None
        self._gaps_before = 0
        self._silent = 0.0  # s waited for a report; what a machine sleeps meanwhile does not count
        self._again = False

    def open(self) -> None:
        self.close()
        if self._again:
            portaudio.rescan()
        self._again = True
        device = self._find()
        self._stream, self._outlet = self._start(device)
        self.rate = round(self._stream.samplerate)
        self.frames = math.ceil(self.rate * BLOCK_SECONDS)
        self._silent = 0.0
        logger.info("voice to %s: %d Hz, %.0f ms latency", device.full_name, self.rate, self._stream.latency * 1000)

    def _start(self, device: AudioDevice) -> tuple[Any, _Outlet]:
        sounddevice = portaudio.load()
        # A sound server makes of one channel what it needs; a device as such would play it on the left only.
        channel_choices = (1, 2) if device.host_api == "ALSA" else (2, 1)
        refused = ""
        for rate in dict.fromkeys((VOICE_RATE, device.default_rate, *_FALLBACK_RATES)):
            for channels in channel_choices:
                outlet = _Outlet(self, channels)
                try:
                    stream = portaudio.start_stream(
                        lambda rate=rate, channels=channels, outlet=outlet: sounddevice.RawOutputStream(  # type: ignore[misc]
                            device=device.index,
                            samplerate=rate,
                            blocksize=math.ceil(rate * BLOCK_SECONDS),
                            channels=channels,
                            dtype="float32",
                            latency=self._buffering,
                            callback=outlet.callback,
                            finished_callback=outlet.end,
                        )
                    )
                except sounddevice.PortAudioError as error:
                    refused = str(error)
                    if len(error.args) > 1 and error.args[1] in (_INVALID_CHANNELS, _INVALID_RATE):
                        continue
                    raise OutputError(
                        f'The voice cannot be played on "{device.name}": {refused}.',
                        "Another program may hold it: close that, or choose another one with --monitor.",
                    ) from error
                outlet.device_delay = stream.latency
                return stream, outlet
        raise OutputError(
            f'The device "{device.name}" takes none of the sample rates that were tried: {refused}.',
            "Set it to 48000 Hz in the system's sound settings, or choose another one with --monitor.",
        )

    def put(self, number: int, block: FloatArray) -> None:
        if self._outlet is not None:
            self._outlet.blocks.put((number, block))

    def wait(self, timeout: float) -> Heard | None:
        outlet = self._outlet
        if outlet is None:
            return None
        try:
            heard = outlet.reports.get(timeout=timeout)
        except queue.Empty:
            self._silent += timeout
            if self._silent > _SILENT_SECONDS:
                raise self._lost(f"has taken nothing for {_SILENT_SECONDS:.0f} seconds") from None
            return None
        if heard is None:
            raise self._lost("was disconnected, or its sound server ended")
        self._silent = 0.0
        return heard

    def close(self) -> None:
        stream, self._stream = self._stream, None
        outlet, self._outlet = self._outlet, None
        if outlet is not None:
            self._gaps_before += outlet.gaps
        if stream is not None:
            portaudio.stop_stream(stream)

    @property
    def latency(self) -> float:
        stream, outlet = self._stream, self._outlet
        return max(float(stream.latency), outlet.longest_ahead) if stream is not None and outlet is not None else 0.0

    @property
    def underruns(self) -> int:
        return self._gaps_before + (self._outlet.gaps if self._outlet is not None else 0)

    def _lost(self, why: str) -> OutputLost:
        return OutputLost(f"{self.name} {why}.", "Check the sound server; `vcam devices` lists what is there.")
