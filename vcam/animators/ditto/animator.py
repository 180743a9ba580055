"""The ``ditto`` animator: the whole pipeline behind the interface that every animator has.

chunk ─ Hearing ─ LiveMotion ─ controls ─ pose    ``analyse``: always
pose ─ FrameMaker ─ picture                       ``render``: left out where it would come too late
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from vcam.animators.base import Animator, Pose, Scene, StageLoad, Steering
from vcam.animators.easing import EasedSteering
from vcam.live.meters import Timings
from vcam.media import FRAME_SAMPLES, AudioChunk, ByteArray, FloatArray, Picture

from .avatar import Character, DittoAvatar
from .blinks import EndlessBlinks
from .conditions import Conditions, ConditionUse
from .controls import NO_CONTROL, timeline
from .cost import MARGIN, MOST_ALLOWED, allowance, limit, loads, motion_time, stages_of
from .emotions import EMOTIONS
from .features import AudioFeatures
from .frames import FrameMaker
from .hearing import Hearing
from .joining import JoinRules
from .live_motion import LiveMotion
from .loaded import LoadedNetworks
from .motion import MOTION_SIZE
from .motion_stream import OfflineMotion
from .options import CLIP, FrameControl, RunOptions
from .placement import InScene
from .presets import Plan
from .randomness import Seeded
from .renderer import Renderer
from .sampler import Sampler
from .steering import turned

if TYPE_CHECKING:
    from vcam.profile.model import Profile

    from .backends.base import Form
    from .build import DittoBuilder

logger = logging.getLogger(__name__)

ALIASES = {"smile": "happy", "surprised": "surprise"}  # lite's names for what both can show
WARM_UPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class DittoPose(Pose):
    """Frame ``frame``: its motion ``row`` and ``rest`` (d0), float32 [265]; ``alike``: see ``FrameMaker.make``."""

    frame: int
    row: FloatArray
    rest: FloatArray
    control: FrameControl
    alike: Hashable | None


class DittoAnimator(Animator):
    """One avatar, drawn in the scene's size. ``networks`` are held until ``close``; ``builder`` makes successors."""

    kind: ClassVar[str] = "ditto"
    expressions: ClassVar[tuple[str, ...]] = (
        "neutral",
        *(name for name in EMOTIONS if name != "neutral"),
        *ALIASES,
    )

    def __init__(
        self,
        avatar: DittoAvatar,
        networks: LoadedNetworks,
        use: ConditionUse,
        plan: Plan,
        offline: RunOptions,
        scene: Scene,
        seed: int = 0,
        builder: DittoBuilder | None = None,
        fades: tuple[int, int] = (0, 0),
    ) -> None:
        """``use``: what the checkpoint's diffusion network is told; ``offline``: options for whole recordings;
        ``fades``: how many frames these fade in and out.

        The caller holds the networks meanwhile. Raises AnimatorError if one fails.
        """
        self.avatar = avatar
        self.plan = plan
        self.scene = scene
        self.networks = networks
        self._use, self._offline, self._seed, self._fades = use, offline, seed, fades
        self._builder = builder
        features = AudioFeatures(networks["hubert"], plan.chunking)
        self._hearing = Hearing(features, plan.chunking)
        self.look_ahead = self._hearing.look_ahead
        sampler, conditions = self._sampler(plan.options), self._conditions(plan.options)
        self._motion = LiveMotion(sampler, conditions, plan.options, self._source, features.silent_rows(CLIP))
        self._steering = EasedSteering()
        self._asked: int | None = None  # the emotion that was asked for last,
        self._shown: int | None = None  # and the one that the motion knows of
        self._placing = InScene(scene)
        self._form: Form = "rgb" if scene.width % 2 or scene.height % 2 else "i420"
        self._pasting = Timings()
        self._maker = self._frame_maker(plan.options)
        self._stages = stages_of(
            plan, {**{name: network.times for name, network in networks.networks.items()}, "paste": self._pasting}
        )
        self._portrait = self._placing(avatar.frames[0])[0]
        self._portrait.flags.writeable = False
        self._closed = False
        networks.hold()  # last: whoever fails before does not hold them

    @property
    def algorithmic_latency(self) -> int:
        return self.plan.algorithmic_latency

    @property
    def idling(self) -> bool:
        """Whether nobody speaks, and motion costs nothing. From any thread."""
        return self._motion.idling

    def portrait(self) -> ByteArray:
        return self._portrait

    def analyse(self, chunk: AudioChunk) -> Sequence[DittoPose]:
        heard = self._hearing.push(chunk)
        if heard is None:
            return ()
        if (asked := self._asked) is not None and asked != self._shown:
            self._shown = asked
            self._motion.set_emotions(((asked,),))
        options, rest = self.plan.options, self._motion.rest
        return [self._pose(options, one.frame, one.row, rest, one.idle) for one in self._motion.push(heard)]

    def analyse_whole(self, chunks: Iterable[AudioChunk]) -> Iterator[Pose]:
        """All of the sound is heard before the first pose: motion that is diffused with its future known is calmer."""
        options = self._offline
        sound = np.concatenate([np.empty(0, np.float32), *(chunk.samples for chunk in chunks)])
        features = AudioFeatures(self.networks["hubert"]).whole(sound)
        motion = OfflineMotion(
            self._sampler(options), self._conditions(options), JoinRules.offline(options), self._source
        )
        rows = motion.run(features)
        controls = timeline(len(rows), *self._fades, options.ctrl_info)
        if any(self._fades) and not options.fade_type:
            options = options.replaced({"fade_type": "s"})
        options = options.replaced({"ctrl_info": controls})
        self._maker = self._frame_maker(options)
        for frame, row in enumerate(rows):
            yield self._pose(options, frame, row, rows[0], None)

    def render(self, pose: Pose) -> ByteArray:
        return self._made(pose, "rgb")

    def draw(self, pose: Pose) -> ByteArray | Picture:
        return _as_picture(pose, self._made(pose, self._form))

    def draw_all(self, poses: Iterable[Pose]) -> Iterator[tuple[Pose, ByteArray | Picture]]:
        """Where frames are drawn on a GPU, as many together as there are engines for (`vcam engines build --batch`),
        and some while those before them are on their way.

        A live session does without. The first frame of a clip is due at once, and would wait for the others of its
        batch; the others are due 40 ms apart, so there is time for each; but the sound that comes meanwhile would
        wait to be heard until all are drawn, and so would the next clip. Nor is there ever anything to catch up with:
        what would come too late is left out. So a batch could only make the delay longer.
        """
        coming = iter(poses)
        for first in coming:  # which may have brought another frame maker
            known = chain((first,), coming)
            if not self._maker.makes_several:
                yield from super().draw_all(known)
            else:
                made = self._maker.make_all(map(_known, known), self._form, self.networks.drawing)
                with closing(made):
                    for pose, frame in made:
                        yield pose, _as_picture(pose, frame)

    def _made(self, pose: Pose, form: Form) -> ByteArray:
        one = _known(pose)
        with self.networks.drawing:
            return self._maker.make(one.frame, one.row, one.rest, one.control, one.alike, form)

    def reset(self, pts: int) -> None:
        if pts % FRAME_SAMPLES:
            raise ValueError(f"pts must be a multiple of {FRAME_SAMPLES}, not {pts}")
        self._hearing.reset()
        self._motion.restart(pts // FRAME_SAMPLES)

    def express(self, name: str) -> None:
        super().express(name)
        self._asked = EMOTIONS.index(ALIASES.get(name, name))

    def steer(self, steering: Steering) -> None:
        self._steering.turn_to(steering)

    def successor(self, profile: Profile) -> Animator | None:
        return None if self._builder is None else self._builder.successor(self, profile)

    def stages(self) -> Sequence[StageLoad]:
        return loads(self._stages)

    def bottleneck(self) -> str:
        return limit(self._stages)

    def warm_up(self) -> None:
        """Run every network on the avatar at rest: the first calls are slow, and the later ones tell how much time
        the session must allow."""
        if self.networks.warm:
            return
        self._exercise()
        for stage in self._stages:
            stage.times.forget()
        for _ in range(WARM_UPS):
            self._exercise()
        self.compute_allowance = allowance(self.plan, self._stages)
        self.networks.warm = True
        needed = sum(load.share for load in self.stages())
        logger.info("ditto on %s needs %.0f%% of real time", self.networks.backend.device.provider, 100 * needed)
        if needed > 1:
            logger.warning("In a live session, frames will be skipped: %s", self.bottleneck())

    def inherit(self, predecessor: DittoAnimator) -> None:
        """The networks were warmed up and measured by another animator that uses them.

        Only what the motion takes differs: with the same settings, exactly the same time is allowed.
        """
        more = motion_time(self.plan, self._stages) - motion_time(predecessor.plan, self._stages)
        self.compute_allowance = min(MOST_ALLOWED, max(MARGIN, predecessor.compute_allowance + more))

    def _exercise(self) -> None:
        noise = Seeded(self._seed).normal(1, self.plan.chunking.window)
        self.networks["hubert"](input_values=np.float32(0.01) * noise)
        self.networks["lmdm"](
            x=np.zeros((1, CLIP, MOTION_SIZE), np.float32),
            cond_frame=self._source[None],
            cond=np.zeros((1, CLIP, self._use.size), np.float32),
            time_cond=np.zeros(1, np.int64),
        )
        with self.networks.drawing:
            self._maker.make(0, self._motion.rest, self._motion.rest, NO_CONTROL, form=self._form)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.networks.release()

    @property
    def _source(self) -> FloatArray:
        who = self.plan.options.ch_info
        return (self.avatar.frames[0].motion if who is None else who.motions[0]).row()

    def _sampler(self, options: RunOptions) -> Sampler:
        networks = self.networks
        return Sampler(networks["lmdm"], options.sampling_timesteps, Seeded(self._seed), put=networks.backend.put)

    def _conditions(self, options: RunOptions) -> Conditions:
        return Conditions(self._use, options.ch_info or Character.of(self.avatar), options.emo, options.eye_f0_mode)

    def _frame_maker(self, options: RunOptions) -> FrameMaker:
        networks = self.networks
        stitch = networks["stitch_network"] if options.flag_stitching else None
        renderer = Renderer(stitch, networks["warp_network"], networks["decoder"])
        curve = options.delta_eye_arr
        blinks = None if curve is None else EndlessBlinks(Seeded(self._seed), len(curve), options.delta_eye_open_n)
        return FrameMaker(
            self.avatar,
            options,
            renderer,
            networks.backend.put,
            blinks=blinks,
            placing=self._placing,
            times=self._pasting,
            drawing=networks.frames(),
        )

    def _pose(
        self, options: RunOptions, frame: int, row: FloatArray, rest: FloatArray, idle: Hashable | None
    ) -> DittoPose:
        steering = self._steering.next()
        own = options.ctrl_info.get(frame, NO_CONTROL)
        control = turned(own.over(options.overall_ctrl_info), steering)
        alike = (idle, steering) if idle is not None and own is NO_CONTROL else None
        return DittoPose(frame * FRAME_SAMPLES, frame, row, rest, control, alike)


def _known(pose: Pose) -> DittoPose:
    if not isinstance(pose, DittoPose):
        raise TypeError(f"expected a DittoPose, not {type(pose).__name__}")
    return pose


def _as_picture(pose: Pose, frame: ByteArray) -> ByteArray | Picture:
    """Frames in I420 have two axes."""
    return Picture(pose.pts, frame) if frame.ndim == 2 else frame
