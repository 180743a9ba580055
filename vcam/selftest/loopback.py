"""A microphone for the measurement alone: a null sink that the stimulus is played into and the session listens to.

It is taken away afterwards; one that a killed measurement left behind is known by its name and taken away before.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np

from vcam.audio import portaudio, virtual_mic
from vcam.audio.devices import list_audio_devices
from vcam.audio.microphone import MicrophoneSource
from vcam.audio.outputs import find_bridge
from vcam.audio.source import Block
from vcam.audio.wideband import VOICE_RATE
from vcam.errors import OutputError, SourceError
from vcam.media import SAMPLE_RATE, FloatArray
from vcam.selftest.stimulus import CLICK_SECONDS, THRESHOLD, ClickDetector

logger = logging.getLogger(__name__)

SINK = "vcam_selftest"
MONITOR = f"{SINK}.monitor"
DEVICE = "pulse"  # PortAudio's device that leads to the sound server
_ARGUMENTS = (
    f"sink_name={SINK} rate={VOICE_RATE} channels=1 channel_map=mono "
    "sink_properties=\"device.description='vcam selftest microphone'\""
)
_BUFFERING = 0.05  # s; the stimulus need not be early, but it must not be torn
_READ_TIMEOUT = 0.1  # s
_CLOSE_PATIENCE = 5.0  # s
_WINDOW = 1.0  # s on either side over which capture times are smoothed


def problem() -> str:
    """Why sound cannot be looped through the sound server here, in a sentence; "" if it can. Changes nothing."""
    try:
        virtual_mic.modules()
        find_bridge()
    except OutputError as error:
        return f"{error.message} {error.hint}".strip()
    names = [device.name for device in list_audio_devices() if device.inputs]
    if DEVICE not in names:
        return f"PortAudio has no input {DEVICE!r}, which leads to the sound server."
    return ""


@contextmanager
def microphone() -> Iterator[None]:
    """Make the microphone, and let the streams that this process opens meanwhile listen to it. Raises OutputError."""
    remove()
    try:
        try:
            virtual_mic.pactl("load-module", "module-null-sink", _ARGUMENTS, "norewinds=1")
        except OutputError:  # servers before PulseAudio 15 do not know the word
            virtual_mic.pactl("load-module", "module-null-sink", _ARGUMENTS)
        before = os.environ.get("PULSE_SOURCE")
        os.environ["PULSE_SOURCE"] = MONITOR
        try:
            yield
        finally:
            if before is None:
                del os.environ["PULSE_SOURCE"]
            else:
                os.environ["PULSE_SOURCE"] = before
    finally:
        remove()


def remove() -> int:
    """Take the microphone away, also one that was left behind; how many there were."""
    try:
        found = virtual_mic.pactl("list", "short", "modules").splitlines()
        left = [line.split("\t")[0] for line in found if f"sink_name={SINK}" in line.split()]
        for number in left:
            virtual_mic.pactl("unload-module", number)
    except OutputError as error:
        logger.debug("nothing to remove: %s", error.message)
        return 0
    return len(left)


class Player:
    """Plays silence into the microphone and, when asked, a sound once. ``clicks``: when each was heard, as told."""

    def __init__(self) -> None:
        self.finished = threading.Event()
        self.underflows = 0
        self.clicks: list[float] = []  # monotonic seconds at which each click was in the sink, as PortAudio has it
        self._sound: FloatArray | None = None
        self._position = 0
        self._deaf_until = 0.0
        self._stream: Any = None

    def __enter__(self) -> Player:
        sounddevice = portaudio.load()
        device = find_bridge().index
        with portaudio.environment(PULSE_SINK=SINK):
            try:
                self._stream = portaudio.start_stream(
                    lambda: sounddevice.RawOutputStream(
                        device=device,
                        samplerate=VOICE_RATE,
                        blocksize=VOICE_RATE // 100,
                        channels=1,
                        dtype="float32",
                        latency=_BUFFERING,
                        callback=self._callback,
                    )
                )
            except sounddevice.PortAudioError as error:
                raise OutputError(f"The sound for the measurement cannot be played: {error}.") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            portaudio.stop_stream(stream)

    def play(self, sound: FloatArray) -> None:
        """Begin with the next block: float32 [n], 48 kHz mono."""
        self._sound = sound

    def _callback(self, out: Any, frames: int, times: Any, status: Any) -> None:
        now = time.monotonic()
        target = np.frombuffer(out, np.float32)
        target[:] = 0
        sound = self._sound
        if sound is None:
            return
        self.underflows += bool(status.output_underflow)
        piece = sound[self._position : self._position + frames]
        if not len(piece):
            self.finished.set()
            return
        target[: len(piece)] = piece
        loud = int(np.argmax(np.abs(piece) > THRESHOLD))
        at = now + times.outputBufferDacTime - times.currentTime + loud / VOICE_RATE
        if abs(piece[loud]) > THRESHOLD and at > self._deaf_until:
            self.clicks.append(at)
            self._deaf_until = at + 10 * CLICK_SECONDS
        self._position += frames


class Recorder:
    """What an application records from a source of the sound server's, for as long as the context lasts.

    ``take`` is given each block in the thread that reads; without it they are kept for :meth:`clicks`.
    """

    def __init__(self, source: str, take: Callable[[Block], None] | None = None) -> None:
        self.error: SourceError | None = None
        self._take = take or self._keep
        self._source_name = source
        self._source = MicrophoneSource(DEVICE)
        self._blocks: list[tuple[FloatArray, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="vcam-selftest-recorder", daemon=True)

    def __enter__(self) -> Recorder:
        with portaudio.environment(PULSE_SOURCE=self._source_name):
            self._source.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(_CLOSE_PATIENCE)
        self._source.close()

    def _read(self) -> None:
        try:
            while not self._stop.is_set():
                block = self._source.read(_READ_TIMEOUT)
                if block is not None:
                    self._take(block)
        except SourceError as error:
            self.error = error

    def _keep(self, block: Block) -> None:
        self._blocks.append((block.samples, block.captured_at))

    @property
    def overruns(self) -> int:
        return self._source.overruns

    def clicks(self) -> list[float]:
        """When each click was at the source, in monotonic seconds: capture times, smoothed over two seconds."""
        blocks = list(self._blocks)
        if not blocks:
            return []
        ends = np.cumsum([len(samples) for samples, _ in blocks])
        starts = np.array([captured for _, captured in blocks]) - ends / SAMPLE_RATE  # of the recording, by each block
        window = _WINDOW * SAMPLE_RATE
        found = []
        for position in ClickDetector().push(np.concatenate([samples for samples, _ in blocks])):
            near = starts[np.abs(ends - position) <= window]
            found.append(position / SAMPLE_RATE + float(np.median(near)))
        return found
