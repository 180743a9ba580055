"""A report that is written as it grows: one section a check, Markdown, fit to be sent."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from vcam.errors import VcamError


class Report:
    """``say`` is given each line as it comes."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path, self._say = path, say
        self._text = ""
        self.results: list[tuple[str, str]] = []

    def line(self, text: str = "") -> None:
        self._text += text + "\n"
        self._path.write_text(self._text, encoding="utf-8")
        self._say(text)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        for row in (head, ["---"] * len(head), *rows):
            self.line("| " + " | ".join(map(str, row)) + " |")
        self.line()

    def check(self, name: str, work: Callable[[], str]) -> bool:
        """Do one check; what it returns is its result. A failure is written down, and the next check goes on."""
        self.line(f"## {name}\n")
        started = time.monotonic()
        try:
            result = f"ok: {work()}"
        except VcamError as error:
            result = f"FAILED: {error.message} {error.hint}"
        except Exception as error:  # noqa: BLE001 - whatever goes wrong on a machine we never saw belongs in the report
            result = f"FAILED: {type(error).__name__}: {error}"
            self.line(f"```\n{traceback.format_exc()}```")
        self.line(f"{result} ({time.monotonic() - started:.1f} s)\n")
        self.results.append((name, result))
        return result.startswith("ok")

    def skip(self, name: str, why: str) -> None:
        """A check that cannot be done here."""
        self.line(f"## {name}\n\nskipped: {why}\n")
        self.results.append((name, f"skipped: {why}"))

    def end(self) -> int:
        """The summary; the number of checks that failed."""
        self.line("## Summary\n")
        self.table(("check", "result"), self.results)
        return sum(result.startswith("FAILED") for _, result in self.results)
