from __future__ import annotations

import json

import numpy as np
import pytest

from vcam.bench import lite_cpu
from vcam.bench.lite import LiteBench, run_lite_bench
from vcam.cli.bench import _print_lite
from vcam.profile.model import Profile

PROFILE = Profile.model_validate({"camera": {"size": "320x240", "fps": 25, "kind": "none"}})


@pytest.fixture(scope="module")
def result() -> LiteBench:
    return run_lite_bench(PROFILE, seconds=1.0, live_seconds=0.6)


def test_it_measures_both_kinds_of_avatar_beside_the_simplest_way(result: LiteBench) -> None:
    assert result.avatars[0].kind == "robin"
    for cost in result.avatars:
        assert cost.frame_ms > 0
        assert cost.plain_ms > 0
        assert cost.silent >= 0
        assert cost.speaking > 0
        assert cost.ratio == pytest.approx(cost.plain_ms / cost.frame_ms)


def test_it_is_json_and_a_table(result: LiteBench, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(json.dumps(result.to_dict()))
    assert {"kind", "frame_ms", "plain_ms", "silent", "speaking", "ratio"} <= data["avatars"][0].keys()
    _print_lite(result)
    assert "simplest way" in capsys.readouterr().out


def test_the_simplest_way_bends_the_whole_picture() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    plain = lite_cpu.FullFrame(picture)
    bent = plain.draw([4.0] * 8)
    assert bent.shape == picture.shape
    assert bent.dtype == np.uint8
    assert (bent != picture).mean() > 0.5
