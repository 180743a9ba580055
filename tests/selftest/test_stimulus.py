"""Clicks: played, found, matched."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from vcam.media import SAMPLE_RATE
from vcam.selftest.stimulus import SPEECH_PEAK, ClickDetector, make_stimulus, matches


def test_clicks_are_found_where_they_are_and_speech_is_none() -> None:
    stimulus = make_stimulus(12)
    heard = np.asarray(soxr.resample(stimulus.sound, 48_000, SAMPLE_RATE), np.float32)
    detector = ClickDetector()
    found = [at for start in range(0, len(heard), 160) for at in detector.push(heard[start : start + 160])]
    assert len(found) == len(stimulus.clicks) >= 8
    assert np.array(found) / SAMPLE_RATE == pytest.approx(np.array(stimulus.clicks), abs=0.0002)


def test_the_speech_alone_has_no_clicks() -> None:
    speech = make_stimulus(6).speech()
    assert 0.5 * SPEECH_PEAK < np.abs(speech).max() < 1.3 * SPEECH_PEAK
    assert ClickDetector().push(speech) == []


def test_clicks_match_whatever_lies_between_and_in_spite_of_lost_ones() -> None:
    clicks = make_stimulus(20).clicks
    rng = np.random.default_rng(2)
    heard = [at + 1234.5 + rng.normal(0, 0.002) for at in clicks]
    del heard[4]
    heard.insert(2, heard[1] + 0.12)  # noise that was taken for one
    pairs = matches(clicks, heard)
    assert len(pairs) == len(clicks) - 1
    assert all(there - at == pytest.approx(1234.5, abs=0.01) for at, there in pairs)


def test_what_does_not_belong_together_does_not_match() -> None:
    clicks = make_stimulus(12).clicks
    assert matches(clicks, [at + 20 for at in clicks], most=8) == []
    assert matches(clicks, []) == []
    assert matches(clicks[:2], clicks[:2]) == []
