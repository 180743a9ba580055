"""The networks of a checkpoint: their names, inputs and outputs (float32 and batch 1 unless said).

Images are RGB, except that ``insightface_det`` and ``landmark106`` get BGR. Shapes have None where a size is free;
an output of shape () may have any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """``file``: the usual name of its ONNX graph. ``unused``: outputs that may be there and are never read."""

    name: str
    file: str
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    integers: frozenset[str] = frozenset()  # int64 inputs
    unused: frozenset[str] = field(default_factory=frozenset)


_FEATURE = (1, 32, 16, 64, 64)
_KEYPOINTS = (1, 21, 3)


def _spec(
    name: str,
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
    file: str = "",
    integers: tuple[str, ...] = (),
    unused: tuple[str, ...] = (),
) -> NetworkSpec:
    return NetworkSpec(name, file or f"{name}.onnx", inputs, outputs, frozenset(integers), frozenset(unused))


DETECTOR = _spec(
    "insightface_det",
    {"image": (1, 3, 512, 512)},
    {
        **{f"scores{k}": (n, 1) for k, n in ((1, 8192), (2, 2048), (3, 512))},
        **{f"boxes{k}": (n, 4) for k, n in ((1, 8192), (2, 2048), (3, 512))},
        **{f"kps{k}": (n, 10) for k, n in ((1, 8192), (2, 2048), (3, 512))},
    },
)
LANDMARK106 = _spec("landmark106", {"data": (1, 3, 192, 192)}, {"fc1": (1, 212)})
LANDMARK203 = _spec("landmark203", {"input": (1, 3, 224, 224)}, {"landmarks": (1, 406)})
BLAZE_FACE = _spec(
    "blaze_face", {"input": (1, 128, 128, 3)}, {"regressors": (1, 896, 16), "classificators": (1, 896, 1)}
)
FACE_MESH = _spec(
    "face_mesh",
    {"input": (1, 256, 256, 3)},
    {"Identity": (1, 1, 1, 1434)},
    unused=("Identity_1", "Identity_2"),
)
APPEARANCE = _spec("appearance_extractor", {"image": (1, 3, 256, 256)}, {"pred": _FEATURE})
MOTION = _spec(
    "motion_extractor",
    {"image": (1, 3, 256, 256)},
    {
        "pitch": (1, 66),
        "yaw": (1, 66),
        "roll": (1, 66),
        "t": (1, 3),
        "exp": (1, 63),
        "scale": (1, 1),
        "kp": (1, 63),
    },
)
HUBERT = _spec("hubert", {"input_values": (1, None)}, {"encoding_out": (None, 1024)})
LMDM = _spec(
    "lmdm",
    {"x": (1, 80, 265), "cond_frame": (1, 265), "cond": (1, 80, None), "time_cond": (1,)},
    {"pred_noise": (1, 80, 265), "x_start": (1, 80, 265)},
    file="lmdm_v0.4_hubert.onnx",
    integers=("time_cond",),
)
STITCH = _spec("stitch_network", {"kp_source": _KEYPOINTS, "kp_driving": _KEYPOINTS}, {"out": _KEYPOINTS})
WARP = _spec(
    "warp_network",
    {"feature_3d": _FEATURE, "kp_source": _KEYPOINTS, "kp_driving": _KEYPOINTS},
    {"out": (1, 256, 64, 64)},
)
DECODER = _spec("decoder", {"feature": (1, 256, 64, 64)}, {"output": (1, 3, 512, 512)})

REGISTRATION = (DETECTOR, LANDMARK106, LANDMARK203, BLAZE_FACE, FACE_MESH, APPEARANCE, MOTION)
ANIMATION = (HUBERT, LMDM, STITCH, WARP, DECODER)
NETWORKS: Mapping[str, NetworkSpec] = {spec.name: spec for spec in (*REGISTRATION, *ANIMATION)}
