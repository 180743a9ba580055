"""The session wires source → gate → animator → stage → camera, and owns every thread and queue in between.

    source ─ AudioPump ─ ChunkQueue ─ AnimatorWorker ─ PictureStore ─ Presenter ─ camera
        │        └──────────────────── VoiceQueue ────────────────────────┘
        └──── VoicePlayer (delay line) ─ virtual microphone

The delay between the microphone and the camera is fixed once source and animator are known, and then kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

from vcam.animators.base import Animator, Steering
from vcam.audio.gate import make_gate
from vcam.audio.sink import Sink
from vcam.audio.source import Source
from vcam.build import build_animator, build_fallback, build_stage, camera_format, portrait_path
from vcam.camera.base import Camera
from vcam.card import draw_card
from vcam.errors import AnimatorError, VcamError
from vcam.live.clock import SampleClock
from vcam.live.meters import Notices
from vcam.live.presenter import Presenter
from vcam.live.pump import AudioPump
from vcam.live.queues import ChunkQueue, PictureStore, VoiceQueue
from vcam.live.voice import VoicePlayer
from vcam.live.worker import AnimatorWorker
from vcam.media import ANIMATION_FPS, CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, Picture
from vcam.profile.model import Profile
from vcam.stage import Stage

logger = logging.getLogger(__name__)

T = TypeVar("T")

SUPERVISION_PERIOD = 0.1  # s
STARTING_POLL = 0.05  # s between looks whether a session that is starting should stop
HANG = 3.0  # s inside the animator without coming back
FAILURES_FORGIVEN_AFTER = 60.0  # s
RETRY_PAUSE = 2.0  # s between attempts to build an animator anew
WATCH_WINDOW = 5.0  # s
SKIPPED_SHARE = 0.1  # of the window's frames, before the user is told
LATENESS_ALLOWED = 0.02  # s that sound may come later than planned before the delay is planned anew
VOICE_STEP = 0.02  # s by which the delay is raised where the voice keeps being interrupted, so many times:
VOICE_STEPS = 4
FEW_INTERRUPTIONS = 2  # of the voice in each of two windows in a row, before that is done
FILE_LATENCY = 0.02  # s counted for a file where a microphone would have its buffers
RECENT = 60.0  # s for which passing troubles stay among the warnings
VOICE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """From the sound at the microphone to the frame at the camera, in seconds; known before the session goes live.

    ``algorithmic``: collecting the frame's sound, plus look-ahead or pre-roll, whichever is longer; ``compute``: what
    is allowed for analysis and drawing; ``source`` and ``camera``: what the devices report; ``voice``: what the
    picture waits for the voice's output, where that takes longer than the animator.
    """

    algorithmic: float
    compute: float
    source: float
    camera: float
    voice: float = 0.0

    @property
    def delay(self) -> float:
        """What the session keeps between capture and presentation."""
        return self.algorithmic + self.compute + self.source + self.voice

    @property
    def total(self) -> float:
        return self.delay + self.camera


def plan_latency(animator: Animator, hold: int, source: float, camera: float) -> LatencyPlan:
    """The plan for an animator behind a gate that holds ``hold`` samples; device latencies in seconds."""
    waited = animator.algorithmic_latency - animator.look_ahead + max(hold, animator.look_ahead)
    return LatencyPlan(waited / SAMPLE_RATE, animator.compute_allowance, source, camera)


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
        self.source = source
        self.duration = duration
        self.notices = Notices()
        self.latency = LatencyPlan(0.0, 0.0, 0.0, 0.0)
        self.error: VcamError | None = None  # what ended the session, if it was an error
        self._make_animator = make_animator
        self._started = time.monotonic()
        self._live = False
        self._muted = False
        self._paused = False
        self._cut = False
        self._expression: str | None = None  # asked for while running
        self._steering: Steering | None = None  # likewise
        self._lock = threading.Lock()  # guards the state above and which worker is in use; never held for long
        self._switching = threading.Lock()
        self._closing = threading.Lock()
        self._hurry = False
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._clock = SampleClock()
        self._chunks = ChunkQueue()
        format = camera_format(profile)
        self._card: Picture | None = None
        self._store = PictureStore(slow_camera=format.fps < ANIMATION_FPS)
        self._voice = VoiceQueue(VOICE_SECONDS * SAMPLE_RATE // CHUNK_SAMPLES)
        self._presenter = Presenter(
            self._attached(open_camera), format.fps, self._clock, self._store, self._voice, self.notices
        )
        self._player = VoicePlayer(output, self._clock, self.notices) if output is not None else None
        self._player_optional = optional
        self._hold = 0  # samples that the gate holds back
        self._pump: AudioPump | None = None
        self._worker: AnimatorWorker | None = None
        self._unused: Animator | None = None  # built, and not yet handed to a worker
        self._skipped_before = 0  # by workers that are gone
        self._last_failure: float | None = None
        self._retry_at = 0.0
        self._fallen_back = False
        self._watch_mark = (0.0, 0)
        self._late_before = 0.0  # s that sound came later than planned in the last window
        self._interruptions = self._interrupted_before = self._voice_steps = 0  # of the voice, as watched
        self._supervisor = threading.Thread(target=self._supervise, name="vcam-session", daemon=True)

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open everything and go live; returns early if told to stop meanwhile.

        Raises the VcamError that prevents it, with nothing left running.
        """
        self._started = time.monotonic()
        self._clock.restart()
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

    def _go_live(self) -> None:
        self._presenter.start()
        animator, notice = self._make_animator(self.profile)
        self._unused = animator
        if notice:
            self.notices.add("animator", notice, seconds=RECENT)
        stage = build_stage(self.profile)
        self._store.standby = stage.compose(animator.portrait(), 0)
        self._card = draw_card(stage.width, stage.height)
        gate = make_gate(self.profile.gate, animator.look_ahead)
        self._hold = gate.hold
        self._chunks.allow(animator.tail // CHUNK_SAMPLES)
        pump = AudioPump(
            self.source,
            gate,
            self._clock,
            self._chunks,
            self.notices,
            self._voice.put,
            self._presenter.end_at,
            animator.tail,
            self._player.hear if self._player is not None else None,
        )
        with self._lock:
            self._pump = pump
        self._set_hearing()  # as it was asked meanwhile
        if self._player is not None:
            self._player.start()
        if self.source.live:
            pump.start()
        animator.warm_up()
        camera = self._while_starting(self._presenter.wait_until_open)
        if not self.source.live and not self._stop.is_set():
            pump.start()  # a file waits until somebody listens: its beginning must not be lost
        self._while_starting(pump.wait_until_open)
        self._wait_for_output()
        if self._stop.is_set() or camera is None:
            return
        # Nobody waits for a file's answer, but a busy machine stumbles less with some time in hand.
        latency = pump.latency if self.source.live else max(pump.latency, FILE_LATENCY)
        self.latency = self._waiting_for_voice(plan_latency(animator, gate.hold, latency, camera.device_latency))
        worker = AnimatorWorker(animator, stage, self._chunks, self._store, self._deadline)
        with self._lock:
            self._worker, self._unused = worker, None
            self._brief(animator)
        worker.start()
        length = None if self.duration is None else round(self.duration * SAMPLE_RATE)
        self._presenter.go_live(self.latency.delay, length)
        self._keep_voice()
        self._live = True
        where = camera.device.partition("?")[0]  # without the preview's token: logs get shared
        logger.info("live: %s on %s, %.0f ms behind the voice", self.profile.avatar.portrait, where, self.delay_ms)
        if self._player is not None:
            logger.info("the voice goes to %s: choose that microphone in the call", self._player.sink.name)
        self._supervisor.start()

    def _wait_for_output(self) -> None:
        player = self._player
        if player is None:
            return
        try:
            self._while_starting(player.wait_until_open)
        except VcamError as error:
            if not self._player_optional:
                raise
            self.notices.add("output", f"The voice is not played to others: {error.message}")
            self._player = None

    def _waiting_for_voice(self, plan: LatencyPlan) -> LatencyPlan:
        """The plan, with as much more delay as the voice's output needs to be in step."""
        if self._player is None or self.profile.audio.output.mode == "direct":
            return plan
        return replace(plan, voice=max(0.0, self._player.least_delay(plan.source) - plan.total))

    def _keep_voice(self) -> None:
        """Tell the player how late the voice is to be played: with the lips, or as early as possible."""
        if self._player is not None:
            direct = self.profile.audio.output.mode == "direct"
            source = self.latency.source
            self._player.keep(self._player.least_delay(source) if direct else self.latency.total, source)

    def _while_starting(self, wait: Callable[[float], T | None]) -> T | None:
        """What ``wait`` gives at last, or None if the session is told to stop before."""
        while not self._stop.is_set():
            if result := wait(STARTING_POLL):
                return result
        return None

    @property
    def camera(self) -> Camera:
        """The open camera; waits for it. Raises the error that prevents it."""
        camera = self._presenter.wait_until_open()
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
            self._presenter.stop(**patience)
            if self._player is not None:
                self._player.stop(**patience)
            if self._pump is not None:
                self._pump.stop(**patience)
            if self._worker is not None:
                self._worker.stop(**patience)
            with self._lock:
                unused, self._unused = self._unused, None
            if unused is not None:
                unused.close()
            self.error = self.error or self._presenter.error
            self._ended.set()
        finally:
            self._closing.release()
        if self._supervisor.is_alive() and self._supervisor is not threading.current_thread() and not self._hurry:
            self._supervisor.join()

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
            self._presenter.card = self._card if self._cut else None
            if self._player is not None:
                self._player.mute(unheard)
            if self._pump is not None:
                self._pump.muted = unheard
            if self._worker is not None:
                self._worker.set_away(self._paused)

    def express(self, name: str) -> None:
        """Show one of the animator's expressions, easing. It stays, also after a switch to another avatar.

        Raises VcamError if the animator has none of that name.
        """
        with self._lock:
            if self._worker is None:
                raise AnimatorError("The session is not live yet.", "Try again in a moment.")
            self._worker.express(name)
            self._expression = name

    def pose(self, yaw: float, pitch: float, roll: float, gaze_x: float, gaze_y: float) -> None:
        """Turn head and eyes, in the terms of :class:`Steering`, until told otherwise, also after a switch.

        Raises VcamError if that is too far, or the animator cannot.
        """
        steering = Steering(yaw, pitch, roll, gaze_x, gaze_y)
        with self._lock:
            if self._worker is None:
                raise AnimatorError("The session is not live yet.", "Try again in a moment.")
            self._worker.steer(steering)
            self._steering = steering

    def _brief(self, animator: Animator) -> None:
        """Tell an animator what was asked of the one before it."""
        animator.set_away(self._paused)
        if self._expression is not None and self._expression in animator.expressions:
            animator.express(self._expression)
        if self._steering is not None:
            try:
                animator.steer(self._steering)
            except AnimatorError as error:
                logger.info("the head goes back: %s", error.message)

    def switch(self, target: str) -> None:
        """Show another avatar, or all that another profile says of avatar and animator. Cross-fades; no gap.

        Camera, sound and gate stay as they are: they are fixed for the session. Raises VcamError and changes nothing
        if the target cannot be used.
        """
        from vcam.profile.loader import find_profile_or_avatar

        with self._switching:
            if not self._live or self._stop.is_set():
                raise AnimatorError("The session is not live yet.", "Try again in a moment.")
            found = find_profile_or_avatar(target, self.profile)
            avatar = found.avatar.model_copy(update={"portrait": portrait_path(found)})
            profile = self.profile.model_copy(update={"avatar": avatar, "animator": found.animator})
            profile = profile.located(found.name, self.profile.folder)
            animator, notice = self._succeeding(profile)
            try:
                animator.warm_up()  # before it is judged: its allowance may be measured here
                self._check_fits(animator, target)
                stage = build_stage(profile)
                standby = stage.compose(animator.portrait(), 0)
                as_before = profile.animator == self.profile.animator
                if not as_before:
                    self._expression = None  # another profile's face is its own
                self._use(animator, stage)
            except BaseException:
                animator.close()
                raise
            self._store.standby = standby
            self.profile = profile
            self._fallen_back, self._last_failure = False, None
            self.notices.clear("animator")
            if notice and not as_before:
                self.notices.add("animator", notice, seconds=RECENT)

    def _succeeding(self, profile: Profile) -> tuple[Animator, str]:
        """The animator for the next profile, sharing what the present one has loaded if it can."""
        worker = self._worker
        if worker is not None and worker.error is None:
            successor = worker.animator.successor(profile)
            if successor is not None:
                return successor, ""
        return self._make_animator(profile)

    def _check_fits(self, animator: Animator, target: str) -> None:
        plan = plan_latency(animator, self._hold, self.latency.source, self.latency.camera)
        if animator.look_ahead > self._hold or plan.delay > self.latency.delay + 1e-6:
            raise AnimatorError(
                f"{target} needs a delay of {plan.delay * 1000:.0f} ms; this session has {self.delay_ms:.0f} ms.",
                "Stop the session and start it with that profile.",
            )

    def _use(self, animator: Animator, stage: Stage) -> None:
        """Hand over to the running worker, or to a new one if that has failed."""
        with self._lock:
            if self._stop.is_set():
                raise AnimatorError("The session has ended.")
            worker = self._worker
            assert worker is not None
            self._brief(animator)
            if worker.replace(animator, stage):
                return
            self._skipped_before += worker.skipped
            self._worker = AnimatorWorker(animator, stage, self._chunks, self._store, self._deadline)
            self._worker.start()

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
        pump, worker, player = self._pump, self._worker, self._player
        away = self._presenter.lost or (pump is not None and pump.lost) or (player is not None and player.lost)
        if away or self._fallen_back or (worker is not None and worker.error is not None):
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
                "output": self._output_status(),
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
                "voice": round(plan.voice * 1000, 1),
                "total": round(plan.total * 1000, 1),
            },
            "stages": [asdict(stage) for stage in worker.animator.stages()] if worker is not None else [],
            "queues": {
                "chunks": len(self._chunks),
                "poses": worker.waiting if worker is not None else 0,
                "pictures": len(self._store),
            },
            "muted": self._muted,
            "paused": self._paused,
            "cut": self._cut,
            "expressions": list(worker.animator.expressions) if worker is not None else [],
            "warnings": self.notices.texts(),
        }

    def _output_status(self) -> dict[str, Any] | None:
        player = self._player
        if player is None:
            return None
        delay = player.delay
        skew = None if delay is None else round((self.latency.total - delay) * 1000, 1) + 0.0  # no "-0.0"
        return {**player.status(), "mode": self.profile.audio.output.mode, "skew_ms": skew}

    # -- inside --------------------------------------------------------------------------------------------------

    def _attached(self, open_camera: Callable[[], Camera]) -> Callable[[], Camera]:
        def open_and_attach() -> Camera:
            camera = open_camera()
            camera.attach(self)
            return camera

        return open_and_attach

    def _skipped(self) -> int:
        by_worker = self._worker.skipped if self._worker is not None else 0
        frames_unheard = self._chunks.dropped * CHUNK_SAMPLES // FRAME_SAMPLES
        return self._store.skipped + self._skipped_before + by_worker + frames_unheard

    def _deadline(self, pts: int) -> float:
        return self._clock.time_of(pts + FRAME_SAMPLES) + self.latency.delay

    def _supervise(self) -> None:
        try:
            while not self._stop.wait(SUPERVISION_PERIOD):
                pump, worker = self._pump, self._worker
                assert pump is not None
                assert worker is not None
                if self._presenter.ended or pump.error is not None:
                    self.error = self._presenter.error or pump.error
                    break
                if worker.error is not None:
                    self._recover(worker, f"The {worker.animator.kind} animator failed: {worker.error}.")
                elif worker.busy_for > HANG:
                    self._recover(worker, f"The {worker.animator.kind} animator does not answer any more.")
                self._watch(pump, worker)
        except Exception as error:  # without its supervisor a session could not even be stopped
            logger.exception("the session failed")
            self.error = VcamError(f"The session failed: {error!r}.", "This is a fault in vcam; the log has more.")
        finally:
            self.close()

    def _voice_needs_more(self) -> bool:
        """Whether the voice was interrupted repeatedly in both of the last windows, and a longer delay may help."""
        player = self._player
        if player is None or self.profile.audio.output.mode == "direct":
            return False
        fresh = 0 if player.lost else player.interruptions - self._interruptions
        self._interruptions = player.interruptions
        again = min(fresh, self._interrupted_before) >= FEW_INTERRUPTIONS and self._voice_steps < VOICE_STEPS
        self._interrupted_before = 0 if again else fresh
        self._voice_steps += again
        return again

    def _recover(self, failed: AnimatorWorker, what: str) -> None:
        """Restart the animator; the second time within a minute, let lite take over. The camera goes on meanwhile."""
        now = time.monotonic()
        if now < self._retry_at:
            return
        self._retry_at = now + RETRY_PAUSE
        again = self._last_failure is not None and now - self._last_failure < FAILURES_FORGIVEN_AFTER
        self._last_failure = now
        failed.stop(timeout=0)
        profile = self.profile
        try:
            animator = build_fallback(profile) if again else self._make_animator(profile)[0]
            animator.warm_up()
            stage = build_stage(profile)
        except Exception as error:  # whatever it is: the portrait at rest stays on the camera, and it is tried again
            logger.exception("the animator could not be restarted")
            text = error.message if isinstance(error, VcamError) else repr(error)
            self.notices.add("animator", f"{what} It could not be restarted: {text}")
            return
        with self._lock:
            if self._stop.is_set() or failed is not self._worker:
                animator.close()  # a switch came first
                return
            self._skipped_before += failed.skipped
            self._brief(animator)
            self._worker = AnimatorWorker(animator, stage, self._chunks, self._store, self._deadline)
            self._worker.start()
        self._fallen_back = again
        if again:
            self.notices.add("animator", f"{what} lite has taken over.")
        else:
            self.notices.add("animator", f"{what} It was restarted.", seconds=RECENT)

    def _watch(self, pump: AudioPump, worker: AnimatorWorker) -> None:
        """Every few seconds: is the sound as early as planned, and are frames drawn in time?"""
        now = time.monotonic()
        since, skipped = self._watch_mark
        if now - since < WATCH_WINDOW:
            return
        self._watch_mark = (now, self._skipped())
        if self._voice_needs_more():
            self.latency = replace(self.latency, voice=self.latency.voice + VOICE_STEP)
            self._presenter.go_live(self.latency.delay)
            self._keep_voice()
            text = f"The voice was interrupted again and again: the delay was raised to {self.delay_ms:.0f} ms."
            self.notices.add("latency", text)
            return
        late, before = pump.latency - self.latency.source, self._late_before
        self._late_before = 0.0 if pump.lost else late
        if min(late, before) > LATENESS_ALLOWED and not pump.lost:  # for good, not for a moment
            self._late_before = 0.0
            self.latency = replace(self.latency, source=self.latency.source + late)
            self._presenter.go_live(self.latency.delay)
            self._keep_voice()
            self.notices.add(
                "latency", f"{self.source.name} takes {late * 1000:.0f} ms longer than it said: the delay was raised."
            )
            return
        lost = self._skipped() - skipped
        if since and lost > SKIPPED_SHARE * WATCH_WINDOW * ANIMATION_FPS and not pump.lost:
            drawing = worker.frame_times.percentile_ms(95)
            why = f"drawing one took up to {drawing:.0f} ms, the machine may be too busy."
            text = f"{lost} frames of the last {WATCH_WINDOW:.0f} s were skipped: {worker.animator.bottleneck() or why}"
            self.notices.add("load", text, seconds=RECENT)
