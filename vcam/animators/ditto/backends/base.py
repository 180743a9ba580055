"""The seam between the pipeline and what runs its networks.

A tensor is a NumPy array, or an array that lives on the backend's device and is only handed on to another network
of the same backend. On the CPU both are the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from vcam.animators.ditto.networks import NetworkSpec
from vcam.live.meters import Timings

Array = npt.NDArray[Any]
Form = Literal["rgb", "i420"]  # of pictures: uint8 [h, w, 3], or [h * 3 / 2, w] of BT.601 in limited range


class DeviceTensor(Protocol):
    """An array on the backend's device."""

    def numpy(self) -> Array:
        """A copy in main memory."""


Tensor = Array | DeviceTensor


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Where networks run. ``provider``: as the backend calls it; ``version``: the backend's own."""

    backend: str
    provider: str
    version: str


@dataclass(frozen=True, slots=True, eq=False)
class Denoising:
    """A diffusion's schedule. ``times``: int64 [steps]; ``signal``, ``direction``: float32 [steps - 1], what x_start
    and the predicted noise weigh in the next x.
    """

    times: Array
    signal: Array
    direction: Array


class Network(ABC):
    """One loaded network. Used from one thread at a time."""

    spec: NetworkSpec

    @abstractmethod
    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        """All outputs by name. Those in ``keep`` may stay on the device; the others are NumPy arrays of their own.

        A tensor that was kept holds until the next ``run`` of the same network. Raises AnimatorError, naming the
        network, if the backend fails.
        """

    def __call__(self, **inputs: Tensor) -> dict[str, Array]:
        """``run``, with every output in main memory."""
        return self.run(inputs)  # type: ignore[return-value]

    def denoise(self, schedule: Denoising, x: Array, noises: Array, cond_frame: Tensor, cond: Tensor) -> Array | None:
        """All steps of the diffusion where the network runs: x_start of the last one. None where that is not possible.

        ``x``: float32 [1, 80, 265]; ``noises``: float32 [steps - 1, 1, 80, 265], as they are added. Raises as ``run``.
        """
        return None

    def several(self, count: int) -> Network | None:
        """This network for ``count`` items at once, whose tensors' first sizes are as many; None if there is none.

        Loaded when it is first asked for, closed with this one.
        """
        return self if count == 1 else None

    def warm_up(self, **shapes: tuple[int, ...]) -> None:
        """Run once on zeros, so that no frame pays for what a backend does at first use.

        ``shapes``: of the inputs whose size the spec leaves open. Raises as :meth:`run`; ValueError if one is missing.
        """
        zeros: dict[str, Tensor] = {}
        for name, shape in self.spec.inputs.items():
            sizes = [size for size in shapes.get(name, shape) if size is not None]
            if len(sizes) < len(shape):
                raise ValueError(f"{self.spec.name}: give the shape of {name}")
            zeros[name] = np.zeros(sizes, np.int64 if name in self.spec.integers else np.float32)
        self.run(zeros)

    def close(self) -> None:
        """Free what is held. May be called twice."""


class Drawing(Protocol):
    """Draws faces and pastes them where the networks run. Crops are its own; pictures are valid for two calls."""

    def face(self, features: Tensor, x_s: Array, x_d: Array) -> Any:
        """A crop, valid until the next call."""

    def keep(self, crop: Any) -> Any:
        """A copy that lasts."""

    def paste(self, index: int, paster: Any, crop: Any) -> Array:
        """The crop in the picture of source frame ``index``, whose ``Paster`` is given: uint8 RGB [h, w, 3]."""


@runtime_checkable
class WholeDrawing(Drawing, Protocol):
    """That also pastes and converts there, and can begin a frame while the one before is on its way to main memory.

    ``x_d`` may be a tensor on the device.
    """

    def face(self, features: Tensor, x_s: Array, x_d: Tensor) -> Any:
        """A crop, valid until the next call."""

    def sizes(self) -> Sequence[int]:
        """How many frames can be drawn together, the largest first, 1 the last."""

    def paste(self, index: int, paster: Any, crop: Any, form: Form | None = None) -> Array:
        """As ``Drawing``'s, in this form."""

    def begin_all(
        self, form: Form, places: Sequence[tuple[int, Any]], features: Sequence[Tensor], x_s: Array, x_d: Tensor
    ) -> Any:
        """Start one of ``sizes`` frames, without waiting for them: of each the source frame's index and ``Paster``
        and the features; key points float32 [n, 21, 3]. Two such may be under way."""

    def finish_all(self, begun: Any) -> Array:
        """Wait for what was begun: the pictures, one behind the other, valid until the next but one is begun."""


class Backend(ABC):
    """Loads networks onto one device."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def device(self) -> DeviceInfo: ...

    @abstractmethod
    def load(self, path: Path, spec: NetworkSpec) -> Network:
        """Raises AnimatorError if the file is missing, broken, or has other inputs or outputs than ``spec``."""

    @abstractmethod
    def put(self, array: Array) -> Tensor:
        """Keep an array where the networks run, for use in many calls."""

    def drawing(self, warp: Network, decoder: Network, times: Timings | None = None) -> Drawing | None:
        """What draws whole frames with these of its networks; ``times`` gets the s of each face. None: nothing does."""
        return None
