"""Calls of hours, crystals that are off, and counters past every power of two: all in virtual time.

Whole sessions run here for half a minute; ``python -m tests.live.long_call --hours 24`` does so for a day. What adds up
(the clock, the ticks of the camera, the speed of the voice) is run for a whole day here.
"""

from __future__ import annotations

import logging
from collections import deque
from fractions import Fraction

import numpy as np
import pytest

from tests.live import parts, virtual_time
from tests.live.long_call import Delays, LongCall, call
from tests.live.parts import RecordingCamera
from vcam.audio.voice_line import VoiceLine
from vcam.audio.wideband import RATIO, VOICE_RATE
from vcam.camera.base import CameraFormat
from vcam.live.chunker import Chunker
from vcam.live.clock import SampleClock
from vcam.live.delay_loop import DelayLoop, Stretch
from vcam.live.meters import Notices
from vcam.live.presenter import Presenter
from vcam.live.queues import PictureStore, VoiceQueue
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, FloatArray, Picture

DAY = 24 * 3600  # s
EXACT = 0.002  # s
#: Numbers of samples at which some counter would wrap, were it a narrow one.
WRAPS = {
    "float32 has no more whole numbers": 2**24,
    "90 kHz in 32 bits, as in RTP": 2**32 * SAMPLE_RATE // 90_000,
    "48 kHz in 31 bits": 2**31 // RATIO,
    "48 kHz in 32 bits": 2**32 // RATIO,
    "16 kHz in 31 bits": 2**31,
    "16 kHz in 32 bits": 2**32,
    "milliseconds in 32 bits": 2**32 * SAMPLE_RATE // 1000,
}


def assert_in_step(held: LongCall, delays: list[Delays], within: float = EXACT) -> None:
    """Every click was seen and heard as late as promised."""
    promised = held.session.latency
    assert delays
    for delay in delays:
        assert delay.seen == pytest.approx(promised.delay, abs=within)
        assert delay.heard == pytest.approx(promised.total, abs=within)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize(("microphone", "device"), [(200, -200), (-200, 200)])
def test_crystals_that_are_off_move_neither_picture_nor_voice(microphone: float, device: float) -> None:
    with call(microphone_ppm=microphone, device_ppm=device, fps=30) as held:
        held.run(30)  # until the speed has settled
        promised, before = held.session.latency, held.session.status()
        assert_in_step(held, held.run(20))
        after = held.session.status()
        assert held.session.latency == promised
        assert after["audio"]["output"]["resyncs"] == before["audio"]["output"]["resyncs"]
        assert after["audio"]["output"]["underruns"] == before["audio"]["output"]["underruns"]
        for key in ("repeated", "skipped", "missed"):
            assert after["camera"][key] == before["camera"][key]
        assert held.camera.longest_gap < 0.05


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_call_goes_on_past_the_numbers_at_which_counters_wrap(wrap: str) -> None:
    """The machine sleeps until shortly before, which is what takes a session there in a test's time."""
    with call(fps=30) as held:
        held.run(3)
        held.world.asleep(held.until(WRAPS[wrap]) - 14)
        held.run(12)  # until the voice has settled again
        assert held.until(WRAPS[wrap]) > 0
        pictures, missed = held.camera.pictures, held.session.status()["camera"]["missed"]
        delays = held.run(5)
        assert held.until(WRAPS[wrap]) < 0
        assert_in_step(held, delays)
        assert held.camera.pictures - pictures == 5 * 30
        assert held.session.status()["camera"]["missed"] == missed


class Day:
    """A microphone's clock, a camera's presenter and the loop of a playback device; what they keep is noted.

    Each crystal is off by its ``ppm``. All comes in few and large pieces, so that a day takes seconds.
    """

    delay = 0.15
    block = 0.4  # s
    buffer = 0.06  # s that the playback device holds
    fps = Fraction(1)

    def __init__(self, world: virtual_time.World, microphone_ppm: float, device_ppm: float) -> None:
        self.clock = SampleClock()
        self.loop = DelayLoop(self.clock, VOICE_RATE, self.delay)
        self.camera = RecordingCamera(CameraFormat(160, 120, self.fps))
        self.store = PictureStore(slow_camera=True)
        self.presenter = Presenter(lambda: self.camera, self.fps, self.clock, self.store, VoiceQueue(10), Notices())
        self.voice: list[tuple[float, float]] = []  # (time, how much too late the voice was heard) in s
        self._world = world
        self._began = world.now
        self._rate = SAMPLE_RATE * (1 + microphone_ppm * 1e-6)
        self._device_rate = VOICE_RATE * (1 + device_ppm * 1e-6)
        self._picture = np.zeros((180, 160), np.uint8)
        self._drawn = 0

    def spoken_at(self, pts: float) -> float:
        """When it really was, whatever the clock has learnt of it."""
        return self._began + pts / self._rate

    def run(self, seconds: float) -> None:
        """The device takes blocks at its own pace; meanwhile the microphone has given what it heard."""
        self.presenter.start()
        self.presenter.go_live(self.delay)
        frames = round(self.block * VOICE_RATE)
        free_at = self._began + self.buffer
        waiting: deque[Stretch] = deque([self.loop.next(frames, free_at)])
        while self._world.now < self._began + seconds:
            self._world.sleep(frames / self._device_rate)
            self._speak()
            stretch = waiting.popleft()
            self.voice.append((free_at, free_at - self.spoken_at(stretch.position / RATIO) - self.delay))
            self.loop.played(stretch.number, free_at)
            free_at += frames / self._device_rate
            waiting.append(self.loop.next(frames, free_at))
        self.presenter.stop()

    def _speak(self) -> None:
        pts = int((self._world.now - self._began) * self._rate)
        self.clock.observe(pts, self.spoken_at(pts))
        number = pts // FRAME_SAMPLES
        self.store.put(Picture(number * FRAME_SAMPLES, self._picture))


def test_picture_and_voice_stay_together_for_a_day() -> None:
    microphone, device = 200, -200
    with virtual_time.virtual_time(parts) as world:
        day = Day(world, microphone, device)
        day.run(DAY)
    settled = world.now - DAY + 3600  # a clock that is told of so few blocks takes long for it
    pts = [pts for pts, _, _ in day.camera.pictures]
    picture = np.array([(at, at - day.spoken_at(pts) - day.delay) for pts, at, _ in day.camera.pictures])
    voice = np.array(day.voice)
    assert set(np.diff(pts)) == {SAMPLE_RATE}
    assert len(pts) == pytest.approx(DAY * (1 + microphone * 1e-6), abs=2)  # as many as the microphone counts
    assert day.presenter.missed == 0
    assert np.abs(picture[picture[:, 0] > settled, 1]).max() < EXACT
    assert np.abs(voice[voice[:, 0] > settled, 1]).max() < EXACT
    assert day.loop.jumps == 0
    assert day.loop.drift_ppm == pytest.approx(microphone - device, abs=1)


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30), Fraction(30_000, 1001), Fraction(60), Fraction(7)])
@pytest.mark.parametrize("wrap", WRAPS)
def test_ticks_of_a_camera_neither_drift_nor_repeat_however_late_it_is(wrap: str, fps: Fraction) -> None:
    with virtual_time.virtual_time(parts) as world:
        clock = SampleClock()
        began = world.now
        world.asleep(WRAPS[wrap] / SAMPLE_RATE - 2)
        clock.observe(WRAPS[wrap] - 2 * SAMPLE_RATE, world.now)
        camera = RecordingCamera(CameraFormat(160, 120, fps))
        store = PictureStore()
        store.standby = Picture(0, np.zeros((180, 160), np.uint8))
        presenter = Presenter(lambda: camera, fps, clock, store, VoiceQueue(10), Notices())
        presenter.start()
        presenter.go_live(0.1)
        world.sleep(4)
        presenter.stop()
    first = round(camera.pictures[1][0] * fps / SAMPLE_RATE)
    expected = [(first + k) * SAMPLE_RATE // fps for k in range(len(camera.pictures) - 1)]
    assert [pts for pts, _, _ in camera.pictures[1:]] == expected
    assert len(expected) == pytest.approx(4 * fps, abs=2)
    assert expected[0] < WRAPS[wrap] < expected[-1]
    late = [at - began - (pts / SAMPLE_RATE + 0.1) for pts, at, _ in camera.pictures[1:]]
    assert np.abs(late).max() < EXACT


@pytest.mark.parametrize("wrap", WRAPS)
def test_chunks_and_the_voice_keep_their_places(wrap: str) -> None:
    start = WRAPS[wrap] - WRAPS[wrap] % FRAME_SAMPLES - SAMPLE_RATE
    sound = np.random.default_rng(3).uniform(-0.5, 0.5, 2 * SAMPLE_RATE).astype(np.float32)
    wide = np.repeat(sound, RATIO)
    chunker, line = Chunker(), VoiceLine()
    chunker.jump(start)
    found: list[FloatArray] = []
    for offset in range(0, len(sound), 441):
        piece = sound[offset : offset + 441]
        line.write(start + offset, piece, wide[offset * RATIO : (offset + len(piece)) * RATIO])
        for chunk in chunker.push(piece):
            assert chunk.pts == start + len(found) * CHUNK_SAMPLES
            found.append(chunk.samples)
    np.testing.assert_array_equal(np.concatenate(found), sound[: len(found) * CHUNK_SAMPLES])
    assert chunker.next_pts == start + len(sound)
    assert line.end == (start + len(sound)) * RATIO
    at_zero = VoiceLine()
    at_zero.write(0, sound, wide)
    across, step = SAMPLE_RATE * RATIO - 1000.5, 1 + 200e-6  # from before the wrap until after it
    heard = line.read(start * RATIO + across, step, 4000)
    np.testing.assert_allclose(heard, at_zero.read(across, step, 4000), atol=1e-4)
