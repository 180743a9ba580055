from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from vcam.audio.gate import make_gate
from vcam.bench import lite as measurement
from vcam.bench import lite_cpu
from vcam.bench.lite import LiteBench, StageTime, run_lite_bench
from vcam.bench.lite_cpu import AvatarCost
from vcam.build import build_animator, build_stage
from vcam.cli import bench
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, silence
from vcam.offline import Pipeline
from vcam.profile.model import Profile

app = typer.Typer()
bench.register(app)

PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25, "kind": "none"}})


@pytest.fixture(scope="module")
def result() -> LiteBench:
    return run_lite_bench(PROFILE, seconds=1.0, live_seconds=0.6)


def test_it_measures_both_kinds_of_avatar_beside_the_simplest_way(result: LiteBench) -> None:
    assert [cost.kind for cost in result.avatars] == ["robin", "a photo of robin"]
    for cost in result.avatars:
        assert min(cost.frame_ms, cost.plain_ms, cost.silent, cost.speaking) > 0
        assert cost.ratio == pytest.approx(cost.plain_ms / cost.frame_ms)


def test_the_photo_is_of_the_face_at_rest_whatever_the_profile_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    stills: list[np.ndarray] = []
    monkeypatch.setattr(lite_cpu, "_photo_of", stills.append)
    monkeypatch.setattr(lite_cpu, "_cpu", lambda *_: 1.0)
    for expression in ("neutral", "laugh"):
        profile = PROFILE.with_changes("animator", lite={"expression": expression})
        lite_cpu.measure_avatars(profile, lambda _: 1.0, 0)
    np.testing.assert_array_equal(stills[0], stills[1])


@pytest.mark.usefixtures("private_user")
def test_it_is_json_and_a_table(result: LiteBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "run_lite_bench", lambda *_: result)
    data = json.loads(CliRunner().invoke(app, ["bench", "lite", "--json"]).stdout)
    assert {"kind", "frame_ms", "plain_ms", "silent", "speaking", "ratio"} <= data["avatars"][0].keys()
    assert "simplest way" in CliRunner().invoke(app, ["bench", "lite"]).stdout


@pytest.mark.usefixtures("private_user")
def test_the_table_says_how_much_sound_a_row_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    animator, _ = build_animator(PROFILE)
    pipeline = Pipeline(make_gate(PROFILE.gate, animator.look_ahead), animator, build_stage(PROFILE))
    assert len(list(pipeline.run([silence(SAMPLE_RATE)]))) == SAMPLE_RATE // FRAME_SAMPLES
    counts = {name: times.count for name, times in pipeline.times.items()}
    assert counts.pop("gate") == SAMPLE_RATE // CHUNK_SAMPLES
    assert set(counts.values()) == {SAMPLE_RATE // FRAME_SAMPLES}
    monkeypatch.setattr(measurement, "run_lite_bench", lambda *_: measured())
    shown = CliRunner().invoke(app, ["bench", "lite"]).stdout
    assert "gate (20 ms of sound)" in shown
    assert "analysis (40 ms of sound)" in shown


def measured(
    whole: float = 15.0,
    memory: float | None = 250.0,
    delay: float = 150.0,
    cost: tuple[float, float, float] = (6, 8, 25),
) -> LiteBench:
    """A result just at its targets; ``cost``: ms a frame, silent %, speaking %."""
    frame, silent, speaking = cost
    names = ("gate", "analyse", "render", "stage", "whole")
    return LiteBench(
        width=1280, height=720, stages=[StageTime(name, whole, 9 * whole) for name in names],
        real_time_factor=0.2, algorithmic=100.0, source=0.0, compute_allowed=15.0, delay_p50=115.0, delay_p95=delay,
        microphone=None, mic_to_camera=delay, presented=200, repeated=0, skipped=0, resident_mb=memory,
        avatars=[AvatarCost("robin", 1, 20, 1, 1), AvatarCost("a photo", frame, 20, silent, speaking)],
        machine={"processor": "a", "cores": 1, "python": "3", "opencv": "4"},
    )  # fmt: skip


@pytest.mark.usefixtures("private_user")
@pytest.mark.parametrize(
    ("result", "missed"),
    [
        (measured(), []),
        (measured(memory=None), []),
        (measured(whole=15.1), ["whole frame 15.1 of 15 ms"]),
        (measured(memory=250.1), ["memory 250.1 of 250 MB"]),
        (measured(delay=150.1), ["microphone to camera 150.1 of 150 ms"]),
        (measured(cost=(6.1, 8, 25)), ["a photo, drawing 6.1 of 6 ms"]),
        (measured(cost=(6, 8.1, 25)), ["a photo, silent 8.1 of 8 % of a core"]),
        (measured(cost=(6, 8, 25.1)), ["a photo, speaking 25.1 of 25 % of a core"]),
        (measured(whole=16, delay=200), ["whole frame 16.0 of 15 ms", "microphone to camera 200.0 of 150 ms"]),
    ],
)
def test_what_is_above_its_target_is_missed_and_fails(
    result: LiteBench, missed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert result.missed == missed
    assert result.passed == (not missed)
    monkeypatch.setattr(measurement, "run_lite_bench", lambda *_: result)
    plain, as_json = (CliRunner().invoke(app, ["bench", "lite", *more]) for more in ((), ("--json",)))
    assert plain.exit_code == as_json.exit_code == (1 if missed else 0)
    assert ("all targets met" in plain.stdout) == (not missed)
    for what in missed:
        assert what in " ".join(plain.stdout.split())
    assert json.loads(as_json.stdout)["missed"] == missed


def test_the_simplest_way_bends_the_whole_picture() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    plain = lite_cpu.FullFrame(picture)
    bent = plain.draw([4.0] * 8)
    assert bent.shape == picture.shape
    assert bent.dtype == np.uint8
    assert (bent != picture).mean() > 0.5
