from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from vcam.animators.ditto import build
from vcam.animators.ditto.backends.base import Network, Tensor
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.networks import STITCH
from vcam.animators.ditto.presets import PRESETS
from vcam.animators.ditto.standin import make_stand_in_checkpoint
from vcam.bench import ditto_parts
from vcam.bench.ditto import run_ditto_bench
from vcam.bench.ditto_clock import FACE, ClockedBackend, Parts, WorkClock
from vcam.bench.ditto_result import DittoBench, Memory
from vcam.bench.process import gpu_mb
from vcam.cli import app
from vcam.cli.ditto_bench_view import print_ditto
from vcam.profile.model import Profile

SMALL = {
    "animator": {"kind": "ditto", "quality": "low-latency", "ditto": {"stand_in": True}},
    "camera": {"size": "320x240", "fps": 25, "kind": "none"},
    "audio": {"device": "demo"},
}


@pytest.fixture(scope="module")
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def result(private_cache: None) -> DittoBench:
    return run_ditto_bench(Profile.model_validate(SMALL), seconds=1.0)


def test_every_network_and_every_part_is_measured(result: DittoBench) -> None:
    assert [row.name for row in result.networks] == ["hubert", "lmdm", "stitch_network", "warp_network", "decoder"]
    assert len(result.registration) == 7
    *measured, between = result.parts
    assert [row.name for row in measured] == [
        *(ditto_parts.FEATURES, ditto_parts.CONDITIONS, ditto_parts.SAMPLER, ditto_parts.JOINING),
        *(ditto_parts.CONTROLS, ditto_parts.CROP, ditto_parts.PASTE, ditto_parts.STAGE),
    ]
    assert between.name == "between the parts"
    for row in (*result.networks, *result.registration, *measured):
        assert row.p95_ms is not None
        assert 0 < row.p50_ms <= row.p95_ms
    assert result.clip_ms > 0


def test_calls_of_a_frame_follow_from_the_schedule(result: DittoBench) -> None:
    calls = {row.name: row.calls for row in (*result.networks, *result.parts)}
    assert calls["hubert"] == calls[ditto_parts.FEATURES] == 1  # a clip for each frame
    assert calls["lmdm"] == 5  # steps
    assert calls[ditto_parts.SAMPLER] == 1
    assert calls["decoder"] == calls[ditto_parts.PASTE] == 1


def test_the_sum_of_everything_gives_the_rate_that_could_be_reached(result: DittoBench) -> None:
    parts = sum(row.frame_ms for row in result.parts)
    assert parts == pytest.approx(result.speaking.work_p50_ms)
    assert result.fps == pytest.approx(1000 / (parts + sum(row.frame_ms for row in result.networks)))


def test_the_delay_of_each_preset_is_told(result: DittoBench) -> None:
    assert {preset.name: preset.own for preset in result.presets} == {
        name: preset.delay / 16 for name, preset in PRESETS.items()
    }
    for preset in result.presets:
        assert preset.total == pytest.approx(preset.algorithmic + preset.compute + result.latency.source)
    chosen = next(preset for preset in result.presets if preset.name == "low-latency")
    assert result.latency.algorithmic == pytest.approx(chosen.algorithmic)  # as a session would plan it


def test_all_frames_were_drawn_but_those_still_waited_for(result: DittoBench) -> None:
    assert 10 <= result.speaking.frames <= 25
    assert 35 <= result.silent.frames <= 50
    assert not result.speaking.cut_short


def test_what_misses_its_target_is_named(result: DittoBench) -> None:
    slow = replace(result, speaking=replace(result.speaking, work_p50_ms=4.5, elapsed=result.speaking.frames / 25 * 3))
    assert not slow.passed
    assert "all that is no network, a frame 4.50 of 4 ms" in slow.missed
    assert "speaking, real-time factor 3.00 of 1" in slow.missed
    large = replace(slow, width=1920, height=1080)
    assert not any("no network" in text for text in large.missed)


def test_it_is_json_and_tables(result: DittoBench) -> None:
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert data["stand_in"] is True
    assert data["networks"][1]["frame_ms"] == pytest.approx(result.networks[1].frame_ms)
    assert {"python", "opencv", "numpy", "onnxruntime", "provider", "processor"} <= data["machine"].keys()
    assert data["memory"]["ready"] is None or data["memory"]["ready"] > 0
    console = Console(file=io.StringIO(), width=120)
    print_ditto(result, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in ("stand-in networks on CPU", "▸   low-latency", "fps could be reached", "real-time factor", "targets"):
        assert part in text


def test_a_sessions_chain_is_measured_beside_the_one_by_copies(result: DittoBench) -> None:
    chains = result.chains
    assert chains.frames >= 10
    assert chains.difference == 0
    for chain in (chains.session, chains.copies):
        assert chain.face > 0
        assert 0 < chain.frame <= chain.frame_p95
        assert chain.motion > 0
        assert chain.fps == pytest.approx(1000 / (chain.motion + chain.frame))
    assert chains.ratio == pytest.approx(chains.session.fps / chains.copies.fps)
    told = result.to_dict()["chains"]
    assert told["ratio"] == chains.ratio
    assert told["session"]["fps_crop"] == chains.session.fps_crop
    assert result.gpu_memory is None


@pytest.fixture(scope="module")
def resident(private_cache: None) -> DittoBench:
    """As on a GPU: what networks give each other stays in onnxruntime's memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "make_backend", lambda *_: OnnxBackend("cpu", bind=True))
        balanced = {**SMALL, "animator": {"kind": "ditto", "quality": "balanced", "ditto": {"stand_in": True}}}
        return run_ditto_bench(Profile.model_validate(balanced), seconds=1.0)


def test_what_a_backend_draws_is_measured_as_a_session_has_it(resident: DittoBench) -> None:
    assert [row.name for row in resident.networks] == ["hubert", "lmdm", "stitch_network", FACE]
    calls = {row.name: row.calls for row in resident.networks}
    assert calls["hubert"] == pytest.approx(1 / 5)
    assert calls["lmdm"] == pytest.approx(10 / 5)  # steps, and new frames of a clip
    assert calls[FACE] == 1
    assert ditto_parts.CROP not in [row.name for row in resident.parts]
    assert resident.fps == pytest.approx(1000 / resident.frame_ms)
    assert resident.chains.difference == 0
    for preset in resident.presets:
        assert preset.load > 0
    console = Console(file=io.StringIO(), width=120)
    print_ditto(resident, console)
    assert isinstance(console.file, io.StringIO)
    assert "face (warp, decode, to bytes)" in console.file.getvalue()
    assert "by copies" in console.file.getvalue()


def test_the_gpus_memory_is_told(result: DittoBench) -> None:
    with_gpu = replace(result, gpu_memory=Memory(400.0, 2900.0, 2900.5))
    assert with_gpu.to_dict()["gpu_memory"]["grown"] == pytest.approx(0.5)
    console = Console(file=io.StringIO(), width=120)
    print_ditto(with_gpu, console)
    assert isinstance(console.file, io.StringIO)
    assert "2900 MB ready, 400 MB before" in " ".join(console.file.getvalue().split())


@pytest.mark.parametrize(("says", "found"), [("2048\n", 2147.5), ("[N/A]\n", None), (None, None)])
def test_nvidias_tool_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None, found: float | None
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    if says is not None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\nprintf '{says}'\n")
        tool.chmod(0o755)
    elif shutil.which("nvidia-smi"):
        pytest.skip("there is an nvidia-smi")
    assert gpu_mb(0) == (None if found is None else pytest.approx(found, abs=0.1))


def test_another_checkpoint_is_measured(private_cache: None, tmp_path: Path) -> None:
    """One of full structure and random weights, small enough for a test."""
    folder = make_stand_in_checkpoint(tmp_path / "random")
    script = Path(__file__).resolve().parents[2] / "scripts" / "make_full_size_graphs.py"
    command = [sys.executable, str(script), str(folder / "ditto_onnx"), "--width", "0.03", "--only", "stitch_network"]
    subprocess.run(command, check=True, capture_output=True)
    ditto = {"checkpoint": str(folder), "landmarks": "lite"}
    profile = Profile.model_validate({**SMALL, "animator": {"kind": "ditto", "quality": "fast", "ditto": ditto}})
    result = run_ditto_bench(profile, seconds=1.0, limit=0.0)
    assert not result.stand_in
    assert result.chains.difference == 0


@pytest.mark.usefixtures("private_user")
def test_another_checkpoint_can_be_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "ditto", "--checkpoint", str(tmp_path / "there")])
    assert done.exit_code == 1
    assert f"no checkpoint in {tmp_path / 'there'}" in " ".join(done.stderr.split())


def test_slow_networks_cut_the_runs_short(private_cache: None) -> None:
    result = run_ditto_bench(Profile.model_validate(SMALL), seconds=3.0, limit=0.0)
    assert result.speaking.cut_short
    assert 5 <= result.speaking.frames < 40
    console = Console(file=io.StringIO(), width=120)
    print_ditto(result, console)
    assert isinstance(console.file, io.StringIO)
    assert "cut short" in console.file.getvalue()


@pytest.mark.usefixtures("private_user")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--quality", "best", "--stand-in"], 2, "'low-latency'"),
        (["nobody"], 1, "no profile"),
    ],
)
def test_what_can_be_got_wrong(arguments: list[str], code: int, says: str) -> None:
    done = CliRunner().invoke(app, ["bench", "ditto", *arguments])
    assert done.exit_code == code
    assert says in done.stderr


@pytest.mark.usefixtures("private_user")
def test_without_a_checkpoint_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(tmp_path))
    done = CliRunner().invoke(app, ["bench", "ditto"])
    assert done.exit_code == 1
    assert "vcam checkpoints pull" in done.stderr


# -- the clock -------------------------------------------------------------------------------------------------------


class Busy(Network):
    """Takes 5 ms of the thread's time."""

    spec = STITCH

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        spin(0.005)
        return {"out": np.zeros(1, np.float32)}


def spin(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def test_the_networks_time_is_not_counted_as_work() -> None:
    clock = WorkClock()
    parts = Parts(clock)
    with clock.calling("stitch_network"):
        Busy().run({})
    with parts.measure("part"):
        spin(0.001)
        with clock.calling("stitch_network"):
            Busy().run({})
        spin(0.001)
    took = parts.times["part"].total
    assert took >= 0.002
    assert took < 0.005  # the network's is not in it
    assert clock.networks["stitch_network"].count == 2
    assert clock.networks["stitch_network"].total >= 0.01


def test_a_clocked_backend_is_the_backend(private_cache: None) -> None:
    from vcam.animators.ditto.standin import stand_in_checkpoint

    inner, clock = OnnxBackend("cpu"), WorkClock()
    backend = ClockedBackend(inner, clock)
    assert backend.device == inner.device
    network = backend.load(stand_in_checkpoint() / "ditto_onnx" / STITCH.file, STITCH)
    points = np.ones((1, 21, 3), np.float32)
    assert network(kp_source=points, kp_driving=points)["out"].shape == points.shape
    network.close()
    assert clock.networks["stitch_network"].count == 1
    clock.forget()
    assert clock.networks["stitch_network"].count == 0
