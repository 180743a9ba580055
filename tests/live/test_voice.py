from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from tests.live.parts import Loudspeaker
from tests.waiting import wait_until
from vcam.audio import portaudio
from vcam.errors import OutputError
from vcam.live.clock import SampleClock
from vcam.live.meters import Notices
from vcam.live.voice import VoicePlayer
from vcam.media import SAMPLE_RATE, FloatArray, silence

DELAY = 0.2
BLOCK = 160


class Bench:
    """A player whose microphone hears a click every half second, until it is switched off."""

    def __init__(self) -> None:
        self.clock = SampleClock()
        self.sink = Loudspeaker()
        self.notices = Notices()
        self.player = VoicePlayer(self.sink, self.clock, self.notices)
        self.speaking = True
        self._stop = threading.Event()
        self._speaker = threading.Thread(target=self._speak)

    def start(self) -> None:
        self.player.start()
        assert self.player.wait_until_open(10)
        self.player.keep(DELAY, 0.02)
        self._speaker.start()

    def _speak(self) -> None:
        pts = int(self.clock.pts_at(time.monotonic())) // BLOCK * BLOCK
        while not self._stop.wait(max(0.0, self.clock.time_of(pts + BLOCK) - time.monotonic())):
            self.player.hear(pts, self.sound(pts) if self.speaking else silence(BLOCK))
            pts += BLOCK

    @staticmethod
    def sound(pts: int) -> FloatArray:
        return np.full(BLOCK, 0.5, np.float32) if pts % (SAMPLE_RATE // 2) < BLOCK else silence(BLOCK)

    def close(self) -> None:
        self._stop.set()
        if self._speaker.is_alive():
            self._speaker.join(10)
        self.player.stop()

    def clicks(self, since: float) -> list[float]:
        """How late every click was heard that came after ``since``, in seconds."""
        found: list[float] = []
        quiet_until = 0.0
        for at, block in list(self.sink.heard):
            loud = np.flatnonzero(np.abs(block) > 0.25)
            if at < since or not len(loud) or at < quiet_until:
                continue
            heard = at + float(loud[0]) / self.sink.rate
            quiet_until = at + 0.1
            pts = self.clock.pts_at(heard - DELAY)
            period = SAMPLE_RATE // 2
            found.append((pts - round(pts / period) * period) / SAMPLE_RATE + DELAY)
        return found


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_the_voice_is_heard_after_exactly_the_delay(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: len(bench.clicks(0)) >= 4)
    assert bench.clicks(0)[1:] == pytest.approx([DELAY] * len(bench.clicks(0)[1:]), abs=0.005)
    assert bench.player.delay == pytest.approx(DELAY, abs=0.005)
    status = bench.player.status()
    assert status["device"] == "test loudspeaker"
    assert status["delay_ms"] == pytest.approx(DELAY * 1000, abs=5)


def test_it_is_silent_until_it_is_told_a_delay(bench: Bench) -> None:
    bench.player.start()
    wait_until(lambda: len(bench.sink.heard) > 20)
    assert bench.player.delay is None
    assert not np.concatenate([block for _, block in bench.sink.heard]).any()


def test_after_a_stumble_the_delay_comes_back(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: len(bench.clicks(0)) >= 2)
    bench.sink.stumble(0.3)
    stumbled = time.monotonic()
    wait_until(lambda: len(bench.clicks(stumbled + 2)) >= 2)
    assert bench.clicks(stumbled + 2) == pytest.approx([DELAY] * len(bench.clicks(stumbled + 2)), abs=0.02)
    assert bench.player.status()["underruns"] >= 1


def test_muted_nothing_is_heard(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: len(bench.clicks(0)) >= 2)
    bench.player.mute(True)
    muted = time.monotonic() + 0.05
    wait_until(lambda: bench.sink.heard[-1][0] > muted + 1)
    assert bench.clicks(muted) == []
    bench.player.mute(False)
    wait_until(lambda: bench.clicks(muted))


def test_a_device_that_goes_away_comes_back_at_the_same_delay(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: len(bench.clicks(0)) >= 2)
    bench.sink.plugged = False
    wait_until(lambda: bench.player.lost)
    assert any("unplugged" in text for text in bench.notices.texts())
    assert bench.player.delay is None
    bench.sink.plugged = True
    wait_until(lambda: not bench.player.lost)
    back = time.monotonic()
    wait_until(lambda: len(bench.clicks(back + 2)) >= 2)
    assert bench.clicks(back + 2) == pytest.approx([DELAY] * len(bench.clicks(back + 2)), abs=0.02)
    assert bench.notices.texts() == []


def test_a_device_that_nobody_can_hear_is_opened_anew(bench: Bench) -> None:
    bench.sink.check_period = 0.1
    bench.start()
    wait_until(lambda: bench.clicks(0))
    bench.sink.listened = False
    wait_until(lambda: bench.player.lost)
    wait_until(lambda: bench.sink.opened >= 3 and bench.sink.closed)
    assert bench.player.lost, "it stays so until somebody can"
    bench.sink.listened = True
    wait_until(lambda: not bench.player.lost)
    assert bench.notices.texts() == []


def test_it_lends_the_sound_library_to_those_who_look_for_a_lost_microphone(bench: Bench) -> None:
    bench.start()
    wait_until(lambda: bench.clicks(0))
    portaudio.want_rescan()
    wait_until(lambda: bench.sink.opened == 2)
    assert not portaudio.take_rescan_wish()
    wait_until(lambda: bench.player.delay is not None)
    assert not bench.player.lost


def test_no_device_at_first_is_an_error_and_nothing_is_left(bench: Bench) -> None:
    bench.sink.plugged = False
    bench.player.start()
    with pytest.raises(OutputError, match="not there"):
        bench.player.wait_until_open(10)
    bench.player.stop()
    assert bench.sink.discarded == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-voice")]


def test_an_unforeseen_fault_ends_the_voice_and_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    bench.start()
    wait_until(lambda: bench.clicks(0))
    bench.sink.broken = True
    wait_until(lambda: bench.player.error is not None)
    assert bench.player.lost
    assert any("cannot be played" in text for text in bench.notices.texts())


def test_stop_closes_then_takes_away_and_may_come_twice_or_first(bench: Bench) -> None:
    bench.player.stop()
    bench.player.start()
    bench.player.stop()
    bench.player.stop()
    assert bench.sink.discarded == 1


def test_the_least_delay_covers_the_microphone_and_the_device(bench: Bench) -> None:
    assert bench.player.least_delay(0.05) == pytest.approx(0.05 + 0.01 + 0.03 + bench.sink.held)
