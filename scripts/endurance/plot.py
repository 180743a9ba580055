"""A session over time as a picture: panels of lines above each other, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from endurance.samples import Sample

WIDTH, PANEL, GAP = 1400, 210, 46
LEFT, RIGHT, TOP, BOTTOM = 96, 250, 78, 64
INK, FAINT, GRID, LIMIT = "#24292f", "#6e7781", "#e4e7eb", "#c7ccd1"
BLUE, ORANGE, GREEN, RED = "#0969da", "#bc4c00", "#1a7f37", "#cf222e"
_SCALE = 2  # drawn larger and shrunk: smooth lines
_TICKS = 4  # about so many on each axis of values


@dataclass(frozen=True, slots=True)
class Line:
    """One value over time; None leaves a hole."""

    name: str
    colour: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines of one unit. ``limits`` are drawn across; ``low`` and ``high``: what at least is to be seen."""

    title: str
    unit: str
    lines: Sequence[Line]
    limits: Sequence[float] = ()
    low: float | None = None
    high: float | None = None


def panels(samples: Sequence[Sample], fps: float = 30.0) -> list[Panel]:
    """What there is to see of a session."""
    delay = samples[-1].delay_ms
    frame = 1000 / fps
    rss = [sample.rss_mb for sample in samples]
    return [
        Panel(
            "Delay behind the microphone",
            "ms",
            [
                Line("promised", FAINT, [sample.delay_ms for sample in samples]),
                Line("picture, as seen", BLUE, [sample.seen_delay_ms for sample in samples]),
                Line("voice, as heard", ORANGE, [sample.heard_delay_ms for sample in samples]),
            ],
            (delay - frame, delay + frame),
        ),
        Panel(
            "Skew of voice and picture (+: sound early)",
            "ms",
            [
                Line("as the session has it", FAINT, [sample.skew_ms for sample in samples]),
                Line("as seen and heard", BLUE, [sample.seen_skew_ms for sample in samples]),
            ],
            (-20, 20),
        ),
        Panel("Memory (RSS)", "MB", [Line("RSS", GREEN, list(rss))], low=min(rss) * 0.95, high=max(rss) * 1.05),
        Panel("CPU time", "% of a core", [Line("session", RED, [s.cpu_percent for s in samples])], low=0),
        Panel(
            "Camera",
            "fps",
            [
                Line("presented", FAINT, [sample.fps for sample in samples]),
                Line("arrived", BLUE, [sample.seen_fps for sample in samples]),
            ],
            low=0,
            high=fps * 1.1,
        ),
        Panel(
            "Threads and descriptors",
            "",
            [
                Line("descriptors", ORANGE, [sample.files for sample in samples]),
                Line("threads", GREEN, [sample.threads for sample in samples]),
            ],
            low=0,
        ),
    ]


def draw(samples: Sequence[Sample], title: str, path: Path, fps: float = 30.0) -> None:
    """Write the picture of the samples to a PNG file."""
    shown = panels(samples, fps)
    minutes = [sample.seconds / 60 for sample in samples]
    height = TOP + len(shown) * (PANEL + GAP) - GAP + BOTTOM
    canvas = _Canvas(WIDTH, height)
    canvas.text(LEFT, 16, title, INK, 22)
    for number, panel in enumerate(shown):
        _draw_panel(canvas, panel, minutes, TOP + number * (PANEL + GAP), last=number == len(shown) - 1)
    canvas.save(path)


def _draw_panel(canvas: _Canvas, panel: Panel, minutes: Sequence[float], top: float, *, last: bool) -> None:
    known = [value for line in panel.lines for value in line.values if value is not None]
    ends = [*known, *panel.limits, *(end for end in (panel.low, panel.high) if end is not None)]
    ticks = _ticks(min(ends), max(ends), _TICKS)
    low, high = ticks[0], ticks[-1]
    right, bottom = WIDTH - RIGHT, top + PANEL
    most = max(minutes[-1], 1e-9)

    def x(minute: float) -> float:
        return LEFT + minute / most * (right - LEFT)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * PANEL

    canvas.text(LEFT, top - 25, panel.title + (f" [{panel.unit}]" if panel.unit else ""), INK, 16)
    for value in ticks:
        canvas.line([(LEFT, y(value)), (right, y(value))], GRID, 1)
        canvas.text(LEFT - 10, y(value) - 9, f"{value:g}", FAINT, 14, anchor="r")
    for minute in _ticks(0, most, 8):
        if minute <= most * 1.001:
            canvas.line([(x(minute), top), (x(minute), bottom)], GRID, 1)
            canvas.text(x(minute), bottom + 5, f"{minute:g}", FAINT, 14, anchor="m")
    for value in panel.limits:
        canvas.dashed(LEFT, right, y(value), RED)
    for line in panel.lines:
        for piece in _pieces(minutes, line.values):
            canvas.line([(x(minute), y(value)) for minute, value in piece], line.colour, 1.6)
    canvas.line([(LEFT, top), (LEFT, bottom), (right, bottom)], LIMIT, 1)
    names = [(line.name, line.colour) for line in panel.lines]
    for row, (name, colour) in enumerate(names):
        at = top + 6 + row * 24
        canvas.line([(right + 16, at + 9), (right + 42, at + 9)], colour, 3)
        canvas.text(right + 50, at, name, INK, 15)
    if panel.limits:
        at = top + 6 + len(names) * 24
        canvas.dashed(right + 16, right + 42, at + 9, RED)
        canvas.text(right + 50, at, "limits", INK, 15)
    if last:
        canvas.text((LEFT + right) / 2, bottom + 28, "minutes", INK, 16, anchor="m")


def _pieces(minutes: Sequence[float], values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """The line without its holes."""
    found: list[list[tuple[float, float]]] = [[]]
    for minute, value in zip(minutes, values, strict=True):
        if value is not None:
            found[-1].append((minute, value))
        elif found[-1]:
            found.append([])
    return [piece for piece in found if len(piece) > 1]


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round values, evenly spaced, from at or below ``low`` to at or above ``high``."""
    span = max(high - low, 1e-6)
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * about >= span)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


class _Canvas:
    """Text and lines in pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE), "white")
        self._draw = ImageDraw.Draw(self._image)

    def text(self, x: float, y: float, text: str, colour: str, size: int, anchor: str = "l") -> None:
        """``anchor``: whether ``x`` is the left end, the middle or the right end."""
        font = ImageFont.load_default(size * _SCALE)
        self._draw.text((x * _SCALE, y * _SCALE), text, colour, font, anchor=f"{anchor}a")

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.line(scaled, colour, max(1, round(width * _SCALE)), joint="curve")

    def dashed(self, left: float, right: float, y: float, colour: str) -> None:
        x = left
        while x < right:
            self.line([(x, y), (min(x + 6, right), y)], colour, 1)
            x += 11

    def save(self, path: Path) -> None:
        self._image.resize(self._size, Image.Resampling.LANCZOS).save(path)
