"""PortAudio, the microphone and the bundled voice."""

from __future__ import annotations

from vcam.doctor.check import Check
from vcam.doctor.install import install_command, pip_command
from vcam.errors import SourceError

NO_MICROPHONE = "Plug one in, or check that the sound server is running. Without one: vcam start --demo"


def portaudio() -> Check:
    from vcam.audio.devices import audio_problem

    problem = audio_problem()
    if problem is None:
        import sounddevice

        return Check("portaudio", "ok", sounddevice.get_portaudio_version()[1].partition(",")[0])
    missing_package = "package sounddevice" in problem.message
    fix = pip_command("sounddevice") if missing_package else install_command("portaudio")
    return Check("portaudio", "warn", f"{problem.message} Files and the demo voice work without.", fix)


def microphone() -> Check:
    from vcam.audio.devices import audio_problem, find_input

    if audio_problem() is not None:
        return Check("microphone", "warn", "Not known without PortAudio.")
    try:
        device = find_input("mic")
    except SourceError as error:
        return Check("microphone", "warn", error.message, NO_MICROPHONE)
    kind = " It is a virtual one." if device.is_virtual else ""
    return Check("microphone", "ok", f"{device.full_name}, {device.default_rate} Hz.{kind}")


def demo() -> Check:
    from vcam.audio.demo import demo_path

    try:
        path = demo_path()
    except SourceError as error:
        return Check("demo", "fail", error.message, error.hint)
    return Check("demo", "ok", f"The bundled voice is there ({path.stat().st_size // 1024} kB).")
