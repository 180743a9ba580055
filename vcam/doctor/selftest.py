"""A short `vcam selftest`, as one finding. Not among the checks that always run: it takes some ten seconds."""

from __future__ import annotations

from vcam.app import StartOptions
from vcam.doctor.check import Check
from vcam.errors import VcamError

NAME = "selftest"
SECONDS = 6.0
_SHOWN = ("camera_latency", "skew", "dropped")


def selftest() -> Check:
    """What a measurement with the user's own profile finds."""
    from vcam.selftest import run_selftest

    try:
        result = run_selftest(StartOptions(), SECONDS)
    except VcamError as error:
        return Check(NAME, "info", f"Nothing could be measured. {error.message}", error.hint)
    shown = "; ".join(f"{row.name} {row.text}" for row in result.rows if row.key in _SHOWN)
    if not result.passed:
        return Check(NAME, "warn", f"Missed: {'; '.join(result.missed)}.", "vcam selftest shows all of it")
    return Check(
        NAME,
        "ok",
        f"{shown}. Left out: {len(result.left_out)} (see vcam selftest)." if result.left_out else f"{shown}.",
    )
