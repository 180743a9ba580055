"""The audio pump: a thread that reads the source, stamps every sample, and hands gated chunks to the animator."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from vcam.audio.gate import Gate
from vcam.audio.source import Block, Source
from vcam.audio.urgent import go_first
from vcam.audio.wideband import RATIO
from vcam.errors import SourceError, VcamError
from vcam.live.backoff import Attempt, Backoff
from vcam.live.chunker import Chunker
from vcam.live.clock import SampleClock
from vcam.live.latency import BlockAges
from vcam.live.meters import LevelMeter, Notices
from vcam.live.queues import ChunkQueue
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray, samples, silence

logger = logging.getLogger(__name__)

READ_TIMEOUT = 0.02  # s; how long a stalled source can hold up the silence that stands in for it
STALL = samples(150)  # later than this, missing sound is replaced by silence
LONG_STALL = 0.5  # s, after which it is not expected to come any more
RESYNC = samples(60)  # a block this far from where the clock has it may not continue the last one,
ASTRAY_BLOCKS = 5  # and so many in a row do not: a single one is a wrong time stamp, as busy machines give them
LONG_GAP = samples(2000)  # more than this is not filled up with silence but left out
FIRST_LOOK = 0.5  # s after opening until it is asked which microphone is heard
RECENT = 60.0  # s for which a change stays among the warnings
CLOSE_PATIENCE = 5.0  # s


class AudioPump:
    """Owns the source. What it puts out is contiguous: lost or late sound becomes silence, up to two seconds of it.

    A longer gap (the machine was asleep) is left out, and so is the time until the source is first heard; the PTS goes
    on where the clock stands. A source that goes away is reported, tried again with growing pauses, and picked up where
    the clock stands then.
    """

    def __init__(
        self,
        source: Source,
        gate: Gate,
        clock: SampleClock,
        chunks: ChunkQueue,
        notices: Notices,
        on_voice: Callable[[AudioChunk], None],
        on_end: Callable[[int], None],
        tail: int = 0,
        on_sound: Callable[[int, FloatArray, FloatArray | None], None] | None = None,
    ) -> None:
        """``on_voice`` gets every raw (or muted) chunk, ``on_end`` the PTS after the last one when a file has ended.

        ``tail``: samples of silence that follow a file, for an animator that shows it later than it hears it.
        ``on_sound`` gets, unless muted, what was really heard as soon as it was: its first PTS, float32 [n] at 16 kHz
        and, where the source has it, the same at 48 kHz.
        """
        self.source = source
        self.meter = LevelMeter()
        self.muted = False
        self.lost = False
        self.error: VcamError | None = None
        self.overruns = 0
        self.resyncs = 0
        self.reported_latency = 0.0  # s, by the source when it was opened
        self._gate = gate
        self._clock = clock
        self._chunks = chunks
        self._notices = notices
        self._on_voice = on_voice
        self._on_sound = on_sound
        self._on_end = on_end
        self._tail = tail
        self._chunker = Chunker()
        self._continues = False  # whether the next block should follow the last one without a gap
        self._stalled_at: float | None = None  # when silence began to stand in for what should have come
        self._leaving_out = False  # while more came too late than one block holds
        self._astray = 0  # blocks in a row that do not stand where the clock has them
        self._ended = False
        self._ages = BlockAges()
        self._overruns_seen = 0  # of the source since it was opened
        self._backoff = Backoff()
        self._attempt: Attempt | None = None
        self._look: Attempt | None = None  # which microphone is heard
        self._look_at = 0.0
        self._microphone = ""  # that the user knows of
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vcam-audio", daemon=True)

    @property
    def speech(self) -> bool:
        """Whether the gate is open."""
        return self._gate.is_open

    @property
    def latency(self) -> float:
        """Seconds from the microphone until a sample can be used: as reported or, if that is more, as seen lately."""
        return max(self.reported_latency, self._ages.recent)

    @property
    def lasting_latency(self) -> float:
        """The same, as most of the last seconds have it: passing trouble does not count."""
        return max(self.reported_latency, self._ages.lasting)

    def start(self) -> None:
        self._thread.start()

    def wait_until_open(self, timeout: float) -> bool:
        """Whether the source is open; waits for it. Raises SourceError if it could not be opened at first."""
        if not self._settled.wait(timeout):
            return False
        if self.error is not None:
            raise self.error
        return True

    def stop(self, timeout: float = CLOSE_PATIENCE) -> None:
        """End the thread and close the source. May be called twice, and before ``start``."""
        self._stop.set()
        if self._thread.is_alive():
            self.source.close()
            self._thread.join(timeout)

    def _run(self) -> None:
        if self.source.live:  # a file may be read as fast as it can be, and would leave nothing to others
            go_first()
        try:
            self._open()
            self._settled.set()
            while not self._stop.is_set() and not self._ended:
                self._step()
        except SourceError as error:
            self.error = error
        except Exception as error:  # it may fail in any way; the session ends and says so
            logger.exception("the audio source failed")
            self.error = SourceError(f"The audio source {self.source.name} failed: {error!r}.", "See the log.")
        finally:
            self._settled.set()
            if self._attempt is None or self._attempt.wait(CLOSE_PATIENCE):
                self.source.close()
            if self._look is not None:
                self._look.wait(CLOSE_PATIENCE)

    def _open(self) -> None:
        self.source.open()
        self.reported_latency = self.source.device_latency
        self._overruns_seen = 0
        self._ages.clear()
        self._look_at = time.monotonic() + FIRST_LOOK

    def _step(self) -> None:
        if self.lost:
            self._stop.wait(READ_TIMEOUT)
            self._fill_stall()
            self._try_again()
            return
        try:
            block = self.source.read(READ_TIMEOUT)
        except EOFError:
            self._finish()
            return
        except (SourceError, OSError) as error:
            self._lose(error)
            return
        if block is None or len(block.samples) == 0:
            self._fill_stall()
        else:
            self._ages.add(block.captured_at, time.monotonic())
            self._take(block)
        self._look_after()
        fresh = self.source.overruns - self._overruns_seen
        if fresh > 0:
            self._overruns_seen += fresh
            self.overruns += fresh
            text = f"{self.source.name}: sound was lost, this machine is too busy."
            self._notices.add("overrun", text, seconds=60)

    def _look_after(self) -> None:
        """Tell the user when the sound server has chosen another microphone."""
        source, now = self.source, time.monotonic()
        if self._look is None:
            if source.look_period is not None and now >= self._look_at:
                self._look_at = now + source.look_period
                self._look = Attempt(source.look, "vcam-audio-look")
            return
        if not self._look.done:
            return
        error, self._look = self._look.error, None
        if error is not None:
            logger.debug("which microphone is heard is not known: %s", error)
        elif source.microphone != self._microphone:
            if self._microphone:
                text = f"The microphone has changed: {source.microphone} is heard now, not {self._microphone}."
                self._notices.add("microphone", text, seconds=RECENT)
            self._microphone = source.microphone

    def _lose(self, error: Exception) -> None:
        self.source.close()
        self.lost = True
        self._continues = False
        self._backoff.fail()
        what = error.message if isinstance(error, VcamError) else f"{self.source.name} failed: {error}."
        self._notices.add("audio", f"{what} Trying again until it is back.")

    def _try_again(self) -> None:
        if self._attempt is None:
            if self._backoff.due:
                self._attempt = Attempt(self._open, "vcam-audio-open")
        elif self._attempt.done:
            error, self._attempt = self._attempt.error, None
            if error is None:
                self.lost = False
                self._notices.clear("audio")
                logger.info("audio source %s is back", self.source.name)
            else:
                self._backoff.fail()
                logger.debug("audio source still away: %s", error)

    def _take(self, block: Block) -> None:
        sound = block.samples
        self._backoff.succeed()
        error = round(self._clock.pts_at(block.captured_at) - len(sound) - self._chunker.next_pts)
        if self._leaving_out and error < 0:
            sound = self._leave_out(sound, -error)
        elif not self._continues:
            sound = self._realign(sound, error)
        elif abs(error) <= RESYNC:
            self._leaving_out, self._astray = False, 0
            self._clock.observe(self._chunker.next_pts + len(sound), block.captured_at)
        elif self._astray + 1 < ASTRAY_BLOCKS:
            self._astray += 1
        else:
            self.resyncs += 1
            logger.info("sound re-aligned by %+.0f ms", error * 1000 / SAMPLE_RATE)
            sound = self._realign(sound, error)
        if self._on_sound is not None and not self.muted and len(sound):
            wide = None if block.wide is None else block.wide[-len(sound) * RATIO :]
            self._on_sound(self._chunker.next_pts, sound, wide)
        self._append(sound)

    def _realign(self, sound: FloatArray, error: int) -> FloatArray:
        """Put silence where ``error`` samples are missing, or begin to leave out the ``-error`` that are too many."""
        self._continues, self._stalled_at, self._astray = True, None, 0
        if error < 0:
            return self._leave_out(sound, -error)
        self._skip(error)
        return sound

    def _leave_out(self, sound: FloatArray, count: int) -> FloatArray:
        self._leaving_out = count > len(sound)
        return sound[count:]

    def _skip(self, count: int) -> None:
        """``count`` samples will not come."""
        begun = self._chunker.next_pts > 0
        if begun and count <= LONG_GAP:
            self._append(silence(count))
            return
        if begun:
            logger.info("%.1f s without sound are left out", count / SAMPLE_RATE)
        self._chunks.put(self._gate.flush())
        target = self._chunker.next_pts + count
        self._chunker.jump(target - target % FRAME_SAMPLES)
        self._append(silence(target % FRAME_SAMPLES))

    def _fill_stall(self) -> None:
        now = time.monotonic()
        given_up = self.lost or (self._stalled_at is not None and now - self._stalled_at > LONG_STALL)
        # Silence in place of sound that will not come is put ahead: looked for in steps, it would be late.
        ahead = 2 * READ_TIMEOUT if given_up else 0.0
        late = int(self._clock.pts_at(now - self.latency + ahead) - self._chunker.next_pts)
        if late > STALL or (late > 0 and not self._continues):
            self._stalled_at = now if self._continues else self._stalled_at
            self._continues = False
            self._skip(late)

    def _finish(self) -> None:
        self._emit(self._chunker.finish(FRAME_SAMPLES))
        end = self._chunker.next_pts
        for chunk in self._chunker.push(silence(self._tail)):
            self._chunks.put(self._gate.push(chunk))
        self._chunks.put(self._gate.flush())
        self._ended = True
        self._on_end(end)

    def _append(self, sound: FloatArray) -> None:
        self._emit(self._chunker.push(sound))

    def _emit(self, chunks: Iterable[AudioChunk]) -> None:
        for chunk in chunks:
            self.meter.add(chunk.samples)
            heard = AudioChunk(chunk.pts, silence(CHUNK_SAMPLES)) if self.muted else chunk
            self._on_voice(heard)
            self._chunks.put(self._gate.push(heard))
