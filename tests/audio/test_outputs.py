from __future__ import annotations

from dataclasses import replace

import pytest

from vcam.audio import devices, outputs
from vcam.audio.devices import AudioDevice
from vcam.audio.outputs import VirtualMicSink, find_bridge, find_cable, open_output
from vcam.audio.playback import PlaybackSink
from vcam.errors import OutputError

SPEAKERS = AudioDevice(0, "Built-in Output", "Core Audio", 0, 2, 48_000, 0.01, False, True, False)
MICROPHONE = replace(SPEAKERS, index=1, name="Built-in Microphone", inputs=1, outputs=0)
BLACKHOLE = replace(SPEAKERS, index=2, name="BlackHole 2ch", inputs=2, is_virtual=True)
CABLE = replace(SPEAKERS, index=3, name="CABLE Input (VB-Audio Virtual Cable)", is_virtual=True)
TEAMS = replace(SPEAKERS, index=4, name="Microsoft Teams Audio", is_virtual=True)


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> list[AudioDevice]:
    """The devices of a computer, to be filled by the test."""
    found: list[AudioDevice] = []
    for module in (devices, outputs):
        monkeypatch.setattr(module, "audio_problem", lambda: None)
        monkeypatch.setattr(module, "list_audio_devices", lambda: found)
    return found


@pytest.mark.parametrize(("device", "platform"), [(BLACKHOLE, "darwin"), (CABLE, "win32")])
def test_the_virtual_sound_device_is_found(present: list[AudioDevice], device: AudioDevice, platform: str) -> None:
    present += [SPEAKERS, MICROPHONE, TEAMS, device]
    present[:] = [replace(found, index=index) for index, found in enumerate(present)]
    assert find_cable(platform).name == device.name


@pytest.mark.parametrize(
    ("platform", "how"), [("darwin", "brew install blackhole-2ch"), ("win32", "vb-audio.com/Cable")]
)
def test_without_one_it_is_said_how_to_get_it(present: list[AudioDevice], platform: str, how: str) -> None:
    present += [SPEAKERS, MICROPHONE]
    with pytest.raises(OutputError, match="no virtual sound device") as caught:
        find_cable(platform)
    assert how in caught.value.hint


def test_the_bridge_to_the_sound_server_is_found_or_explained(present: list[AudioDevice]) -> None:
    present += [replace(SPEAKERS, name="default", host_api="ALSA")]
    with pytest.raises(OutputError, match="does not reach the sound server") as caught:
        find_bridge()
    assert "libasound2-plugins" in caught.value.hint
    present += [replace(SPEAKERS, index=1, name="pipewire", host_api="ALSA")]
    assert find_bridge().name == "pipewire"
    present += [replace(SPEAKERS, index=2, name="pulse", host_api="ALSA")]
    assert find_bridge().name == "pulse"


def test_words_mean_what_they_say() -> None:
    assert isinstance(open_output("virtual-mic", platform="linux"), VirtualMicSink)
    assert isinstance(open_output("auto", platform="linux"), VirtualMicSink)
    for spec, platform in (("virtual-mic", "darwin"), ("speakers", "linux")):
        sink = open_output(spec, platform=platform)
        assert isinstance(sink, PlaybackSink)
        assert not isinstance(sink, VirtualMicSink)


def test_a_device_is_found_by_name_or_number_and_a_microphone_is_refused(present: list[AudioDevice]) -> None:
    present += [SPEAKERS, MICROPHONE]
    assert devices.find_output("built-in") == SPEAKERS
    assert devices.find_output("0") == SPEAKERS
    with pytest.raises(OutputError, match="cannot play anything"):
        devices.find_output("1")
    with pytest.raises(OutputError, match="no audio device 9"):
        devices.find_output("9")
    with pytest.raises(OutputError, match='no output device named "speaker"'):
        devices.find_output("speaker")
    present[:] = [MICROPHONE]
    with pytest.raises(OutputError, match="no audio output device"):
        devices.find_output("built-in")
