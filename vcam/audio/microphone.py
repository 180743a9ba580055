"""A microphone: blocks from a device at its own rate, handed out at 16 kHz mono with the moment of their capture."""

from __future__ import annotations

import logging
import math
import queue
import shutil
import threading
import time
from typing import Any

import numpy as np

from vcam.audio import portaudio, virtual_mic
from vcam.audio.devices import MICROPHONE, AudioDevice, find_input
from vcam.audio.resample import Resampler, cleaned
from vcam.audio.source import Block, Source
from vcam.audio.urgent import go_first
from vcam.audio.wideband import FullBand
from vcam.errors import SourceError, SourceLost
from vcam.media import SAMPLE_RATE

logger = logging.getLogger(__name__)

BLOCK_SECONDS = 0.010  # half of vcam's chunk: with ALSA, 20 ms blocks would add another 20 ms of latency
QUEUE_BLOCKS = 100  # 1 s
_FALLBACK_RATES = (48_000, 44_100, 16_000)  # Hz, tried when a device refuses its own default
_FIRST_BLOCK_SECONDS = 5.0  # a sleeping sound server may take 2 s to wake
_SILENT_SECONDS = 2.0  # without a block after the first: the device is gone
_ROUNDING = 1e-6  # s
_LOOK_PERIOD = 3.0  # s; a server is asked with two commands of some ms each
_BRIDGES = ("pulse", "pipewire", "default", "sysdefault")  # ALSA's devices behind which a sound server may choose
_MAX_DEVICE_DELAY = 2.0  # s; a driver that claims more since capture is not believed

# PortAudio's error codes (portaudio.h) for settings that another try may avoid.
_INVALID_CHANNELS = -9998
_INVALID_RATE = -9997


class _Capture:
    """The callback's side of one stream: copies each block into a queue of 1 s. Full: the oldest block is dropped."""

    def __init__(self) -> None:
        # (samples, capture time of the last one) or None for the end. SimpleQueue, because its put never waits.
        self.blocks: queue.SimpleQueue[tuple[bytes, float] | None] = queue.SimpleQueue()
        self.overruns = 0
        self.closed = threading.Event()
        self.device_delay = 0.0  # s from the ADC to the callback, for drivers that do not tell the time of capture
        self.rate = 1
        self._dropping = False
        self._first = True

    def callback(self, data: Any, frames: int, times: Any, status: Any) -> None:
        """Called by PortAudio in its own thread, every 10 ms."""
        if self._first:
            self._first = False
            go_first()
        now = time.monotonic()
        # The two times are of PortAudio's clock, so only their difference is used.
        since_first = times.currentTime - times.inputBufferAdcTime
        if times.inputBufferAdcTime > 0 and 0 <= since_first <= _MAX_DEVICE_DELAY:
            captured_at = now - since_first + frames / self.rate
        else:
            captured_at = now - self.device_delay
        full = self.blocks.qsize() >= QUEUE_BLOCKS
        if full:
            try:
                self.blocks.get_nowait()
            except queue.Empty:  # the reader came between
                full = False
        if status.input_overflow or (full and not self._dropping):
            self.overruns += 1
        self._dropping = full
        self.blocks.put((bytes(data), min(captured_at, now)))

    def end(self) -> None:
        """Wake the reader: nothing more will come."""
        self.blocks.put(None)


class MicrophoneSource(Source):
    """``device``: "mic" for the system's default, a number, or part of a name. Opening again looks for devices anew.

    When nobody reads for a second, the oldest sound is lost: ``overruns`` counts that once, and ``captured_at``
    jumps by what is missing.
    """

    live = True

    def __init__(self, device: str = MICROPHONE) -> None:
        self.name = device
        self._spec = device
        self._capture: _Capture | None = None
        self._stream: Any = None
        self._resampler = Resampler(self.device_rate)
        self._full_band: FullBand | None = None
        self._channels = 1
        self._silent = 0.0  # s waited for a block; what a machine sleeps meanwhile does not count
        self._patience = _FIRST_BLOCK_SECONDS
        self._rescan = False

    def open(self) -> None:
        """Start capturing. Raises SourceError: no PortAudio, no (such) microphone, device busy, no usable rate."""
        self.close()
        fresh = portaudio.rescan() if self._rescan else True
        # Until it has been open for good, the next try must not trust the old list of devices.
        self._rescan = True
        capture = _Capture()
        try:
            device = find_input(self._spec)
            with portaudio.environment(**virtual_mic.listening()):
                stream = _start(device, capture)
        except SourceError:
            if not fresh:
                portaudio.want_rescan()
            raise
        self.name = device.name
        self.device_rate = round(stream.samplerate)
        self._channels = stream.channels
        self._resampler = Resampler(self.device_rate, self._channels)
        self._full_band = FullBand(self.device_rate, self._resampler.delay) if self.device_rate > SAMPLE_RATE else None
        self._silent = 0.0
        self._patience = _FIRST_BLOCK_SECONDS
        self._stream, self._capture = stream, capture
        behind_server = device.host_api == "ALSA" and device.name in _BRIDGES and shutil.which("pactl") is not None
        self.look_period = _LOOK_PERIOD if behind_server else None
        logger.info(
            "microphone %s: %d Hz, %d channels, %.0f ms latency",
            device.full_name,
            self.device_rate,
            self._channels,
            stream.latency * 1000,
        )

    def read(self, timeout: float) -> Block | None:
        capture = self._capture
        end = time.monotonic() + timeout
        while capture is not None and not capture.closed.is_set():
            wait = min(end - time.monotonic(), self._patience - self._silent)
            try:
                taken = capture.blocks.get(timeout=wait) if wait > 0 else capture.blocks.get_nowait()
            except queue.Empty:
                self._silent += max(0.0, wait)
                if self._silent > self._patience - _ROUNDING:
                    raise self._lost(f"sent nothing for {self._patience:.0f} seconds") from None
                if time.monotonic() >= end:
                    return None
                continue
            if capture.closed.is_set():
                return None
            if taken is None:
                capture.end()  # for the next read
                raise self._lost("was disconnected, or its sound server ended")
            self._silent, self._patience = 0.0, _SILENT_SECONDS
            data, captured_at = taken
            block = cleaned(np.frombuffer(data, np.float32).reshape(-1, self._channels))
            mono = self._resampler.mono(block)
            samples = self._resampler.push(mono)
            wide = self._full_band.push(mono, len(samples)) if self._full_band is not None else None
            if len(samples):
                return Block(samples, captured_at - self._resampler.delay, wide)
        return None

    def close(self) -> None:
        capture, stream = self._capture, self._stream
        self._stream = None
        if capture is not None and not capture.closed.is_set():
            capture.closed.set()
            capture.end()
        if stream is not None:
            portaudio.stop_stream(stream)

    def look(self) -> None:
        self.microphone = virtual_mic.heard() or self.microphone

    @property
    def overruns(self) -> int:
        return self._capture.overruns if self._capture else 0

    @property
    def device_latency(self) -> float:
        stream = self._stream
        return (stream.latency if stream else 0.0) + self._resampler.delay

    def _lost(self, why: str) -> SourceLost:
        hint = "Check its cable and the sound server; `vcam devices` lists what is there."
        return SourceLost(f'The microphone "{self.name}" {why}.', hint)


def _start(device: AudioDevice, capture: _Capture) -> Any:
    """A running stream of float32 blocks, mono or stereo, at the first rate that the device takes."""
    sounddevice = portaudio.load()
    # More than two channels is an interface's business; its first inputs are where a microphone is.
    channel_choices = dict.fromkeys((min(2, device.inputs), 1))
    refused = ""
    # ALSA takes any rate and calls 44100 its default, whatever the device has: mostly 48000.
    own_rates = () if device.host_api == "ALSA" else (device.default_rate,)
    for rate in dict.fromkeys((*own_rates, *_FALLBACK_RATES, device.default_rate)):
        for channels in channel_choices:
            capture.rate = rate
            try:
                stream = portaudio.start_stream(
                    lambda rate=rate, channels=channels: sounddevice.RawInputStream(  # type: ignore[misc]
                        device=device.index,
                        samplerate=rate,
                        blocksize=math.ceil(rate * BLOCK_SECONDS),
                        channels=channels,
                        dtype="float32",
                        latency="low",
                        callback=capture.callback,
                        finished_callback=capture.end,
                    )
                )
            except sounddevice.PortAudioError as error:
                refused = str(error)
                if len(error.args) > 1 and error.args[1] in (_INVALID_CHANNELS, _INVALID_RATE):
                    continue
                raise SourceError(
                    f'The microphone "{device.name}" cannot be opened: {refused}.',
                    "Another program may hold it: close that, or choose another one with --audio (see `vcam devices`).",
                ) from error
            capture.device_delay = stream.latency
            return stream
    raise SourceError(
        f'The microphone "{device.name}" takes none of the sample rates that were tried: {refused}.',
        "Set it to 48000 Hz in the system's sound settings, or choose another one with --audio (see `vcam devices`).",
    )
