from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audio.sounds import tone, write_wav
from tests.pulse import PulseServer
from vcam.audio import devices, portaudio
from vcam.audio.devices import AudioDevice, audio_problem, find_input, list_audio_devices, open_source
from vcam.audio.file import FileSource
from vcam.audio.microphone import MicrophoneSource
from vcam.errors import SourceError


def device(
    index: int, name: str, host_api: str = "ALSA", inputs: int = 1, default: bool = False, outputs: int = 0
) -> AudioDevice:
    return AudioDevice(index, name, host_api, inputs, outputs, 48_000, 0.01, default, False, False)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The devices of a Windows desk, which no test machine has."""
    found = [
        device(0, "Microsoft Sound Mapper - Input", "MME", default=True),
        device(1, "Microphone (Yeti Stereo Microph", "MME"),
        device(2, "Microphone (Yeti Stereo Microphone)", "Windows DirectSound"),
        device(3, "Microphone (Yeti Stereo Microphone)", "Windows WASAPI"),
        device(4, "Speakers (Realtek)", "Windows WASAPI", inputs=0, outputs=2),
        device(5, "Headset (Jabra 65)", "Windows WASAPI"),
        device(6, "Headset (Jabra 65 Second)", "Windows WASAPI"),
    ]
    monkeypatch.setattr(devices, "list_audio_devices", lambda: found)
    monkeypatch.setattr(devices, "audio_problem", lambda: None)


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("spec", "index"),
    [("mic", 0), ("2", 2), ("yeti", 3), ("Yeti Stereo", 3), ("headset (jabra 65)", 5), ("second", 6), ("mapper", 0)],
)
def test_finds_the_device_that_is_meant(spec: str, index: int) -> None:
    assert find_input(spec).index == index


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("jabra", "fits several", '5 "Headset (Jabra 65)", 6 "Headset (Jabra 65 Second)"'),
        ("Headset (Jabro 65)", 'no microphone named "Headset (Jabro 65)"', "Did you mean"),
        ("xyz", "no microphone named", "Sound Mapper"),
        ("4", "has no inputs", "Yeti"),
        ("99", "no audio device 99", "Yeti"),
    ],
)
def test_says_which_devices_there_are_instead(spec: str, message: str, hint: str) -> None:
    with pytest.raises(SourceError) as caught:
        find_input(spec)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_without_any_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_audio_devices", lambda: [device(0, "HDMI", inputs=0, outputs=2)])
    monkeypatch.setattr(devices, "audio_problem", lambda: None)
    with pytest.raises(SourceError, match="There is no microphone") as caught:
        find_input("mic")
    assert "--audio demo" in caught.value.hint


@pytest.mark.audio
def test_lists_what_the_sound_server_offers(sound_server: PulseServer) -> None:
    found = {found.name: found for found in list_audio_devices()}
    pulse = found["pulse"]
    assert pulse.host_api == "ALSA"
    assert pulse.inputs >= 1
    assert pulse.outputs >= 1
    assert 8000 <= pulse.default_rate <= 192_000
    assert 0 < pulse.latency < 1
    assert sum(device.is_default_input for device in found.values()) == 1
    assert find_input("mic").is_default_input
    assert find_input("PULSE") == find_input(str(pulse.index)) == pulse


@pytest.mark.audio
def test_rescan_notices_that_the_sound_server_is_gone(sound_server: PulseServer) -> None:
    sound_server.kill()
    assert portaudio.rescan()
    assert all(device.name != "pulse" for device in list_audio_devices())
    sound_server.start()
    assert portaudio.rescan()
    assert find_input("pulse").inputs


@pytest.mark.parametrize(
    ("name", "virtual"),
    [
        ("BlackHole 2ch", True),
        ("CABLE Output (VB-Audio Virtual Cable)", True),
        ("Monitor of Built-in Audio", True),
        ("Null Output", True),
        ("vcam microphone", True),
        ("VoiceMeeter Aux Output", True),
        ("MacBook Pro Microphone", False),
        ("Yeti Stereo Microphone", False),
        ("Jobson Observer", False),
        ("pulse", False),
    ],
)
def test_virtual_devices_are_known_by_name(name: str, virtual: bool) -> None:
    assert devices.is_virtual_name(name) is virtual


def test_what_a_word_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wav(tmp_path / "speech", tone(440, 0.1))
    monkeypatch.chdir(tmp_path)
    for spec in ("speech", "missing.wav", "a/b", "C:\\sounds\\a.mp3", str(tmp_path / "speech")):
        assert isinstance(open_source(spec), FileSource), spec
    for spec in ("mic", "2", "pulse", "USB Audio", "Built-in Audio.monitor", "x" * 5000, "a\0b"):
        assert isinstance(open_source(spec), MicrophoneSource), spec


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="PortAudio comes with sounddevice here")
def test_without_portaudio() -> None:
    done = run(
        """
import ctypes.util
ctypes.util.find_library = lambda name: None
from vcam.audio.devices import audio_problem, list_audio_devices
from vcam.audio.microphone import MicrophoneSource
from vcam.errors import SourceError
print(list_audio_devices())
print(audio_problem())
try:
    MicrophoneSource("mic").open()
except SourceError as error:
    print(error.message, "|", error.hint)
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[]\n")
    assert done.stdout.count("PortAudio library not found") == 2
    assert done.stdout.count("apt install libportaudio2") == 2


def test_importing_loads_no_audio_library() -> None:
    done = run(
        "import sys, vcam.audio.devices; print([m for m in ('sounddevice', 'av', 'soxr', 'numpy') if m in sys.modules])"
    )
    assert done.stdout == "[]\n"


def test_noise_of_the_c_libraries_is_kept_back(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "vcam"), portaudio.quiet():
        os.write(2, b"ALSA lib pcm.c:2721:(snd_pcm_open_noupdate) Unknown PCM cards.pcm.rear\n")
        os.write(2, b"something that matters\n")
        os.write(2, b"Expression 'ret' failed in 'src/hostapi/alsa/pa_linux_alsa.c', line: 1736\n")
    assert capfd.readouterr().err == "something that matters\n"
    assert [record.getMessage()[:10] for record in caplog.records] == ["ALSA lib p", "Expression"]


def test_audio_problem_is_none_where_portaudio_is() -> None:
    problem = audio_problem()
    assert problem is None or problem.hint


@pytest.mark.parametrize("lacks", ["a folder for what is caught", "room for what is passed on"])
def test_a_full_disk_costs_no_device(lacks: str, tmp_path: Path) -> None:
    program = (
        "import os, tempfile; from vcam.audio import portaudio\n"
        f"if {lacks.startswith('a folder')}: tempfile.tempdir = {str(tmp_path / 'none')!r}\n"
        "before = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0\n"
        "with portaudio.quiet(): os.write(2, b'ALSA lib pcm.c: noise\\nsomething else\\n')\n"
        "assert not before or len(os.listdir('/proc/self/fd')) == before\n"
    )
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", program], stderr=full, check=False)
    assert done.returncode == 0
