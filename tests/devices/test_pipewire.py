"""The same on PipeWire, which most desktops have by now: the voice in step, and devices that come and go."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.devices.bench import LiveBench
from tests.pipewire import PipeWireServer
from tests.waiting import wait_until
from vcam.audio import virtual_mic

pytestmark = pytest.mark.audio


@pytest.fixture
def bench(pipewire: PipeWireServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveBench]:
    """It listens to the server's default microphone, a headset."""
    monkeypatch.delenv("PULSE_SOURCE")
    bench = LiveBench(pipewire)
    bench.plug()
    pipewire.pactl("set-default-source", "headset")
    bench.start()
    yield bench
    bench.session.close()
    assert virtual_mic.modules() == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


def test_the_voice_is_in_step_and_the_microphone_is_there_for_others(bench: LiveBench) -> None:
    assert virtual_mic.exists()
    bench.assert_as_before()


def test_the_microphone_is_unplugged_and_comes_back(bench: LiveBench) -> None:
    bench.server.unload_sink("vmic_sink")  # whatever else there is to listen to
    bench.unplug()
    wait_until(lambda: bench.session.state == "degraded", 20)
    bench.plug()
    bench.server.pactl("set-default-source", "headset")
    bench.assert_as_before()


def test_pipewire_is_killed_and_comes_back(bench: LiveBench) -> None:
    bench.server.kill()
    wait_until(lambda: bench.session.state == "degraded", 20)
    bench.server.start()
    bench.plug()
    bench.server.pactl("set-default-source", "headset")
    bench.assert_as_before()
