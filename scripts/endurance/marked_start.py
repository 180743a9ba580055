"""``vcam start`` as it is, with the self-test's marks in its pictures: whoever looks can tell which frame each shows.

Run as ``python -m endurance.marked_start start ...`` with the command line's own options.
"""

from __future__ import annotations

import functools

from vcam import app
from vcam.animators.base import Animator
from vcam.build import build_animator
from vcam.camera import auto
from vcam.camera.base import Camera
from vcam.cli import main
from vcam.profile.model import CameraSettings, Profile
from vcam.selftest.marked import MarkedAnimator, MarkedCamera
from vcam.session import Session

_open_camera = auto.open_camera


def _marked_animator(profile: Profile) -> tuple[Animator, str]:
    animator, notice = build_animator(profile)
    return MarkedAnimator(animator, *profile.camera.size), notice


def _marked_camera(settings: CameraSettings, spec: str | None = None) -> tuple[Camera, str | None]:
    camera, notice = _open_camera(settings, spec)
    return MarkedCamera(camera), notice


if __name__ == "__main__":
    auto.open_camera = _marked_camera  # type: ignore[assignment]
    app.Session = functools.partial(Session, make_animator=_marked_animator)  # type: ignore[assignment,misc]
    main()
