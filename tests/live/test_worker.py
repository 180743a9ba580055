"""An animator that hears ahead and gives many poses at once: sound before pictures, none lost, the end included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from tests.live.parts import CountingAnimator
from tests.waiting import wait_until
from vcam.animators.base import Pose
from vcam.audio.gate import OpenGate
from vcam.live.queues import ChunkQueue, PictureStore
from vcam.live.worker import AnimatorWorker
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, ByteArray, Picture, samples, silence
from vcam.offline import Pipeline
from vcam.stage import Stage

CLIP = 10  # frames that come at once
BEHIND = 2 * CLIP * FRAME_SAMPLES


class ClipAnimator(CountingAnimator):
    """Gives ten poses at once, when the ten frames after them have been heard too: like a diffusion in clips."""

    kind: ClassVar[str] = "clips"
    look_ahead = 0

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self._base = 0

    def reset(self, pts: int) -> None:
        super().reset(pts)
        self._base = pts

    @property
    def algorithmic_latency(self) -> int:
        return BEHIND

    def analyse(self, chunk: AudioChunk) -> Sequence[Pose]:
        self.log.append("heard")
        super().analyse(chunk)
        first = chunk.end - BEHIND
        if first < self._base or (first - self._base) % (CLIP * FRAME_SAMPLES):
            return []
        return [Pose(first + k * FRAME_SAMPLES) for k in range(CLIP)]

    def render(self, pose: Pose) -> ByteArray:
        self.log.append("drawn")
        return super().render(pose)


def _chunks(count: int) -> list[AudioChunk]:
    return [AudioChunk(k * CHUNK_SAMPLES, silence(CHUNK_SAMPLES)) for k in range(count)]


@pytest.fixture
def stage() -> Stage:
    return Stage(160, 120)


def test_sound_that_has_come_is_heard_before_the_next_frame_is_drawn(stage: Stage) -> None:
    animator, chunks, store = ClipAnimator(), ChunkQueue(), PictureStore()
    chunks.put(_chunks(45))  # 20 frames complete the first clip; more sound lies there already
    worker = AnimatorWorker(animator, stage, chunks, store, lambda pts: time.monotonic() + 60)
    worker.start()
    wait_until(lambda: worker.drawn == CLIP)
    assert animator.log == ["heard"] * 45 + ["drawn"] * CLIP
    assert worker.waiting == 0
    assert worker.stop()


def test_frames_wait_while_the_store_is_full_and_none_is_lost(stage: Stage) -> None:
    animator, chunks, store = ClipAnimator(), ChunkQueue(), PictureStore(size=4)
    chunks.put(_chunks(40))
    worker = AnimatorWorker(animator, stage, chunks, store, lambda pts: time.monotonic() + 60)
    worker.start()
    wait_until(lambda: worker.drawn == 4)
    shown = [store.newest_due(k * FRAME_SAMPLES) for k in range(2)]
    wait_until(lambda: worker.drawn == 6)
    assert [picture.pts for picture, _ in shown if picture is not None] == [0, FRAME_SAMPLES]
    assert store.skipped == 0
    assert worker.skipped == 0
    assert worker.waiting == CLIP - 6
    assert worker.stop()


def test_frames_that_would_be_late_are_left_out_and_later_ones_drawn(stage: Stage) -> None:
    animator, chunks, store = ClipAnimator(), ChunkQueue(), PictureStore()
    start = time.monotonic()
    late = {k * FRAME_SAMPLES for k in (1, 2, 5)}
    worker = AnimatorWorker(animator, stage, chunks, store, lambda pts: start + (-1 if pts in late else 60))
    chunks.put(_chunks(40))
    worker.start()
    wait_until(lambda: worker.drawn + worker.skipped == CLIP)
    assert worker.skipped == len(late)
    on_time = [k for k in range(CLIP) if store.newest_due(k * FRAME_SAMPLES)[1]]
    assert on_time == [0, 3, 4, 6, 7, 8, 9]
    assert worker.stop()


def test_a_recording_is_shown_to_its_end(stage: Stage) -> None:
    animator = ClipAnimator()
    assert animator.tail == BEHIND - FRAME_SAMPLES
    sound = [np.zeros(FRAME_SAMPLES * 33 + 5, np.float32)]
    pictures = list(Pipeline(OpenGate(0), animator, stage).run(sound))
    assert [picture.pts for picture in pictures] == [k * FRAME_SAMPLES for k in range(34)]


def test_a_pose_that_looks_like_the_last_one_is_shown_again_without_drawing(stage: Stage) -> None:
    class Frozen(ClipAnimator):
        def repeats(self, pose: Pose) -> bool:
            return pose.pts % (5 * FRAME_SAMPLES) != 0

    animator, chunks, store = Frozen(), ChunkQueue(), PictureStore()
    chunks.put(_chunks(40))
    worker = AnimatorWorker(animator, stage, chunks, store, lambda pts: time.monotonic() + 60)
    worker.start()
    wait_until(lambda: worker.drawn == CLIP)
    pictures = [store.newest_due(k * FRAME_SAMPLES)[0] for k in range(CLIP)]
    assert [picture.pts for picture in pictures if picture is not None] == [k * FRAME_SAMPLES for k in range(CLIP)]
    assert len({id(picture.i420) for picture in pictures if picture is not None}) == 2
    assert animator.log.count("drawn") == 2
    assert worker.stop()


class Shades(Stage):
    """Notes whose frames are composed."""

    def __init__(self, shown: list[tuple[int, str]], name: str) -> None:
        super().__init__(160, 120)
        self.notes, self.name = shown, name

    def compose(self, frame: ByteArray | Picture, pts: int) -> Picture:
        self.notes.append((pts // FRAME_SAMPLES, self.name))
        return super().compose(frame, pts)


@pytest.mark.parametrize("old", ["clips", "at once"])
@pytest.mark.parametrize("new", ["clips", "at once"])
def test_a_switch_leaves_no_frame_out_however_late_either_animator_knows_its_poses(old: str, new: str) -> None:
    shown: list[tuple[int, str]] = []
    kinds: dict[str, type[CountingAnimator]] = {"clips": ClipAnimator, "at once": CountingAnimator}
    first, second = kinds[old](), kinds[new]()
    chunks, store = ChunkQueue(1000), PictureStore(1000)
    sound = [AudioChunk(k * CHUNK_SAMPLES, silence(CHUNK_SAMPLES), True, silence(320)) for k in range(240)]
    worker = AnimatorWorker(first, Shades(shown, "old"), chunks, store, lambda pts: time.monotonic() + 60)
    chunks.put(sound[:90])
    worker.start()
    wait_until(lambda: len(chunks) == 0 and worker.waiting == 0)
    assert worker.replace(second, Shades(shown, "new"))
    chunks.put(sound[90:])
    wait_until(lambda: len(chunks) == 0 and worker.waiting == 0 and worker.animator is second)
    assert worker.stop()
    frames = [frame for frame, _ in shown]
    assert frames == list(range(len(frames)))
    names = [name for _, name in shown]
    assert names == ["old"] * names.count("old") + ["new"] * names.count("new")
    assert 45 <= names.count("old") < 70
    assert first.closed
    assert second.closed


def test_where_every_frame_would_be_late_the_picture_moves_now_and_then_all_the_same(stage: Stage) -> None:
    animator, chunks, store = CountingAnimator(), ChunkQueue(), PictureStore()
    worker = AnimatorWorker(animator, stage, chunks, store, lambda pts: time.monotonic() - 1)
    worker.start()
    sound = iter(AudioChunk(k * CHUNK_SAMPLES, silence(CHUNK_SAMPLES), True, silence(320)) for k in range(5000))

    def drawn_again() -> bool:
        chunks.put([next(sound), next(sound)])
        return worker.drawn >= 3

    wait_until(drawn_again)
    assert worker.skipped > 2 * worker.drawn
    assert worker.stop()


def test_animators_that_cannot_be_closed_end_nothing_else(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """As those on a GPU that has failed."""

    class Stuck(CountingAnimator):
        def close(self) -> None:
            super().close()
            raise RuntimeError("the GPU does not answer")

    first, second = Stuck(), CountingAnimator()
    worker = AnimatorWorker(first, stage, ChunkQueue(10), PictureStore(10), lambda pts: time.monotonic() + 10)
    assert worker.replace(second, stage)
    worker.start()
    assert worker.stop()
    assert first.closed
    assert second.closed
    assert worker.error is None
    assert "the GPU does not answer" in caplog.text


def test_a_worker_after_another_fades_from_what_that_one_showed_last() -> None:
    before, stage = Stage(160, 120), Stage(160, 120)
    old = before.compose(np.full((120, 160, 3), 250, np.uint8), 0)
    animator, chunks, store = ClipAnimator(), ChunkQueue(), PictureStore()
    chunks.put(_chunks(40))
    worker = AnimatorWorker(animator, stage, chunks, store, lambda pts: time.monotonic() + 60, before)
    worker.start()
    wait_until(lambda: worker.drawn == CLIP)
    assert worker.stop()
    light = [float(old.i420[:120].mean())]
    for k in range(CLIP):
        picture, _ = store.newest_due(k * FRAME_SAMPLES)
        assert picture is not None
        light.append(float(picture.i420[:120].mean()))
    assert light[0] > 200
    assert light[-1] < 120
    assert np.abs(np.diff(light)).max() < 0.35 * (light[0] - light[-1])


def test_to_the_portrait_at_rest_and_back_the_picture_fades() -> None:
    def grey(pts: int, level: int) -> Picture:
        return Picture(pts, np.full((180, 160), level, np.uint8))

    store = PictureStore()
    store.standby = grey(0, 200)
    store.put(grey(0, 100))
    ticks = [k * FRAME_SAMPLES for k in range(100)]
    light = []
    for pts in ticks:
        if pts >= samples(2400):
            store.put(grey(pts, 100))
        picture, _ = store.newest_due(pts)
        assert picture is not None
        light.append(int(picture.i420[0, 0]))
    assert light[:26] == [100] * 26
    assert light[50] == 200
    assert light[-1] == 100
    assert np.abs(np.diff(light)).max() < 35
