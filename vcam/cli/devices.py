"""`vcam devices`: microphones, speakers and cameras, and which of them would be used."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vcam.cli.errors import handle_errors

if TYPE_CHECKING:
    from rich.console import Console

    from vcam.audio.devices import AudioDevice
    from vcam.camera.devices import CameraDevice
    from vcam.choices import Choice

PICKED = "→"  # in front of what `vcam start` would take


def register(app: typer.Typer) -> None:
    app.command()(devices)


@handle_errors
def devices(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """List microphones, speakers and cameras: which are virtual, and which `vcam start` would take."""
    from vcam.audio.devices import audio_problem, list_audio_devices
    from vcam.camera.devices import list_cameras
    from vcam.choices import choose_camera, choose_sound
    from vcam.doctor.sound import NO_MICROPHONE
    from vcam.errors import ProfileError
    from vcam.profile import Profile
    from vcam.profile.loader import load

    problem = audio_problem()
    audio, cameras = list_audio_devices(), list_cameras()
    try:
        profile = load()
    except ProfileError:  # the user's own default is broken; `vcam doctor` says so
        profile = Profile()
    sound, camera = choose_sound(profile.audio.device), choose_camera(profile.camera)
    if as_json:
        typer.echo(json.dumps(_as_json(problem, audio, cameras, sound, camera), indent=2))
        return

    from vcam.cli.tables import make_console

    console = make_console()
    microphones = [device for device in audio if device.inputs]
    speakers = [device for device in audio if device.outputs]
    if problem is not None:
        _nothing(console, "Microphones and speakers", problem.message, problem.hint)
    else:
        picked = [device for device in microphones if device.full_name == sound.name][:1]
        default_outputs = [device for device in speakers if device.is_default_output]
        _show_audio(console, "Microphones", microphones, "inputs", picked)
        if not microphones:
            _nothing(console, "Microphones", "The system has no audio input device.", NO_MICROPHONE)
        _show_audio(console, "Speakers", speakers, "outputs", default_outputs)
        if not speakers:
            _nothing(console, "Speakers", "The system has no audio output device.", "")
    _show_cameras(console, cameras, camera)
    if camera.kind != "virtual":
        _nothing(console, "" if cameras else "Cameras", camera.why, camera.fix)
    _show_choice(console, sound, camera)


def _show_audio(
    console: Console, title: str, found: list[AudioDevice], channels: str, picked: list[AudioDevice]
) -> None:
    if not found:
        return
    from vcam.cli.tables import plain, table

    rows = table(title, "", "#>", "name", "interface", "channels>", "Hz>", "latency>", "")
    for device in found:
        rows.add_row(
            PICKED if device in picked else "",
            str(device.index),
            plain(device.name),
            plain(device.host_api),
            str(getattr(device, channels)),
            str(device.default_rate),
            f"{device.latency * 1000:.0f} ms",
            "virtual" if device.is_virtual else "",
        )
    console.print(rows)


def _show_cameras(console: Console, found: list[CameraDevice], choice: Choice) -> None:
    if not found:
        return
    from vcam.cli.tables import plain, table

    rows = table("Cameras", "", "device", "name", "driver", "", "usable by vcam")
    for camera in found:
        picked = choice.kind == "virtual" and choice.name.split(" (")[0] == camera.device
        usable = "yes" if camera.usable else "busy" if camera.busy else "no"
        rows.add_row(
            PICKED if picked else "",
            plain(camera.device),
            plain(camera.label),
            plain(camera.driver),
            "virtual" if camera.is_virtual else "real",
            plain(f"{usable}. {camera.why_not}" if camera.why_not else usable),
        )
    console.print(rows)


def _show_choice(console: Console, sound: Choice, camera: Choice) -> None:
    from vcam.cli.tables import say

    heard = sound.name if sound.ok else "no sound to listen to (try --demo)"
    shown = camera.name or {"preview": "the browser preview", "none": "no camera"}.get(camera.kind, "no camera")
    say(console, f"{PICKED} vcam start takes: {heard}; {shown}.", "bold")


def _nothing(console: Console, title: str, why: str, fix: str) -> None:
    from vcam.cli.tables import say

    if title:
        say(console, f"{title}: none", "bold")
    for line in (why, fix):
        if line:
            say(console, f"  {line}")
    console.print()


def _as_json(
    problem: Exception | None, audio: list[AudioDevice], cameras: list[CameraDevice], sound: Choice, camera: Choice
) -> dict[str, Any]:
    return {
        "audio_problem": str(problem) if problem is not None else None,
        "microphones": [asdict(device) for device in audio if device.inputs],
        "speakers": [asdict(device) for device in audio if device.outputs],
        "cameras": [asdict(device) for device in cameras],
        "picked": {"audio": asdict(sound), "camera": asdict(camera)},
    }
