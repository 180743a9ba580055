"""The configs of the stand-in checkpoint, of the published ones' layout, as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from vcam.animators.ditto.motion import MOTION_SIZE
from vcam.animators.ditto.networks import NETWORKS

from .shape import LIDS, SCALE
from .speech import CONDITION

_BLINK_FRAMES = 15
_LID_MOVE = 0.055  # of the crop's half side: a little more than the eye is high


def save_configs(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    offline: dict[str, Any] = {"emo": 4, "overlap_v2": 10, "sampling_timesteps": 50, "online_mode": False}
    online = {
        **offline,
        "online_mode": True,
        "overlap_v2": 70,
        "sampling_timesteps": 10,
        "delta_eye_arr": blink().tolist(),
    }
    for name, kwargs in (("online", online), ("offline", offline)):
        text = yaml.safe_dump(_config(kwargs), sort_keys=False, default_flow_style=None, width=120)
        (folder / f"stand_in_{name}.yaml").write_text(text, encoding="utf-8")


def blink() -> Any:
    """float32 [15, 63]: what a blink adds to the expression: both lids down in four frames and up in seven."""
    curve = np.interp(np.arange(_BLINK_FRAMES), (1, 5, 7, 14), (0, 1, 1, 0))
    added = np.zeros((_BLINK_FRAMES, 21, 3))
    for lid in LIDS:
        added[:, lid, 1] = _LID_MOVE / SCALE * curve
    return np.round(added, 5).reshape(_BLINK_FRAMES, 63).astype(np.float32)


def _config(kwargs: dict[str, Any]) -> dict[str, Any]:
    def network(name: str) -> dict[str, Any]:
        return {"model_path": NETWORKS[name].file, "device": "cpu"}

    simple = [name for name in NETWORKS if name not in ("blaze_face", "face_mesh", "lmdm")]
    mesh = {"blaze_face_model_path": NETWORKS["blaze_face"].file, "face_mesh_model_path": NETWORKS["face_mesh"].file}
    return {
        "base_cfg": {**{f"{name}_cfg": network(name) for name in simple}, "landmark478_cfg": {**mesh, "device": "cpu"}},
        "audio2motion_cfg": {
            **network("lmdm"),
            "motion_feat_dim": MOTION_SIZE,
            "audio_feat_dim": CONDITION,
            "seq_frames": 80,
            "use_emo": True,
            "use_sc": True,
            "use_eye_open": True,
            "use_eye_ball": True,
            "w2f_type": "hubert",
        },
        "default_kwargs": kwargs,
    }
