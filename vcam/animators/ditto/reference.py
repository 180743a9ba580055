"""A whole run as the reference makes it, from a picture and samples to frames: for conformance.

The same parts as everywhere, with all their quirks on, and drawing from one generator in the reference's order: the
noise of the diffusion steps, the blinks at set-up and when the length is known, then each clip's first x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vcam.media import FRAME_SAMPLES, FloatArray

from .avatar import Character, DittoAvatar
from .backends.base import Backend, Network
from .blinks import reference_blinks
from .conditions import Conditions, ConditionUse
from .controls import timeline
from .features import OFFLINE_LEAD, AudioFeatures
from .frames import FrameMaker
from .joining import JoinRules
from .latency import Chunking
from .motion_stream import REFERENCE as STREAM_QUIRKS
from .motion_stream import OfflineMotion, OnlineMotion
from .observing import Observe, nobody
from .options import FrameControl, RunOptions
from .randomness import Legacy, Randomness
from .registration import REFERENCE as REGISTRATION_QUIRKS
from .registration import RegistrationNetworks, register
from .renderer import Renderer
from .sampler import Sampler


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceRun:
    """``fade_in``, ``fade_out``: frames, -1 for none; ``controls``: what is asked of single frames."""

    source: Path
    options: RunOptions
    use: ConditionUse
    seed: int
    online: bool
    chunking: Chunking = field(default_factory=Chunking)
    fade_in: int = -1
    fade_out: int = -1
    controls: Mapping[int, FrameControl] = field(default_factory=dict)


def run_reference(
    run: ReferenceRun,
    samples: FloatArray,
    networks: Mapping[str, Network],
    backend: Backend,
    observe: Observe = nobody,
    randomness: Callable[[int], Randomness] = Legacy,
) -> None:
    """Run it on ``samples`` (float32 [n], 16 kHz) with all ``networks`` by name; ``observe`` sees every stage.

    Frames come as "frames", in order; online, "chunk" says after each chunk how many there were until then. Raises
    VcamError where the reference would fail.
    """
    options = run.options
    registration = {name: networks[name] for name in RegistrationNetworks.__dataclass_fields__}
    avatar = register(
        run.source, options, RegistrationNetworks(**registration), quirks=REGISTRATION_QUIRKS, observe=observe
    )
    character = options.ch_info or Character.of(avatar)
    drawn = randomness(run.seed)
    sampler = Sampler(networks["lmdm"], options.sampling_timesteps, drawn, observe=observe)
    for name in ("times", "alpha_next_sqrt", "sigma", "c"):
        observe(name, getattr(sampler, name))
    frames = -(-len(samples) // FRAME_SAMPLES)
    controls = timeline(frames, run.fade_in, run.fade_out, run.controls)
    observe("num_f", frames)
    observe("controls", controls)
    maker = _maker(avatar, options, networks, backend, drawn, frames, observe)
    conditions = Conditions(run.use, character, options.emo, options.eye_f0_mode)
    source = character.motions[0].row()
    made = 0
    motion = _online if run.online else _offline
    for rows, d0 in motion(run, samples, sampler, conditions, source, networks["hubert"], observe):
        if rows is None:
            observe("chunk", made)
            continue
        for row in rows:
            maker.make(made, row, d0, controls.get(made, FrameControl()))
            made += 1
    if run.online:
        observe("chunk", made)


_Motion = Iterator[tuple[FloatArray | None, FloatArray | None]]  # rows and d0; None for rows: a chunk is through


def _online(
    run: ReferenceRun,
    samples: FloatArray,
    sampler: Sampler,
    conditions: Conditions,
    source: FloatArray,
    hubert: Network,
    observe: Observe,
) -> _Motion:
    options = run.options
    features = AudioFeatures(hubert, run.chunking)
    rows = np.concatenate([features.push(samples), features.finish(overshoot=True)])
    observe("feat", rows)
    silence = AudioFeatures(hubert).silent_rows(options.overlap_v2)  # with (3, 5, 2), whatever the stream has
    observe("init_feat", silence)
    rules = JoinRules.online(options)
    stream = OnlineMotion(sampler, conditions, rules, source, silence, quirks=STREAM_QUIRKS, observe=observe)
    for start in range(0, len(rows), run.chunking.now):
        for motion in stream.push(rows[start : start + run.chunking.now]):
            yield motion.rows, stream.d0
        yield None, None
    for motion in stream.finish():
        yield motion.rows, stream.d0


def _offline(
    run: ReferenceRun,
    samples: FloatArray,
    sampler: Sampler,
    conditions: Conditions,
    source: FloatArray,
    hubert: Network,
    observe: Observe,
) -> _Motion:
    rows = AudioFeatures(hubert, lead=OFFLINE_LEAD).whole(samples)
    observe("feat", rows)
    rules = JoinRules.offline(run.options)
    motion = OfflineMotion(sampler, conditions, rules, source, quirks=STREAM_QUIRKS, observe=observe).run(rows)
    yield motion, motion[0]


def _maker(
    avatar: DittoAvatar,
    options: RunOptions,
    networks: Mapping[str, Network],
    backend: Backend,
    randomness: Randomness,
    frames: int,
    observe: Observe,
) -> FrameMaker:
    blinks = None
    if options.delta_eye_arr is not None:
        length = len(options.delta_eye_arr)
        blinks = reference_blinks(randomness, length, frames, options.delta_eye_open_n, options.N_d)
        observe("delta_eye_idx", blinks.rows)
    stitch = networks["stitch_network"] if options.flag_stitching else None
    renderer = Renderer(stitch, networks["warp_network"], networks["decoder"])
    return FrameMaker(avatar, options, renderer, backend.put, blinks=blinks, exact=True, observe=observe)
