"""The parts of ditto's way one by one: the same classes as the animator's, on the same portrait and speech.

Each is measured directly, as processor time of the calling thread without its networks' (see ``ditto_clock``).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from vcam.animators.ditto.animator import DittoAnimator
from vcam.animators.ditto.avatar import Character
from vcam.animators.ditto.blinks import EndlessBlinks
from vcam.animators.ditto.conditions import Conditions, ConditionUse
from vcam.animators.ditto.controls import NO_CONTROL, MotionControl, SourcePose, driven_keypoints, scale_ratio
from vcam.animators.ditto.features import AudioFeatures
from vcam.animators.ditto.hearing import Hearing
from vcam.animators.ditto.joining import Joiner, JoinRules
from vcam.animators.ditto.latency import valid_frames
from vcam.animators.ditto.options import CLIP
from vcam.animators.ditto.paste import Paster
from vcam.animators.ditto.placement import InScene
from vcam.animators.ditto.randomness import Seeded
from vcam.animators.ditto.renderer import Renderer
from vcam.animators.ditto.sampler import Sampler
from vcam.bench.ditto_clock import Parts, WorkClock
from vcam.live.meters import Timings
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, FloatArray
from vcam.stage import Stage

FEATURES, CONDITIONS, SAMPLER, JOINING = "features", "conditions", "sampler", "joining"
CONTROLS, CROP, PASTE, STAGE = "controls, key points", "crop to bytes", "paste", "stage (fit, I420)"

_FRAMES = 100
_WARM_UP = 2  # of whatever is measured: the first calls are slow
_LEAST = 3  # frames and clips that are measured whatever they take


class PartsBench:
    """Runs the parts for one animator. ``clips``: wall time of each clip, all of its diffusion steps; ``pasting``: wall
    time of each paste, which on a GPU is waited for."""

    def __init__(self, animator: DittoAnimator, use: ConditionUse, stage: Stage, clock: WorkClock) -> None:
        self.parts = Parts(clock)
        self.clips, self.pasting = Timings(), Timings()
        self._animator = animator
        self._use = use
        self._stage = stage
        self._unmeasured = Parts(clock)

    def run(self, sound: Iterable[AudioChunk], limit: float) -> None:
        """``sound``: 20 ms each, all of it speech, with what the gate gives ahead. Takes about ``limit`` seconds at
        most, once for motion and once for pictures."""
        rows = self._motion(sound, time.monotonic() + limit)
        self._pictures(rows, time.monotonic() + limit)

    def calls(self) -> dict[str, float]:
        """How often a frame each part is called while somebody speaks."""
        plan = self._animator.plan
        heard, clip = 1 / plan.chunking.now, 1 / valid_frames(plan.options.overlap_v2)
        often = {FEATURES: heard, CONDITIONS: heard, SAMPLER: clip, JOINING: clip}
        return {name: often.get(name, 1.0) for name in self.parts.times}

    def _motion(self, sound: Iterable[AudioChunk], until: float) -> FloatArray:
        """The motion of the speech, float32 [n, 265]."""
        animator = self._animator
        networks, avatar, plan = animator.networks, animator.avatar, animator.plan
        options = plan.options
        rules = JoinRules.online(options)
        hearing = Hearing(AudioFeatures(networks["hubert"], plan.chunking), plan.chunking)
        who = options.ch_info or Character.of(avatar)
        conditions = Conditions(self._use, who, options.emo, options.eye_f0_mode)
        sampler = Sampler(networks["lmdm"], options.sampling_timesteps, Seeded(0), put=networks.backend.put)
        joiner = Joiner(rules, avatar.frames[0].motion.row())
        told = np.zeros((0, conditions.size), np.float32)
        made: list[FloatArray] = []
        for number, hop in enumerate(_hops(sound, plan.chunking.hop // CHUNK_SAMPLES)):
            parts = self._of(number)
            with parts.measure(FEATURES):
                heard = [hearing.push(chunk) for chunk in hop][-1]
            if heard is None:
                break
            with parts.measure(CONDITIONS):
                new = conditions.rows(number * plan.chunking.now, heard.rows)
            told = np.concatenate([told, new]) if len(told) else new.repeat(CLIP // len(new) + 1, axis=0)[:CLIP]
            while len(told) >= CLIP and (joiner.clips < _LEAST or time.monotonic() < until):
                made.append(self._clip(sampler, joiner, told[:CLIP]))
                told = told[rules.valid :]
            if time.monotonic() > until and joiner.clips >= _LEAST:
                break
        return np.concatenate(made)

    def _clip(self, sampler: Sampler, joiner: Joiner, told: FloatArray) -> FloatArray:
        parts = self._of(joiner.clips)
        with parts.measure(SAMPLER), Timings.stopwatch() as whole:
            clip = sampler.clip(joiner.condition, told)
        if parts is self.parts:
            self.clips.add(whole.seconds)
        before = joiner.end
        with parts.measure(JOINING):
            joiner.join(clip)
            return joiner.rows(before, joiner.end)

    def _pictures(self, rows: FloatArray, until: float) -> None:
        animator = self._animator
        networks, avatar, options = animator.networks, animator.avatar, animator.plan.options
        source = avatar.frames[0]
        pose = SourcePose(source.motion)
        curve = options.delta_eye_arr
        blinks = None if curve is None else EndlessBlinks(Seeded(0), len(curve), options.delta_eye_open_n)
        control = MotionControl(options, avatar.is_video, scale_ratio(source.motion, options), blinks)
        stitch = networks["stitch_network"] if options.flag_stitching else None
        renderer = Renderer(stitch, networks["warp_network"], networks["decoder"])
        features = networks.backend.put(source.features)
        device = networks.frames()
        paster = Paster(*InScene(animator.scene)(source))
        canvas = paster.picture.copy()
        for frame in range(_FRAMES):
            parts = self._of(frame)
            pasting = self.pasting if parts is self.parts else Timings()
            with parts.measure(CONTROLS):
                driven = control.drive(pose, rows[frame % len(rows)], rows[0], frame, NO_CONTROL)
                free = driven_keypoints(driven)
            moved = renderer.stitch(pose.keypoints, free)
            if device is not None:
                face = device.face(features, pose.keypoints, moved)
                with parts.measure(PASTE), pasting.measure():
                    canvas = device.paste(0, paster, face)
            else:
                with parts.measure(CROP):
                    crop = renderer.render_bytes(features, pose.keypoints, moved)
                with parts.measure(PASTE), pasting.measure():
                    paster.paste(crop, canvas)
            with parts.measure(STAGE):
                self._stage.compose(canvas, frame * FRAME_SAMPLES)
            if time.monotonic() > until and frame >= _WARM_UP + _LEAST:
                break

    def _of(self, number: int) -> Parts:
        return self.parts if number >= _WARM_UP else self._unmeasured


def _hops(sound: Iterable[AudioChunk], size: int) -> Iterator[list[AudioChunk]]:
    chunks = iter(sound)
    while len(hop := list(islice(chunks, size))) == size:
        yield hop
