"""What a run showed, in the form in which the golden arrays were recorded: whole, or reduced to samples and means."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.motion import SourceMotion
from vcam.animators.ditto.options import FrameControl
from vcam.animators.ditto.paste import crop_mask

from .data import Golden

Array = npt.NDArray[Any]


class Trace:
    """Hand ``observe`` to the run, then ask for the arrays. Large values are reduced as they come."""

    def __init__(self, golden: Golden) -> None:
        self._golden = golden
        self._seen: dict[str, list[Any]] = defaultdict(list)
        self._kept = set(self._numbers("kept"))
        self._written = set(self._numbers("frames_idx"))
        self._count: dict[str, int] = defaultdict(int)

    def observe(self, name: str, value: Any) -> None:
        number = self._count[name]
        self._count[name] += 1
        reduce = getattr(self, f"_see_{name}", None)
        if reduce is not None:
            reduce(value, number)
        else:
            self._seen[name].append(value.copy() if isinstance(value, np.ndarray) else value)

    def arrays(self) -> dict[str, Array]:
        """Every array that the run gave, by its golden name."""
        seen = self._seen
        made: dict[str, Array] = {}
        for name in _STACKED:
            if seen[name]:
                made[name] = np.stack([np.asarray(one) for one in seen[name]])
        for name in _FIRST:
            if seen[name]:
                made[name] = np.asarray(seen[name][0])
        made.update(self._features())
        made.update(self._diffusion())
        if seen["frames_out"]:
            made["frames"] = np.stack(seen["frames_out"])
        made["motion"] = np.concatenate(seen["motion"])
        made["frame_ctrl"] = np.array(_as_json(seen["controls"][0]))
        made["n_frames_out"] = np.array(self._count["frames"])
        made["frames_out_after_chunk"] = np.array(seen["chunk"], np.int64)
        made["source_frames"] = np.stack(seen["source_frames"])
        made["source_shape"] = np.array(made["source_frames"].shape[1:])
        made["source_sha256"] = np.array([_sha(frame) for frame in made["source_frames"]])
        mask = crop_mask()
        made["mask_row256"], made["mask_col256"] = mask[256], mask[:, 256]
        made["mask_diag"], made["mask_corner64"] = np.diagonal(mask), mask[:64, :64]
        return {name: array for name, array in made.items() if name in self._golden}

    def _numbers(self, name: str) -> list[int]:
        """A list of indices that was recorded, empty if it was not."""
        return [int(one) for one in self._golden[name].reshape(-1)] if name in self._golden else []

    def _features(self) -> dict[str, Array]:
        made: dict[str, Array] = {}
        rows = self._seen["feat"][0]
        made["feat"], made["feat_head"] = rows, rows[:, :64]
        made["feat_mean"], made["feat_std"] = rows.mean(axis=1), rows.std(axis=1)
        silence = self._seen["init_feat"][0] if self._seen["init_feat"] else rows[:0]
        made["init_feat_rows"], made["init_feat_head"] = np.array(len(silence)), silence[:, :64]
        return made

    def _diffusion(self) -> dict[str, Array]:
        seen, clips = self._seen, self._seen["clip_out"]
        made: dict[str, Array] = {
            "n_clips": np.array(len(clips)),
            "clip_stats": np.array([[clip.mean(), clip.std()] for clip in clips]),
            "aud_cond_tail": np.stack([told[::4, 1024:1040] for told in seen["aud_cond"]]),
            "seq_len": np.array(seen["seq_len"]),
            "draw_shape": np.array([draw.shape for draw in seen["draw"]]),
            "draw_head": np.stack([draw.reshape(-1)[:4] for draw in seen["draw"]]),
            "draw_sha256": np.array([_sha(draw) for draw in seen["draw"]]),
        }
        if len(seen["times"][0]) > 1:
            made["noise0_sha256"] = np.array(_sha(seen["draw"][0]))
        if len(seen["sequence"]) > 1:
            made["seq_second"] = seen["sequence"][1]
        steps = self._numbers("step_idx")
        step = (self._numbers("aud_cond_rowstep") or [1])[0]
        for name, values, indices in (
            ("clip_out", clips, self._numbers("clip_idx")),
            ("aud_cond", [told[::step] for told in seen["aud_cond"]], self._numbers("aud_cond_idx")),
            ("step_x", seen["step_x"], steps),
            ("step_x_start", seen["step_x_start"], steps),
            ("step_time", seen["times"][0], steps),
        ):
            if indices and max(indices) < len(values):  # fewer than were recorded: missing, which is told
                made[name] = np.stack([values[k] for k in indices])
        return made

    def _see_crop512(self, crop: Array, number: int) -> None:
        if number == 0:
            self._seen["crop512"].append(crop.copy())
        self._seen["crop512_sha256"].append(_sha(crop))
        self._seen["crop512_block8"].append(_blocks(crop))

    def _see_f_s(self, features: Array, number: int) -> None:
        self._seen["f_s_sample"].append(features[0, ::4, ::4, ::8, ::8].copy())
        self._seen["f_s_stats"].append(np.array([features.mean(), features.std()]))

    def _see_warp(self, warped: Array, number: int) -> None:
        self._seen["warp_stats"].append(np.array([warped.mean(), warped.std()]))
        if number in self._kept:
            self._seen["warp_sample"].append(warped[0, ::16, ::8, ::8].copy())

    def _see_render(self, image: Array, number: int) -> None:
        self._seen["render_block8"].append(_blocks(image))
        self._seen["render_clip_frac"].append(float(((image == 0) | (image == 255)).mean()))
        for step in (4, 8):
            name = f"render_s{step}"
            if number in self._kept and name in self._golden and len(self._seen[name]) < len(self._golden[name]):
                self._seen[name].append(image[::step, ::step].copy())
        if number == max(self._kept, default=-1):
            step = (self._numbers("render_u8_step") or [1])[0]
            self._seen["render_u8"].append(image.astype(np.uint8)[::step, ::step])

    def _see_frames(self, frame: Array, number: int) -> None:
        self._seen["frame_block8"].append(_blocks(frame))
        self._seen["frame_mean"].append(float(frame.mean()))
        self._seen["frame_sha256"].append(_sha(frame))
        if number in self._written:
            self._seen["frames_out"].append(frame.copy())


_PER_SOURCE = ("lmk203", "lmk478", "M_c2o", "crop512_sha256", "crop512_block8", "f_s_sample", "f_s_stats")
_PER_FRAME = (
    "x_d_before_stitch",
    "x_d",
    "source_frame_idx",
    "warp_sample",
    "warp_stats",
    "render_block8",
    "render_clip_frac",
    "render_s4",
    "render_s8",
    "frame_block8",
    "frame_mean",
    "frame_sha256",
)
_STACKED = (
    *_PER_SOURCE,
    "eye_open",
    "eye_ball",
    *(f"xs_{kind}_{key}" for kind in ("raw", "used") for key in SourceMotion.SHAPES),
    "clip_kp_cond",
    "x_s",
    *_PER_FRAME,
)
_FIRST = (
    *("det_boxes", "det_kps", "lmk106", "sc", "crop512"),
    *("num_f", "times", "alpha_next_sqrt", "sigma", "c", "d0", "delta_eye_idx", "render_u8"),
)


def _blocks(image: Array) -> Array:
    return np.asarray(cv2.resize(image.astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA))


def _sha(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _as_json(controls: dict[int, FrameControl]) -> str:
    given = {
        str(at): {key: value for key, value in asdict(control).items() if value is not None}
        for at, control in sorted(controls.items())
    }
    return json.dumps(given, default=np.ndarray.tolist)
