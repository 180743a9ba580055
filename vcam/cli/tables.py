"""How commands print: tables and plain lines. Imported by the commands when they run, for rich is slow to load."""

from __future__ import annotations

import io
import os
import sys

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "info": "dim"}
PIPE_WIDTH = 240
MARKS = {"ok": "✓", "warn": "!", "fail": "✗", "info": "·"}


def plain(text: str, style: str = "") -> Text:
    """Text of one line, not markup: a device may well be called "USB [2]"."""
    return Text("".join(letter if letter.isprintable() else "?" for letter in text), style)


def table(title: str, *columns: str) -> Table:
    """An empty table without frames; a column whose name ends in ">" is aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return made


def say(console: Console, text: str, style: str = "") -> None:
    """One line, not wrapped: a command in it must be fit to be copied."""
    console.print(plain(text, style), soft_wrap=True)


def mark(status: str) -> Text:
    """The sign of a status, coloured."""
    return Text(MARKS[status], STYLES[status])


def make_console() -> Console:
    """A console on stdout that shows "?" for what the output's encoding lacks, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    # A pipe has no width; what is read by programs is better not wrapped.
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH)
