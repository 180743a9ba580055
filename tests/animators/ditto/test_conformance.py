"""Whole runs, from picture and sound to frames, against the recorded reference: the script that users run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.animators.ditto.golden import FOLDER, Case, every_case, needs_golden  # isort: skip  makes scripts importable
import conformance  # isort: skip
from vcam.animators.ditto.reference import ReferenceRun  # isort: skip


@every_case
def test_every_stage_is_within_its_limit(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    status = conformance.main([str(FOLDER), "--case", case.name])
    shown = capsys.readouterr()
    assert status == 0, shown.out
    assert "within the limits" in shown.out
    assert " frames " in shown.out


@needs_golden
def test_a_run_that_is_off_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run = conformance.Case.run

    def with_another_seed(case: conformance.Case) -> ReferenceRun:
        return replace(run(case), seed=1)

    monkeypatch.setattr(conformance.Case, "run", with_another_seed)
    assert conformance.main([str(FOLDER), "--case", "online_o75_s10"]) == 1
    assert "off: online_o75_s10: draws" in capsys.readouterr().out


def test_a_folder_without_cases_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main([str(tmp_path)]) == 2
    assert "cases.yaml" in capsys.readouterr().err


@needs_golden
def test_another_folder_with_fewer_arrays_and_a_case_that_cannot_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("checkpoints", "inputs"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    known = next(
        entry for entry in yaml.safe_load((FOLDER / "cases.yaml").read_text())["cases"] if "setup_kwargs" in entry
    )
    few, odd = {**known, "name": "few"}, {**known, "name": "odd", "setup_kwargs": {"overlap": 3}}
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump({"cases": [few, odd, {**known, "name": "not_recorded"}]}))
    golden = tmp_path / "golden"
    golden.mkdir()
    with np.load(FOLDER / "golden" / f"{known['name']}.npz") as recorded:
        np.savez(
            golden / "few.npz", **{name: recorded[name] for name in ("motion", "x_d", "frame_mean", "n_frames_out")}
        )
    shutil.copy(golden / "few.npz", golden / "odd.npz")
    assert conformance.main([str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "All 1 cases are within the limits" in shown.out
    assert "not run: odd, not_recorded" in shown.out
    assert "overlap_v2" in shown.err or "no run option 'overlap'" in shown.err
    assert "motion" in shown.out
    assert "warp" not in shown.out


@needs_golden
def test_an_unknown_case_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main([str(FOLDER), "--case", "nothing"]) == 2
    assert "no case nothing" in capsys.readouterr().err
