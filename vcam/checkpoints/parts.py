"""What a checkpoint consists of, and under which licences."""

from __future__ import annotations

import re
from dataclasses import dataclass

REPOSITORY = "digital-avatar/ditto-talkinghead"


@dataclass(frozen=True, slots=True)
class Part:
    """``pattern``: the paths in the repository that belong to it; ``usual``: fetched if nothing else is asked for."""

    name: str
    pattern: re.Pattern[str]
    what: str
    usual: bool


_FILE = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
PARTS = (
    Part("cfg", re.compile(rf"ditto_cfg/{_FILE}\.(?:pkl|yaml)"), "configurations", True),
    Part("onnx", re.compile(rf"ditto_onnx/{_FILE}\.onnx"), "portable networks", True),
    Part("trt", re.compile(rf"ditto_trt_{_FILE}/{_FILE}\.engine"), "engines, for TensorRT 8.6.1 only", False),
)


def part_of(path: str) -> Part | None:
    """The part that a path in the repository belongs to; None if it is of no use, or is no plain path."""
    return next((part for part in PARTS if part.pattern.fullmatch(path)), None)


@dataclass(frozen=True, slots=True)
class Licence:
    """``networks``: names in ``networks.NETWORKS``."""

    networks: tuple[str, ...]
    origin: str
    terms: str
    free: bool  # for commercial use too


LICENCES = (
    Licence(("lmdm",), "Ditto (Ant Group)", "Apache-2.0", True),
    Licence(
        (
            *("appearance_extractor", "motion_extractor", "stitch_network", "warp_network", "decoder"),
            "landmark203",
        ),
        "LivePortrait (Kuaishou)",
        "MIT",
        True,
    ),
    Licence(("hubert",), "HuBERT-large (Meta)", "Apache-2.0", True),
    Licence(("blaze_face", "face_mesh"), "MediaPipe (Google)", "Apache-2.0", True),
    Licence(("insightface_det", "landmark106"), "InsightFace", "non-commercial research only", False),
)
RESTRICTED = (
    "The face detectors (insightface_det, landmark106) are InsightFace's, for non-commercial research only. They are"
    " used when a portrait is prepared; a profile can choose other landmarks."
)


def licence_of(network: str) -> Licence:
    return next(licence for licence in LICENCES if network in licence.networks)
