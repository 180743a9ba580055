"""What the commands show of ditto: its delay beforehand, its checkpoint, its stages while it runs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from tests.daemon.stand_in import StandIn
from vcam.animators.ditto.presets import PRESETS
from vcam.cli.dashboard import Dashboard
from vcam.cli.ditto_view import ditto_choices, expected_delay
from vcam.cli.status_view import load_rows, status_rows, status_view
from vcam.errors import AnimatorError
from vcam.profile.model import Profile

STAGES = [
    {"name": "features", "p50_ms": 0.284, "p95_ms": 0.5, "share": 0.0014},
    {"name": "diffusion", "p50_ms": 4.1, "p95_ms": 5.0, "share": 0.205},
    {"name": "warp", "p50_ms": 15.35, "p95_ms": 20.0, "share": 0.384},
]
QUEUES = {"chunks": 2, "poses": 4, "pictures": 1}


def ditto(**settings: Any) -> Profile:
    return Profile.model_validate({"animator": {"kind": "ditto", "ditto": settings}})


@pytest.fixture
def no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VCAM_CHECKPOINTS", str(tmp_path / "checkpoints"))
    return tmp_path / "checkpoints"


def shown(what: RenderableType, width: int = 100, terminal: bool = True) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Loaded(StandIn):
    """A session whose animator has stages."""

    def __init__(self, **status: Any) -> None:
        super().__init__()
        self._more = status

    def status(self) -> dict[str, Any]:
        found = super().status()
        found["latency_ms"]["compute_allowed"] = 12.0
        return {**found, **self._more}


# -- before anything is loaded ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", PRESETS)
def test_the_delay_of_the_quality_is_told_before_the_start(quality: str) -> None:
    profile = ditto().with_changes("animator", quality=quality)
    assert f"{quality}: {PRESETS[quality].delay // 16} ms" in expected_delay(profile)


def test_the_profiles_own_settings_count() -> None:
    assert "245 ms" in expected_delay(ditto(overlap=78, chunk=[3, 2, 2]))
    with pytest.raises(AnimatorError, match="chunking"):
        expected_delay(ditto(chunk=[1, 1, 1]))


@pytest.mark.parametrize("kind", ["lite", "auto"])
def test_nothing_is_said_where_lite_serves(kind: str, no_checkpoint: Path) -> None:
    profile = Profile.model_validate({"animator": {"kind": kind}})
    assert expected_delay(profile) == ""
    assert ditto_choices(profile) == []


def test_a_missing_checkpoint_is_named_with_the_command(no_checkpoint: Path) -> None:
    rows = dict(ditto_choices(ditto()))
    assert not rows["checkpoint"].ok
    assert str(no_checkpoint) in rows["checkpoint"].why
    assert "vcam checkpoints pull" in rows["checkpoint"].fix
    assert rows["quality"].ok
    assert "485 ms" in rows["quality"].why


@pytest.mark.usefixtures("private_user")
def test_a_checkpoint_that_is_there(no_checkpoint: Path) -> None:
    from vcam.animators.ditto.standin import make_stand_in_checkpoint

    make_stand_in_checkpoint(no_checkpoint)
    assert dict(ditto_choices(ditto()))["checkpoint"].name == str(no_checkpoint)
    (no_checkpoint / "ditto_onnx" / "insightface_det.onnx").unlink()
    incomplete = dict(ditto_choices(ditto()))["checkpoint"]
    assert not incomplete.ok
    assert "insightface_det.onnx" in incomplete.why
    assert dict(ditto_choices(ditto(landmarks="lite")))["checkpoint"].ok  # it is not needed then


def test_stand_ins_need_no_checkpoint(no_checkpoint: Path) -> None:
    assert dict(ditto_choices(ditto(stand_in=True)))["checkpoint"].name == "stand-ins"


def test_an_option_that_cannot_be_used_is_refused(no_checkpoint: Path) -> None:
    refused = dict(ditto_choices(ditto(options={"overlap": 3})))["quality"]
    assert not refused.ok
    assert "overlap_v2" in refused.fix


# -- while it runs ---------------------------------------------------------------------------------------------------


def test_stages_and_queues_are_lines_of_the_status() -> None:
    rows = dict(status_rows(Loaded(stages=STAGES, queues=QUEUES).status(), 1))
    assert rows["stages"] == "features 0.28 ms 0%, diffusion 4.10 ms 20%, warp 15.35 ms 38%"
    assert rows["waiting"] == "chunks 2, poses 4, pictures 1"
    assert "compute 12 allowed" in rows["latency"]


def test_on_a_terminal_they_stand_below_each_other() -> None:
    status = Loaded(stages=STAGES, queues=QUEUES).status()
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    for text in (shown(status_view(status, 1, console)), shown(Dashboard(Loaded(stages=STAGES)).render())):
        lines = [line for line in text.splitlines() if any(f"{stage['name']} " in line for stage in STAGES)]
        assert len(lines) == 3
        assert len({line.index("ms") for line in lines}) == 1
        assert "in all" in text
        assert "59%" in text


@pytest.mark.parametrize("more", [{}, {"stages": [], "queues": QUEUES}, {"stages": "x"}, {"stages": [1, None]}])
def test_an_animator_without_stages_has_no_such_lines(more: dict[str, Any]) -> None:
    assert load_rows(Loaded(**more).status()) == []


def test_hostile_stages_are_still_shown() -> None:
    stages = [{"name": "\x1b]0;title\x07[red]x[/]", "p50_ms": "fast", "share": None}]
    status = Loaded(stages=stages, queues={"\x1b[2J": "[/]"}).status()
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)
        text = shown(status_view(status, 1, console), terminal=terminal)
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
        assert "[red]x[/]" in text


def test_the_dashboard_says_what_delay_to_expect_until_it_is_known() -> None:
    starting = Loaded()
    unknown = dict.fromkeys(starting.status()["latency_ms"], 0.0)
    expected = expected_delay(ditto())
    text = shown(Dashboard(Loaded(latency_ms=unknown), expected).render(), width=130)
    assert expected in text
    assert expected not in shown(Dashboard(starting, expected).render(), width=130)


def test_what_the_voice_adds_is_told() -> None:
    latency = {**Loaded().status()["latency_ms"], "voice": 30.0}
    session = Loaded(latency_ms=latency)
    assert "voice 30" in dict(status_rows(session.status(), 1))["latency"]
    assert "+ 30 for the voice" in shown(Dashboard(session).render(), width=130)
