from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest

from tests.live.parts import Microphone, ScriptedSource
from tests.waiting import wait_until
from vcam.audio.gate import make_gate
from vcam.audio.source import Block, Source
from vcam.errors import OutputError, SourceError
from vcam.live.clock import SampleClock
from vcam.live.meters import Notices
from vcam.live.pump import AudioPump
from vcam.live.queues import ChunkQueue
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, FloatArray
from vcam.profile.model import GateSettings


class Bench:
    """A pump with everything around it, and what came out of it."""

    def __init__(self, source: Source) -> None:
        self.voice: list[AudioChunk] = []
        self.notices = Notices()
        self.clock = SampleClock()
        self.chunks = ChunkQueue(size=100_000)
        gate = make_gate(GateSettings(kind="off"), 960)
        self.ends: list[int] = []
        self.heard: list[tuple[int, FloatArray, FloatArray | None]] = []
        self.pump = AudioPump(
            source,
            gate,
            self.clock,
            self.chunks,
            self.notices,
            self.voice.append,
            self.ends.append,
            on_sound=lambda pts, sound, wide: self.heard.append((pts, sound, wide)),
        )
        self.pump.start()

    def contiguous(self) -> bool:
        return all(a.end == b.pts for a, b in itertools.pairwise(self.voice))

    def samples(self) -> np.ndarray:
        return np.concatenate([chunk.samples for chunk in self.voice])


@pytest.fixture
def microphone() -> Microphone:
    return Microphone()


@pytest.fixture
def bench(microphone: Microphone) -> Iterator[Bench]:
    bench = Bench(microphone)
    yield bench
    bench.pump.stop()


def test_every_sample_is_stamped_without_a_gap(bench: Bench) -> None:
    wait_until(lambda: len(bench.voice) > 30)
    assert bench.contiguous()
    assert bench.pump.resyncs == 0


def test_a_microphone_that_goes_and_comes_back_is_picked_up_where_the_clock_stands(
    bench: Bench, microphone: Microphone
) -> None:
    wait_until(lambda: len(bench.voice) > 10)
    microphone.plugged = False
    wait_until(lambda: bench.pump.lost)
    assert any("unplugged" in text for text in bench.notices.texts())
    while_away = len(bench.voice)
    wait_until(lambda: len(bench.voice) > while_away + 20)  # silence stands in for it: the picture must not freeze
    assert not bench.voice[-1].samples.any()
    silence_is_on_time = bench.clock.pts_at(time.monotonic()) - bench.voice[-1].end
    assert silence_is_on_time < 0.1 * SAMPLE_RATE
    microphone.plugged = True
    wait_until(lambda: not bench.pump.lost and bench.voice[-1].samples.any())
    assert microphone.opened == 2
    assert bench.contiguous()
    assert bench.notices.texts() == []
    behind = bench.clock.pts_at(time.monotonic()) - bench.voice[-1].end
    assert abs(behind) < 0.3 * SAMPLE_RATE


def test_lost_samples_become_silence_of_the_same_length(bench: Bench, microphone: Microphone) -> None:
    wait_until(lambda: len(bench.voice) > 10)
    microphone.skip(4000)
    wait_until(lambda: np.count_nonzero(bench.samples()[2000:] == 0) >= 3900 and bench.voice[-1].samples.any())
    assert bench.contiguous()
    assert np.count_nonzero(bench.samples()[2000:] == 0) <= 4100


def feed(blocks: list[tuple[int, float]]) -> Bench:
    """Blocks of (sample count, lateness of the time stamp in s) in a row, then the end."""
    start = time.monotonic() + 0.2  # after the clock of the pump that is made below
    taken = 0
    script = []
    for count, late in blocks:
        taken += count
        script.append(Block(np.full(count, 0.5, np.float32), start + taken / SAMPLE_RATE + late))
    bench = Bench(ScriptedSource(script))
    wait_until(lambda: bench.ends)
    bench.pump.stop()
    return bench


@pytest.mark.parametrize("late", [0.14, -0.14, 5.0])
def test_a_single_wrong_time_stamp_changes_nothing(late: float) -> None:
    bench = feed([*[(160, 0.0)] * 50, (160, late), *[(160, 0.0)] * 50])
    assert bench.pump.resyncs == 0
    assert np.count_nonzero(bench.samples()) >= 101 * 160 - 20  # the first samples may be older than the session


def test_sound_that_comes_too_early_for_good_is_left_out_once_and_wholly() -> None:
    bench = feed([*[(160, 0.2)] * 50, *[(160, 0.0)] * 100])
    assert bench.pump.resyncs == 1
    assert np.count_nonzero(bench.samples()) == pytest.approx(150 * 160 - 0.2 * SAMPLE_RATE, abs=200)


def test_muted_sound_is_silence_but_the_meter_still_shows_it(bench: Bench) -> None:
    bench.pump.muted = True
    seen = len(bench.voice)
    wait_until(lambda: len(bench.voice) > seen + 10)
    assert not bench.voice[-1].samples.any()
    assert bench.pump.meter.dbfs == pytest.approx(-20, abs=0.5)


def test_a_source_that_cannot_be_opened_at_first_is_an_error(microphone: Microphone) -> None:
    microphone.plugged = False
    bench = Bench(microphone)
    with pytest.raises(SourceError, match="not there"):
        bench.pump.wait_until_open(10)
    bench.pump.stop()


def test_a_source_that_ends_is_filled_to_whole_frames_and_flushed() -> None:
    start = time.monotonic() + 0.2  # after the clock of the pump that is made below
    ends = ((100, 100), (1000, 1100), (333, 1433))
    blocks = [Block(np.full(count, 0.5, np.float32), start + end / SAMPLE_RATE) for count, end in ends]
    bench = Bench(ScriptedSource(blocks))
    wait_until(lambda: bench.ends)
    bench.pump.stop()
    (end,) = bench.ends
    assert end % 640 == 0
    assert bench.voice[-1].end == end
    gated = []
    while (chunk := bench.chunks.get(0)) is not None:
        gated.append(chunk)
    assert gated[-1].end == end
    assert np.count_nonzero(np.concatenate([c.samples for c in gated])) == 1433


def test_stop_can_be_called_twice(bench: Bench) -> None:
    bench.pump.stop()
    bench.pump.stop()


def test_the_silence_goes_on_while_a_device_takes_long_to_open(bench: Bench, microphone: Microphone) -> None:
    wait_until(lambda: len(bench.voice) > 10)
    microphone.slow_to_open = 1.0
    microphone.plugged = False
    wait_until(lambda: bench.pump.lost)
    microphone.plugged = True
    wait_until(lambda: microphone.opening)
    before = len(bench.voice)
    wait_until(lambda: len(bench.voice) > before + 20)
    assert microphone.opening
    wait_until(lambda: not bench.pump.lost)


def test_a_device_that_takes_long_to_open_at_first_is_heard_from_then_on_and_nothing_stands_in_for_it(
    microphone: Microphone,
) -> None:
    microphone.slow_to_open = 1.0
    bench = Bench(microphone)
    wait_until(lambda: len(bench.voice) > 10)
    bench.pump.stop()
    assert bench.contiguous()
    assert bench.voice[0].pts > 0.9 * SAMPLE_RATE
    assert len(bench.chunks) <= len(bench.voice)
    assert np.count_nonzero(bench.samples() == 0) < 2 * FRAME_SAMPLES


def test_a_source_that_breaks_in_an_unforeseen_way_is_an_error(bench: Bench, microphone: Microphone) -> None:
    wait_until(lambda: bench.voice)
    microphone.broken = True
    wait_until(lambda: bench.pump.error is not None)
    assert "inside the driver" in str(bench.pump.error)


def test_a_long_standstill_is_left_out_and_not_filled_up(bench: Bench, microphone: Microphone) -> None:
    wait_until(lambda: len(bench.voice) > 10)
    bench.clock.observe(0, bench.clock.time_of(0) - 8 * 3600 * 100)  # the clock's time jumps by 8 hours (1 % is taken)
    ahead = bench.clock.pts_at(time.monotonic())
    assert ahead > 7 * 3600 * SAMPLE_RATE
    wait_until(lambda: bench.voice[-1].end > ahead - SAMPLE_RATE)
    assert len(bench.voice) < 1000
    jumps = [b.pts for a, b in itertools.pairwise(bench.voice) if a.end != b.pts]
    assert len(jumps) == 1
    assert jumps[0] % 640 == 0


def test_another_microphone_is_told_and_one_that_is_not_known_is_not(
    microphone: Microphone, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[str | Exception] = ["Headset", OutputError("no server"), "Headset", "Built-in"]
    looked: list[str | Exception] = []

    def look() -> None:
        looked.append(answers[min(len(looked), 3)])
        if isinstance(looked[-1], Exception):
            raise looked[-1]
        microphone.microphone = looked[-1]

    monkeypatch.setattr("vcam.live.pump.FIRST_LOOK", 0.0)
    microphone.look_period = 0.02
    microphone.look = look  # type: ignore[method-assign]
    bench = Bench(microphone)
    wait_until(lambda: len(looked) >= 3)
    wait_until(lambda: bench.notices.texts())
    assert bench.notices.texts() == ["The microphone has changed: Built-in is heard now, not Headset."]
    wait_until(lambda: len(looked) >= 6)
    bench.pump.stop()
    assert len(bench.notices.texts()) == 1
    assert "times" not in bench.notices.texts()[0]


def test_overruns_of_every_opening_are_counted(bench: Bench, microphone: Microphone) -> None:
    wait_until(lambda: bench.voice)
    microphone.lost_blocks = 5
    wait_until(lambda: bench.pump.overruns == 5)
    microphone.plugged = False
    wait_until(lambda: bench.pump.lost)
    microphone.lost_blocks = 0
    microphone.plugged = True
    wait_until(lambda: not bench.pump.lost)
    microphone.lost_blocks = 4
    wait_until(lambda: bench.pump.overruns == 9)


def test_latency_is_what_was_seen_where_that_is_more_than_reported(bench: Bench, microphone: Microphone) -> None:
    wait_until(lambda: len(bench.voice) > 10)
    assert bench.pump.latency < 0.05
    microphone.late = 0.1
    wait_until(lambda: bench.pump.latency > 0.09)


def test_what_is_heard_is_told_at_once_with_its_place_and_gaps_and_muted_sound_are_not(
    bench: Bench, microphone: Microphone
) -> None:
    wait_until(lambda: len(bench.heard) > 10)
    microphone.skip(4000)
    wait_until(lambda: len(bench.heard) > 60)
    places = [(pts, pts + len(sound)) for pts, sound, _ in bench.heard]
    gaps = [b[0] - a[1] for a, b in itertools.pairwise(places) if a[1] != b[0]]
    assert sum(gaps) == pytest.approx(4000, abs=100)
    bench.pump.muted = True
    wait_until(lambda: not bench.voice[-1].samples.any())
    told = len(bench.heard)
    wait_until(lambda: bench.pump.meter.dbfs < 0 and len(bench.voice) > 60)
    assert len(bench.heard) <= told + 1


def test_sound_at_48_khz_is_cut_where_the_other_is() -> None:
    start = time.monotonic() - 0.005  # so that the first samples are older than the session, and left out
    source = ScriptedSource([Block(np.full(160, 0.5, np.float32), start + 0.01, np.arange(480, dtype=np.float32))])
    bench = Bench(source)
    wait_until(lambda: bench.ends)
    bench.pump.stop()
    ((pts, sound, wide),) = bench.heard
    assert pts == 0
    assert wide is not None
    assert 0 < len(sound) < 160
    assert len(wide) == 3 * len(sound)
    assert wide[-1] == 479
