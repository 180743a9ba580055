from __future__ import annotations

import importlib
import importlib.util
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest

from vcam.animators.lite.lipsync import LipNet, unpacked

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch (extra 'train') is not installed"),
    pytest.mark.skipif(find_library("espeak-ng") is None, reason="libespeak-ng is not installed"),
]


def test_two_trainings_give_the_same_weights_whatever_the_processes(tmp_path: Path) -> None:
    network = importlib.import_module("lipsync.network")
    found = []
    for workers in (1, 2):
        settings = network.Settings(
            hours=0.02, updates=6, batch=2, units=16, workers=workers, cache=tmp_path / str(workers)
        )
        found.append(network.exported(network.train(settings)))
    assert found[0].keys() == found[1].keys()
    for name, array in found[0].items():
        assert np.array_equal(array, found[1][name]), name


def test_batches_do_not_depend_on_the_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = importlib.import_module("lipsync.network")
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
        settings = network.Settings(hours=0.02, updates=6, batch=16, workers=1, cache=tmp_path)
        ((hops, aims),) = network.batches(settings)
        found.append((hops.numpy(), aims.numpy()))
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])


def test_what_is_exported_runs_as_it_was_trained() -> None:
    import torch

    network = importlib.import_module("lipsync.network")
    torch.manual_seed(4)
    trained = network.Network(24, 3)
    random = np.random.default_rng(4)
    sound = (0.1 * random.standard_normal(16000)).astype(np.float32)
    hops = torch.from_numpy(network.levelled(sound[None]))
    logits, _ = trained(network.stacked(hops))
    expected = network.outputs(logits)[0].detach().numpy()
    shown = LipNet(unpacked(network.exported(trained))).push(sound)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() < 0.01  # what rounding to int8 may cost
