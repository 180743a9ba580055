"""The live view of a session in the foreground."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.daemon.stand_in import StandIn
from vcam.cli.dashboard import render_status


def title(**changes: object) -> str:
    """The first line of the view of a session whose status has these ``changes``."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    status = StandIn().status()
    status["latency_ms"]["compute_allowed"] = 12.0
    console.print(render_status({**status, "uptime_s": 5.0, **changes}))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()[0]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"state": "degraded", "muted": True}, "vcam degraded, muted 0:05"),
        ({"state": "degraded", "muted": True, "paused": True}, "vcam degraded, paused, muted 0:05"),
        ({"state": "paused", "muted": True, "paused": True}, "vcam paused, muted 0:05"),
        ({"state": "muted", "muted": True}, "vcam muted 0:05"),
        ({"state": "cut", "muted": True, "paused": True}, "vcam cut 0:05"),
        ({"state": "live"}, "vcam live 0:05"),
    ],
)
def test_that_one_is_not_heard_is_shown_whatever_else_there_is_to_say(status: dict[str, object], shown: str) -> None:
    assert f" {shown} " in title(**status)
