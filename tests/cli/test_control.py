"""The commands that talk to a session in the background, with a stand-in for that session."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from tests.daemon import stand_in
from vcam.cli import control, errors
from vcam.cli.status_view import status_view
from vcam.daemon.client import ControlClient
from vcam.daemon.lock import SessionLock
from vcam.daemon.paths import log_file
from vcam.daemon.spawn import start_background
from vcam.errors import UsageError

ROOT = Path(__file__).parents[2]
MAIN = "import typer; from vcam.cli import control; app = typer.Typer(); control.register(app); app()"

app = typer.Typer()
control.register(app)


def vcam(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNTIME_DIR", "STATE_HOME", "CONFIG_HOME", "CACHE_HOME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)


@pytest.fixture
def start() -> Iterator[Callable[..., int]]:
    def run(**options: Any) -> int:
        return start_background(options, command=(sys.executable, stand_in.__file__))

    yield run
    lock = SessionLock()
    info = lock.info()
    if info is not None and lock.is_held():
        psutil.Process(info.pid).kill()


def in_a_process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


@pytest.mark.parametrize(
    "command", ["stop", "status", "pause", "resume", "mute", "unmute", "express smile", "pose --yaw 9", "switch robin"]
)
def test_without_a_session(command: str) -> None:
    result = vcam(*command.split())
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "vcam: vcam is not running\n  Start it with `vcam start --background`.\n"


@pytest.mark.parametrize(
    "command", ["switch", "express", "status --nonsense", "logs -n -1", "stop now", "logs -n many"]
)
def test_wrong_usage(command: str) -> None:
    assert vcam(*command.split()).exit_code == 2


def test_from_start_to_stop(start: Callable[..., int]) -> None:
    pid = start()
    assert f"pid {pid}" in vcam("status").stdout
    assert vcam("pause").exit_code == 0
    assert "state: paused" in vcam("status").stdout
    vcam("resume")
    vcam("mute")
    assert json.loads(vcam("status", "--json").stdout)["state"] == "muted"
    vcam("unmute")
    assert vcam("cut").stdout == "Cut: a card is shown, nothing is heard. Go on with: vcam resume\n"
    assert "state: cut\n" in vcam("status").stdout
    vcam("resume")
    status = json.loads(vcam("status", "--json").stdout)
    assert status["state"] == "live"
    assert {"uptime_s", "profile", "avatar", "animator", "audio", "camera", "latency_ms", "warnings"} <= status.keys()
    result = vcam("stop")
    assert (result.exit_code, result.stdout) == (0, "vcam has stopped.\n")
    assert not Path(SessionLock().address).exists()
    assert vcam("stop").exit_code == 1
    assert "Ended with exit status 0" in vcam("logs").stdout


def test_who_is_still_not_heard_after_unmute_or_resume_is_told_why(start: Callable[..., int]) -> None:
    start()
    vcam("mute")
    vcam("pause")
    assert vcam("unmute").stdout == "Not muted any more. Still paused: vcam resume\n"
    assert vcam("resume").stdout == "Going on.\n"
    vcam("cut")
    vcam("mute")
    assert vcam("unmute").stdout == "Not muted any more. Still cut: vcam resume\n"
    vcam("mute")
    assert vcam("resume").stdout == "Going on. Still muted: vcam unmute\n"
    assert vcam("unmute").stdout == "Listening again.\n"


def test_switch(start: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    assert vcam("switch", "robin").exit_code == 0
    (tmp_path / "me.png").touch()
    (tmp_path / "~me.png").touch()
    (tmp_path / "puppet").mkdir()
    monkeypatch.chdir(tmp_path)
    for target in ("me.png", "~me.png", "puppet", "./puppet"):
        assert vcam("switch", target).exit_code == 0
    log = vcam("logs").stdout
    assert "Switched to robin\n" in log
    assert f"Switched to {tmp_path / 'me.png'}\n" in log
    assert f"Switched to {tmp_path / '~me.png'}\n" in log
    assert "Switched to puppet\n" in log
    assert f"Switched to {tmp_path / 'puppet'}\n" in log
    result = vcam("switch", "nobody")
    assert result.exit_code == 1
    assert result.stderr == "vcam: there is no avatar called nobody\n  Did you mean robin?\n"


def test_express(start: Callable[..., int]) -> None:
    start()
    result = vcam("express", "smile")
    assert (result.exit_code, result.stdout) == (0, "Showing smile.\n")
    assert "Showing smile\n" in vcam("logs").stdout
    assert vcam("express", "--list").stdout == "neutral\nsmile\nwink\n"
    result = vcam("express", "smlie")
    assert result.exit_code == 1
    assert result.stderr == "vcam: There is no expression 'smlie'.\n  Did you mean 'smile'?\n"


def test_expressions_are_listed_without_a_session_as_profiles_may_name_them() -> None:
    names = vcam("express", "--list").stdout.split()
    assert names[:2] == ["neutral", "smile"]
    assert len(names) >= 6


def test_a_session_that_does_not_end_is_named_and_can_be_killed(
    start: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "STOP_LIMIT_S", 0.3)
    monkeypatch.setattr(control, "FORCED_STOP_LIMIT_S", 0.3)
    pid = start(ignore_stop=True)
    result = vcam("stop")
    assert result.exit_code == 1
    assert f"(pid {pid}) has not ended" in result.stderr
    assert "vcam stop --force" in result.stderr
    assert vcam("stop", "--force").exit_code == 0
    assert not ControlClient().running()
    assert [path.name for path in SessionLock().runtime.iterdir()] == ["session.lock"]


def test_a_session_that_hangs_can_be_killed(start: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "STOP_LIMIT_S", 0.3)
    monkeypatch.setattr(control, "FORCED_STOP_LIMIT_S", 0.3)
    pid = start()
    os.kill(pid, signal.SIGSTOP)
    result = vcam("stop")
    assert result.exit_code == 1
    assert "did not answer within 0.3 s" in result.stderr
    assert vcam("stop", "--force").exit_code == 0
    start()
    assert vcam("stop").exit_code == 0


def test_logs_without_a_log() -> None:
    result = vcam("logs")
    assert result.exit_code == 1
    assert "no log yet" in result.stderr


def test_the_last_lines_of_the_log() -> None:
    log_file().write_text("".join(f"{number}\n" for number in range(100)))
    assert vcam("logs").stdout.split() == [str(number) for number in range(50, 100)]
    assert vcam("logs", "-n", "2").stdout == "98\n99\n"
    assert vcam("logs", "-n", "0").stdout == ""


def test_following_the_log_across_rotation_until_ctrl_c() -> None:
    log = log_file()
    log.write_text("one\ntwo\n")
    with in_a_process("logs", "-f", "-n", "1") as process:
        assert line_of(process) == "two"
        with open(log, "a") as file:
            file.write("three\n")
        log.rename(log.with_suffix(".1"))
        log.write_text("four\n")
        assert [line_of(process), line_of(process)] == ["three", "four"]
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (130, "", "")


def test_a_reader_that_goes_away_is_no_error() -> None:
    log_file().write_text("x" * 100 + "\n")
    with in_a_process("logs", "-f") as process:
        line_of(process)
        assert process.stdout is not None
        process.stdout.close()
        with open(log_file(), "a") as file:
            file.write("more\n" * 1000)
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_watching_the_status_until_the_session_ends(start: Callable[..., int]) -> None:
    start()
    with in_a_process("status", "--watch", "--json") as process:
        assert json.loads(line_of(process))["state"] == "live"
        vcam("mute")
        while json.loads(line_of(process))["state"] != "muted":
            pass
        vcam("stop")
        _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (0, "vcam has ended.\n")


def test_watching_the_status_until_ctrl_c(start: Callable[..., int]) -> None:
    start()
    with in_a_process("status", "--watch") as process:
        assert line_of(process) == "state: live"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (130, "")
    assert vcam("status").exit_code == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_the_status_for_people(terminal: bool) -> None:
    session = stand_in.StandIn("degraded")
    session.mute()
    session.pause()
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
    console.print(status_view(session.status(), 4711, console))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in (
        "paused, muted",
        "pid 4711",
        "USB [2], 48000 Hz",
        "no speech",
        "virtual /dev/video9, 1280x720 at 25 fps",
        "7 shown, 1 repeated, 0 skipped",
        "algorithmic 60",
        "microphone is very quiet",
    ):
        assert part in text
    assert ("╭" in text) == terminal


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"state": None, "uptime_s": "x", "audio": [], "camera": None, "latency_ms": {"total": None}, "warnings": "no"},
        {"state": "starting", "audio": {"device": "\x1b]0;title\x07[red]x[/]"}, "warnings": ["[/red]"]},
    ],
)
@pytest.mark.parametrize("terminal", [True, False])
def test_a_status_that_knows_little_or_is_hostile_is_still_shown(status: dict[str, Any], terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)
    console.print(status_view(status, 1, console))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b]" not in console.file.getvalue()
    assert "–" in console.file.getvalue()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("the size is wrong", "Say 1280x720."), 2, "vcam: the size is wrong\n  Say 1280x720.\n"),
        (UsageError("[bold]not markup"), 2, "vcam: [bold]not markup\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_how_a_command_ends(error: BaseException, code: int, message: str) -> None:
    failing = typer.Typer()

    @failing.command()
    @errors.handle_errors
    def fail(number: int = 1) -> None:
        raise error

    result = CliRunner().invoke(failing, ["--number", "3"], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (code, message)


@pytest.mark.parametrize(
    ("skew", "says"),
    [(0.4, "in step with the lips"), (55.2, "55 ms ahead of the lips"), (-31.0, "31 ms behind the lips")],
)
def test_the_status_says_where_the_voice_goes_and_whether_it_is_in_step(skew: float, says: str) -> None:
    status = stand_in.StandIn().status()
    status["audio"]["output"] = {"device": "vcam microphone", "delay_ms": 148.6, "skew_ms": skew, "underruns": 2}
    console = Console(file=io.StringIO(), width=200)
    console.print(status_view(status, 1, console))
    assert isinstance(console.file, io.StringIO)
    assert f"voice to: vcam microphone, 149 ms after you speak, {says}, 2 underruns" in console.file.getvalue()
