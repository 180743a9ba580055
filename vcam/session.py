"""The session wires source → gate → animator → stage → camera, and owns every thread and queue in between.

    source ─ AudioPump ─ ChunkQueue ─ AnimatorWorker ─ PictureStore ─ Presenter ─ camera
        │        └──────────────────── VoiceQueue ────────────────────────┘
        └──── VoicePlayer (delay line) ─ virtual microphone

The delay between the microphone and the camera is fixed once source and animator are known, and then kept. The parts
are in ``vcam.live``: a session makes, starts and stops them, and passes on what it is asked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from vcam.animators.base import Animator, Steering
from vcam.audio.gate import make_gate
from vcam.audio.sink import Sink
from vcam.audio.source import Source
from vcam.build import build_animator, build_stage, portrait_path
from vcam.camera.base import Camera
from vcam.card import draw_card
from vcam.errors import AnimatorError, VcamError
from vcam.live.latency import LatencyPlan
from vcam.live.meters import Notices
from vcam.live.parts import Parts
from vcam.live.status import describe
from vcam.live.supervisor import PERIOD, RECENT, Supervisor
from vcam.media import SAMPLE_RATE, Picture
from vcam.profile.model import Look, Profile

logger = logging.getLogger(__name__)

T = TypeVar("T")

STARTING_POLL = 0.05  # s between looks whether a session that is starting should stop
FILE_LATENCY = 0.02  # s counted for a file where a microphone would have its buffers


class Session:
    """One avatar on one camera. ``start`` returns when it is live; then it runs until ``stop``, an error or the end.

    ``open_camera`` gives an open camera; it is called on the thread that will use it. ``duration`` in seconds from
    when the session is live, None for no end. ``make_animator`` gives the animator for a profile, and a notice for the
    user or "". ``output``, not opened yet, is where the voice is played, None for nowhere; if it is ``optional``, the
    session starts without one that cannot be opened. Thread-safe: controls may be called from anywhere.
    """

    def __init__(
        self,
        profile: Profile,
        source: Source,
        open_camera: Callable[[], Camera],
        *,
        duration: float | None = None,
        make_animator: Callable[[Profile], tuple[Animator, str]] = build_animator,
        output: Sink | None = None,
        optional: bool = False,
    ) -> None:
        self.profile = profile
        self._noticed = ""  # by the animator shown, when it was made
        self._looks: dict[str, Look] = {}  # of portraits shown before, for when they are switched to again
        self.source = source
        self.duration = duration
        self.notices = Notices()
        self.error: VcamError | None = None  # what ended the session, if it was an error
        self._make_animator = make_animator
        self._started = time.monotonic()
        self._live = False
        self._muted = False
        self._paused = False
        self._cut = False
        self._card: Picture | None = None
        self._unused: Animator | None = None  # built, and not yet animating
        self._lock = threading.Lock()  # guards the state above; never held for long
        self._switching = threading.Lock()
        self._closing = threading.Lock()
        self._hurry = False
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._player_optional = optional
        self._parts = Parts.of(profile, source, self._attached(open_camera), output, self.notices, self._stop)
        self._supervisor = Supervisor(self._parts, lambda: self.profile, make_animator)
        self._thread = threading.Thread(target=self._supervise, name="vcam-session", daemon=True)

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open everything and go live; returns early if told to stop meanwhile.

        Raises the VcamError that prevents it, with nothing left running.
        """
        self._started = time.monotonic()
        self._parts.clock.restart()
        try:
            self._go_live()
        except VcamError as error:
            self.error = error
            self.close()
            raise
        except BaseException:
            self.close()
            raise
        if self._stop.is_set():
            self.close()

    def _attached(self, open_camera: Callable[[], Camera]) -> Callable[[], Camera]:
        def open_and_attach() -> Camera:
            camera = open_camera()
            camera.attach(self)
            return camera

        return open_and_attach

    def _go_live(self) -> None:
        parts = self._parts
        parts.presenter.start()
        animator, notice = self._make_animator(self.profile)
        self._noticed = notice
        self._unused = animator
        if notice:
            self.notices.add("animator", notice, seconds=RECENT)
        stage = build_stage(self.profile)
        parts.store.standby = stage.compose(animator.portrait(), 0)
        self._card = draw_card(stage.width, stage.height)
        gate = make_gate(self.profile.gate, animator.look_ahead)
        pump = parts.pump_for(animator, gate)
        with self._lock:
            parts.pump = pump
        self._set_hearing()  # as it was asked meanwhile
        if parts.player is not None:
            parts.player.start()
        if self.source.live:
            pump.start()
        animator.warm_up()
        camera = self._while_starting(parts.presenter.wait_until_open)
        if self.source.live:
            self._while_starting(pump.wait_until_open)
        self._wait_for_output()
        if not self.source.live and not self._stop.is_set():
            pump.start()  # a file waits until it is seen and heard: its beginning must not be lost
            self._while_starting(pump.wait_until_open)
        if self._stop.is_set() or camera is None:
            return
        # Nobody waits for a file's answer, but a busy machine stumbles less with some time in hand.
        latency = pump.latency if self.source.live else max(pump.latency, FILE_LATENCY)
        parts.delay.settle(animator, gate.hold, latency, camera.device_latency, parts.player)
        with self._lock:
            self._unused = None
            if self.source.live:
                parts.chunks.forget()  # nobody would see what they move: the first picture sets out from the portrait
            parts.animation.begin(animator, stage)
        parts.delay.go_live(None if self.duration is None else round(self.duration * SAMPLE_RATE))
        self._live = True
        where = camera.device.partition("?")[0]  # without the preview's token: logs get shared
        logger.info("live: %s on %s, %.0f ms behind the voice", self.profile.avatar.portrait, where, self.delay_ms)
        if parts.player is not None:
            logger.info("the voice goes to %s: choose that microphone in the call", parts.player.sink.name)
        self._thread.start()

    def _wait_for_output(self) -> None:
        player = self._parts.player
        if player is None:
            return
        try:
            self._while_starting(player.wait_until_open)
        except VcamError as error:
            if not self._player_optional:
                raise
            self.notices.add("output", f"The voice is not played to others: {error.message}")
            self._parts.player = None

    def _while_starting(self, wait: Callable[[float], T | None]) -> T | None:
        """What ``wait`` gives at last, or None if the session is told to stop before."""
        while not self._stop.is_set():
            if result := wait(STARTING_POLL):
                return result
        return None

    @property
    def camera(self) -> Camera:
        """The open camera; waits for it. Raises the error that prevents it."""
        camera = self._parts.presenter.wait_until_open()
        assert camera is not None
        return camera

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; True if it has come. Raises the VcamError that ended the session, if one did."""
        ended = self._ended.wait(timeout)
        if ended and self.error is not None:
            raise self.error
        return ended

    def stop(self) -> None:
        """Ask the session to end; returns before it has."""
        self._stop.set()

    def hurry(self) -> None:
        """Like ``stop``, and from now on wait for nothing: whatever does not end at once is left behind."""
        self._hurry = True
        self._stop.set()

    def close(self) -> None:
        """End the session: every thread is stopped, devices are closed, a file is finished. May be called twice."""
        self._stop.set()
        if not self._closing.acquire(timeout=0 if self._hurry else -1):
            return
        try:
            patience = {"timeout": 0.0} if self._hurry else {}
            parts = self._parts
            parts.presenter.stop(**patience)
            if parts.player is not None:
                parts.player.stop(**patience)
            if parts.pump is not None:
                parts.pump.stop(**patience)
            parts.animation.stop(**patience)
            with self._lock:
                unused, self._unused = self._unused, None
            if unused is not None:
                unused.close()
            self.error = self.error or parts.presenter.error
            self._ended.set()
        finally:
            self._closing.release()
        if self._thread.is_alive() and self._thread is not threading.current_thread() and not self._hurry:
            self._thread.join()

    def _supervise(self) -> None:
        presenter, pump = self._parts.presenter, self._parts.pump
        assert pump is not None
        try:
            self._supervisor.begin()
            while not self._stop.wait(PERIOD):
                if presenter.ended or pump.error is not None:
                    self.error = presenter.error or pump.error
                    break
                self._supervisor.look()
        except Exception as error:  # without its supervisor a session could not even be stopped
            logger.exception("the session failed")
            self.error = VcamError(f"The session failed: {error!r}.", "This is a fault in vcam; the log has more.")
        finally:
            self.close()

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- controls ------------------------------------------------------------------------------------------------

    def mute(self) -> None:
        """Hear nothing and play nothing: the mouth stays closed, the avatar goes on listening."""
        self._set_hearing(muted=True)

    def unmute(self) -> None:
        self._set_hearing(muted=False)

    def pause(self) -> None:
        """Away: the avatar idles, looking around, until :meth:`resume`."""
        self._set_hearing(paused=True)

    def resume(self) -> None:
        self._set_hearing(paused=False, cut=False)

    def cut(self) -> None:
        """At once a card instead of the avatar, and silence; otherwise like :meth:`pause`."""
        self._set_hearing(paused=True, cut=True)

    def _set_hearing(self, *, muted: bool | None = None, paused: bool | None = None, cut: bool | None = None) -> None:
        with self._lock:
            self._muted = self._muted if muted is None else muted
            self._paused = self._paused if paused is None else paused
            self._cut = self._cut if cut is None else cut
            unheard = self._muted or self._paused
            self._parts.presenter.card = self._card if self._cut else None
            if self._parts.player is not None:
                self._parts.player.mute(unheard)
            if self._parts.pump is not None:
                self._parts.pump.muted = unheard
            self._parts.animation.set_away(self._paused)

    def express(self, name: str) -> None:
        """Show one of the animator's expressions, easing. It stays, also after a switch to another avatar.

        Raises VcamError if the animator has none of that name.
        """
        self._parts.animation.express(name)

    def pose(self, yaw: float, pitch: float, roll: float, gaze_x: float, gaze_y: float) -> None:
        """Turn head and eyes, in the terms of :class:`Steering`, until told otherwise, also after a switch.

        Raises VcamError if that is too far, or the animator cannot.
        """
        self._parts.animation.steer(Steering(yaw, pitch, roll, gaze_x, gaze_y))

    def switch(self, target: str) -> None:
        """Show another avatar, or all that another profile says of what is seen: avatar, animator, background, badge.
        Cross-fades; no gap.

        Camera, sound and gate stay as they are: they are fixed for the session. Raises VcamError and changes nothing
        if the target cannot be used.
        """
        from vcam.profile.loader import find_profile_or_avatar

        with self._switching:
            if not self._live or self._stop.is_set():
                raise AnimatorError("The session is not live yet.", "Try again in a moment.")
            self._looks[portrait_path(self.profile)] = self.profile.avatar.look
            found = find_profile_or_avatar(target, self.profile, self._looks)
            avatar = found.avatar.model_copy(update={"portrait": portrait_path(found)})
            seen = {"background": found.camera.background, "badge": found.camera.badge}
            camera = self.profile.camera.model_copy(update=seen)
            changes = {"avatar": avatar, "animator": found.animator, "camera": camera}
            profile = self.profile.model_copy(update=changes)
            profile = profile.located(found.name, self.profile.folder)
            successor = self._parts.animation.successor(profile)
            animator, notice = (successor, "") if successor is not None else self._make_animator(profile)
            try:
                animator.warm_up()  # before it is judged: its allowance may be measured here
                self._parts.delay.check_fits(animator, target)
                stage = build_stage(profile)
                standby = stage.compose(animator.portrait(), 0)
                as_before = profile.animator == self.profile.animator
                if not as_before:
                    self._parts.animation.forget_expression()
                self._parts.animation.hand_over(animator, stage)
            except BaseException:
                animator.close()
                raise
            self._parts.store.standby = standby
            self.profile = profile
            self._supervisor.forgive()
            self.notices.clear("animator")
            if notice and (notice != self._noticed or not as_before):
                self.notices.add("animator", notice, seconds=RECENT)
            self._noticed = notice

    # -- what others may know ------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """starting, live, muted, paused, cut, degraded (a device is away, lite took over), stopping or failed."""
        if self.error is not None:
            return "failed"
        if self._stop.is_set():
            return "stopping"
        if not self._live:
            return "starting"
        if self._cut:
            return "cut"
        worker = self._parts.animation.worker
        failed = worker is not None and worker.error is not None
        if self._parts.device_away or self._supervisor.fallen_back or failed:
            return "degraded"
        return "paused" if self._paused else "muted" if self._muted else "live"

    @property
    def latency(self) -> LatencyPlan:
        """The plan in force; all zero until it is live."""
        return self._parts.delay.plan

    def time_of(self, pts: int) -> float:
        """The ``time.monotonic()`` seconds at which sample ``pts`` was at the microphone."""
        return self._parts.clock.time_of(pts)

    @property
    def delay_ms(self) -> float:
        """What lies between the voice and its picture, in ms."""
        return self.latency.delay * 1000

    def status(self) -> dict[str, Any]:
        """Everything worth showing, ready for JSON."""
        return {
            "state": self.state,
            "uptime_s": round(time.monotonic() - self._started, 3),
            **describe(self.profile, self._parts, self._started),
            "muted": self._muted,
            "paused": self._paused,
            "cut": self._cut,
            "error": self.error.message if self.error is not None else None,
        }
