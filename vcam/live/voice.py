"""The voice player: a thread that plays the raw voice, a fixed delay after it was spoken, for others to hear."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import numpy as np

from vcam.audio import portaudio
from vcam.audio.sink import Sink
from vcam.audio.urgent import go_first
from vcam.audio.voice_line import VoiceLine
from vcam.errors import OutputError, OutputLost, VcamError
from vcam.live.backoff import Attempt, Backoff
from vcam.live.clock import SampleClock
from vcam.live.delay_loop import DelayLoop, Stretch
from vcam.live.meters import Notices
from vcam.media import FloatArray, silence

logger = logging.getLogger(__name__)

BEFORE = -1  # number of blocks that the loop knows nothing of
LEAST_AHEAD = 3  # blocks that wait for the device, so that this thread may be late by as many
MOST_AHEAD = 15
FIRST_CHECK = 0.3  # s after opening until it is looked whether those who listen can
FIRST_REPORTS = 5  # of the device, before its latency is believed
WAIT = 0.1  # s
LOST_WAIT = 0.05  # s between looks whether to try again
JITTER = 0.010  # s by which the microphone's blocks may be later than they usually are
CLOSE_PATIENCE = 5.0  # s
RECENT = 60.0  # s for which a passing trouble stays among the warnings
ONE_INTERRUPTION = 0.5  # s in which what goes wrong counts as one


def sound_of(stretch: Stretch, line: VoiceLine, frames: int) -> FloatArray:
    """The block to play: float32 [frames]. Where it does not follow the one before, it is faded over from that."""
    sound = line.read(stretch.position, stretch.step, frames)
    if stretch.leaving is None:
        return sound
    old = line.read(stretch.leaving, stretch.step, frames)
    return old + (sound - old) * _ramp(frames)


def _ramp(frames: int) -> FloatArray:
    return np.linspace(0, 1, frames, dtype=np.float32)


class VoicePlayer:
    """Owns the sink, the delay line and one thread. ``hear`` is given the voice, ``keep`` says how late it is played.

    A sink that goes away is reported, tried again with growing pauses, and goes on at the same delay.
    """

    def __init__(self, sink: Sink, clock: SampleClock, notices: Notices) -> None:
        self.sink = sink
        self.lost = False
        self.error: VcamError | None = None
        self.interruptions = 0  # times that the device had nothing to play, or the voice came too late to be played
        self._interrupted_at = -ONE_INTERRUPTION
        self._clock = clock
        self._notices = notices
        self._line = VoiceLine()
        self._delay: float | None = None
        self._ahead = LEAST_AHEAD
        self._under_way = 0  # blocks put and not yet taken
        self._late_told = 0
        self._loop: DelayLoop | None = None
        self._jumps_before = 0
        self._audible = False
        self._backoff = Backoff()
        self._check: Attempt | None = None
        self._check_at = 0.0
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vcam-voice", daemon=True)

    # -- for the session -----------------------------------------------------------------------------------------

    def hear(self, pts: int, sound: FloatArray, wide: FloatArray | None = None) -> None:
        """``sound`` (16 kHz; ``wide``: the same at 48 kHz) was spoken from ``pts`` on. From one thread; never waits."""
        self._line.write(pts, sound, wide)

    def start(self) -> None:
        """Open the sink and play silence until :meth:`keep` is called."""
        self._thread.start()

    def wait_until_open(self, timeout: float) -> bool:
        """Whether the sink is open; waits for it. Raises the VcamError that prevents it at first."""
        if not self._settled.wait(timeout):
            return False
        if self.error is not None:
            raise self.error
        return True

    def least_delay(self, source_latency: float) -> float:
        """The seconds after which sound that comes ``source_latency`` late can be played without running dry."""
        return source_latency + JITTER + LEAST_AHEAD * self._block_seconds + self.sink.latency

    def keep(self, delay: float, source_latency: float) -> None:
        """Play the voice ``delay`` seconds after it was at the microphone. Called again: go on with another delay.

        Half of what is to spare beyond the :meth:`least_delay` is used to be ready earlier, and half left for sound
        that comes late: so a busy machine interrupts less.
        """
        spare = max(0.0, delay - self.least_delay(source_latency))
        self._ahead = min(LEAST_AHEAD + int(spare / 2 / self._block_seconds), MOST_AHEAD)
        self._delay = delay

    @property
    def _block_seconds(self) -> float:
        return self.sink.frames / self.sink.rate

    def mute(self, muted: bool) -> None:
        """Let nothing be heard, from the next block on."""
        self.sink.muted = muted

    def stop(self, timeout: float = CLOSE_PATIENCE) -> None:
        """End the thread, close the sink and take away what was made for it. May be called twice, and before start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def delay(self) -> float | None:
        """Seconds from the microphone to the sink's output, as measured; None before that."""
        loop = self._loop
        return loop.measured if loop is not None and loop.settled and not self.lost else None

    def status(self) -> dict[str, Any]:
        """What is worth showing, ready for JSON."""
        loop, delay = self._loop, self.delay
        return {
            "device": self.sink.name,
            "delay_ms": round(delay * 1000, 1) if delay is not None else None,
            "underruns": self.sink.underruns + self._line.late,
            "resyncs": self._jumps_before + (loop.jumps if loop is not None else 0),
            "drift_ppm": round(loop.drift_ppm) if loop is not None else 0,
        }

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        go_first()
        try:
            self._open()
            self._await_reports()
            self._settled.set()
            while not self._stop.is_set():
                self._step()
        except VcamError as error:
            self._fail(error)
        except Exception as error:  # a driver may fail in any way; the session goes on without the voice and says so
            logger.exception("the voice's output failed")
            self._fail(OutputError(f"The voice cannot be played on {self.sink.name}: {error!r}.", "See the log."))
        finally:
            self._close()
            self._settled.set()

    def _fail(self, error: VcamError) -> None:
        self.error = error
        if self._settled.is_set():  # before that, whoever waits for the sink is told
            self.lost = True
            self._notices.add("output", error.message)

    def _close(self) -> None:
        self.sink.close()
        if self._check is not None:
            self._check.wait(CLOSE_PATIENCE)
        self.sink.discard()

    def _open(self) -> None:
        self.sink.open()
        if self._loop is not None:
            self._jumps_before += self._loop.jumps
        self._loop = None
        self._audible = False
        self._check, self._check_at = None, time.monotonic() + FIRST_CHECK
        self._under_way = 0
        for _ in range(self._ahead):
            self._put(BEFORE, silence(self.sink.frames))  # until it is known when a block is heard

    def _put(self, number: int, block: FloatArray) -> None:
        self.sink.put(number, block)
        self._under_way += 1

    def _await_reports(self) -> None:
        """Let the device show how long it takes, before anybody plans with it."""
        reports = 0
        while reports < FIRST_REPORTS and not self._stop.is_set():
            heard = self.sink.wait(WAIT)
            reports += heard is not None
            if heard is not None and heard.number is not None:
                self._under_way -= 1
                self._put(BEFORE, silence(self.sink.frames))

    def _step(self) -> None:
        if self.lost:
            self._stop.wait(LOST_WAIT)
            if self._backoff.due and not self._stop.is_set():
                self._try_again()
            return
        try:
            heard = self.sink.wait(WAIT)
            self._look_after()
        except OutputLost as error:
            self._lose(error)
            return
        if heard is None:
            return
        if heard.gap and self._loop is not None:
            self._loop.gap()
            self._interrupted()
        if self._line.late > self._late_told:
            self._late_told = self._line.late
            self._interrupted()
        if heard.number is not None:
            self._backoff.succeed()
            if self._loop is not None:
                self._loop.played(heard.number, heard.at)
            self._under_way -= 1
            while self._under_way < self._ahead:
                self._put_next(heard.at)

    def _interrupted(self) -> None:
        now = time.monotonic()
        if now - self._interrupted_at < ONE_INTERRUPTION:  # the device ran dry, and then the sound came too late, too
            return
        self._interrupted_at = now
        self.interruptions += 1
        text = f"{self.sink.name}: the voice was interrupted, this machine is too busy."
        self._notices.add("output-gap", text, seconds=RECENT)

    def _put_next(self, heard_at: float) -> None:
        frames, rate = self.sink.frames, self.sink.rate
        if self._delay is None:
            self._put(BEFORE, silence(frames))
            return
        if self._loop is None:
            self._loop = DelayLoop(self._clock, rate, self._delay)
        self._loop.change_delay(self._delay)
        was_settled = self._loop.settled
        stretch = self._loop.next(frames, heard_at + (self._under_way + 1) * self._block_seconds)
        self._put(stretch.number, self._render(stretch, frames) if was_settled else silence(frames))

    def _render(self, stretch: Stretch, frames: int) -> FloatArray:
        sound = sound_of(stretch, self._line, frames)
        if not self._audible:
            self._audible = True
            return sound * _ramp(frames)
        return sound

    # -- losing and finding the sink -----------------------------------------------------------------------------

    def _look_after(self) -> None:
        """See that somebody can listen, and lend the sound library to those who look for a lost microphone."""
        if self._check is not None and self._check.done:
            error, self._check = self._check.error, None
            if isinstance(error, OutputLost):
                raise error
        now = time.monotonic()
        if self.sink.check_period is not None and self._check is None and now >= self._check_at:
            self._check_at = now + self.sink.check_period
            self._check = Attempt(self.sink.check, "vcam-voice-check")
        if portaudio.take_rescan_wish():
            self._reopen()

    def _reopen(self) -> None:
        self.sink.close()
        try:
            portaudio.rescan()
            self._open()
        except VcamError as error:
            raise OutputLost(error.message, error.hint) from error

    def _lose(self, error: OutputLost) -> None:
        self.sink.close()
        self.lost = True
        self._backoff.fail()
        self._notices.add("output", f"{error.message} Trying again until it is back.")

    def _try_again(self) -> None:
        try:
            self._open()
            if self.sink.check_period is not None:
                self.sink.check()  # now: who cannot be heard, or would hear itself, is not back
        except VcamError as error:
            self.sink.close()
            self._backoff.fail()
            logger.debug("the voice's output is still away: %s", error)
            return
        self.lost = False
        self._notices.clear("output")
        logger.info("the voice is played on %s again", self.sink.name)
