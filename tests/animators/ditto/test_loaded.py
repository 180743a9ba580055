from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from vcam.animators.ditto.backends.base import Network, Tensor
from vcam.animators.ditto.backends.onnx import OnnxBackend
from vcam.animators.ditto.loaded import LoadedNetworks
from vcam.animators.ditto.networks import STITCH
from vcam.errors import AnimatorError


class Counted(Network):
    """Notes how often it was closed, and how many calls were under way at once."""

    spec = STITCH

    def __init__(self) -> None:
        self.closed = 0
        self.most = 0
        self._inside = 0

    def run(self, inputs: Mapping[str, Tensor], keep: Sequence[str] = ()) -> dict[str, Tensor]:
        self._inside += 1
        self.most = max(self.most, self._inside)
        threading.Event().wait(0.001)
        self._inside -= 1
        return {"out": np.asarray(inputs["kp_driving"])}

    def close(self) -> None:
        self.closed += 1


def loaded() -> tuple[LoadedNetworks, Counted]:
    network = Counted()
    return LoadedNetworks(OnnxBackend("cpu"), {"stitch_network": network}), network


def test_they_are_freed_once_when_nobody_holds_them_any_more() -> None:
    networks, network = loaded()
    networks.hold()
    networks.hold()
    networks.release()
    assert network.closed == 0
    networks.release()
    assert network.closed == 1
    with pytest.raises(AnimatorError, match="freed"):
        networks.hold()


def test_calls_are_counted_and_come_one_at_a_time() -> None:
    networks, network = loaded()
    points = np.zeros((1, 21, 3), np.float32)

    def call() -> None:
        for _ in range(10):
            networks["stitch_network"](kp_source=points, kp_driving=points)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert network.most == 1
    assert networks["stitch_network"].times.count == 40
    assert networks["stitch_network"].times.percentile_ms(50) > 0
