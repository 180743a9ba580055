"""A live session on a private sound server, and how late its voice and its pictures are, by clicks."""

from __future__ import annotations

import itertools
import logging
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tests.clicks import PERIOD, Clicks, Measurement
from tests.live.parts import CountingAnimator, RecordingCamera
from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.animators.base import Pose
from vcam.audio import virtual_mic
from vcam.audio.microphone import MicrophoneSource
from vcam.audio.outputs import open_output
from vcam.build import camera_format
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, ByteArray
from vcam.profile.model import Profile
from vcam.session import Session

logger = logging.getLogger(__name__)

TOLERANCE = 0.020  # s of skew that vcam promises
LATE = 0.040  # s that a picture may be off: it is shown for as long, and a busy machine is a little late
PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}, "gate": {"kind": "off"}})
HEADSET = "source_properties=device.description=Headset"
CLICK = 0.3  # level from which on a sample belongs to one
WHITE = 200


class ClickAnimator(CountingAnimator):
    """Draws a white frame where a click is heard in its sound, and tells the click's PTS."""

    kind: ClassVar[str] = "clicks"

    def __init__(self) -> None:
        super().__init__(320, 240)
        self.clicks: list[int] = []

    def analyse(self, chunk: AudioChunk) -> Sequence[Pose]:
        loud = np.flatnonzero(np.abs(chunk.samples) > CLICK)
        if len(loud) and (not self.clicks or chunk.pts + loud[0] - self.clicks[-1] > PERIOD / 4 * SAMPLE_RATE):
            self.clicks.append(chunk.pts + int(loud[0]))
        return super().analyse(chunk)

    def render(self, pose: Pose) -> ByteArray:
        frame = super().render(pose)
        if any(pose.pts <= click < pose.pts + FRAME_SAMPLES for click in self.clicks[-4:]):
            frame[:] = 255
        return frame


class LiveBench:
    """The session plays the voice to a virtual microphone and shows its clicks on a camera that takes notes."""

    def __init__(self, server: PulseServer) -> None:
        self.server = server
        self.camera = RecordingCamera(camera_format(PROFILE))
        self.animator = ClickAnimator()
        self.session = Session(
            PROFILE.with_changes("audio", output={"device": "virtual-mic"}),
            MicrophoneSource("pulse"),
            lambda: self.camera,
            make_animator=lambda _: (self.animator, ""),
            output=open_output("virtual-mic"),
        )

    def plug(self, rate: int = 48_000) -> None:
        """Plug the microphone in (again)."""
        if "mic_in\t" not in self.server.pactl("list", "short", "sinks"):
            self.server.load_sink("mic_in", rate)
        self.server.pactl("load-module", "module-remap-source", "source_name=headset", "master=mic_in.monitor", HEADSET)

    def unplug(self) -> None:
        self.server.unload_sink("mic_in")  # the headset goes with it

    def start(self) -> None:
        """Live and settled, and as many threads and descriptors as that takes counted."""
        self.session.start()
        wait_until(self.settled, 20)
        self.plan = self.session.latency
        self._threads, self._files = threads(), files()

    def settled(self) -> bool:
        output = self.session.status()["audio"]["output"]
        in_step = output["skew_ms"] is not None and abs(output["skew_ms"]) < TOLERANCE * 1000
        return self.session.state == "live" and in_step

    def listens_to(self) -> str:
        """The source that the sound server lets the session record from."""
        names = dict(line.split("\t")[:2] for line in self.server.pactl("list", "short", "sources").splitlines())
        return next((names[source] for _, source in virtual_mic._recorders(os.getpid())), "")

    def warned(self, text: str) -> bool:
        return any(text in warning for warning in self.session.status()["warnings"])

    def delays(self, count: int = 4) -> tuple[float, float]:
        """How late the voice is heard and the picture is shown, in s: medians over so many clicks."""
        began, seen = time.monotonic(), len(self.camera.pictures)
        expected = self.session.latency
        with Measurement() as measurement:
            wait_until(lambda: measurement.count() >= count + 2, 30)
            voice = measurement.delays(expected.total)[1:-1]
            pictures = self._picture_delays(measurement.voice, began, seen, expected.delay)
        return statistics.median(voice), statistics.median(pictures)

    def _picture_delays(self, clicks: Clicks, began: float, seen: int, expected: float) -> list[float]:
        """Of each click that was shown: from when it was spoken until the frame with it was there."""
        spoken = clicks.heard_at(began)
        found = []
        for pts, at, luma in self.camera.pictures[seen:]:
            inside = [click - pts for click in self.animator.clicks if pts <= click < pts + FRAME_SAMPLES]
            if luma > WHITE and inside:
                delay = at - spoken + inside[0] / SAMPLE_RATE
                found.append(delay + round((expected - delay) / PERIOD) * PERIOD)
        return found

    def assert_as_before(self) -> None:
        """All is well again, nothing is told any more, the delay has not grown, and nothing was left behind."""
        wait_until(self.settled, 30)
        assert not self.warned("Trying again")
        wait_until(self._in_step, 30)
        now = self.session.latency
        if not self.warned("interrupted again and again"):  # which a busy machine does; then it takes more, in steps
            assert now == self.plan
        assert replace(now, voice=0.0) == replace(self.plan, voice=0.0)
        wait_until(lambda: threads() <= self._threads)
        wait_until(lambda: files() <= self._files)
        assert self.camera_gap() < 0.5, "the camera's rate"

    def _in_step(self) -> bool:
        """Whether clicks are heard and seen as late as planned: a clock that was lost needs some seconds for it."""
        voice, picture = self.delays()
        now = self.session.latency
        logger.info("voice %.1f, picture %.1f of %.1f ms", voice * 1000, picture * 1000, now.total * 1000)
        in_time = abs(voice - now.total) < TOLERANCE and abs(picture - now.delay) < LATE
        return in_time and abs(picture - voice) < LATE

    def camera_gap(self) -> float:
        """The longest time without a picture, in s."""
        return max(b[1] - a[1] for a, b in itertools.pairwise(self.camera.pictures))


def threads() -> int:
    """Those of the C libraries included."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def files() -> int:
    """Open descriptors."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
