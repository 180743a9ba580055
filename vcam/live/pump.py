"""The audio pump: a thread that reads the source, stamps every sample, and hands gated chunks to the animator."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from vcam.audio.gate import Gate
from vcam.audio.source import Block, Source
from vcam.errors import SourceError
from vcam.live.backoff import Backoff
from vcam.live.chunker import Chunker
from vcam.live.clock import SampleClock
from vcam.live.meters import LevelMeter, Notices
from vcam.live.queues import ChunkQueue
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, samples, silence

logger = logging.getLogger(__name__)

READ_TIMEOUT = 0.02  # s; how long a stalled source can hold up the silence that stands in for it
STALL = samples(150)  # later than this, missing sound is replaced by silence
RESYNC = samples(60)  # a block this far from where the clock has it may not continue the last one,
ASTRAY_BLOCKS = 5  # and so many in a row do not: a single one is a wrong time stamp, as busy machines give them


class AudioPump:
    """Owns the source. What it puts out is contiguous from PTS 0 on: lost or late sound becomes silence.

    A source that goes away is reported, tried again with growing pauses, and picked up where the clock stands then.
    """

    def __init__(
        self,
        source: Source,
        gate: Gate,
        clock: SampleClock,
        chunks: ChunkQueue,
        notices: Notices,
        on_voice: Callable[[AudioChunk], None],
    ) -> None:
        self.source = source
        self.meter = LevelMeter()
        self.muted = False
        self.lost = False
        self.overruns = 0
        self.resyncs = 0
        self._gate = gate
        self._clock = clock
        self._chunks = chunks
        self._notices = notices
        self._on_voice = on_voice
        self._chunker = Chunker()
        self._continues = False  # whether the next block should follow the last one without a gap
        self._leaving_out = False  # while more came too late than one block holds
        self._astray = 0  # blocks in a row that do not stand where the clock has them
        self._end: int | None = None
        self._backoff = Backoff()
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._error: SourceError | None = None
        self._thread = threading.Thread(target=self._run, name="vcam-audio", daemon=True)

    @property
    def speech(self) -> bool:
        """Whether the gate is open."""
        return self._gate.is_open

    @property
    def end_pts(self) -> int | None:
        """PTS after the last sample, once the source has come to its end."""
        return self._end

    def set_gate(self, gate: Gate) -> None:
        """Use another gate from the next chunk on; it must hold as much as the present one."""
        self._gate = gate

    def start(self) -> None:
        self._thread.start()

    def wait_until_open(self) -> None:
        """Wait until the source is open. Raises SourceError if it could not be opened at first."""
        self._settled.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the thread and close the source. May be called twice."""
        self._stop.set()
        self.source.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            self.source.open()
        except SourceError as error:
            self._error = error
            return
        finally:
            self._settled.set()
        try:
            while not self._stop.is_set() and self._end is None:
                self._step()
        finally:
            self.source.close()

    def _step(self) -> None:
        if self.lost:
            if not self._backoff.due:
                self._stop.wait(READ_TIMEOUT)
                self._fill_stall()
                return
            try:
                self.source.open()
            except SourceError as error:
                logger.debug("audio source still away: %s", error.message)
                self._backoff.fail()
                return
            self.lost, self._continues = False, False
            self._notices.clear("audio")
            logger.info("audio source %s is back", self.source.name)
        try:
            block = self.source.read(READ_TIMEOUT)
        except EOFError:
            self._finish()
            return
        except SourceError as error:
            self.source.close()
            self.lost = True
            self._backoff.fail()
            self._notices.add("audio", f"{error.message} Trying again until it is back.")
            return
        if block is None or len(block.samples) == 0:
            self._fill_stall()
        else:
            self._take(block)
        if self.source.overruns > self.overruns:
            self._notices.add("overrun", f"{self.source.name}: sound was lost, this machine is too busy.")
        self.overruns = max(self.overruns, self.source.overruns)

    def _take(self, block: Block) -> None:
        sound = block.samples
        self._backoff.succeed()
        error = round(self._clock.pts_at(block.captured_at) - len(sound) - self._chunker.next_pts)
        if self._leaving_out and error < 0:
            sound = self._leave_out(sound, -error)
        elif abs(error) <= RESYNC:
            self._continues, self._leaving_out, self._astray = True, False, 0
            self._clock.observe(self._chunker.next_pts + len(sound), block.captured_at)
        elif self._continues and self._astray + 1 < ASTRAY_BLOCKS:
            self._astray += 1
        else:
            sound = self._realign(sound, error)
        self._append(sound)

    def _realign(self, sound: FloatArray, error: int) -> FloatArray:
        """Put silence where ``error`` samples are missing, or begin to leave out the ``-error`` that are too many."""
        if self._chunker.next_pts:  # a session's first block always comes some time after its start
            self.resyncs += 1
            logger.info("sound re-aligned by %+.0f ms", error * 1000 / SAMPLE_RATE)
        self._continues, self._astray = True, 0
        if error < 0:
            return self._leave_out(sound, -error)
        self._append(silence(error))
        return sound

    def _leave_out(self, sound: FloatArray, count: int) -> FloatArray:
        self._leaving_out = count > len(sound)
        return sound[count:]

    def _fill_stall(self) -> None:
        late = self._clock.pts_at(time.monotonic() - self.source.device_latency) - self._chunker.next_pts
        if late > STALL:
            self._continues = False
            self._append(silence(int(late) - STALL + CHUNK_SAMPLES))

    def _finish(self) -> None:
        self._emit(self._chunker.finish(FRAME_SAMPLES))
        self._chunks.put(self._gate.flush())
        self._end = self._chunker.next_pts

    def _append(self, sound: FloatArray) -> None:
        self._emit(self._chunker.push(sound))

    def _emit(self, chunks: Iterable[AudioChunk]) -> None:
        for chunk in chunks:
            self.meter.add(chunk.samples)
            heard = AudioChunk(chunk.pts, silence(CHUNK_SAMPLES)) if self.muted else chunk
            self._on_voice(heard)
            self._chunks.put(self._gate.push(heard))
