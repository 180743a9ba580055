"""`vcam doctor`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from vcam import doctor as findings
from vcam import selftest as measurement
from vcam.cli import doctor
from vcam.doctor import Check
from vcam.errors import VcamError
from vcam.selftest import Row, SelfTest

pytestmark = pytest.mark.usefixtures("private_user")

app = typer.Typer()
doctor.register(app)

GOOD = Check("packages", "ok", "All packages load.")
POOR = Check("virtual-camera", "warn", "There is [none].", "sudo apt install one")
BAD = Check("folders", "fail", "/run/\x1b[31m cannot be written to.", "chmod u+w /run")
OPTIONAL = Check("tensorrt", "info", "Not installed.", "pip install it")


def set_checks(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    monkeypatch.setattr(findings, "run_checks", lambda: list(checks))


def test_what_lacks_is_shown_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    set_checks(monkeypatch, GOOD, POOR, OPTIONAL)
    result = CliRunner().invoke(app, catch_exceptions=False)
    assert result.exit_code == 0
    text = result.stdout
    assert "✓  packages" in text
    assert "!  virtual-camera  There is [none]." in text
    assert "virtual-camera: sudo apt install one" in text
    assert "pip install it" not in text  # nobody needs what is optional
    assert "vcam start --demo" in text


def test_what_prevents_the_main_job_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    set_checks(monkeypatch, GOOD, BAD, POOR)
    result = CliRunner().invoke(app, catch_exceptions=False)
    assert result.exit_code == 1
    assert "✗  folders" in result.stdout
    assert "folders: chmod u+w /run" in result.stdout
    assert "cannot run here yet" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(("checks", "code"), [((GOOD, POOR), 0), ((GOOD, BAD), 1)])
def test_the_json_has_checks_and_versions(
    monkeypatch: pytest.MonkeyPatch, checks: tuple[Check, ...], code: int
) -> None:
    set_checks(monkeypatch, *checks)
    result = CliRunner().invoke(app, "--json", catch_exceptions=False)
    assert result.exit_code == code
    found = json.loads(result.stdout)
    assert set(found) == {"works", "checks", "versions"}
    assert found["works"] is (code == 0)
    assert found["checks"][0] == {"name": "packages", "status": "ok", "detail": "All packages load.", "fix": ""}
    assert {"vcam", "python", "system", "numpy", "av"} <= set(found["versions"])


def test_as_a_command_of_its_own() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "vcam", "doctor"], env=environment, capture_output=True, check=False)
    assert done.returncode in (0, 1)
    assert done.stderr.decode() == ""
    assert b"preview-port" in done.stdout


def test_the_selftest_is_one_more_line(monkeypatch: pytest.MonkeyPatch) -> None:
    set_checks(monkeypatch, GOOD)
    found = SelfTest("a", "b", "c", "d", 6, [Row("skew", "skew", -80.0, "ms", -20, 20)])
    monkeypatch.setattr(measurement, "run_selftest", lambda options, seconds: found)
    result = CliRunner().invoke(app, ["--selftest"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "!  selftest  Missed: skew -80.0 ms (limit ±20 ms)." in result.stdout


def test_a_selftest_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(options: object, seconds: float) -> SelfTest:
        raise VcamError("A session is running.", "Stop it: vcam stop")

    set_checks(monkeypatch, GOOD)
    monkeypatch.setattr(measurement, "run_selftest", refuse)
    result = CliRunner().invoke(app, ["--selftest", "--json"], catch_exceptions=False)
    check = json.loads(result.stdout)["checks"][-1]
    assert (check["name"], check["status"]) == ("selftest", "info")
    assert check["fix"] == "Stop it: vcam stop"


def test_mending_and_measuring_are_two_things() -> None:
    result = CliRunner().invoke(app, ["--fix", "--selftest"])
    assert result.exit_code == 2
    assert "--selftest do not go together" in result.stderr
