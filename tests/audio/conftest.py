from __future__ import annotations

import pytest

from tests.pulse import PulseServer
from vcam.audio import portaudio
from vcam.audio.devices import audio_problem, list_audio_devices


@pytest.fixture
def sound_server(pulse: PulseServer) -> PulseServer:
    """The private PulseAudio server, with PortAudio in this process looking at it."""
    if (problem := audio_problem()) is not None:
        pytest.skip(problem.message)
    portaudio.rescan()
    if not any(device.name == "pulse" for device in list_audio_devices()):
        pytest.skip("ALSA's plugin for PulseAudio is not installed (package libasound2-plugins)")
    return pulse
