"""Running a session from start options: what `vcam start` and the background process have in common."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pydantic import ValidationError

from vcam.errors import UsageError
from vcam.paths import at_home
from vcam.profile.model import Profile
from vcam.session import Session

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StartOptions:
    """What was asked for on the command line; None leaves it to the profile. Plain values, so that JSON can carry it.

    ``duration`` in seconds; ``fps`` in frames a second; ``size`` as "1280x720"; paths absolute.
    """

    profile: str | None = None
    audio: str | None = None
    camera: str | None = None
    monitor: str | None = None
    animator: str | None = None
    stand_in: bool = False
    size: str | None = None
    fps: float | None = None
    duration: float | None = None
    open_page: bool = False
    page_asked: bool = False


def effective_profile(options: StartOptions) -> Profile:
    """The profile with the command line's changes. Raises ProfileError, or UsageError for a wrong option."""
    from vcam.profile.loader import DEFAULT, load

    profile = load(options.profile or DEFAULT)
    output = None
    if options.monitor is not None:
        output = {**profile.audio.output.model_dump(), "device": options.monitor or "none"}
    changes = (
        ("--size", "camera", "size", options.size),
        ("--fps", "camera", "fps", options.fps),
        ("--animator", "animator", "kind", options.animator),
        ("--audio", "audio", "device", options.audio),
        ("--monitor", "audio", "output", output),
    )
    for option, section, key, value in changes:
        if value is None:
            continue
        try:
            profile = profile.with_changes(section, **{key: value})
        except ValidationError as error:
            details = error.errors(include_url=False)[0]
            what = details["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
            raise UsageError(f"{option} {str(value)[:60]!r}: {what}.", "`vcam start --help` tells more.") from error
    if options.stand_in:
        if options.animator == "lite":
            raise UsageError("--stand-in is for ditto; lite has no networks.", "Leave out --stand-in or --animator.")
        settings = profile.animator.model_dump()
        settings["ditto"]["stand_in"] = True
        if options.animator is None:
            settings["kind"] = "ditto"
        profile = profile.with_changes("animator", **settings)
    return profile


def build_session(options: StartOptions) -> Session:
    """A session ready to be started. Raises VcamError where a profile, a device name or a file is wrong."""
    from vcam.audio.devices import open_source
    from vcam.audio.outputs import AUTO, NONE, open_output
    from vcam.build import sound_spec
    from vcam.camera.auto import open_camera
    from vcam.camera.base import Camera

    profile = effective_profile(options)
    source = open_source(sound_spec(profile))
    where = profile.audio.output.device
    output = open_output(where, profile.audio.output.mode) if where != NONE else None

    def open_for_session() -> Camera:
        camera, notice = open_camera(profile.camera, options.camera)
        if notice:
            session.notices.add("camera-choice", notice)
        return camera

    session = Session(
        profile, source, open_for_session, duration=options.duration, output=output, optional=where == AUTO
    )
    return session


def run_session(
    options: StartOptions,
    *,
    on_ready: Callable[[Session], None] | None = None,
    view: Callable[[Session], AbstractContextManager[object]] | None = None,
    log: Path | None = None,
) -> int:
    """Run one session until it ends, is told to stop or gets SIGTERM or SIGINT; 0 if it ended well.

    Holds the user's session lock and serves the control channel meanwhile. ``view`` shows the session while it runs,
    from before it is live; ``on_ready`` is called once it is; ``log`` is noted for ``vcam logs``. Raises VcamError if
    it cannot start or ends with an error.
    """
    from vcam.daemon.lock import SessionLock
    from vcam.daemon.server import ControlServer

    lock = SessionLock()
    lock.acquire(log)
    try:
        session = build_session(options)
        with (
            ControlServer(session, lock.address, lock.key),
            stop_on_signals(session),
            view(session) if view is not None else nullcontext(),
        ):
            try:
                session.start()
                if on_ready is not None and session.state not in ("stopping", "failed"):
                    on_ready(session)
                while not session.wait(timeout=0.5):
                    pass
            finally:
                session.close()
    finally:
        lock.release()
    return 0


@contextmanager
def stop_on_signals(session: Session) -> Iterator[None]:
    """SIGINT and SIGTERM end the session cleanly; a second one forces the exit."""
    asked = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            session.hurry()
            raise KeyboardInterrupt
        asked.set()
        logger.info("%s: stopping", signal.Signals(number).name)
        session.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def absolute_profile(name: str | None) -> str | None:
    """A profile given as a path, made absolute; a name stays a name."""
    if name is None or not (name.endswith((".yaml", ".yml")) or len(Path(name).parts) > 1):
        return name
    return _absolute(name)


def absolute_audio(spec: str | None) -> str | None:
    """A sound file's path made absolute; words and devices stay as they are."""
    from vcam.audio.devices import means_file

    return _absolute(spec) if spec is not None and means_file(spec) else spec


def absolute_camera(spec: str | None) -> str | None:
    """A recording's path made absolute; words and devices stay as they are."""
    return _absolute(spec) if spec is not None and spec.lower().endswith(".mp4") else spec


def _absolute(path: str) -> str:
    return str(at_home(path).absolute())
