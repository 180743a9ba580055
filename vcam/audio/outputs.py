"""Which place a word of the user's means for the voice: vcam's own microphone, a virtual sound device, or any other."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Literal

from vcam.audio import portaudio, virtual_mic
from vcam.audio.devices import AudioDevice, audio_problem, find_output, list_audio_devices
from vcam.audio.playback import BUFFERING, DIRECT_BUFFERING, PlaybackSink
from vcam.audio.sink import Heard, Sink
from vcam.errors import OutputError, OutputLost

Mode = Literal["sync", "direct"]

VIRTUAL_MIC = "virtual-mic"
AUTO = "auto"
NONE = "none"

# Sound devices made of software whose other end is a microphone, best known first.
_CABLES = re.compile(
    r"blackhole|cable input|vb-?cable|loopback audio|soundflower|voicemeeter (aux )?input", re.IGNORECASE
)
_BRIDGES = ("pulse", "pipewire")  # ALSA's devices that lead to the sound server, as PortAudio names them
# Read by libpulse and by PipeWire's ALSA plugin: PortAudio has no way to name a sound server's sink. PipeWire ends a
# stream that must not reconnect when its sink goes, rather than moving it to the speakers.
_WHERE = {
    "PULSE_SINK": virtual_mic.FEED,
    "PULSE_PROP": "node.dont-reconnect=true",
    "PIPEWIRE_NODE": virtual_mic.FEED,
}
_BRIDGE_MISSING = (
    "Install what leads there: sudo apt install libasound2-plugins (Debian, Ubuntu), "
    "sudo dnf install alsa-plugins-pulseaudio (Fedora), sudo pacman -S alsa-plugins (Arch)."
)
HOW_TO_GET_ONE = {
    "darwin": "Install BlackHole: brew install blackhole-2ch, restart vcam, and choose it as microphone in the call.",
    "win32": "Install VB-Cable (https://vb-audio.com/Cable), restart vcam, and choose CABLE Output in the call.",
}


class VirtualMicSink(PlaybackSink):
    """Plays into the microphone that vcam makes on PulseAudio or PipeWire, and takes it away at the end.

    A block is heard when those who listen to that microphone have it, which is earlier than the server tells.
    """

    check_period = 1.0  # PulseAudio moves the stream to the speakers if somebody unloads the sink

    def __init__(self, buffering: float = BUFFERING) -> None:
        super().__init__(find_bridge, virtual_mic.DESCRIPTION, buffering)
        self._earlier = 0.0  # s

    def open(self) -> None:
        virtual_mic.create()
        with portaudio.environment(**_WHERE):
            super().open()
        self._earlier = virtual_mic.sink_block()

    def wait(self, timeout: float) -> Heard | None:
        heard = super().wait(timeout)
        return replace(heard, at=heard.at - self._earlier) if heard is not None else None

    @property
    def latency(self) -> float:
        return max(0.0, super().latency - self._earlier)

    def check(self) -> None:
        virtual_mic.check()
        try:
            self._earlier = virtual_mic.sink_block()  # who else plays or listens there may have changed it
        except OutputError as error:
            raise OutputLost(error.message, error.hint) from error

    def discard(self) -> None:
        virtual_mic.remove()


def open_output(spec: str, mode: Mode = "sync", platform: str = sys.platform) -> Sink:
    """The sink that ``spec`` means, not opened yet: "virtual-mic" or "auto", else a device by number or name.

    ``mode`` "direct" wants as little delay as possible.
    """
    buffering = DIRECT_BUFFERING if mode == "direct" else BUFFERING
    if spec not in (VIRTUAL_MIC, AUTO):
        return PlaybackSink(lambda: find_output(spec), spec, buffering)
    if platform.startswith("linux"):
        return VirtualMicSink(buffering)
    return PlaybackSink(lambda: find_cable(platform), "virtual microphone", buffering)


def find_cable(platform: str = sys.platform) -> AudioDevice:
    """The virtual sound device to play into where vcam cannot make one. Raises OutputError if there is none."""
    if (problem := audio_problem()) is not None:
        raise OutputError(problem.message, problem.hint)
    found = [device for device in list_audio_devices() if device.outputs and _CABLES.search(device.name)]
    if not found:
        hint = HOW_TO_GET_ONE.get(platform, "Name a device that loops back to a microphone: --monitor DEVICE.")
        raise OutputError("There is no virtual sound device to use as a microphone.", hint)
    return find_output(found[0].name)


def find_bridge() -> AudioDevice:
    """PortAudio's device that plays on the sound server. Raises OutputError if there is none."""
    if (problem := audio_problem()) is not None:
        raise OutputError(problem.message, problem.hint)
    outputs = {device.name: device for device in list_audio_devices() if device.outputs}
    for name in _BRIDGES:
        if name in outputs:
            return outputs[name]
    raise OutputError("PortAudio does not reach the sound server, where the virtual microphone is.", _BRIDGE_MISSING)
