"""What a training run depends on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the weights depend on, and where and by how many processes they are made."""

    hours: float = 16.0  # of speech
    updates: int = 24000
    batch: int = 32
    layers: int = 3
    units: int = 192
    precision: str = "bfloat16"  # of large layers; "float32" where a processor is slow with the other
    rate: float = 3e-3  # of matrices; two thirds of it for the rest
    seed: int = 1
    workers: int = 2
    cache: Path = Path("lipsync-cache")
