"""The live view of a session in a terminal. It only reads the session's status."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from vcam.cli.status_view import STAGES, load_rows, output_text, stage_table, states
from vcam.control import SessionControl

METER_WIDTH = 30
METER_FLOOR_DBFS = -60.0
LOUD_DBFS = -12.0
CLIPPING_DBFS = -3.0
STATE_STYLES = {
    "starting": "yellow",
    "live": "bold green",
    "degraded": "bold yellow",
    "muted": "bold magenta",
    "paused": "bold blue",
    "cut": "bold red",
    "stopping": "yellow",
    "failed": "bold red",
}


class Dashboard:
    """Draws a session's status; remembers the last counts, to show the rate of frames as it is.

    ``expected``: what is known of the delay before it is measured, "" for nothing.
    """

    def __init__(self, control: SessionControl, expected: str = "") -> None:
        self._control = control
        self._expected = expected
        self._mark: tuple[float, int] | None = None
        self._rate = 0.0

    def render(self) -> RenderableType:
        """The status of this moment as a panel."""
        status = self._control.status()
        self._measure(status["camera"]["presented"])
        return render_status(status, self._rate, self._expected)

    def _measure(self, presented: int) -> None:
        now = time.monotonic()
        if self._mark is None:
            self._mark = (now, presented)
        elif now - self._mark[0] >= 1:
            self._rate = (presented - self._mark[1]) / (now - self._mark[0])
            self._mark = (now, presented)


def render_status(status: dict[str, Any], rate: float | None = None, expected: str = "") -> Panel:
    """A status (see SessionControl) as a panel; ``rate`` is the measured frames a second, if known.

    ``expected``: what to say of the delay as long as it is not known.
    """
    audio, camera, latency = status["audio"], status["camera"], status["latency_ms"]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", justify="right")
    table.add_column()
    table.add_row("microphone", Text(f"{audio['device'] or '-'}, {audio['sample_rate']} Hz"))
    table.add_row("level", _meter(audio["level_dbfs"], audio["speech"]))
    if audio.get("output"):
        table.add_row("voice to", Text(output_text(audio["output"])))
    table.add_row("avatar", Text(f"{status['avatar']} ({status['animator']}), profile {status['profile']}"))
    table.add_row("camera", Text(f"{camera['kind']}  {camera['device'] or ''}", overflow="fold"))
    table.add_row("picture", _picture(camera, rate))
    table.add_row("delay", Text(expected, "dim") if expected and not latency["total"] else _latency(latency))
    for name, value in load_rows(status):
        table.add_row(name, stage_table(status) if name == STAGES else Text(value))
    lines: list[RenderableType] = [table]
    for warning in status["warnings"][-4:]:
        lines.append(Text(f"! {warning}", style="yellow"))
    title = Text.assemble(" vcam ", _state(status), f" {_clock(status['uptime_s'])} ")
    return Panel(Group(*lines), title=title, title_align="left", subtitle="Ctrl+C ends", subtitle_align="right")


def _state(status: dict[str, Any]) -> Text:
    return Text(", ").join(Text(word, STATE_STYLES.get(word, "")) for word in states(status))


def _meter(level: float | None, speech: bool) -> Text:
    level = METER_FLOOR_DBFS if level is None else level
    filled = round(max(0.0, min(1.0, 1 - level / METER_FLOOR_DBFS)) * METER_WIDTH)
    style = "red" if level > CLIPPING_DBFS else "yellow" if level > LOUD_DBFS else "green"
    mark = ("  ● speech", "bold green") if speech else ("  ○ quiet", "dim")
    return Text.assemble(("━" * filled, style), ("━" * (METER_WIDTH - filled), "grey30"), f" {level:6.1f} dBFS", mark)


def _picture(camera: dict[str, Any], rate: float | None) -> Text:
    measured = f" ({rate:.1f} measured)" if rate else ""
    counts = f"{camera['presented']} shown, {camera['repeated']} repeated, {camera['skipped']} skipped"
    return Text(f"{camera['width']}x{camera['height']} at {camera['fps']:g} fps{measured}; {counts}")


def _latency(latency: dict[str, Any]) -> Text:
    split = (
        f" ms = {latency['algorithmic']:.0f} listening ahead + {latency['compute_allowed']:.0f} computing "
        f"(p50 {latency['compute_p50']:.1f}, p95 {latency['compute_p95']:.1f} used) + {latency['device']:.0f} devices"
    )
    if voice := latency.get("voice"):
        split += f" + {voice:.0f} for the voice"
    return Text.assemble((f"{latency['total']:.0f}", "bold"), split)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
