"""The delay of a session: planned once, told to picture and voice, kept, and raised only where it proves too short."""

from __future__ import annotations

from dataclasses import replace

from vcam.animators.base import Animator
from vcam.errors import AnimatorError
from vcam.live.clock import SampleClock
from vcam.live.latency import LatencyPlan, plan_latency
from vcam.live.meters import Notices
from vcam.live.presenter import Presenter
from vcam.live.pump import AudioPump
from vcam.live.voice import VoicePlayer
from vcam.media import FRAME_SAMPLES

LATENESS_ALLOWED = 0.02  # s that sound may come later than planned before the delay is planned anew
VOICE_STEP = 0.02  # s by which the delay is raised where the voice keeps being interrupted, so many times:
VOICE_STEPS = 4
FEW_INTERRUPTIONS = 2  # of the voice in each of two windows in a row, before that is done


class Delay:
    """The plan in force. ``direct``: the voice is played as early as possible, not with the lips."""

    def __init__(self, clock: SampleClock, presenter: Presenter, notices: Notices, *, direct: bool) -> None:
        self.plan = LatencyPlan(0.0, 0.0, 0.0, 0.0)
        self._clock = clock
        self._presenter = presenter
        self._notices = notices
        self._direct = direct
        self._hold = 0  # samples that the gate holds back
        self._player: VoicePlayer | None = None  # that is to be in step
        self._late_before = 0.0  # s that sound came later than planned in the last window
        self._interruptions = self._interrupted_before = self._voice_steps = 0  # of the voice, as watched

    def deadline(self, pts: int) -> float:
        """The monotonic time at which the frame of that PTS has been shown for its whole time."""
        return self._clock.time_of(pts + FRAME_SAMPLES) + self.plan.delay

    def settle(self, animator: Animator, hold: int, source: float, camera: float, player: VoicePlayer | None) -> None:
        """Plan as :func:`plan_latency` does, with as much more as the output of ``player`` needs to be in step."""
        self._hold, self._player = hold, player
        plan = plan_latency(animator, hold, source, camera)
        if player is not None and not self._direct:
            plan = replace(plan, voice=max(0.0, player.least_delay(plan.source) - plan.total))
        self.plan = plan

    def check_fits(self, animator: Animator, name: str) -> None:
        """Raise AnimatorError if ``animator``, for the user called ``name``, needs more than there is."""
        plan = plan_latency(animator, self._hold, self.plan.source, self.plan.camera)
        if animator.look_ahead > self._hold or plan.delay > self.plan.delay + 1e-6:
            raise AnimatorError(
                f"{name} needs a delay of {_ms(plan.delay)}; this session has {_ms(self.plan.delay)}.",
                "Stop the session and start it with that profile.",
            )

    def go_live(self, length: int | None = None) -> None:
        """From now on show and play what was captured that long ago; ``length`` as for the presenter."""
        self._presenter.go_live(self.plan.delay, length)
        if self._player is not None:
            source = self.plan.source
            self._player.keep(self._player.least_delay(source) if self._direct else self.plan.total, source)

    # -- whether it is enough ------------------------------------------------------------------------------------

    def check(self, pump: AudioPump) -> bool:
        """At the end of each window: raise the delay if sound, or the voice, has been too late in two of them.

        Returns whether it was raised: then what was late in that window is explained.
        """
        if self._voice_needs_more():
            self._raise(replace(self.plan, voice=self.plan.voice + VOICE_STEP))
            text = f"The voice was interrupted again and again: the delay was raised to {_ms(self.plan.delay)}."
            self._notices.add("latency", text)
            return True
        late, before = pump.lasting_latency - self.plan.source, self._late_before
        self._late_before = 0.0 if pump.lost else late
        late = min(late, before)  # for good, not for a moment
        if late > LATENESS_ALLOWED and not pump.lost:
            self._late_before = 0.0
            self._raise(replace(self.plan, source=self.plan.source + late))
            text = f"{pump.source.name} takes {_ms(late)} longer than it said: the delay was raised."
            self._notices.add("latency", text)
            return True
        return False

    def forget_window(self) -> None:
        """What was late lately had another reason."""
        self._late_before = 0.0
        self._interrupted_before = 0
        if self._player is not None:
            self._interruptions = self._player.interruptions

    def _raise(self, plan: LatencyPlan) -> None:
        self.plan = plan
        self.go_live()

    def _voice_needs_more(self) -> bool:
        """Whether the voice was interrupted repeatedly in both of the last windows, and a longer delay may help."""
        player = self._player
        if player is None or self._direct:
            return False
        fresh = 0 if player.lost else player.interruptions - self._interruptions
        self._interruptions = player.interruptions
        again = min(fresh, self._interrupted_before) >= FEW_INTERRUPTIONS and self._voice_steps < VOICE_STEPS
        self._interrupted_before = 0 if again else fresh
        self._voice_steps += again
        return again


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
