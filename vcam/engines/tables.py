"""Prepared graphs as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from .equality import Difference
from .records import Record


def summary_table(records: Iterable[Record]) -> Table:
    """One line a network: cost before and after, for one frame or call, and error against the graph as it came."""
    table = Table(title="Prepared graphs (GFLOP for each frame or call)")
    for name in ("network", "precision", "frames", "as it came", "now", "left", "largest error", "relative", "rms"):
        table.add_column(name, justify="left" if name in ("network", "precision") else "right")
    refused = []
    for record in records:
        refused += [f"{record.network}: {reason}" for reason in record.unsupported]
        now = record.files[-1].flops
        left = f"{now / record.flops:.0%}" if record.flops else "-"
        cells = (_giga(record.flops / record.batch), _giga(now / record.batch), left, *_error(record.error))
        table.add_row(record.network, record.precision, str(record.batch), *cells)
    if refused:
        table.caption = "TensorRT refuses: " + "; ".join(refused)
    return table


def steps_table(record: Record) -> Table:
    """One line a pass."""
    title = f"{record.network}, {record.precision}, {record.batch} at once: {_giga(record.flops)} GFLOP as it came"
    table = Table(title=title)
    for name in ("pass", "changed", "nodes", "GFLOP", "largest error", "relative", "rms", "seconds", "notes"):
        table.add_column(name, justify="left" if name in ("pass", "notes") else "right")
    for step in record.steps:
        cells = (str(step.changed), str(step.nodes), _giga(step.flops), *_error(step.error), f"{step.seconds:.1f}")
        table.add_row(step.name, *cells, "; ".join(step.notes))
    return table


def _giga(flops: float) -> str:
    return f"{flops / 1e9:.2f}"


def _error(error: Difference | None) -> tuple[str, str, str]:
    if error is None:
        return "-", "-", "-"
    return f"{error.largest:.1e}", f"{error.relative:.1e}", f"{error.rms:.1e}"
