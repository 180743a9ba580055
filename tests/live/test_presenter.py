from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from tests.live.parts import RecordingCamera
from tests.waiting import wait_until
from vcam.camera.base import Camera, CameraFormat
from vcam.errors import CameraError
from vcam.live.clock import SampleClock
from vcam.live.meters import Notices
from vcam.live.presenter import Presenter
from vcam.live.queues import PictureStore, VoiceQueue
from vcam.media import FRAME_SAMPLES, AudioChunk, Picture

FORMAT = CameraFormat(160, 120, Fraction(30))


def picture(pts: int, value: int = 0) -> Picture:
    return Picture(pts, np.full((180, 160), value, np.uint8))


class Bench:
    def __init__(self, open_camera: Callable[[], Camera], fps: Fraction = FORMAT.fps) -> None:
        self.clock = SampleClock()
        self.store = PictureStore(size=1000)
        self.notices = Notices()
        self.voice = VoiceQueue(10)
        self.presenter = Presenter(open_camera, fps, self.clock, self.store, self.voice, self.notices)
        self.presenter.start()


@pytest.fixture
def camera() -> RecordingCamera:
    return RecordingCamera(FORMAT)


@pytest.fixture
def bench(camera: RecordingCamera) -> Iterator[Bench]:
    bench = Bench(lambda: camera)
    yield bench
    bench.presenter.stop()


def test_the_standby_picture_is_shown_before_anything_is_live(bench: Bench, camera: RecordingCamera) -> None:
    bench.store.standby = picture(0, 7)
    wait_until(lambda: len(camera.pictures) > 5)
    assert {value for _, _, value in camera.pictures} == {7}


def test_each_tick_shows_the_frame_that_covers_it_and_the_delay_is_kept(bench: Bench, camera: RecordingCamera) -> None:
    bench.store.standby = picture(0, 255)
    for n in range(100):
        bench.store.put(picture(n * FRAME_SAMPLES, n))
    bench.presenter.go_live(0.1)
    wait_until(lambda: camera.pictures and camera.pictures[-1][2] == 40)
    live = [(pts, at, value) for pts, at, value in camera.pictures if value != 255][1:]
    assert all(value == pts // FRAME_SAMPLES for pts, _, value in live)
    early = [at - bench.clock.time_of(pts) for pts, at, _ in live]
    assert min(early) >= 0.1 - 1e-3  # never before its time
    assert np.allclose(np.diff([pts for pts, _, _ in live]), 16_000 / 30, atol=1)


def test_a_missing_frame_repeats_the_last_one_and_is_counted(bench: Bench, camera: RecordingCamera) -> None:
    for n in (*range(10), *range(20, 60)):
        bench.store.put(picture(n * FRAME_SAMPLES, n))
    bench.presenter.go_live(0.05)
    wait_until(lambda: camera.pictures and camera.pictures[-1][2] >= 30)
    gap = [value for pts, _, value in camera.pictures if 10 <= pts // FRAME_SAMPLES < 20]
    assert gap
    assert set(gap) == {9}
    assert bench.presenter.repeated >= len(gap)


def test_a_camera_that_goes_and_comes_back_is_used_again(bench: Bench, camera: RecordingCamera) -> None:
    bench.store.standby = picture(0, 1)
    wait_until(lambda: camera.pictures)
    camera.there = False
    wait_until(lambda: bench.presenter.lost)
    wait_until(bench.notices.texts)
    seen = len(camera.pictures)
    camera.there = True
    wait_until(lambda: len(camera.pictures) > seen)
    assert not bench.presenter.lost
    assert bench.notices.texts() == []


def test_why_a_lost_camera_cannot_be_had_again_is_told(bench: Bench, camera: RecordingCamera) -> None:
    bench.store.standby = picture(0, 1)
    wait_until(lambda: camera.pictures)
    camera.there = False
    wait_until(lambda: bench.notices.texts() == ["The test camera is still away. Trying again until it is back."])


def test_it_ends_by_itself_and_closes_the_camera(bench: Bench, camera: RecordingCamera) -> None:
    bench.store.standby = picture(0, 1)
    bench.presenter.go_live(0.02)
    bench.presenter.end_at(3200)
    wait_until(lambda: bench.presenter.ended)
    assert camera.closes == 1
    assert camera.pictures[-1][0] < 3200


def test_a_camera_that_cannot_be_opened_is_reported() -> None:
    def refuse() -> Camera:
        raise CameraError("no camera here")

    bench = Bench(refuse)
    with pytest.raises(CameraError, match="no camera here"):
        bench.presenter.wait_until_open(10)
    bench.presenter.stop()


@pytest.mark.filterwarnings("default")
def test_a_camera_that_breaks_in_an_unforeseen_way_ends_the_presenter_with_an_error(camera: RecordingCamera) -> None:
    def explode(picture: Picture) -> None:
        raise ZeroDivisionError("inside the driver")

    camera.send = explode  # type: ignore[method-assign]
    bench = Bench(lambda: camera)
    bench.store.standby = picture(0)
    wait_until(lambda: bench.presenter.ended)
    assert bench.presenter.error is not None
    assert "inside the driver" in bench.presenter.error.message
    assert camera.closes == 1


def test_a_file_gets_every_tick_from_when_it_is_live() -> None:
    class File(RecordingCamera):
        timed_by_pts = True

    camera = File(FORMAT)
    bench = Bench(lambda: camera)
    bench.store.standby = picture(0, 1)
    started = time.monotonic()
    wait_until(lambda: time.monotonic() - started > 0.3)
    assert camera.pictures == []
    bench.presenter.go_live(0.1)
    start = bench.presenter.position
    bench.presenter.end_at(round(start) + 16_000)
    wait_until(lambda: bench.presenter.ended)
    ticks = [pts for pts, _, _ in camera.pictures]
    assert 29 <= len(ticks) <= 31
    assert 0 <= ticks[0] - start < 1000
    first = round(ticks[0] * 3 / 1600)
    assert ticks == [n * 1600 // 3 for n in range(first, first + len(ticks))]


def test_a_driver_that_breaks_while_opening_is_reported() -> None:
    def explode() -> Camera:
        raise ImportError("no such driver")

    bench = Bench(explode)
    with pytest.raises(CameraError, match="no such driver"):
        bench.presenter.wait_until_open(10)
    bench.presenter.stop()


def test_another_delay_holds_the_picture_once_and_then_keeps_the_rate(bench: Bench, camera: RecordingCamera) -> None:
    for n in range(200):
        bench.store.put(picture(n * FRAME_SAMPLES, n))
    bench.presenter.go_live(0.05)
    wait_until(lambda: len(camera.pictures) > 20)
    bench.presenter.go_live(0.25)
    wait_until(lambda: len(camera.pictures) > 40)
    pts, at, _ = camera.pictures[-1]
    assert at - bench.clock.time_of(pts) >= 0.25 - 1e-3
    assert bench.presenter.missed <= 2


def test_when_no_picture_comes_for_a_second_the_portrait_at_rest_is_shown(
    bench: Bench, camera: RecordingCamera
) -> None:
    bench.store.standby = picture(0, 255)
    for n in range(5):
        bench.store.put(picture(n * FRAME_SAMPLES, n))
    bench.presenter.go_live(0.02)
    wait_until(lambda: camera.pictures and camera.pictures[-1][2] == 4)
    wait_until(lambda: camera.pictures[-1][2] == 255)


def test_a_card_is_shown_at_the_very_next_tick_instead_of_everything_else(
    bench: Bench, camera: RecordingCamera
) -> None:
    bench.store.standby = picture(0, 7)
    bench.presenter.go_live(0.0)
    wait_until(lambda: len(camera.pictures) > 5)
    bench.presenter.card = picture(0, 200)
    after = time.monotonic()
    wait_until(lambda: sum(at > after for _, at, _ in camera.pictures) > 3)
    assert {value for _, at, value in list(camera.pictures) if at > after + 0.01} == {200}
    bench.presenter.card = None
    wait_until(lambda: camera.pictures[-1][2] == 7)


def test_under_a_card_nothing_is_recorded_but_silence() -> None:
    heard: list[AudioChunk] = []

    class Recorder(RecordingCamera):
        wants_audio = True

        def send_audio(self, chunk: AudioChunk) -> None:
            heard.append(chunk)

    camera = Recorder(FORMAT)
    bench = Bench(lambda: camera)
    bench.store.standby = picture(0)
    bench.presenter.card = picture(0, 200)
    bench.presenter.go_live(0.0)
    wait_until(lambda: len(camera.pictures) > 5)
    start = int(bench.clock.pts_at(time.monotonic())) // 320 * 320
    for pts in range(start, start + 3200, 320):
        bench.voice.put(AudioChunk(pts, np.full(320, 0.5, np.float32)))
    wait_until(lambda: len(heard) == 10)
    bench.presenter.stop()
    assert not np.concatenate([chunk.samples for chunk in heard]).any()
    assert [chunk.pts for chunk in heard] == list(range(start, start + 3200, 320))
