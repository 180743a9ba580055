"""What a session is made of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from vcam.animators.base import Animator
from vcam.audio.gate import Gate
from vcam.audio.sink import Sink
from vcam.audio.source import Source
from vcam.build import camera_format
from vcam.camera.base import Camera
from vcam.live.animation import Animation
from vcam.live.clock import SampleClock
from vcam.live.delay import Delay
from vcam.live.meters import Notices
from vcam.live.presenter import Presenter
from vcam.live.pump import AudioPump
from vcam.live.queues import ChunkQueue, PictureStore, VoiceQueue
from vcam.live.voice import VoicePlayer
from vcam.media import ANIMATION_FPS, CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE
from vcam.profile.model import Profile

VOICE_SECONDS = 10  # that wait for a camera which records them


@dataclass(slots=True)
class Parts:
    """The parts in the order of the data. The session makes them, starts them and stops them; others look at them.

    ``pump``: None until the animator is known. ``player``: None if the voice is not played.
    """

    source: Source
    clock: SampleClock
    pump: AudioPump | None
    chunks: ChunkQueue
    animation: Animation
    store: PictureStore
    voice: VoiceQueue
    presenter: Presenter
    player: VoicePlayer | None
    delay: Delay
    notices: Notices

    @classmethod
    def of(
        cls,
        profile: Profile,
        source: Source,
        open_camera: Callable[[], Camera],
        output: Sink | None,
        notices: Notices,
        ending: threading.Event,
    ) -> Parts:
        """All but the pump. Nothing is opened yet, and no thread started. ``ending``: set when the session ends."""
        clock, chunks, format = SampleClock(), ChunkQueue(), camera_format(profile)
        store = PictureStore(slow_camera=format.fps < ANIMATION_FPS)
        voice = VoiceQueue(VOICE_SECONDS * SAMPLE_RATE // CHUNK_SAMPLES)
        presenter = Presenter(open_camera, format.fps, clock, store, voice, notices)
        player = VoicePlayer(output, clock, notices) if output is not None else None
        delay = Delay(clock, presenter, notices, direct=profile.audio.output.mode == "direct")
        animation = Animation(chunks, store, delay.deadline, ending)
        return cls(source, clock, None, chunks, animation, store, voice, presenter, player, delay, notices)

    def pump_for(self, animator: Animator, gate: Gate) -> AudioPump:
        """The pump that feeds this animator, not started yet."""
        self.chunks.allow(animator.tail // CHUNK_SAMPLES)
        return AudioPump(
            self.source,
            gate,
            self.clock,
            self.chunks,
            self.notices,
            self.voice.put,
            self.presenter.end_at,
            animator.tail,
            self.player.hear if self.player is not None else None,
        )

    @property
    def skipped(self) -> int:
        """Frames of the animation that nobody saw: left out by the animator, overtaken, or their sound never heard."""
        frames_unheard = self.chunks.dropped * CHUNK_SAMPLES // FRAME_SAMPLES
        return self.store.skipped + self.animation.skipped + frames_unheard

    @property
    def device_away(self) -> bool:
        """Whether microphone, camera or the voice's output have gone, and are looked for."""
        pump, player = self.pump, self.player
        return self.presenter.lost or (pump is not None and pump.lost) or (player is not None and player.lost)
