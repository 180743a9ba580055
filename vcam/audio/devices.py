"""Which microphones and speakers there are, and which one a word of the user's means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcam.audio import portaudio
from vcam.errors import OutputError, SourceError, nearest
from vcam.paths import at_home

if TYPE_CHECKING:
    from vcam.audio.source import Source

MICROPHONE = "mic"
DEMO = "demo"

_VIRTUAL = re.compile(
    r"blackhole|vb-?(audio|cable)|cable (input|output)|loopback|\bmonitor\b|\bnull\b|\bdummy\b|soundflower|voicemeeter"
    r"|virtual|\bvcam\b|\bvmic\b|aggregate|zoomaudio|microsoft teams audio|krisp|nvidia broadcast|\bobs\b",
    re.IGNORECASE,
)
# Where one device is offered several times (Windows), the interface with the least delay and trouble comes first.
_HOST_APIS = ("Core Audio", "ALSA", "PulseAudio", "Windows WASAPI", "Windows DirectSound", "MME", "Windows WDM-KS")
_MME_NAME = 31  # characters after which MME cuts a device's name off
_FILE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{2,4}")
_NO_MICROPHONE_HINT = (
    "Plug one in, or check that the sound server is running; `vcam devices` lists what is there. "
    "`--audio demo` or an audio file works without one."
)


@dataclass(frozen=True, slots=True)
class AudioDevice:
    """One device of one host API. ``inputs``, ``outputs``: channels; ``default_rate`` in Hz; ``latency`` in seconds,
    the lowest that its driver offers, for input if it has any. ``is_virtual`` is told from its name."""

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    default_rate: int
    latency: float
    is_default_input: bool
    is_default_output: bool
    is_virtual: bool

    @property
    def full_name(self) -> str:
        return f"{self.name} ({self.host_api})"


def is_virtual_name(name: str) -> bool:
    """Whether a device of that name is software: a cable between programs, a monitor, a null device."""
    return _VIRTUAL.search(name) is not None


def audio_problem() -> SourceError | None:
    """Why no audio device can be used at all (PortAudio is missing), or None."""
    try:
        portaudio.load()
    except SourceError as error:
        return error
    return None


def list_audio_devices() -> list[AudioDevice]:
    """Every device, in PortAudio's order; empty without PortAudio (see :func:`audio_problem`)."""
    if audio_problem() is not None:
        return []
    sounddevice = portaudio.load()
    apis: tuple[dict[str, Any], ...] = tuple(sounddevice.query_hostapis())
    # PortAudio's default device is that of its first host API which has one.
    default_input = next((api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1)
    default_output = next((api["default_output_device"] for api in apis if api["default_output_device"] >= 0), -1)
    return [
        AudioDevice(
            index=index,
            name=device["name"],
            host_api=apis[device["hostapi"]]["name"],
            inputs=device["max_input_channels"],
            outputs=device["max_output_channels"],
            default_rate=round(device["default_samplerate"]),
            latency=device[f"default_low_{'input' if device['max_input_channels'] else 'output'}_latency"],
            is_default_input=index == default_input,
            is_default_output=index == default_output,
            is_virtual=is_virtual_name(device["name"]),
        )
        for index, device in enumerate(sounddevice.query_devices())
    ]


def find_input(spec: str) -> AudioDevice:
    """The device that ``spec`` means: "mic" the system's default, a number its index, else (part of) its name.

    Raises SourceError if there is no such device, or if several fit.
    """
    if (problem := audio_problem()) is not None:
        raise problem
    devices = list_audio_devices()
    inputs = [device for device in devices if device.inputs]
    if not inputs:
        raise SourceError("There is no microphone: the system has no audio input device.", _NO_MICROPHONE_HINT)
    if spec in ("", MICROPHONE):
        return next((device for device in inputs if device.is_default_input), inputs[0])
    return _find(spec, devices, inputs, _MICROPHONES, SourceError)


def find_output(spec: str) -> AudioDevice:
    """The device that ``spec`` means, for playing: a number its index, else (part of) its name.

    Raises OutputError if there is no such device, or if several fit.
    """
    if (problem := audio_problem()) is not None:
        raise OutputError(problem.message, problem.hint)
    devices = list_audio_devices()
    outputs = [device for device in devices if device.outputs]
    if not outputs:
        hint = "Check that the sound server is running; `vcam devices` lists what is there."
        raise OutputError("The voice cannot be played: the system has no audio output device.", hint)
    return _find(spec, devices, outputs, _OUTPUTS, OutputError)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What messages call a kind of device."""

    one: str
    several: str
    lacks: str


_MICROPHONES = _Kind("microphone", "microphones", "is not a microphone: it has no inputs")
_OUTPUTS = _Kind("output device", "output devices", "cannot play anything: it has no outputs")


def _find(
    spec: str,
    devices: list[AudioDevice],
    usable: list[AudioDevice],
    kind: _Kind,
    error: type[SourceError] | type[OutputError],
) -> AudioDevice:
    if spec.isdecimal():
        index = int(spec)
        if index >= len(devices):
            raise error(f"There is no audio device {index}.", _listing(usable))
        if devices[index] not in usable:
            raise error(f'Audio device {index} "{devices[index].name}" {kind.lacks}.', _listing(usable))
        return devices[index]
    word = spec.casefold()
    found = [device for device in usable if word in (device.name.casefold(), device.full_name.casefold())]
    found = found or [device for device in usable if word in device.full_name.casefold()]
    if not found:
        names = nearest(spec, [device.name for device in usable])
        near = [device for device in usable if device.name in names]
        raise error(f'There is no {kind.one} named "{spec}".', _listing(near or usable, bool(near)))
    best = min(found, key=_preference)
    if not all(_same_hardware(best, device) for device in found):
        raise error(f'"{spec}" fits several {kind.several}.', "Use the number or more of the name: " + _names(found))
    return best


def _preference(device: AudioDevice) -> int:
    return _HOST_APIS.index(device.host_api) if device.host_api in _HOST_APIS else len(_HOST_APIS)


def _same_hardware(one: AudioDevice, other: AudioDevice) -> bool:
    """Whether two entries are one device, offered by two host APIs."""
    if one is other:
        return True
    return one.host_api != other.host_api and one.name[:_MME_NAME] == other.name[:_MME_NAME]


def _listing(devices: list[AudioDevice], near: bool = False) -> str:
    return f"{'Did you mean' if near else 'There are'}: {_names(devices)}{'?' if near else '.'}"


def _names(devices: list[AudioDevice]) -> str:
    return ", ".join(f'{device.index} "{device.name}"' for device in devices)


def open_source(spec: str, realtime: bool = True) -> Source:
    """The source that ``spec`` means, not opened yet: "mic", "demo", an audio file, else a device by number or name.

    Files and the demo are played at the speed of speech if ``realtime``, else as fast as they are read.
    """
    if spec == DEMO:
        from vcam.audio.demo import demo_source

        return demo_source(realtime)
    if spec != MICROPHONE and not spec.isdecimal() and means_file(spec):
        from vcam.audio.file import FileSource

        return FileSource(spec, realtime)
    from vcam.audio.microphone import MicrophoneSource

    return MicrophoneSource(spec)


def means_file(spec: str) -> bool:
    """An existing file, or what can hardly be a device's name: it has a path's separator or a short suffix."""
    path = Path(spec)
    if "/" in spec or "\\" in spec or _FILE_SUFFIX.fullmatch(path.suffix):
        return True
    try:
        return at_home(path).is_file()
    except (OSError, ValueError):  # no path at all: too long, a zero byte
        return False
