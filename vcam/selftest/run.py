"""A session with marks in its pictures, something to hear at one end, and who looks and listens at the other."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from vcam.animators.base import Animator
from vcam.app import StartOptions, effective_profile
from vcam.audio import virtual_mic
from vcam.audio.microphone import MicrophoneSource
from vcam.audio.outputs import VirtualMicSink
from vcam.audio.sink import Sink
from vcam.build import build_animator
from vcam.camera.auto import open_camera
from vcam.camera.base import Camera
from vcam.daemon.lock import SessionLock
from vcam.errors import CameraError, UsageError, VcamError
from vcam.profile.model import Profile
from vcam.selftest import loopback
from vcam.selftest.figures import Heard, judge
from vcam.selftest.marked import MarkedAnimator, MarkedCamera
from vcam.selftest.result import SelfTest
from vcam.selftest.source import StimulusSource
from vcam.selftest.stimulus import Stimulus, make_stimulus
from vcam.selftest.viewer import DeviceViewer, PreviewViewer, Viewer, Watching
from vcam.session import Session

logger = logging.getLogger(__name__)

SETTLE_LIMIT = 15.0  # s until the voice must be in step
WARM_UP = 1.0  # s with all who look and listen, before anything counts
POLL = 0.1  # s
TAIL = 0.5  # s after the last sound should have been seen and heard
MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Parts:
    """What a measurement uses; tests put faulty ones in their place.

    ``make_animator``: the animator for the profile, and a notice or "". ``open_camera``: an open camera for the profile
    and a notice if it is not the one hoped for. ``make_output``: where the voice is played. ``sound_problem``: why
    sound cannot be looped, "" if it can.
    """

    make_animator: Callable[[Profile], tuple[Animator, str]] = build_animator
    open_camera: Callable[[Profile, str | None], tuple[Camera, str | None]] = field(
        default=lambda profile, spec: open_camera(profile.camera, spec)
    )
    make_output: Callable[[], Sink] = VirtualMicSink
    sound_problem: Callable[[], str] = field(default=lambda: sound_problem())


def sound_problem(platform: str = sys.platform) -> str:
    """Why the sound cannot be looped through a virtual microphone here, in a sentence; "" if it can."""
    if not platform.startswith("linux"):
        return "On this system vcam makes no microphones of its own."
    return loopback.problem()


def run_selftest(options: StartOptions, seconds: float = 20.0, parts: Parts | None = None) -> SelfTest:
    """Measure what `vcam start` with these options shows and plays, for about so many seconds (at least 6).

    Of ``options`` the profile, animator, camera, size and fps count. Holds the user's session lock meanwhile. Raises
    VcamError if nothing can be measured, with nothing left running.
    """
    parts = parts or Parts()
    profile = _plain(effective_profile(options))
    spec = _camera_spec(profile, options.camera)
    stimulus = make_stimulus(min(seconds, MOST_SECONDS))
    lock = SessionLock()
    lock.acquire()
    try:
        problem = parts.sound_problem()
        if problem:
            left_out = [f"The virtual microphone, and so the skew: {problem}"]
            return _measure(profile, spec, stimulus, parts, left_out)
        with loopback.microphone():
            return _measure_with_sound(profile, spec, stimulus, parts)
    finally:
        lock.release()


def _plain(profile: Profile) -> Profile:
    """The profile without what would hide the marks or move what is not the mouth; the voice in step."""
    lite = {**profile.animator.lite.model_dump(), "sway": 0.0, "blinks_per_minute": 0.0}
    profile = profile.with_changes("avatar", mirror=False).with_changes("animator", lite=lite)
    # its own port: the one that the user opens in a browser stays free
    return profile.with_changes("camera", badge="", port=0).with_changes("audio", output={"mode": "sync"})


def _camera_spec(profile: Profile, spec: str | None) -> str | None:
    wanted = spec or profile.camera.device or profile.camera.kind
    if wanted == "none" or wanted.lower().endswith(".mp4"):
        raise UsageError(f"--camera {wanted}: nothing can be read back from it.", "Use auto, preview or a device.")
    if not sys.platform.startswith("linux") and wanted != "preview":
        logger.info("virtual cameras are read back on Linux only: the preview is used")
        return "preview"
    return spec


def _measure_with_sound(profile: Profile, spec: str | None, stimulus: Stimulus, parts: Parts) -> SelfTest:
    with ExitStack() as stack:
        player = stack.enter_context(loopback.Player())
        bench = _Bench(profile, spec, MicrophoneSource(loopback.DEVICE), parts.make_output(), parts)
        stack.enter_context(bench.live())
        bench.wait_for_voice()
        watching = stack.enter_context(Watching(bench.viewer()))
        microphone = stack.enter_context(loopback.Recorder(loopback.MONITOR))
        voice = stack.enter_context(loopback.Recorder(virtual_mic.SOURCE))
        began, promised = bench.observe(lambda: player.play(stimulus.sound), player.finished, watching)
        for recorder in (microphone, voice):
            if recorder.error is not None:
                raise recorder.error
        heard = Heard(microphone.clicks(), voice.clicks(), list(player.clicks))
        if player.underflows:
            bench.warnings.append(f"The sound that was played in was torn {player.underflows} times.")
        if lost := microphone.overruns + voice.overruns:
            bench.warnings.append(f"Those who recorded lost sound {lost} times: this machine is too busy.")
        return bench.result(stimulus, watching, began, heard, promised, f"{loopback.SINK}, a null sink", [])


def _measure(profile: Profile, spec: str | None, stimulus: Stimulus, parts: Parts, left_out: list[str]) -> SelfTest:
    with ExitStack() as stack:
        source = StimulusSource(stimulus)
        bench = _Bench(profile, spec, source, None, parts)
        stack.enter_context(bench.live())
        watching = stack.enter_context(Watching(bench.viewer()))
        began, promised = bench.observe(source.play, source.finished, watching)
        heard = Heard(list(source.clicks), None)
        return bench.result(stimulus, watching, began, heard, promised, source.name, left_out)


class _Bench:
    """The session under test, and what is known of it."""

    def __init__(
        self,
        profile: Profile,
        spec: str | None,
        source: MicrophoneSource | StimulusSource,
        output: Sink | None,
        parts: Parts,
    ) -> None:
        self.warnings: list[str] = []
        self._notice = ""
        self._profile = profile
        width, height = profile.camera.size

        def opened() -> Camera:
            camera, notice = parts.open_camera(profile, spec)
            self._notice = notice or ""
            return MarkedCamera(camera)

        def animator(profile: Profile) -> tuple[Animator, str]:
            inner, notice = parts.make_animator(profile)
            return MarkedAnimator(inner, width, height), notice

        self.session = Session(profile, source, opened, make_animator=animator, output=output)

    @contextmanager
    def live(self) -> Iterator[None]:
        with self.session:
            self.session.wait(0)  # raises what ended it, if it has ended
            yield

    def wait_for_voice(self) -> None:
        """Until the voice is in step, as the session has it; goes on after a while all the same: that is a finding."""
        end = time.monotonic() + SETTLE_LIMIT
        pause = threading.Event()
        while self._told_skew() is None and time.monotonic() < end and not self.session.wait(0):
            pause.wait(POLL)

    def _told_skew(self) -> float | None:
        output = self.session.status()["audio"]["output"]
        return output["skew_ms"] if output is not None else None

    def viewer(self) -> Viewer:
        """Who reads back the camera that was opened. Raises CameraError if nobody can."""
        camera = self.session.camera
        if camera.kind == "preview":
            return PreviewViewer(camera.device)
        if camera.kind == "virtual":
            return DeviceViewer(camera.device.partition(" ")[0])
        raise CameraError(f"What is shown on {camera.device} cannot be read back.", "Use auto, preview or a device.")

    def observe(
        self, play: Callable[[], None], finished: threading.Event, watching: Watching
    ) -> tuple[float, tuple[float, float]]:
        """Play, and wait until all of it has come through.

        Gives when it began, and the least and the most of the delay that the session promised meanwhile.
        """
        self._wait(WARM_UP, threading.Event(), watching)
        began = time.monotonic()
        play()
        totals = self._wait(MOST_SECONDS, finished, watching)
        totals += self._wait(max(totals) + TAIL, threading.Event(), watching)
        return began, (min(totals), max(totals))

    def _wait(self, seconds: float, event: threading.Event, watching: Watching) -> list[float]:
        """For the event, or so many seconds. Raises what goes wrong meanwhile; the delays that were promised."""
        end = time.monotonic() + seconds
        totals = [self.session.latency.total]
        while (left := end - time.monotonic()) > 0 and not event.wait(min(left, POLL)):
            totals.append(self.session.latency.total)
            if self.session.wait(0):
                raise VcamError("The session under test ended by itself.", "The log says why.")
            if watching.error is not None:
                raise watching.error
        return totals

    def result(
        self,
        stimulus: Stimulus,
        watching: Watching,
        began: float,
        heard: Heard,
        promised: tuple[float, float],
        sound: str,
        left_out: list[str],
    ) -> SelfTest:
        status = self.session.status()
        camera, output = status["camera"], status["audio"]["output"]
        seen = [picture for picture in list(watching.seen) if picture.at >= began]
        if camera["kind"] == "preview":
            why = self._notice or "The preview was asked for."
            left_out = [*left_out, f"The virtual camera; the preview stands in for it. {why}"]
        return SelfTest(
            sound=sound,
            camera=f"{str(camera['device']).partition('?')[0]}, read by: {watching.viewer.name}",
            voice=f"{output['device']}, as {virtual_mic.SOURCE} gives it" if output is not None else "",
            picture=f"{status['animator']}, {camera['width']}x{camera['height']} at {camera['fps']:g} fps",
            seconds=round(stimulus.seconds, 1),
            rows=judge(seen, heard, stimulus, self.session.camera.format.fps, promised),
            left_out=left_out,
            warnings=self.warnings + [text for text in status["warnings"] if text != self._notice],
        )
