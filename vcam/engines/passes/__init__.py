"""The rewrites, each in its own file, and which of them a network goes through in which order."""

from __future__ import annotations

from functools import partial
from typing import Literal

from vcam.animators.ditto.networks import (
    APPEARANCE,
    DECODER,
    HUBERT,
    LMDM,
    STITCH,
    WARP,
    NetworkSpec,
)

from . import (
    batch,
    deduplicate,
    fold,
    fold_add,
    gridsample3d,
    half,
    merge_convs,
    merge_linears,
    norm_upsample,
    pair_branches,
    shapes,
    split_rows,
    tidy,
    upsample_conv,
)
from .base import Pass, PassError, PassResult

__all__ = ["Pass", "PassError", "PassResult", "Precision", "is_batched", "passes_for", "precision_of"]

Precision = Literal["fp32", "fp16"]

# Only these are worth rounding: they run for every frame, or take long. The others are told apart by small changes
# (key points, landmarks, diffusion) or cost next to nothing.
_HALVED = frozenset({APPEARANCE.name, WARP.name, DECODER.name})
_BATCHED = frozenset({WARP.name, DECODER.name, STITCH.name})

# Where a soft-max decides what is mixed, tiny changes grow; still far below what float16 does.
_EXACT = 5e-5
_ROUNDED = 5e-2

_FOLD = Pass("fold", 1, fold.apply, _EXACT)
_TIDY = Pass("tidy", 1, tidy.apply, _EXACT)
_DEDUPLICATE = Pass("deduplicate", 1, deduplicate.apply, _EXACT)
_RENDERING = (
    Pass("gridsample3d", 1, gridsample3d.apply, _EXACT),
    Pass("norm_upsample", 1, norm_upsample.apply, _EXACT),
    Pass("fold_add", 1, fold_add.apply, _EXACT),  # before merging, which would stand in between
    Pass("merge_convs", 2, merge_convs.apply, _EXACT),
    Pass("upsample_conv", 1, upsample_conv.apply, _EXACT),
)
EARLY_INPUTS = ("cond",)  # of lmdm: what stays the same within a clip


def precision_of(spec: NetworkSpec, wanted: Precision) -> Precision:
    return wanted if spec.name in _HALVED else "fp32"


def is_batched(spec: NetworkSpec) -> bool:
    """Whether the network takes several frames at once where that is asked for."""
    return spec.name in _BATCHED


def passes_for(spec: NetworkSpec, precision: Precision, size: int = 1) -> tuple[Pass, ...]:
    """In order. ``size``: frames at once, for those networks that take them."""
    fixed = Pass("shapes", 1, partial(shapes.apply, inputs=spec.inputs), _EXACT)
    chosen = [fixed, _TIDY, _FOLD, _DEDUPLICATE]
    if spec.name == HUBERT.name:  # a graph of 1.3 GB, with nothing more to gain
        return (fixed, _FOLD)
    if size > 1 and is_batched(spec):
        chosen.append(Pass(f"batch{size}", 1, partial(batch.apply, size=size), _EXACT))
    if spec.name in _HALVED:
        chosen += [*_RENDERING, _FOLD, _DEDUPLICATE]
    if spec.name == LMDM.name:
        rows = Pass("split_rows", 1, partial(split_rows.apply, early=EARLY_INPUTS), _EXACT)
        pairs = Pass("pair_branches", 1, pair_branches.apply, _EXACT)
        linears = Pass("merge_linears", 1, merge_linears.apply, _EXACT)
        chosen += [rows, _FOLD, _DEDUPLICATE, pairs, linears, _FOLD, _DEDUPLICATE]
    if precision_of(spec, precision) == "fp16":
        chosen.append(Pass("half", 1, half.apply, _ROUNDED))
    return tuple(chosen)
