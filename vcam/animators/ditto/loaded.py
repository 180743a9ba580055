"""A checkpoint's animation networks, loaded once, measured, and shared by the animators that use them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from vcam.errors import AnimatorError
from vcam.live.meters import Timings

from .backends.base import Array, Backend, Denoising, Drawing, Network, Tensor

logger = logging.getLogger(__name__)


class Metered(Network):
    """Another network whose calls are measured, and made one at a time whichever thread they come from."""

    def __init__(self, network: Network) -> None:
        self.spec = network.spec
        self.times = Timings()
        self._network = network
        self._lock = threading.Lock()
        self._several: dict[int, Metered | None] = {}

    @property
    def inner(self) -> Network:
        return self._network

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        with self._lock, self.times.measure():
            return self._network.run(inputs, keep)

    def denoise(self, schedule: Denoising, x: Array, noises: Array, cond_frame: Tensor, cond: Tensor) -> Array | None:
        with self._lock, Timings.stopwatch() as spent:
            made = self._network.denoise(schedule, x, noises, cond_frame, cond)
        if made is not None:
            for _ in schedule.times:  # measured as what it stands for: so many calls
                self.times.add(spent.seconds / len(schedule.times))
        return made

    def several(self, count: int) -> Network | None:
        """Measured by itself."""
        if count == 1:
            return self
        with self._lock:
            if count not in self._several:
                network = self._network.several(count)
                self._several[count] = None if network is None else Metered(network)
            return self._several[count]

    def close(self) -> None:
        with self._lock:
            self._network.close()


class LoadedNetworks:
    """``networks`` by name. Whoever uses them holds them; they are freed when nobody does any more."""

    def __init__(self, backend: Backend, networks: Mapping[str, Network]) -> None:
        self.backend = backend
        self.networks = {name: Metered(network) for name, network in networks.items()}
        self.warm = False  # whether they have been run, and their times can be believed
        #: Held while a frame is drawn: what the warp network keeps on the device holds only until its next call.
        self.drawing = threading.Lock()
        self._lock = threading.Lock()
        self._holders = 0
        self._freed = False

    def hold(self) -> LoadedNetworks:
        """Raises AnimatorError if they have been freed."""
        with self._lock:
            if self._freed:
                raise AnimatorError("The networks were freed meanwhile.")
            self._holders += 1
        return self

    def release(self) -> None:
        """Undo one :meth:`hold`."""
        with self._lock:
            self._holders -= 1
            self._freed = self._holders == 0
        if self._freed:
            logger.debug("freeing %s", ", ".join(self.networks))
            for network in self.networks.values():
                network.close()

    def frames(self) -> Drawing | None:
        """What draws whole frames where the networks run, if the backend can; its faces' times are the decoder's."""
        warp, decoder = self.networks["warp_network"], self.networks["decoder"]
        return self.backend.drawing(warp.inner, decoder.inner, decoder.times)

    def __getitem__(self, name: str) -> Metered:
        return self.networks[name]
