"""A session's status for people: a panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

STATE_STYLES = {"live": "bold green", "degraded": "bold yellow", "failed": "bold red"}
UNKNOWN = "–"
STAGES = "stages"
IN_STEP_MS = 20.0  # ms of skew that vcam keeps to; nobody notices less than 45 (ITU-R BT.1359)


def status_view(status: dict[str, Any], pid: int, console: Console) -> RenderableType:
    """What to print on ``console`` for ``status`` (see vcam.control.SessionControl.status)."""
    rows = status_rows(status, pid)
    warnings = [str(text) for text in (status.get("error"), *_list(status, "warnings")) if text]
    if not console.is_terminal:
        lines = [f"{name}: {value}" for name, value in rows] + [f"warning: {text}" for text in warnings]
        # No wrapping: a program reads this, and a narrow console must not cut a device's name in two.
        return Text("\n".join(lines), no_wrap=True, overflow="ignore")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    state = str(status.get("state", UNKNOWN))
    for name, value in rows:
        if name == STAGES:
            table.add_row(name, stage_table(status))
        else:
            table.add_row(name, Text(value, style=STATE_STYLES.get(state, "bold") if name == "state" else ""))
    # Text, not markup: a device may well be called "USB [2]".
    notes = [Text(f"! {text}", style="yellow") for text in warnings]
    return Panel(Group(table, *notes), title="vcam", title_align="left", expand=False, padding=(0, 2))


def states(status: dict[str, Any]) -> list[str]:
    """The state and, where it outranks them, that it is paused or muted."""
    state = str(status.get("state", UNKNOWN))
    others = (word for word in ("paused", "muted") if state != "cut" and status.get(word) is True and word != state)
    return [state, *others]


def status_rows(status: dict[str, Any], pid: int) -> list[tuple[str, str]]:
    """Name and value of each line; what the session does not know is a dash."""
    audio, camera, latency = (_dict(status, key) for key in ("audio", "camera", "latency_ms"))
    shown, repeated, skipped = (_text(camera.get(key)) for key in ("presented", "repeated", "skipped"))
    return [
        ("state", ", ".join(states(status))),
        ("running", f"{_duration(status.get('uptime_s'))}, pid {pid}"),
        ("profile", _text(status.get("profile"))),
        ("avatar", _text(status.get("avatar"))),
        ("animator", _text(status.get("animator"))),
        ("audio", _audio(audio)),
        *([("voice to", output_text(output))] if (output := _dict(audio, "output")) else []),
        ("camera", _camera(camera)),
        ("frames", f"{shown} shown, {repeated} repeated, {skipped} skipped"),
        ("latency", _latency(latency)),
        *load_rows(status),
    ]


def load_rows(status: dict[str, Any]) -> list[tuple[str, str]]:
    """Lines on an animator's stages and on what waits between the threads; none if it has no stages to tell of."""
    stages = [f"{name} {took} {share}" for name, took, share in _stages(status)]
    if not stages:
        return []
    queues = [f"{_text(name)} {_text(length)}" for name, length in _dict(status, "queues").items()]
    return [(STAGES, ", ".join(stages)), *([("waiting", ", ".join(queues))] if queues else [])]


def stage_table(status: dict[str, Any]) -> Table:
    """The animator's stages with the median time of a call and the share of real time, below each other."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for name, took, share in _stages(status):
        table.add_row(Text(name), took, share)
    shares = [load.get("share") for load in _list(status, "stages") if isinstance(load, dict)]
    total = sum(share for share in shares if isinstance(share, int | float))
    table.add_row(Text("in all", "dim"), "", Text(f"{total:.0%}", "bold red" if total >= 1 else "bold"))
    return table


def _stages(status: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, median and share of each stage."""
    found = []
    for load in _list(status, "stages"):
        if isinstance(load, dict):
            share = load.get("share")
            part = f"{share:.0%}" if isinstance(share, int | float) else UNKNOWN
            found.append((_text(load.get("name")), f"{_number(load.get('p50_ms'), 2)} ms", part))
    return found


def _latency(latency: dict[str, Any]) -> str:
    total, algorithmic, allowed, median, slow, device = (
        _number(latency.get(key))
        for key in ("total", "algorithmic", "compute_allowed", "compute_p50", "compute_p95", "device")
    )
    voice = f", voice {_number(latency['voice'])}" if latency.get("voice") else ""
    return (
        f"{total} ms (algorithmic {algorithmic}, compute {allowed} allowed: {median} median, {slow} p95,"
        f" device {device}{voice})"
    )


def _audio(audio: dict[str, Any]) -> str:
    speech = audio.get("speech")
    heard = UNKNOWN if speech is None else "speech" if speech else "no speech"
    parts = [
        _text(audio.get("device")),
        f"{_text(audio.get('sample_rate'))} Hz",
        f"{_number(audio.get('level_dbfs'))} dBFS",
    ]
    if overruns := audio.get("overruns"):
        parts.append(f"{_text(overruns)} overruns")
    return ", ".join([*parts, heard])


def output_text(output: dict[str, Any]) -> str:
    """Where the voice goes, in a line: ``audio.output`` of the status."""
    parts = [_text(output.get("device")), f"{_number(output.get('delay_ms'))} ms after you speak"]
    skew = output.get("skew_ms")
    if isinstance(skew, int | float):
        relation = "ahead of" if skew > 0 else "behind"
        off = f"{_number(abs(skew))} ms {relation} the lips"
        parts.append("in step with the lips" if abs(skew) <= IN_STEP_MS else off)
    for key, word in (("underruns", "underruns"), ("resyncs", "re-aligned")):
        if count := output.get(key):
            parts.append(f"{_text(count)} {word}")
    return ", ".join(parts)


def _camera(camera: dict[str, Any]) -> str:
    size = f"{_text(camera.get('width'))}x{_text(camera.get('height'))}"
    place = " ".join(_text(camera[key]) for key in ("kind", "device") if camera.get(key)) or UNKNOWN
    return f"{place}, {size} at {_number(camera.get('fps'), 1)} fps"


def _duration(seconds: object) -> str:
    if not isinstance(seconds, int | float):
        return UNKNOWN
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _number(value: object, digits: int = 0) -> str:
    return f"{value:.{digits}f}".removesuffix(".0") if isinstance(value, int | float) else UNKNOWN


def _text(value: object) -> str:
    """One printable line, whatever a device or a file calls itself."""
    text = UNKNOWN if value is None else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _dict(status: dict[str, Any], key: str) -> dict[str, Any]:
    found = status.get(key)
    return found if isinstance(found, dict) else {}


def _list(status: dict[str, Any], key: str) -> list[Any]:
    found = status.get(key)
    return found if isinstance(found, list) else []
