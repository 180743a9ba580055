"""Whole runs, from picture and sound to frames, against the recorded reference: the script that users run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.animators.ditto.golden import FOLDER, Case, every_case, needs_golden

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """scripts/conformance.py, importable as when it runs."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        import conformance  # type: ignore[import-not-found]

        yield conformance
    finally:
        sys.path.remove(str(SCRIPTS))


@every_case
def test_every_stage_is_within_its_limit(script: ModuleType, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    status = script.main([str(FOLDER), "--case", case.name])
    shown = capsys.readouterr()
    assert status == 0, shown.out
    assert "within the limits" in shown.out
    assert " frames " in shown.out


@needs_golden
def test_a_run_that_is_off_is_told(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = script.Case.run

    def with_another_seed(case: object) -> object:
        from dataclasses import replace

        return replace(run(case), seed=1)

    monkeypatch.setattr(script.Case, "run", with_another_seed)
    assert script.main([str(FOLDER), "--case", "online_o75_s10"]) == 1
    assert "off: online_o75_s10: draws" in capsys.readouterr().out


def test_a_folder_without_cases_is_told(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([str(tmp_path)]) == 2
    assert "cases.yaml" in capsys.readouterr().err
