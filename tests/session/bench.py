"""A session whose devices are under the test's control."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tests.live.parts import CountingAnimator, Microphone, RecordingCamera
from tests.waiting import wait_until
from vcam.animators.base import Animator
from vcam.build import camera_format
from vcam.profile.model import Profile
from vcam.session import Session

PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}, "gate": {"kind": "off"}})


class Bench:
    """A session with a microphone and a camera under the test's control."""

    def __init__(self, make_animator: Callable[[Profile], tuple[Animator, str]] | None = None) -> None:
        self.microphone = Microphone()
        self.camera = RecordingCamera(camera_format(PROFILE))
        self.animators: list[CountingAnimator] = []
        self.session = Session(
            PROFILE, self.microphone, lambda: self.camera, make_animator=make_animator or self.make_counting
        )

    def make_counting(self, profile: Profile) -> tuple[Animator, str]:
        self.animators.append(CountingAnimator(320, 240))
        return self.animators[-1], ""

    def rate_kept(self) -> bool:
        """Whether the camera got a picture at every tick, whatever else happened."""
        times = [at for _, at, _ in self.camera.pictures]
        return max(b - a for a, b in itertools.pairwise(times)) < 0.5

    def shown(self, seconds: float = 1.0) -> None:
        """Wait until so many more seconds of pictures have come."""
        target = len(self.camera.pictures) + round(seconds * 25)
        wait_until(lambda: len(self.camera.pictures) >= target, seconds + 10)
