"""A session in a process of its own, for a test that stops and continues it. Prints what came of it as JSON."""

from __future__ import annotations

import json
import sys
import time

from tests.live.parts import CountingAnimator, Microphone, RecordingCamera
from tests.waiting import wait_until
from vcam.animators.base import Animator
from vcam.build import camera_format
from vcam.live import supervisor
from vcam.profile.model import Profile
from vcam.session import Session

HANG = 1.0  # s
SEEN = 0.3  # s in which the supervisor has looked
WINDOW = 2.2  # s; longer than the sound's age is remembered


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    supervisor.HANG, supervisor.WATCH_WINDOW = HANG, WINDOW
    animators: list[CountingAnimator] = []

    def make(profile: Profile) -> tuple[Animator, str]:
        animators.append(CountingAnimator(320, 240))
        return animators[-1], ""

    profile = Profile.model_validate({"camera": {"size": "320x240", "fps": 25}, "gate": {"kind": "off"}})
    camera = RecordingCamera(camera_format(profile))
    with Session(profile, Microphone(), lambda: camera, make_animator=make) as session:
        wait_until(lambda: len(camera.pictures) > 25)
        delay = session.latency.delay
        animators[0].hanging = True
        wait_until(animators[0].inside.is_set)
        entered = time.monotonic()
        wait_until(lambda: time.monotonic() > entered + SEEN)
        tell("inside")  # now it is stopped
        wait_until(session.notices.texts, 30)
        animators[0].hang.set()
        seen = len(camera.pictures)
        wait_until(lambda: len(camera.pictures) > seen + 25 * 2.5 * WINDOW, 30)
        status = session.status()
        status["made"] = len(animators)
        status["raised"] = session.latency.delay - delay
        status["fresh"] = len({value for _, _, value in camera.pictures[-25:]})
    tell(json.dumps(status))


if __name__ == "__main__":
    main()
