from __future__ import annotations

import importlib
import importlib.util
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vcam.animators.lite.lipsync import BEHIND, LipNet, unpacked

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch (extra 'train') is not installed"),
    pytest.mark.skipif(find_library("espeak-ng") is None, reason="libespeak-ng is not installed"),
]


@pytest.fixture(autouse=True)
def few_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training measures the vowels of every language by a hundred sentences; here a few will do."""
    monkeypatch.setattr(importlib.import_module("lipsync.corpus"), "_MEASURED", 4)


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


def test_a_process_that_crashes_while_it_speaks_is_told_and_not_waited_for() -> None:
    corpus = importlib.import_module("lipsync.corpus")
    with pytest.raises(BrokenProcessPool):
        corpus._by_its_own_process(os._exit, (3,))


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
    hops = torch.from_numpy(batches.levelled(batches.decibels(sound[None])))
    logits = trained(network.stacked(hops))
    expected = network.outputs(logits)[0].detach().numpy()[BEHIND:]  # what is told before the first instant is left out
    shown = LipNet(unpacked(network.exported(trained))).push(sound)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() < 0.003  # its last matrix and its biases are rounded only now


def test_the_network_learns_in_bfloat16_as_in_float32() -> None:
    import torch

    network = importlib.import_module("lipsync.network")
    sound, aims = torch.randn(3, 9, 240), torch.randn(3, 9, 6)

    def slopes(precision: torch.dtype) -> dict[str, torch.Tensor]:
        torch.manual_seed(5)
        made = network.Network(24, 2, precision)
        states, last = made.states(sound)
        states, last = made.states(sound, last)  # goes on from where it was
        ((made.output(states) * aims).sum() + last.sum()).backward()
        return {name: parameter.grad for name, parameter in made.named_parameters()}

    expected = slopes(torch.float32)
    for name, slope in slopes(torch.bfloat16).items():
        allowed = 0.12 if name.startswith("conv.") else 0.03  # below these, rounding moves rectifiers past their corner
        assert (slope - expected[name]).norm() <= allowed * expected[name].norm(), name


def test_weights_do_not_depend_on_how_many_threads_move_them() -> None:
    import torch

    network, learner, optimiser = (importlib.import_module(f"lipsync.{n}") for n in ("network", "learner", "optimiser"))
    found = []
    for threads in (1, 3):
        torch.manual_seed(7)
        made = learner.Learner(network.Network(24, 2))
        with ThreadPoolExecutor(threads) as executor:
            ours = optimiser.Optimiser(made, 3e-3, 600, executor)
            for update in range(4):
                for parameter in made.parameters():
                    parameter.grad = torch.randn_like(parameter)
                ours.step(update)
        found.append(made.state_dict())
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name


def test_matrices_go_the_way_that_pytorchs_muon_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    network, learner, optimiser = (importlib.import_module(f"lipsync.{n}") for n in ("network", "learner", "optimiser"))
    monkeypatch.setattr(optimiser, "_EVERY", 1)
    torch.manual_seed(6)
    made = learner.Learner(network.Network(24, 2))
    threads = ThreadPoolExecutor(2)
    ours = optimiser.Optimiser(made, 3e-3, 600, threads)
    gate = made.network.lstm.weight_ih_l0.detach()[24:48].clone().requires_grad_()
    theirs = torch.optim.Muon([gate], weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for update in range(4):
        for parameter in made.parameters():
            parameter.grad = 1e-3 * torch.randn_like(parameter)  # too small to be scaled down
        gate.grad = made.network.lstm.weight_ih_l0.grad[24:48].clone()
        ours.step(update)
        theirs.param_groups[0]["lr"] = 3e-3 * (update + 1) / 200 * (1 - update / 600)
        theirs.step()
    threads.shutdown()
    assert torch.allclose(made.network.lstm.weight_ih_l0[24:48], gate, atol=1e-7)


def test_weights_are_learned_with_as_they_are_stored() -> None:
    import torch

    network, stored = (importlib.import_module(f"lipsync.{name}") for name in ("network", "stored"))
    made = network.Network(24, 2)
    found = unpacked(network.exported(made))
    for name, weight in made.named_parameters():
        part = stored.FINE if name == "output.weight" else stored.COARSE
        if weight.ndim == 2:
            taken = stored.stored(weight, part)
            assert np.abs(taken.detach().numpy() - found[name]).max() < 1e-6, name
            assert len(np.unique(found[name][0])) < 7 / part  # so many steps reach from -3.5 to 3.5 of the row's RMS
            (slope,) = torch.autograd.grad((taken * weight.detach()).sum(), weight)
            assert torch.equal(slope, weight.detach()), name


def test_a_file_of_weights_is_smaller_than_numpys_and_reads_the_same(tmp_path: Path) -> None:
    stored = importlib.import_module("lipsync.stored")
    random = np.random.default_rng(8)
    weights: dict[str, np.ndarray] = {
        "large": np.round(random.standard_normal((64, 192)) * 3).astype(np.int8),
        "small": random.standard_normal(64).astype(np.float16),
    }
    ours, numpys = tmp_path / "ours.npz", tmp_path / "numpys.npz"
    stored.save(ours, weights)
    np.savez_compressed(numpys, **weights)  # type: ignore[arg-type]
    assert ours.stat().st_size < 0.95 * numpys.stat().st_size
    with np.load(ours, allow_pickle=False) as found:
        assert set(found.files) == set(weights)
        for name, array in weights.items():
            assert found[name].dtype == array.dtype
            assert np.array_equal(found[name], array)


def test_batches_are_shown_several_times_varied_and_as_many_as_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = importlib.import_module("lipsync.batches")
    monkeypatch.setattr(batches, "_TIMES", 3)
    monkeypatch.setattr(batches, "_AGAIN", 2)
    settings = settings_of(hours=0.02, batch=1, workers=1, cache=tmp_path)
    for count in (1, 2, 3, 6, 7, 15):
        shown = list(batches.batches(settings, count))
        assert len(shown) == count
        times = list(Counter(id(batch.aims) for batch in shown).values())
        assert len({batch.heard.tobytes() for batch in shown}) == count  # another way each time
        assert max(times) <= 3
        assert sum(3 - n for n in times) <= 6 + 2  # the last ones, and where the count ends
