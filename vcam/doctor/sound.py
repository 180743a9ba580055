"""PortAudio, the microphone, the virtual microphone and the bundled voice."""

from __future__ import annotations

import shutil
import sys

from vcam.doctor.check import Check
from vcam.doctor.install import install_command, pip_command
from vcam.errors import OutputError, SourceError, VcamError

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


def virtual_microphone(platform: str = sys.platform) -> Check:
    """Whether `vcam start --monitor virtual-mic` would work: the delayed voice, as a microphone for the call."""
    from vcam.audio.devices import audio_problem

    name, use = "virtual-microphone", "--monitor virtual-mic can play the voice in step with the lips"
    if audio_problem() is not None:
        return Check(name, "info", "Not known without PortAudio.")
    if not platform.startswith("linux"):
        return _cable(name, use, platform)
    from vcam.audio import virtual_mic
    from vcam.audio.outputs import find_bridge

    if shutil.which("pactl") is None:
        why = "The program pactl, which makes one, is not installed (PipeWire uses the same)."
        return Check(name, "info", why, install_command("pactl"))
    try:
        left = virtual_mic.modules()
    except OutputError as error:
        return Check(name, "info", error.message, error.hint)
    try:
        bridge = find_bridge()
    except OutputError as error:
        return Check(name, "info", error.message, install_command("alsa-pulse"))
    if left and not _running():
        why = f"{virtual_mic.DESCRIPTION} was left behind by a session that was killed; the next one uses it again."
        numbers = " && ".join(f"pactl unload-module {module.number}" for module in reversed(left))
        return Check(name, "warn", why, numbers)
    return Check(name, "ok", f"{use} (through {bridge.full_name}).")


def _cable(name: str, use: str, platform: str) -> Check:
    from vcam.audio.outputs import HOW_TO_GET_ONE, find_cable

    try:
        device = find_cable(platform)
    except OutputError as error:
        fix = install_command("blackhole", platform) if platform == "darwin" else HOW_TO_GET_ONE.get(platform, "")
        return Check(name, "info", error.message, fix)
    return Check(name, "ok", f"{use}, on {device.full_name}.")


def _running() -> bool:
    from vcam.daemon.lock import SessionLock

    try:
        return SessionLock().is_held()
    except VcamError:  # has a check of its own
        return False


def demo() -> Check:
    from vcam.audio.demo import demo_path

    try:
        path = demo_path()
    except SourceError as error:
        return Check("demo", "fail", error.message, error.hint)
    return Check("demo", "ok", f"The bundled voice is there ({path.stat().st_size // 1024} kB).")
