from __future__ import annotations

import importlib
import importlib.util
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vcam.animators.lite.lipsync import LipNet, unpacked

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch (extra 'train') is not installed"),
    pytest.mark.skipif(find_library("espeak-ng") is None, reason="libespeak-ng is not installed"),
]


def settings_of(**changes: Any) -> Any:
    return importlib.import_module("lipsync.settings").Settings(**changes)


def test_two_trainings_give_the_same_weights_whatever_the_processes(tmp_path: Path) -> None:
    network, training = (importlib.import_module(f"lipsync.{name}") for name in ("network", "training"))
    found = []
    for workers in (1, 2):
        settings = settings_of(hours=0.02, updates=6, batch=2, units=16, workers=workers, cache=tmp_path / str(workers))
        found.append(network.exported(training.train(settings)))
    assert found[0].keys() == found[1].keys()
    for name, array in found[0].items():
        assert np.array_equal(array, found[1][name]), name


def test_batches_do_not_depend_on_the_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = importlib.import_module("lipsync.batches")
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
        settings = settings_of(hours=0.02, batch=16, workers=1, cache=tmp_path)
        found += batches.batches(settings, 1)
    one, two = found
    for name in ("heard", "dry", "aims", "said"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


def test_what_is_exported_runs_as_it_was_trained() -> None:
    import torch

    network, batches = (importlib.import_module(f"lipsync.{name}") for name in ("network", "batches"))
    torch.manual_seed(4)
    trained = network.Network(24, 3)
    random = np.random.default_rng(4)
    sound = (0.1 * random.standard_normal(16000)).astype(np.float32)
    hops = torch.from_numpy(batches.levelled(sound[None]))
    logits = trained(network.stacked(hops))
    expected = network.outputs(logits)[0].detach().numpy()
    shown = LipNet(unpacked(network.exported(trained))).push(sound)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() < 0.01  # what rounding to int8 may cost


def test_recurrent_layers_learn_as_those_of_pytorch() -> None:
    import torch

    recurrent = importlib.import_module("lipsync.recurrent")
    torch.manual_seed(5)
    first, layers = torch.nn.Linear(7, 12), torch.nn.GRU(12, 12, 2, batch_first=True)
    sound, state = torch.randn(3, 9, 7), torch.randn(2, 3, 12)
    aims, ends = torch.randn(3, 9, 12), torch.randn(2, 3, 12)
    parameters = [*first.parameters(), *layers.parameters()]

    def slopes(states: torch.Tensor, last: torch.Tensor) -> list[torch.Tensor]:
        return list(torch.autograd.grad((states * aims).sum() + (last * ends).sum(), parameters))

    wanted = slopes(*layers(torch.relu(first(sound)), state))
    for precision, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)):
        seen = torch.relu(recurrent.linear(first, sound, precision))
        found = slopes(*recurrent.gru(layers, seen, state, precision))
        for a, b in zip(found, wanted, strict=True):
            assert (a - b).norm() <= tolerance * b.norm()


def test_batches_are_shown_twice_and_as_many_as_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = importlib.import_module("lipsync.batches")
    monkeypatch.setattr(batches, "_AGAIN", 2)
    settings = settings_of(hours=0.02, batch=1, workers=1, cache=tmp_path)
    for count in (1, 2, 3, 6, 7):
        shown = list(batches.batches(settings, count))
        assert len(shown) == count
        times = [sum(other is batch for other in shown) for batch in {id(b): b for b in shown}.values()]
        assert max(times) <= 2
        assert times.count(1) <= 3
