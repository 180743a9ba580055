"""The loop against a simulated playback device: hours pass in seconds, and nothing is played."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from vcam.audio.wideband import RATIO, VOICE_RATE
from vcam.live.clock import SampleClock
from vcam.live.delay_loop import MAX_CORRECTION, DelayLoop, Stretch
from vcam.media import SAMPLE_RATE

DELAY = 0.15
BLOCK = 0.05  # s; larger than a real device's, so that hours pass quickly
BUFFER = 0.06  # s that the device holds


class Simulation:
    """A microphone and a playback device, each ``ppm`` faster than they say, and the loop in between.

    ``jitter``: standard deviation in seconds of the device's time stamps.
    """

    def __init__(
        self, microphone_ppm: float = 0.0, device_ppm: float = 0.0, jitter: float = 0.0, block: float = BLOCK
    ) -> None:
        self._block = block
        self._frames = round(block * VOICE_RATE)
        self.clock = SampleClock()
        self.now = self.clock.time_of(0)
        self.loop = DelayLoop(self.clock, VOICE_RATE, DELAY)
        self.steps: list[float] = []
        self.sent: deque[Stretch] = deque(maxlen=1000)
        self.played: deque[tuple[float, Stretch]] = deque(maxlen=1000)  # when each was heard
        self.errors: list[tuple[float, float]] = []  # (time, real delay - wanted delay) in s
        self._begin = self.now
        self._microphone_rate = SAMPLE_RATE * (1 + microphone_ppm * 1e-6)
        self._device_rate = VOICE_RATE * (1 + device_ppm * 1e-6)
        self._jitter = jitter
        self._random = np.random.default_rng(7)
        self._waiting: deque[Stretch] = deque()
        self._free_at = self.now + BUFFER
        self._put()
        self._put()

    def _put(self) -> None:
        self.sent.append(self.loop.next(self._frames, self._free_at + len(self._waiting) * self._block))
        self._waiting.append(self.sent[-1])

    def captured_at(self, pts: float) -> float:
        """When sample ``pts`` was really at the microphone, whatever the clock has learnt of it."""
        return self._begin + pts / self._microphone_rate

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            for part in range(5):  # every 10 ms
                at = self.now - self._block * (1 - part / 5)
                pts = (at - self._begin) * self._microphone_rate
                self.clock.observe(round(pts), at + (round(pts) - pts) / self._microphone_rate)
            stretch = self._waiting.popleft()
            heard_at = self._free_at
            self.errors.append((heard_at, heard_at - self.captured_at(stretch.position / RATIO) - self.loop.delay))
            self.played.append((heard_at, stretch))
            self.loop.played(stretch.number, heard_at + self._jitter * self._random.standard_normal())
            self._put()
            self.steps.append(stretch.step)
            self._free_at += self._frames / self._device_rate
            self.now += self._frames / self._device_rate

    def stall(self, seconds: float, *, told: bool = True) -> None:
        """The device plays nothing for a while: all that follows is late."""
        self._free_at += seconds
        self.now += seconds
        if told:
            self.loop.gap()

    def sleep(self, seconds: float) -> None:
        """The machine stands still; the microphone is taken up again where the clock has it then, as the pump does."""
        self.stall(seconds, told=False)
        self._begin = self.now - self.clock.pts_at(self.now) / self._microphone_rate

    def lose(self, blocks: int) -> None:
        """The device throws blocks away: all that follows is early."""
        for _ in range(blocks):
            self._waiting.popleft()
            self._put()

    def off_since(self, start: float) -> float:
        return max(abs(error) for at, error in self.errors if at >= start)


@pytest.mark.parametrize(("microphone", "device"), [(200, -200), (-200, 200), (200, 200), (0, -150)])
def test_drift_is_measured_and_followed_for_hours_without_a_jump(microphone: float, device: float) -> None:
    simulation = Simulation(microphone, device)
    simulation.run(30)
    settled = simulation.now
    simulation.run(3600)
    assert simulation.off_since(settled) < 0.002
    assert simulation.loop.jumps == 0
    assert simulation.loop.drift_ppm == pytest.approx(microphone - device, abs=20)


def test_a_day_is_as_exact_as_a_minute() -> None:
    simulation = Simulation(200, -200, block=0.25)
    simulation.run(120)
    settled = simulation.now
    simulation.run(24 * 3600)
    assert simulation.off_since(settled) < 0.002
    assert simulation.loop.jumps == 0
    steps = np.array(simulation.steps[-1000:])
    assert np.ptp(steps) < 1e-6  # no coarse numbers: the speed is as even as on the first day


def test_uncertain_time_stamps_neither_jump_nor_bend_the_pitch() -> None:
    simulation = Simulation(50, -50, jitter=0.004)
    simulation.run(600)
    assert simulation.loop.jumps == 0
    assert simulation.off_since(simulation.errors[0][0] + 30) < 0.010
    steps = np.array(simulation.steps[600:])
    assert np.abs(steps - 1).max() < 0.002


@pytest.mark.parametrize("seconds", [0.005, 0.01, 0.03, 0.3, 0.912, 60.0])
def test_after_an_underrun_the_delay_is_back_within_two_seconds(seconds: float) -> None:
    simulation = Simulation()
    simulation.run(60)
    simulation.stall(seconds)
    stalled = simulation.now
    simulation.run(60)
    assert simulation.off_since(stalled + 2) < 0.003
    assert simulation.loop.jumps <= 1


@pytest.mark.parametrize("seconds", [0.002, 0.005, 0.007, 0.011, 0.013, 0.03])
def test_also_one_that_the_device_keeps_to_itself_is_mended_within_two_seconds(seconds: float) -> None:
    simulation = Simulation(100, -100, jitter=0.0003, block=0.01)
    simulation.run(60)
    simulation.stall(seconds, told=False)
    stalled = simulation.now
    simulation.run(20)
    assert simulation.off_since(stalled + 2) < 0.003


def test_an_underrun_that_the_device_keeps_to_itself_is_noticed() -> None:
    simulation = Simulation()
    simulation.run(60)
    simulation.stall(0.2, told=False)
    stalled = simulation.now
    simulation.run(2.5 * BLOCK)  # three blocks, however the sums are rounded
    assert simulation.loop.measured > DELAY + 0.09  # what is off is not hidden
    simulation.run(10)
    assert simulation.off_since(stalled + 2) < 0.003


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("block", [0.02, 0.05, 0.0501, 0.09])  # an even and an odd number of them in the window
def test_after_an_overrun_the_delay_is_back_within_two_seconds_by_one_jump(block: float, blocks: int) -> None:
    simulation = Simulation(block=block)
    simulation.run(60)
    simulation.lose(blocks)
    lost = simulation.now
    simulation.run(10)
    assert simulation.off_since(lost + 2) < 0.003
    assert simulation.loop.jumps == 1


def test_a_machine_that_slept_goes_on_at_the_same_delay() -> None:
    simulation = Simulation(100, -100)
    simulation.run(60)
    simulation.sleep(3600)
    awake = simulation.now
    simulation.run(10)
    assert simulation.off_since(awake + 2) < 0.003


def test_another_delay_is_taken_at_once() -> None:
    simulation = Simulation()
    simulation.run(60)
    simulation.loop.change_delay(0.25)
    simulation.run(0.5)
    changed = simulation.now
    simulation.run(5)
    assert simulation.off_since(changed) < 0.003
    assert simulation.loop.jumps == 0


def test_the_speed_stays_within_half_a_percent() -> None:
    simulation = Simulation(2400, -2400)  # no crystal is so bad
    simulation.run(60)
    assert all(abs(step - 1) <= MAX_CORRECTION + 1e-12 for step in simulation.steps)
    assert simulation.off_since(simulation.now - 30) < 0.03


def test_a_block_that_does_not_follow_says_where_the_last_one_would_have_gone_on() -> None:
    simulation = Simulation()
    simulation.run(10)
    simulation.stall(0.5)
    simulation.run(2)
    (jump,) = [stretch for stretch in simulation.sent if stretch.leaving is not None][1:]  # the first is the start
    assert jump.leaving is not None
    assert jump.position - jump.leaving == pytest.approx(0.5 * VOICE_RATE, abs=1)


def test_reports_of_blocks_that_were_never_sent_are_ignored() -> None:
    loop = DelayLoop(SampleClock(), VOICE_RATE, DELAY)
    loop.played(-1, 0.0)
    loop.played(7, 0.0)
    assert not loop.settled
