"""Weights as they ship: whole multiples of a step, which each row of a matrix has for itself.

A network that learns to the end with weights as they are stored (straight-through estimator, Bengio et al., 2013) needs
four bits for each, and a compressed file of the same size holds nearly twice the network.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

COARSE = 0.35  # of a row's RMS: in the large matrices
FINE = 1 / 16  # of a row's RMS: in the last one


def steps(weight: torch.Tensor, part: float) -> torch.Tensor:
    """float32 [rows]: ``part`` of each row's RMS, as float16 can tell it."""
    return (weight.square().mean(1).sqrt() * part).clamp(min=1e-6).half().float()


def multiples(weight: torch.Tensor, part: float) -> torch.Tensor:
    """float32 [rows, columns]: a matrix in its rows' steps, whole and within int8."""
    return torch.round(weight / steps(weight, part)[:, None]).clamp(-127, 127)


def stored(weight: torch.Tensor, part: float) -> torch.Tensor:
    """What storing leaves of a matrix; its slope passes through as if nothing were rounded."""
    with torch.no_grad():
        lost = multiples(weight, part) * steps(weight, part)[:, None] - weight
    return weight + lost


def save(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """An .npz file, an eighth smaller than NumPy's: in weights zlib finds no repetitions that are worth their place."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as member:
                # zipfile has no parameter for this; without it files would only be larger
                member._compressor = zlib.compressobj(9, zlib.DEFLATED, -15, strategy=zlib.Z_HUFFMAN_ONLY)  # type: ignore[attr-defined]
                np.lib.format.write_array(member, array)
