from __future__ import annotations

import importlib
import shutil

import numpy as np
import pytest
import soxr

from vcam.animators.base import Scene
from vcam.animators.lite import LiteAnimator
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, silence
from vcam.profile.model import LiteOptions


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_a_recorded_persons_lips_meet_at_m_b_and_p_and_part_at_open_vowels() -> None:
    recorded, sheet = importlib.import_module("lipsync.recorded"), importlib.import_module("contact_sheet")
    (said,) = recorded.speak("slt", ["My mama may buy a big map. Papa bought my baby a pie."], 1.2)
    sound = soxr.resample(said.samples, said.rate, SAMPLE_RATE).astype(np.float32)
    lite = LiteAnimator("robin", LiteOptions(sway=0, blinks_per_minute=0), Scene(320, 180))
    padded = np.concatenate([sound * np.float32(0.3 / np.abs(sound).max()), silence(SAMPLE_RATE)])
    jaw = np.array([pose.mouth.jaw for chunk in sheet.chunks(padded) for pose in lite.analyse(chunk)])

    def frames(segment: object, reach: float) -> slice:
        first, last = (getattr(segment, name) * SAMPLE_RATE / FRAME_SAMPLES for name in ("start", "end"))
        return slice(max(0, round(first - reach)), round(last + reach) + 1)

    closed = [jaw[frames(s, 0.5)].min() for s in said.segments if s.ipa and s.ipa in "mbp"]
    opened = [jaw[frames(s, 0.0)].max() for s in said.segments if s.ipa in ("ɑ", "aɪ", "æ")]
    assert len(closed) >= 12
    assert np.mean(np.array(closed) < 0.05) >= 0.6
    assert max(closed) <= 0.25
    assert np.median(opened) > 0.4
