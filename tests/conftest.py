"""Fixtures that several folders of tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pulse import PulseServer, missing_tools


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseServer]:
    """A private PulseAudio server; this process, and whatever it starts, finds it as the device "pulse"."""
    if missing := missing_tools():
        pytest.skip(f"not installed: {', '.join(missing)} (packages pulseaudio, pulseaudio-utils)")
    with PulseServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server
