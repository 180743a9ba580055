"""Microphones and sound servers that come and go under a live session, on a real server."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.devices.bench import LiveBench
from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.audio import virtual_mic

pytestmark = pytest.mark.audio


@pytest.fixture
def bench(sound_server: PulseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveBench]:
    """It listens to the server's default microphone, a headset."""
    monkeypatch.delenv("PULSE_SOURCE")
    bench = LiveBench(sound_server)
    bench.plug()
    sound_server.pactl("set-default-source", "headset")
    bench.start()
    yield bench
    bench.session.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vcam-")]


@pytest.mark.parametrize("rate", [48_000, 16_000])
def test_the_only_microphone_is_unplugged_and_comes_back_at_its_rate_or_another(bench: LiveBench, rate: int) -> None:
    bench.server.unload_sink("vmic_sink")  # whatever else there is to listen to
    bench.unplug()
    wait_until(lambda: bench.session.state == "degraded")
    assert bench.warned("Trying again")
    shown = len(bench.camera.pictures)
    wait_until(lambda: len(bench.camera.pictures) > shown + 10)
    bench.plug(rate)
    bench.assert_as_before()


def test_the_microphone_is_unplugged_while_there_is_another(bench: LiveBench) -> None:
    wait_until(lambda: bench.session.source.microphone == "Headset")
    bench.unplug()
    wait_until(lambda: bench.listens_to() == "vmic")
    wait_until(lambda: bench.warned("VirtualMic is heard now, not Headset"))
    bench.plug()
    wait_until(lambda: bench.listens_to() == "headset")
    wait_until(lambda: bench.warned("Headset is heard now, not VirtualMic"))
    bench.assert_as_before()


def test_the_default_microphone_is_changed(bench: LiveBench) -> None:
    wait_until(lambda: bench.session.source.microphone == "Headset")
    bench.server.pactl("set-default-source", "vmic")
    wait_until(lambda: bench.listens_to() == "vmic")
    wait_until(lambda: bench.warned("VirtualMic is heard now, not Headset"))
    heard = len(bench.animator.clicks)
    bench.server.pactl("set-default-source", "headset")
    wait_until(lambda: bench.listens_to() == "headset")
    bench.assert_as_before()
    assert len(bench.animator.clicks) > heard


def test_the_sound_server_is_killed_and_comes_back(bench: LiveBench) -> None:
    bench.server.kill()
    wait_until(lambda: bench.session.state == "degraded", 20)
    assert bench.warned("Trying again")
    bench.server.start()
    bench.plug()
    bench.server.pactl("set-default-source", "headset")
    bench.assert_as_before()


def test_the_sound_server_stands_still_for_a_while(bench: LiveBench) -> None:
    bench.server.signal(signal.SIGSTOP)
    threading.Event().wait(1.5)
    bench.server.signal(signal.SIGCONT)
    bench.assert_as_before()


def test_the_sound_server_hangs_until_it_is_given_up(bench: LiveBench) -> None:
    bench.server.signal(signal.SIGSTOP)
    wait_until(lambda: bench.warned("sent nothing for 2 seconds"))
    wait_until(lambda: bench.warned("has taken nothing for 2 seconds"))
    assert bench.session.state == "degraded"
    bench.server.signal(signal.SIGCONT)
    bench.assert_as_before()


def test_the_microphone_comes_back_at_a_rate_that_leaves_out_the_upper_half(
    bench: LiveBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a headset does that changes from music to speech; a sound server would convert it, a bare device does not."""
    import sounddevice

    real = sounddevice.RawInputStream

    def slower(**settings: object) -> object:
        if settings["samplerate"] != 16_000:
            raise sounddevice.PortAudioError("Invalid sample rate", -9997)
        return real(**settings)

    assert bench.session.status()["audio"]["sample_rate"] == 48_000
    bench.server.kill()
    wait_until(lambda: bench.session.state == "degraded")
    monkeypatch.setattr(sounddevice, "RawInputStream", slower)
    bench.server.start()
    bench.plug()
    bench.server.pactl("set-default-source", "headset")
    bench.assert_as_before()
    assert bench.session.status()["audio"]["sample_rate"] == 16_000


def test_the_microphone_of_its_own_is_removed_and_made_again(bench: LiveBench) -> None:
    for module in reversed(virtual_mic.modules()):
        bench.server.pactl("unload-module", module.number)
    wait_until(lambda: bench.warned("was removed. Trying again"), 20)
    wait_until(virtual_mic.exists, 20)
    bench.assert_as_before()


def test_the_machine_sleeps_for_a_minute(
    bench: LiveBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Sound and threads stand still with the machine; the clock, as it does on Windows, does not."""
    awake = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: awake() + 60)
    shown = len(bench.camera.pictures)
    wait_until(lambda: len(bench.camera.pictures) > shown + 25)
    del bench.camera.pictures[:shown]
    bench.assert_as_before()
    assert bench.session.status()["camera"]["missed"] < 60 * 25 + 25
    assert "Trying again" not in caplog.text, "nothing was lost"
