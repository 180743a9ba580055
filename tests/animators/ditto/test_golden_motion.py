"""Features, conditions, diffusion and joining against the conformance data, every case."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from tests.animators.ditto import golden
from tests.animators.ditto.golden import Case, every_case
from vcam.animators.ditto.avatar import Character
from vcam.animators.ditto.backends.base import Array
from vcam.animators.ditto.conditions import Conditions
from vcam.animators.ditto.features import OFFLINE_LEAD, AudioFeatures
from vcam.animators.ditto.joining import JoinRules
from vcam.animators.ditto.motion_stream import REFERENCE, OfflineMotion, OnlineMotion
from vcam.animators.ditto.randomness import Legacy
from vcam.animators.ditto.sampler import Sampler
from vcam.media import FRAME_SAMPLES, FloatArray

# With golden source data, on the CPU: far below the README's tolerances, which are for pictures read by any OpenCV.
ROUNDING = 1e-5


@dataclass
class Run:
    """What the parts showed while a case was run, and what came out."""

    seen: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    features: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    silence: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    motion: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    frames_out: list[int] = field(default_factory=list)
    sampler: Sampler | None = None

    def observe(self, name: str, value: Any) -> None:
        self.seen[name].append(value.copy() if isinstance(value, np.ndarray) else value)


@cache
def run(name: str) -> Run:
    case, made = golden.case(name), Run()
    options = case.options
    character = options.ch_info or Character.of(case.avatar)
    source = character.motions[0].row()
    sampler = made.sampler = Sampler(
        golden.network("lmdm"), options.sampling_timesteps, Legacy(case.seed), observe=made.observe
    )
    conditions = Conditions(case.config.use, character, options.emo, options.eye_f0_mode)
    hubert = golden.network("hubert")
    if not case.online:
        made.features = AudioFeatures(hubert, lead=OFFLINE_LEAD).whole(case.samples())
        motion = OfflineMotion(
            sampler, conditions, JoinRules.offline(options), source, quirks=REFERENCE, observe=made.observe
        )
        made.motion = motion.run(made.features)
        return made
    chunking = case.chunking
    stream = AudioFeatures(hubert, chunking)
    made.features = np.concatenate([stream.push(case.samples()), stream.finish(overshoot=True)])
    made.silence = AudioFeatures(hubert).silent_rows(options.overlap_v2)
    online = OnlineMotion(
        sampler,
        conditions,
        JoinRules.online(options),
        source,
        made.silence,
        quirks=REFERENCE,
        observe=made.observe,
    )
    out: list[FloatArray] = []
    for start in range(0, len(made.features), chunking.now):
        out += [rows.rows for rows in online.push(made.features[start : start + chunking.now])]
        made.frames_out.append(sum(map(len, out)))
    out += [rows.rows for rows in online.finish()]
    made.frames_out.append(sum(map(len, out)))
    made.motion = np.concatenate(out)
    return made


def error(ours: Array, theirs: Array) -> float:
    assert ours.shape == theirs.shape
    return float(np.abs(ours.astype(np.float64) - theirs).max(initial=0))


@every_case
def test_features(case: Case) -> None:
    ours, theirs = run(case.name), case.golden
    assert error(ours.features[:, :64], theirs["feat_head"]) <= 1e-4
    assert error(ours.features.mean(axis=1), theirs["feat_mean"]) <= 1e-4
    assert error(ours.features.std(axis=1), theirs["feat_std"]) <= 1e-4
    if "feat" in theirs:
        assert error(ours.features, theirs["feat"]) <= 1e-4
    assert len(ours.silence) == int(theirs["init_feat_rows"])
    if len(ours.silence):
        assert error(ours.silence[:, :64], theirs["init_feat_head"]) <= 1e-4


@every_case
def test_frame_count(case: Case) -> None:
    assert -(-len(case.samples()) // FRAME_SAMPLES) == int(case.golden["num_f"])


@every_case
def test_draws(case: Case) -> None:
    draws, theirs = run(case.name).seen["draw"], case.golden
    assert [draw.shape for draw in draws] == [tuple(shape) for shape in theirs["draw_shape"]]
    assert [hashlib.sha256(draw.tobytes()).hexdigest() for draw in draws] == list(theirs["draw_sha256"])


@every_case
def test_schedule(case: Case) -> None:
    sampler, theirs = run(case.name).sampler, case.golden
    assert sampler is not None
    assert sampler.times.tolist() == theirs["times"].tolist()
    for name in ("alpha_next_sqrt", "sigma", "c"):
        assert error(getattr(sampler, name), theirs[name]) <= 1e-6


@every_case
def test_conditions(case: Case) -> None:
    seen, theirs = run(case.name).seen, case.golden
    told = seen["aud_cond"]
    assert error(np.stack([clip[::4, 1024:1040] for clip in told]), theirs["aud_cond_tail"]) <= 1e-6
    step = int(theirs["aud_cond_rowstep"])
    ours = np.stack([told[clip][::step] for clip in theirs["aud_cond_idx"]])
    assert error(ours, theirs["aud_cond"]) <= 1e-4
    assert error(np.stack(seen["clip_kp_cond"]), theirs["clip_kp_cond"]) <= ROUNDING


@every_case
def test_clips(case: Case) -> None:
    seen, theirs = run(case.name).seen, case.golden
    clips = seen["clip_out"]
    assert len(clips) == int(theirs["n_clips"])
    assert error(np.stack([clips[at] for at in theirs["clip_idx"]]), theirs["clip_out"]) <= ROUNDING
    assert error(np.array([[clip.mean(), clip.std()] for clip in clips]), theirs["clip_stats"]) <= ROUNDING
    if "step_x" in theirs:
        for name in ("step_x", "step_x_start"):
            assert error(np.stack([seen[name][at] for at in theirs["step_idx"]]), theirs[name]) <= ROUNDING


@every_case
def test_sequence(case: Case) -> None:
    seen, theirs = run(case.name).seen, case.golden
    assert seen["seq_len"] == theirs["seq_len"].tolist()
    if "seq_second" in theirs:
        assert error(seen["sequence"][1], theirs["seq_second"]) <= ROUNDING


@every_case
def test_motion(case: Case) -> None:
    ours, theirs = run(case.name), case.golden
    assert error(ours.motion, theirs["motion"]) <= ROUNDING
    if "d0" in theirs:
        assert error(ours.seen["d0"][0], theirs["d0"]) <= ROUNDING
    if case.online:
        assert ours.frames_out == theirs["frames_out_after_chunk"].tolist()
