"""What a measurement found, as rows with their limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SKEW_LIMIT = 20.0  # ms either way, which vcam promises
# ms of skew that viewers begin to notice (ITU-R BT.1359-1, figure 2): the sound after the picture, and before it
NOTICED_LATE, NOTICED_EARLY = -125.0, 45.0


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``low`` and ``high`` are its limits, both None where it is only stated; ``note`` says how it spreads.

    ``value`` is None where it should have been measured and could not be: then the row is missed.
    """

    key: str
    name: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def judged(self) -> bool:
        return self.low is not None or self.high is not None

    @property
    def passed(self) -> bool:
        if not self.judged:
            return True
        if self.value is None:
            return False
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)

    @property
    def limit(self) -> str:
        """In words; "" for none."""
        if self.low is not None and self.high is not None:
            if self.low == -self.high:
                return f"±{self.high:g} {self.unit}"
            return f"{round(self.low, 1):g} to {round(self.high, 1):g} {self.unit}"
        if self.high is not None:
            return f"at most {self.high:g}" if self.high else "none"
        return f"at least {self.low:g}" if self.low is not None else ""

    @property
    def text(self) -> str:
        """The figure with its unit."""
        if self.value is None:
            return "not measured"
        if self.unit == "ms":
            signed = "+" if self.low is not None and self.low < 0 else ""
            return f"{self.value:{signed}.1f} ms"
        return f"{self.value:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The result. ``sound``, ``camera`` and ``voice`` say what was measured on; ``left_out`` what was not, and why."""

    sound: str
    camera: str
    voice: str
    picture: str
    seconds: float
    rows: list[Row]
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[str]:
        """The rows outside of their limits, in words."""
        return [f"{row.name} {row.text} (limit {row.limit})" for row in self.rows if not row.passed]

    @property
    def passed(self) -> bool:
        return not self.missed

    def row(self, key: str) -> Row:
        """Raises KeyError if there is none."""
        for row in self.rows:
            if row.key == key:
                return row
        raise KeyError(key)

    def to_dict(self) -> dict[str, Any]:
        rows = [{**asdict(row), "limit": row.limit, "passed": row.passed} for row in self.rows]
        return {**asdict(self), "rows": rows, "passed": self.passed, "missed": self.missed}
