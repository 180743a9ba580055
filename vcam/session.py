"""The session wires source → gate → animator → stage → camera, and owns every thread and queue in between.

    source ─ AudioPump ─ ChunkQueue ─ AnimatorWorker ─ PictureStore ─ Presenter ─ camera
                 └──────────────────── VoiceQueue ────────────────────────┘

The delay between the microphone and the camera is fixed once source and animator are known, and then kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from vcam.animators.base import Animator
from vcam.audio.gate import make_gate
from vcam.audio.source import Source
from vcam.build import build_animator, build_fallback, build_stage, camera_format
from vcam.camera.base import Camera
from vcam.errors import AnimatorError, VcamError
from vcam.live.clock import SampleClock
from vcam.live.meters import Notices
from vcam.live.presenter import Presenter
from vcam.live.pump import AudioPump
from vcam.live.queues import ChunkQueue, PictureStore, VoiceQueue
from vcam.live.worker import AnimatorWorker
from vcam.media import ANIMATION_FPS, CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, ms, samples
from vcam.profile.model import Profile

logger = logging.getLogger(__name__)

SUPERVISION_PERIOD = 0.1  # s
HANG = 3.0  # s inside the animator without coming back
FAILURES_FORGIVEN_AFTER = 60.0  # s
RETRY_PAUSE = 2.0  # s between attempts to build an animator anew
OVERLOAD_WINDOW = 5.0  # s
OVERLOAD_SHARE = 0.1  # of the window's frames skipped before the user is told
VOICE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """From the sound at the microphone to the frame at the camera, in seconds; known before the session goes live.

    ``algorithmic``: collecting the frame's sound, plus look-ahead or pre-roll, whichever is longer; ``compute``: what
    is allowed for analysis and drawing; ``source`` and ``camera``: what the devices report.
    """

    algorithmic: float
    compute: float
    source: float
    camera: float

    @property
    def delay(self) -> float:
        """What the session keeps between capture and presentation."""
        return self.algorithmic + self.compute + self.source

    @property
    def total(self) -> float:
        return self.delay + self.camera


def plan_latency(animator: Animator, hold: int, source: float, camera: float) -> LatencyPlan:
    """The plan for an animator behind a gate that holds ``hold`` samples; device latencies in seconds."""
    waited = animator.algorithmic_latency - animator.look_ahead + max(hold, animator.look_ahead)
    return LatencyPlan(waited / SAMPLE_RATE, animator.compute_allowance, source, camera)


class Session:
    """One avatar on one camera. ``start`` returns when it is live; then it runs until ``stop``, an error or the end.

    ``open_camera`` gives an open camera; it is called on the thread that will use it. ``duration`` in seconds of the
    session's own clock, None for no end. ``make_animator`` gives the animator for a profile, and a notice for the user
    or "". Thread-safe: controls may be called from anywhere.
    """

    def __init__(
        self,
        profile: Profile,
        source: Source,
        open_camera: Callable[[], Camera],
        *,
        duration: float | None = None,
        make_animator: Callable[[Profile], tuple[Animator, str]] = build_animator,
    ) -> None:
        self.profile = profile
        self._make_animator = make_animator
        self.source = source
        self.duration = duration
        self.notices = Notices()
        self.latency = LatencyPlan(0.0, 0.0, 0.0, 0.0)
        self._started = time.monotonic()
        self._live = False
        self._muted = False
        self._paused = False
        self._error: VcamError | None = None
        self._lock = threading.Lock()
        self._switching = threading.Lock()
        self._closing = threading.Lock()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._clock = SampleClock()
        self._chunks = ChunkQueue()
        format = camera_format(profile)
        self._store = PictureStore(slow_camera=format.fps < ANIMATION_FPS)
        self._voice = VoiceQueue(VOICE_SECONDS * SAMPLE_RATE // CHUNK_SAMPLES)
        self._records_voice = False
        self._presenter = Presenter(
            self._attached(open_camera), format.fps, self._clock, self._store, self._voice, self.notices
        )
        self._pump: AudioPump | None = None
        self._worker: AnimatorWorker | None = None
        self._skipped_before = 0  # by workers that are gone
        self._last_failure: float | None = None
        self._retry_at = 0.0
        self._fallen_back = False
        self._overload_mark = (0.0, 0)
        self._supervisor = threading.Thread(target=self._supervise, name="vcam-session", daemon=True)

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open everything and go live. Raises the VcamError that prevents it, with nothing left running."""
        try:
            self._go_live()
        except BaseException:
            self.close()
            raise

    def _go_live(self) -> None:
        self._presenter.start()
        animator, notice = self._make_animator(self.profile)
        if notice:
            self.notices.add("animator", notice)
        stage = build_stage(self.profile)
        self._store.standby = stage.compose(animator.portrait(), 0)
        gate = make_gate(self.profile.gate, animator.look_ahead)
        self._pump = AudioPump(self.source, gate, self._clock, self._chunks, self.notices, self._keep_voice)
        self._pump.start()
        animator.warm_up()
        camera = self.camera
        self._records_voice = camera.wants_audio
        self._pump.wait_until_open()
        self.latency = plan_latency(animator, gate.hold, self.source.device_latency, camera.device_latency)
        self._worker = AnimatorWorker(animator, stage, self._chunks, self._store, self._deadline)
        self._worker.start()
        self._presenter.go_live(self.latency.delay)
        if self.duration is not None:
            self._presenter.end_at(round(self.duration * SAMPLE_RATE))
        self._live = True
        where = camera.device.partition("?")[0]  # without the preview's token: logs get shared
        logger.info("live: %s on %s, %.0f ms behind the voice", self.profile.avatar.portrait, where, self.delay_ms)
        self._supervisor.start()

    @property
    def camera(self) -> Camera:
        """The open camera; waits for it. Raises the error with which it could not be opened."""
        return self._presenter.wait_until_open()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; True if it has come. Raises the VcamError that ended the session, if one did."""
        ended = self._ended.wait(timeout)
        if ended and self._error is not None:
            raise self._error
        return ended

    def stop(self) -> None:
        """Ask the session to end; returns before it has."""
        self._stop.set()

    def close(self) -> None:
        """End the session: every thread is stopped, devices are closed, a file is finished. May be called twice."""
        self._stop.set()
        with self._closing:
            for part in (self._pump, self._worker, self._presenter):
                if part is not None:
                    part.stop()
        self._ended.set()

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- controls ------------------------------------------------------------------------------------------------

    def mute(self) -> None:
        """Hear nothing: the mouth stays closed, the avatar goes on listening."""
        self._set_hearing(muted=True)

    def unmute(self) -> None:
        self._set_hearing(muted=False)

    def pause(self) -> None:
        """Away: the avatar idles until :meth:`resume`."""
        self._set_hearing(paused=True)

    def resume(self) -> None:
        self._set_hearing(paused=False)

    def _set_hearing(self, *, muted: bool | None = None, paused: bool | None = None) -> None:
        with self._lock:
            self._muted = self._muted if muted is None else muted
            self._paused = self._paused if paused is None else paused
            if self._pump is not None:
                self._pump.muted = self._muted or self._paused

    def switch(self, target: str) -> None:
        """Show another avatar, or all that another profile says of avatar and animator. Cross-fades; no gap.

        Camera, sound and gate stay as they are: they are fixed for the session. Raises VcamError and changes nothing
        if the target cannot be used.
        """
        from vcam.profile.loader import find_profile_or_avatar

        with self._switching:
            found = find_profile_or_avatar(target, self.profile)
            profile = self.profile.model_copy(update={"avatar": found.avatar, "animator": found.animator})
            profile = profile.located(found.name, found.folder)
            animator, notice = self._make_animator(profile)
            animator.warm_up()
            if self._worker is None or self._pump is None:
                raise AnimatorError("The session is not live yet.", "Try again in a moment.")
            if animator.look_ahead > samples(ms(self._hold)):
                animator.close()
                raise AnimatorError(
                    f"{target} needs more look-ahead than this session was started with.",
                    "Stop the session and start it with that profile.",
                )
            with self._lock:
                self.profile = profile
                self._worker.replace(animator)
            if notice:
                self.notices.add("animator", notice)

    # -- what others may know ------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """starting, live, muted, paused, degraded (a device is away, the animator was replaced), stopping or failed."""
        if self._error is not None:
            return "failed"
        if self._stop.is_set():
            return "stopping"
        if not self._live:
            return "starting"
        if self._fallen_back or self._presenter.lost or (self._pump is not None and self._pump.lost):
            return "degraded"
        return "paused" if self._paused else "muted" if self._muted else "live"

    def time_of(self, pts: int) -> float:
        """The ``time.monotonic()`` seconds at which sample ``pts`` was at the microphone."""
        return self._clock.time_of(pts)

    @property
    def delay_ms(self) -> float:
        """What lies between the voice and its picture, in ms."""
        return self.latency.delay * 1000

    def status(self) -> dict[str, Any]:
        """Everything worth showing, ready for JSON."""
        pump, worker, presenter = self._pump, self._worker, self._presenter
        camera = presenter.camera
        format = camera.format if camera is not None else camera_format(self.profile)
        plan = self.latency
        first = presenter.first_picture_at
        return {
            "state": self.state,
            "uptime_s": round(time.monotonic() - self._started, 3),
            "profile": self.profile.name,
            "avatar": self.profile.avatar.portrait,
            "animator": worker.animator.kind if worker is not None else self.profile.animator.kind,
            "audio": {
                "device": self.source.name,
                "sample_rate": self.source.device_rate,
                "level_dbfs": round(pump.meter.dbfs, 1) if pump is not None else None,
                "speech": pump is not None and pump.speech,
                "overruns": pump.overruns if pump is not None else 0,
            },
            "camera": {
                "kind": camera.kind if camera is not None else self.profile.camera.kind,
                "device": camera.device if camera is not None else None,
                "width": format.width,
                "height": format.height,
                "fps": float(format.fps),
                "presented": presenter.presented,
                "repeated": presenter.repeated,
                "skipped": self._skipped(),
                "missed": presenter.missed,
                "first_picture_s": round(first - self._started, 3) if first is not None else None,
            },
            "latency_ms": {
                "algorithmic": round(plan.algorithmic * 1000, 1),
                "compute_allowed": round(plan.compute * 1000, 1),
                "compute_p50": round(worker.frame_times.percentile_ms(50), 2) if worker is not None else 0.0,
                "compute_p95": round(worker.frame_times.percentile_ms(95), 2) if worker is not None else 0.0,
                "device": round((plan.source + plan.camera) * 1000, 1),
                "total": round(plan.total * 1000, 1),
            },
            "muted": self._muted,
            "paused": self._paused,
            "warnings": self.notices.texts(),
        }

    # -- inside --------------------------------------------------------------------------------------------------

    def _attached(self, open_camera: Callable[[], Camera]) -> Callable[[], Camera]:
        def open_and_attach() -> Camera:
            camera = open_camera()
            camera.attach(self)
            return camera

        return open_and_attach

    @property
    def _hold(self) -> int:
        return round(self.latency.algorithmic * SAMPLE_RATE) - FRAME_SAMPLES

    def _skipped(self) -> int:
        by_worker = self._worker.skipped if self._worker is not None else 0
        return self._store.skipped + self._skipped_before + by_worker

    def _keep_voice(self, chunk: AudioChunk) -> None:
        if self._records_voice:
            self._voice.put(chunk)

    def _deadline(self, pts: int) -> float:
        return self._clock.time_of(pts + FRAME_SAMPLES) + self.latency.delay

    def _supervise(self) -> None:
        while not self._stop.wait(SUPERVISION_PERIOD):
            presenter, pump, worker = self._presenter, self._pump, self._worker
            assert pump is not None
            assert worker is not None
            if presenter.ended:
                self._error = presenter.error
                break
            if pump.end_pts is not None:
                presenter.end_at(pump.end_pts)
            if worker.error is not None:
                self._recover(worker, f"The {worker.animator.kind} animator failed: {worker.error}.")
            elif worker.busy_for > HANG:
                self._recover(worker, f"The {worker.animator.kind} animator does not answer any more.")
            self._watch_load()
        self.close()

    def _recover(self, failed: AnimatorWorker, what: str) -> None:
        """Restart the animator; the second time within a minute, let lite take over. The camera goes on meanwhile."""
        with self._lock:
            now = time.monotonic()
            if self._stop.is_set() or failed is not self._worker or now < self._retry_at:
                return
            self._retry_at = now + RETRY_PAUSE
            again = self._last_failure is not None and now - self._last_failure < FAILURES_FORGIVEN_AFTER
            self._last_failure = now
            failed.stop(timeout=0)
            try:
                animator = build_fallback(self.profile) if again else self._make_animator(self.profile)[0]
                animator.warm_up()
            except VcamError as error:
                self.notices.add("animator", f"{what} It could not be restarted: {error.message}")
                return
            self._fallen_back = again
            self.notices.add("animator", f"{what} {'lite has taken over.' if again else 'It was restarted.'}")
            self._skipped_before += failed.skipped
            worker = AnimatorWorker(animator, build_stage(self.profile), self._chunks, self._store, self._deadline)
            worker.start()
            self._worker = worker

    def _watch_load(self) -> None:
        now = time.monotonic()
        since, skipped = self._overload_mark
        if now - since < OVERLOAD_WINDOW:
            return
        self._overload_mark = (now, self._skipped())
        lost = self._skipped() - skipped
        if since and lost > OVERLOAD_SHARE * OVERLOAD_WINDOW * ANIMATION_FPS:
            self.notices.add(
                "load", f"This machine is too busy: {lost} frames were skipped in {OVERLOAD_WINDOW:.0f} s."
            )
        else:
            self.notices.clear("load")
