from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from tests.live.parts import CountingAnimator
from vcam.animators.base import Animator, StageLoad
from vcam.live.load import CALM_WINDOWS, LoadWatch
from vcam.live.meters import Notices
from vcam.live.queues import ChunkQueue, PictureStore
from vcam.live.worker import AnimatorWorker
from vcam.stage import Stage


class Loaded(CountingAnimator):
    """Says how much of the time it takes."""

    def __init__(self, *shares: float) -> None:
        super().__init__()
        self.shares = shares

    def stages(self) -> Sequence[StageLoad]:
        return [StageLoad(f"stage {number}", 1.0, 1.0, share) for number, share in enumerate(self.shares)]

    def bottleneck(self) -> str:
        return "stage 0 takes the most. To lower it, buy a bigger one."


class Bench:
    def __init__(self, animator: Animator, frame_ms: float = 10.0) -> None:
        self.worker = AnimatorWorker(animator, Stage(160, 120), ChunkQueue(), PictureStore(), lambda pts: 0.0)
        self.worker.frame_times.add(frame_ms / 1000)
        self.notices = Notices()
        self.watch = LoadWatch(self.notices)

    def lose(self, *lost: int) -> str:
        """So many frames in windows of five seconds each; what the user is told at the end."""
        for frames in lost:
            self.watch.check(frames, 5.0, self.worker)
        return " ".join(self.notices.texts())


def test_an_animator_that_needs_all_the_time_there_is_is_named_with_what_would_help() -> None:
    text = Bench(Loaded(0.5, 0.6)).lose(60)
    assert text == "60 frames of the last 5 s were skipped: stage 0 takes the most. To lower it, buy a bigger one."


def test_an_animator_that_has_time_to_spare_is_not_blamed() -> None:
    text = Bench(Loaded(0.3, 0.2)).lose(60)
    assert "too busy with other things" in text
    assert "10 of the 40 ms" in text
    assert "bigger one" not in text


def test_one_that_tells_no_stages_is_judged_by_what_a_frame_takes() -> None:
    assert "too busy with other things" in Bench(CountingAnimator(), 10).lose(60)
    assert "drawing one takes 55 ms, and there are only 40 ms" in Bench(CountingAnimator(), 55).lose(60)


def test_few_frames_are_not_worth_a_word() -> None:
    assert Bench(Loaded(1.0)).lose(0, 5, 12, 3) == ""


def test_lasting_overload_is_kept_up_to_date_and_logged_when_it_begins_grows_and_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(Loaded(0.2))
    assert bench.lose(*[40, 41, 40, 40, 38] * 5, 40, 40).startswith("40 frames of the last 5 s were skipped")
    assert "times)" not in bench.lose(40)
    assert len(caplog.records) == 1
    assert bench.lose(20, 90, 20, 90).startswith("90 frames")
    assert len(caplog.records) == 2
    assert bench.lose(*[0] * (CALM_WINDOWS - 1)) != ""
    assert bench.lose(0) == ""
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.WARNING, logging.INFO]
    assert bench.lose(*[0] * 20) == ""
    bench.lose(40)
    assert len(caplog.records) == 4


def test_a_pause_of_a_few_windows_is_not_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Bench(Loaded(0.2)).lose(*[40, 0, 0, 10] * 10)
    assert len(caplog.records) == 1


def test_an_animator_found_to_be_the_limit_later_is_named_then(caplog: pytest.LogCaptureFixture) -> None:
    animator = Loaded(0.5)
    bench = Bench(animator)
    assert "too busy" in bench.lose(40, 40)
    animator.shares = (1.2,)
    assert "bigger one" in bench.lose(40, 40)
    animator.shares = (0.79,)
    assert "bigger one" in bench.lose(40)
    assert len(caplog.records) == 2
