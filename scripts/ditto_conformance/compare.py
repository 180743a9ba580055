"""Made arrays against golden ones: the stages, what each may be off by, and by how much it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .data import Golden

Array = npt.NDArray[Any]

SAME, OTHER = "opencv 4.x", "other opencv"
_POSE = ("pitch", "yaw", "roll")
_REST = ("scale", "t", "exp", "kp")


@dataclass(frozen=True, slots=True)
class Limit:
    """The greatest difference allowed, and in which share of the values there may be any at all."""

    difference: float
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Arrays that are judged alike. ``limits``: for the opencv that was recorded with (4.x), and for another one."""

    name: str
    arrays: tuple[str, ...]
    limits: tuple[Limit, Limit]


def _stage(name: str, same: float, other: float | None = None, *arrays: str) -> Stage:
    return Stage(name, arrays, (Limit(same), Limit(same if other is None else other)))


def _exact(name: str, *arrays: str) -> Stage:
    return _stage(name, 0.0, 0.0, *arrays)


#: In the order of the data. Limits are the recorded data's own (README, "Tolerances").
STAGES: tuple[Stage, ...] = (
    _exact("source", "source_shape", "source_sha256", "source_frames"),
    _stage("face", 1e-2, 0.1, "det_boxes", "det_kps", "lmk106", "lmk203"),
    _stage("mesh, eyes", 1e-4, 1e-3, "lmk478", "eye_open", "eye_ball"),
    _stage("M_c2o", 2e-2, 0.2, "M_c2o"),
    Stage("crop", ("crop512", "crop512_block8"), (Limit(1, 0.01), Limit(8, 0.05))),
    _stage("source pose", 1e-3, 2e-2, *(f"xs_{kind}_{key}" for kind in ("raw", "used") for key in _POSE)),
    _stage("source motion", 1e-5, 3e-4, *(f"xs_{kind}_{key}" for kind in ("raw", "used") for key in _REST), "sc"),
    _stage("3-D features", 1e-3, 5e-3, "f_s_sample", "f_s_stats"),
    _stage("audio features", 1e-4, None, "feat", "feat_head", "feat_mean", "feat_std", "init_feat_head"),
    _exact("counts", "num_f", "n_frames_out", "init_feat_rows", "frames_out_after_chunk", "n_clips", "seq_len"),
    _exact("draws", "draw_shape", "draw_head", "draw_sha256", "noise0_sha256", "times", "step_time"),
    _stage("schedule", 1e-6, None, "alpha_next_sqrt", "sigma", "c"),
    _stage("conditions", 1e-3, 2e-2, "aud_cond", "aud_cond_tail", "clip_kp_cond"),
    _stage("diffusion", 1e-3, 2e-2, "step_x", "step_x_start", "clip_out", "clip_stats"),
    _stage("motion", 1e-3, 2e-2, "seq_second", "d0", "motion"),
    _exact("controls", "frame_ctrl", "delta_eye_idx", "source_frame_idx"),
    _stage("key points", 2e-5, 1e-3, "x_s", "x_d_before_stitch", "x_d"),
    _stage("warp", 1e-3, 5e-3, "warp_sample", "warp_stats"),
    _stage("decoder", 0.5, 4.0, "render_s4", "render_s8"),
    Stage("decoder, bytes", ("render_u8",), (Limit(1, 0.01), Limit(4, 0.05))),
    _stage("decoder, means", 0.1, 0.5, "render_block8", "render_clip_frac"),
    _stage("mask", 1e-6, None, "mask_row256", "mask_col256", "mask_diag", "mask_corner64"),
    Stage("frames", ("frames",), (Limit(1, 0.01), Limit(2, 0.05))),
    _stage("frames, means", 0.1, 0.5, "frame_block8", "frame_mean"),
)
#: Recorded, but not compared: notes on the recording, indices, and hashes that only the very same versions give.
NOT_COMPARED = frozenset(
    {
        *("audio_16k", "audio_16k_sha256", "source_is_image", "versions", "draw_in_worker"),
        *("clip_idx", "aud_cond_idx", "aud_cond_rowstep", "step_idx", "kept", "frames_idx", "render_u8_step"),
        *("crop512_sha256", "frame_sha256", "putback_numpy_maxdiff", "putback_numpy_fracdiff"),
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """How far a stage is off. ``difference``: the greatest; ``share``: of values that differ; ``missing``: arrays that
    were recorded and are not made, or have another shape."""

    stage: Stage
    difference: float
    share: float
    missing: tuple[str, ...]
    limit: Limit

    @property
    def passed(self) -> bool:
        within = self.difference <= self.limit.difference and (self.share <= self.limit.share or self.limit.share == 1)
        return within and not self.missing


def compare(made: Mapping[str, Array], golden: Golden, opencv: str = SAME) -> list[Result]:
    """One result for each stage that was recorded."""
    results = []
    for stage in STAGES:
        recorded = [name for name in stage.arrays if name in golden]
        if recorded:
            results.append(_judge(stage, recorded, made, golden, opencv))
    return results


def this_opencv() -> str:
    """Which column of limits this opencv is held to."""
    return SAME if cv2.__version__.startswith("4.") else OTHER


def _judge(stage: Stage, recorded: list[str], made: Mapping[str, Array], golden: Golden, opencv: str) -> Result:
    difference, share, missing = 0.0, 0.0, []
    for name in recorded:
        theirs = golden[name]
        ours = _in_form(name, made.get(name), theirs)
        if ours is None:
            missing.append(name)
            continue
        off = _off(name, ours, theirs)
        if off.size:
            difference = max(difference, float(off.max()))
            share = max(share, float((off > 0).mean()))
    return Result(stage, difference, share, tuple(missing), stage.limits[opencv == OTHER])


def _in_form(name: str, ours: Array | None, theirs: Array) -> Array | None:
    """``ours`` in the shape of ``theirs``, if it is the same but for axes of length 1; else None."""
    if ours is None:
        return None
    if name == "x_s" and len(theirs) == 1:  # a still image's, recorded once
        ours = ours[:1] if (ours == ours[:1]).all() else ours
    if ours.size != theirs.size or [n for n in ours.shape if n > 1] != [n for n in theirs.shape if n > 1]:
        return None
    return ours.reshape(theirs.shape)


def _off(name: str, ours: Array, theirs: Array) -> Array:
    if name == "frame_ctrl":  # JSON, in which 4 and 4.0 are alike
        return np.array([float(not _alike(json.loads(str(ours)), json.loads(str(theirs))))])
    if theirs.dtype.kind not in "iufb":
        return (ours != theirs).astype(np.float64)
    off = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    if name == "M_c2o":  # the terms that are no translation are multiplied by up to 512 pixels
        off[..., :2] *= 500
    return off


def _alike(ours: Any, theirs: Any) -> bool:
    """Whether two JSON values are the same but for float32's rounding, and one number for many."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_alike(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, str | None) or isinstance(theirs, str | None):
        return bool(ours == theirs)
    mine, given = np.asarray(ours).reshape(-1), np.asarray(theirs).reshape(-1)
    if mine.dtype.kind not in "iuf" or given.dtype.kind not in "iuf":
        return mine.tolist() == given.tolist()
    return given.size in (1, mine.size) and bool(np.allclose(mine, given, rtol=0, atol=1e-6))
