"""`vcam selftest`: the report and the exit code; the measurement itself has its own tests."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from vcam import selftest as measurement
from vcam.app import StartOptions
from vcam.cli import selftest
from vcam.selftest import Row, SelfTest

app = typer.Typer()
selftest.register(app)

ROWS = [
    Row("skew", "skew", 3.26, "ms", -20, 20, "8 clicks"),
    Row("jitter", "jitter of frame times, p50", 2.0, "ms"),
    Row("dropped", "dropped frames", 0, "", high=0),
]
LEFT_OUT = "The virtual camera; the [preview] stands in for it."


def answer(monkeypatch: pytest.MonkeyPatch, rows: list[Row]) -> list[tuple[StartOptions, float]]:
    asked: list[tuple[StartOptions, float]] = []

    def run(options: StartOptions, seconds: float) -> SelfTest:
        asked.append((options, seconds))
        return SelfTest("a null sink", "a page", "vcam microphone", "lite, 320x240", 8.5, rows, [LEFT_OUT])

    monkeypatch.setattr(measurement, "run_selftest", run)
    return asked


def test_figures_limits_and_what_was_left_out_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, ROWS)
    result = CliRunner().invoke(app, ["--size", "320x240", "--seconds", "9"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "+3.3 ms" in result.stdout
    assert "±20 ms" in result.stdout
    assert f"not measured: {LEFT_OUT}" in result.stdout
    assert "all limits kept, of what could be measured" in result.stdout
    assert (asked[0][0].size, asked[0][1]) == ("320x240", 9)


def test_a_missed_limit_is_named_and_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, [*ROWS[:2], Row("dropped", "dropped frames", 7, "", high=0)])
    result = CliRunner().invoke(app, catch_exceptions=False)
    assert result.exit_code == 1
    assert "missed: dropped frames 7 (limit none)" in result.stdout


def test_json_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, [*ROWS, Row("lips", "mouth after its sound", None, "ms", note="not told")])
    result = CliRunner().invoke(app, ["--json"], catch_exceptions=False)
    found = json.loads(result.stdout)
    assert found["passed"] is True
    assert found["missed"] == []
    assert found["left_out"] == [LEFT_OUT]
    assert [row["key"] for row in found["rows"]] == ["skew", "jitter", "dropped", "lips"]
    assert found["rows"][0]["value"] == 3.26
