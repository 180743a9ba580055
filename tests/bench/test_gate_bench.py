from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from vcam.audio.gate import make_gate
from vcam.bench import signals
from vcam.bench.gate import VOICES, active_level, make_speech, measure, run_gate_bench
from vcam.errors import VcamError
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, silence
from vcam.profile.model import GateSettings

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")


@needs_espeak
def test_bench_meets_its_targets_and_beats_the_plain_detector() -> None:
    seen: list[float] = []
    result = run_gate_bench(
        noises=["keyboard", "white"], snrs=[10], voices=VOICES[:2], sentences_per_voice=4, progress=seen.append
    )
    assert seen[-1] == 1
    assert [(row.noise, row.snr) for row in result.rows] == [("clean", None), ("keyboard", 10), ("white", 10)]
    assert result.sentences == 8
    for row in result.rows:
        assert row.gate.kept >= 97
        assert row.gate.noise_passed <= 5
        assert row.gate.onset_loss_mean <= 5
    assert result.rows[1].plain.noise_passed > 30
    json.dumps(result.to_dict())
    rows = result.as_rows()
    assert len(rows) == 1 + len(result.rows)
    assert {len(row) for row in rows} == {len(rows[0])}


@needs_espeak
@pytest.mark.parametrize("seed", [2, 7])
def test_no_onset_is_lost_in_loud_steady_noise(seed: int) -> None:
    result = run_gate_bench(noises=["pink", "hum"], snrs=[5], sentences_per_voice=4, seed=seed)
    assert [row.gate.onset_loss_max for row in result.rows] == [0, 0, 0]
    assert result.passed


@needs_espeak
def test_the_same_seed_gives_the_same_table() -> None:
    first, second = (
        run_gate_bench(noises=["bumps"], snrs=[5], voices=VOICES[:1], sentences_per_voice=2, seed=3).to_dict()
        for _ in "ab"
    )
    assert first == second


@needs_espeak
def test_truth_is_what_an_open_and_a_deaf_gate_show() -> None:
    speech = make_speech(np.random.default_rng(1), GateSettings(), VOICES[:1], 3)
    hiss = signals.scaled(signals.white(np.random.default_rng(2), len(speech.clean)), -75)
    everything = measure(make_gate(GateSettings(kind="off")), speech, hiss)
    assert (everything.kept, everything.noise_passed, everything.onset_loss_max, everything.end_cut_max) == (
        100,
        100,
        0,
        0,
    )
    nothing = measure(make_gate(GateSettings(min_level_dbfs=0)), speech, hiss)
    assert (nothing.kept, nothing.noise_passed) == (0, 0)
    assert nothing.onset_loss_max > 500
    assert not np.any(speech.active & speech.quiet)
    assert 0.2 < speech.quiet.mean() < 0.8


def test_active_level_ignores_pauses() -> None:
    powers = np.concatenate([np.full(50, 0.01), np.full(500, 1e-9)])
    assert active_level(powers) == pytest.approx(-20, abs=0.1)


def test_missing_espeak_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(VcamError, match="espeak-ng") as caught:
        run_gate_bench()
    assert "apt install espeak-ng" in caught.value.hint


@pytest.mark.parametrize("name", list(signals.NOISES))
def test_noises_are_repeatable_and_finite(name: str) -> None:
    first, second = (signals.NOISES[name](np.random.default_rng(4), 3 * SAMPLE_RATE) for _ in "ab")
    assert first.dtype == np.float32
    assert first.shape == (3 * SAMPLE_RATE,)
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()
    assert np.any(first)
    rms = np.sqrt(np.mean(signals.scaled(first, -30).astype(np.float64) ** 2))
    assert 20 * np.log10(rms) == pytest.approx(-30, abs=0.01)


def test_scaling_silence_is_harmless() -> None:
    assert not np.any(signals.scaled(silence(CHUNK_SAMPLES), -20))
