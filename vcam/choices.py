"""What a session would use on this machine, found out without starting one: no device is opened, nothing is heard."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vcam.errors import AnimatorError, AvatarError, CameraError, OutputError, SourceError, VcamError

if TYPE_CHECKING:
    from vcam.animators.base import Animator
    from vcam.audio.devices import AudioDevice
    from vcam.live.latency import LatencyPlan
    from vcam.profile.model import CameraSettings, OutputSettings, Profile


@dataclass(frozen=True, slots=True)
class Choice:
    """``kind``: what sort of thing would be used, "" for none; ``name``: which one; ``why``: why this one or none at
    all; ``fix``: what would change that. ``latency``: seconds, where a driver tells it.
    """

    kind: str
    name: str = ""
    why: str = ""
    fix: str = ""
    latency: float = 0.0

    @property
    def ok(self) -> bool:
        return bool(self.kind)


def refused(error: VcamError) -> Choice:
    """Nothing can be used, for the reason that ``error`` gives."""
    return Choice("", "", error.message, error.hint)


def choose_sound(spec: str) -> Choice:
    """What ``--audio SPEC`` (or ``audio.device``) would listen to: a microphone, a file or the demo."""
    from vcam.audio.devices import DEMO, find_input, open_source
    from vcam.audio.microphone import MicrophoneSource

    try:
        source = open_source(spec)
        if isinstance(source, MicrophoneSource):
            return _microphone(find_input(spec))
        source.open()
    except SourceError as error:
        return refused(error)
    try:
        return Choice("demo" if spec == DEMO else "file", source.name, latency=source.device_latency)
    finally:
        source.close()


def _microphone(device: AudioDevice) -> Choice:
    return Choice("microphone", device.full_name, "the system's default" * device.is_default_input, "", device.latency)


def choose_output(settings: OutputSettings, platform: str = sys.platform) -> Choice:
    """Where ``vcam start`` would play the voice for others with these settings."""
    from vcam.audio.devices import find_output
    from vcam.audio.outputs import AUTO, NONE, VIRTUAL_MIC, find_bridge, find_cable
    from vcam.audio.virtual_mic import DESCRIPTION, modules

    if settings.device == NONE:
        return Choice("none", "nobody", "the profile plays the voice nowhere")
    when = "in step with the lips" if settings.mode == "sync" else "as early as possible, ahead of the lips"
    try:
        if settings.device not in (AUTO, VIRTUAL_MIC):
            return Choice("device", find_output(settings.device).full_name, when)
        if not platform.startswith("linux"):
            return Choice("virtual-mic", find_cable(platform).full_name, when)
        find_bridge()
        modules()  # whether a sound server answers
        return Choice("virtual-mic", f"{DESCRIPTION}, made while it runs", when)
    except OutputError as error:
        if settings.device == AUTO:
            return Choice("none", "nobody", error.message, error.hint)
        return refused(error)


def choose_camera(settings: CameraSettings, platform: str = sys.platform) -> Choice:
    """The camera that ``vcam start`` would open for these settings: virtual, preview or none."""
    wanted = settings.device if settings.kind in ("auto", "virtual") else None
    if settings.kind == "none":
        return Choice("none", "", "the profile asks for none")
    if settings.kind == "preview":
        return Choice("preview", "", "the profile asks for it")
    try:
        return _virtual_camera(wanted, platform)
    except CameraError as error:
        if settings.kind == "virtual" or wanted:
            return refused(error)
        return Choice("preview", "", error.message, error.hint)


def _virtual_camera(wanted: str | None, platform: str) -> Choice:
    if platform == "linux":
        from vcam.camera.v4l2 import V4L2
        from vcam.camera.virtual import choose

        node, _ = choose(V4L2(), wanted)
        return Choice("virtual", f"{node.path} ({node.label})", "the first usable virtual camera" * (not wanted))
    from vcam.camera.devices import how_to_get_one, list_cameras

    cameras = [camera for camera in list_cameras(platform=platform) if camera.is_virtual]
    for camera in cameras:
        if camera.usable and wanted in (None, camera.device):
            return Choice("virtual", camera.device, camera.why_not)
    reasons = " ".join(f"{camera.device}: {camera.why_not}" for camera in cameras if camera.why_not)
    raise CameraError(f"No virtual camera can be used. {reasons}".rstrip(), how_to_get_one(platform))


def choose_animator(profile: Profile) -> tuple[Choice, Animator | None]:
    """The animator that the profile gets, with its portrait loaded. The caller closes it."""
    from vcam.build import NO_CHECKPOINT, build_animator

    try:
        animator, notice = build_animator(profile)
    except AnimatorError as error:
        return refused(error), None
    automatic = NO_CHECKPOINT if profile.animator.kind == "auto" and animator.kind == "lite" else ""
    return Choice(animator.kind, animator.kind, notice or automatic), animator


def expected_latency(profile: Profile, animator: Animator, sound: Choice) -> LatencyPlan:
    """How far the picture will be behind the voice, as planned; what the camera adds is known only once it is open."""
    from vcam.audio.gate import make_gate
    from vcam.live.latency import plan_latency

    gate = make_gate(profile.gate, animator.look_ahead)
    return plan_latency(animator, gate.hold, sound.latency, 0.0)


def profile_choices(profile: Profile) -> list[tuple[str, Choice]]:
    """All that the profile would use here, by what it is for, in the order of the way from voice to picture."""
    from vcam.build import build_stage, sound_spec

    sound = choose_sound(sound_spec(profile))
    voice = choose_output(profile.audio.output)
    camera = choose_camera(profile.camera)
    if camera.kind == "preview":
        camera = replace(camera, name=f"preview in the browser, port {profile.camera.port or 'any'}")
    width, height = profile.camera.size
    picture = Choice("size", f"{width}x{height} at {profile.camera.fps:g} fps")
    try:
        animator_choice, animator = choose_animator(profile)
        build_stage(profile)  # reads the background's image
    except AvatarError as error:
        refusal = refused(error)
        return [("sound", sound), ("voice to", voice), ("portrait", refusal), ("camera", camera), ("picture", picture)]
    choices: list[tuple[str, Choice]] = [("sound", sound), ("voice to", voice)]
    if animator is not None:
        choices.append(("portrait", Choice("portrait", profile.avatar.portrait)))
    choices += [("animator", animator_choice), ("camera", camera), ("picture", picture)]
    if animator is not None:
        animator.warm_up()  # it measures what computing is allowed
        choices.append(("delay", _delay(expected_latency(profile, animator, sound), sound)))
        animator.close()
    return choices


def _delay(plan: LatencyPlan, sound: Choice) -> Choice:
    algorithmic, compute, source = (round(part * 1000) for part in (plan.algorithmic, plan.compute, plan.source))
    device = f"{source} {sound.kind}" if sound.ok else "what the microphone takes"
    return Choice(
        "delay", f"{round(plan.total * 1000)} ms", f"{algorithmic} algorithmic + {compute} compute allowance + {device}"
    )
