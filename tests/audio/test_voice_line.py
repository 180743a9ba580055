from __future__ import annotations

import numpy as np
import pytest

from tests.audio.sounds import peak, pitch, tone
from vcam.audio.voice_line import VoiceLine
from vcam.audio.wideband import RATIO, VOICE_RATE
from vcam.media import SAMPLE_RATE, FloatArray, silence

BLOCK = 160
WIDE = BLOCK * RATIO


def fill(line: VoiceLine, wide: FloatArray, pts: int = 0) -> None:
    """Write 48 kHz sound in blocks of 10 ms, from ``pts`` on."""
    for start in range(0, len(wide), WIDE):
        part = wide[start : start + WIDE]
        line.write(pts + start // RATIO, silence(len(part) // RATIO), part)


def play(line: VoiceLine, position: float, step: float, seconds: float, frames: int = 480) -> FloatArray:
    blocks = []
    for _ in range(round(seconds * VOICE_RATE / frames)):
        blocks.append(line.read(position, step, frames))
        position += step * frames
    return np.concatenate(blocks)


def roughness(sound: FloatArray, frequency: float, rate: int = VOICE_RATE) -> float:
    """The largest deviation of any three samples from a sine of that frequency: a click shows as a peak."""
    swing = 2 * np.cos(2 * np.pi * frequency / rate)
    return float(np.abs(sound[2:] - swing * sound[1:-1] + sound[:-2]).max())


def test_what_was_written_at_a_moment_is_read_there() -> None:
    line = VoiceLine()
    wide = tone(1000, 1, VOICE_RATE)
    fill(line, wide, pts=16_000)
    read = line.read(48_000 + 4800, 1.0, 4800)
    assert np.abs(read - wide[4800:9600]).max() < 0.001


def test_between_two_samples_the_sound_is_interpolated() -> None:
    line = VoiceLine()
    fill(line, tone(3000, 1, VOICE_RATE))
    read = line.read(1000.37, 1.0, 4800)
    wanted = 0.5 * np.sin(2 * np.pi * 3000 * (1000.37 + np.arange(4800)) / VOICE_RATE)
    assert np.abs(read - wanted).max() < 0.001


@pytest.mark.parametrize("frequency", [100, 1000, 8000, 15_000, 19_000])
def test_the_whole_band_passes(frequency: float) -> None:
    line = VoiceLine()
    fill(line, tone(frequency, 1, VOICE_RATE))
    assert peak(play(line, 1000, 1.0001, 0.8)) == pytest.approx(0.5, rel=0.02)


def test_another_speed_changes_the_pitch_by_as_much_and_clicks_nowhere() -> None:
    line = VoiceLine()
    fill(line, tone(440, 2, VOICE_RATE))
    played = play(line, 1000, 1.005, 1.5)
    assert pitch(played, VOICE_RATE) == pytest.approx(440 * 1.005, abs=0.1)
    assert roughness(played, 440 * 1.005) < 0.0005


def test_a_changing_speed_clicks_nowhere() -> None:
    line = VoiceLine()
    fill(line, tone(440, 3, VOICE_RATE))
    position, blocks = 1000.0, []
    for number in range(200):
        step = 1 + 0.005 * np.sin(number / 20)
        blocks.append(line.read(position, step, 480))
        position += step * 480
    assert roughness(np.concatenate(blocks), 440) < 0.0005


def test_what_was_never_written_is_silence() -> None:
    line = VoiceLine()
    fill(line, np.full(4800, 0.5, np.float32))
    fill(line, np.full(4800, 0.5, np.float32), pts=4800)
    assert not line.read(4800 + 100, 1.0, 9000).any()
    assert line.read(4800 * RATIO + 100, 1.0, 480) == pytest.approx(0.5, abs=0.001)
    assert not line.read(10**9, 1.0, 480).any()


def test_the_ring_holds_the_last_seconds_and_forgets_what_is_older() -> None:
    line = VoiceLine(seconds=1.0)
    wide = tone(500, 3.3, VOICE_RATE)
    fill(line, wide)
    end = len(wide)
    read = line.read(end - 40_000, 1.0, 30_000)
    assert np.abs(read - wide[end - 40_000 : end - 10_000]).max() < 0.001
    assert not line.read(end - 60_000, 1.0, 4800).any()


def test_after_a_long_gap_nothing_old_is_left() -> None:
    line = VoiceLine(seconds=1.0)
    fill(line, np.full(48_000, 0.5, np.float32))
    hours = 8 * 3600 * SAMPLE_RATE
    fill(line, np.full(960, 0.25, np.float32), pts=hours)
    assert not line.read(hours * RATIO - 40_000, 1.0, 30_000).any()
    assert line.read(hours * RATIO + 100, 1.0, 480) == pytest.approx(0.25, abs=0.001)


def test_telephone_sound_is_widened_and_stands_where_it_was_spoken() -> None:
    line = VoiceLine()
    narrow = tone(1000, 1)
    for start in range(0, len(narrow), BLOCK):
        line.write(start, narrow[start : start + BLOCK])
    read = line.read(4800.0, 1.0, 24_000)
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * (4800 + np.arange(24_000)) / VOICE_RATE)
    assert np.abs(read - wanted).max() < 0.002


def test_the_very_first_sound_of_a_narrow_source_is_not_late() -> None:
    line = VoiceLine()
    line.write(0, silence(BLOCK))
    assert line.late == 0


def test_sound_that_comes_too_late_is_counted_once_for_each_time() -> None:
    line = VoiceLine()
    fill(line, silence(4800))
    line.read(4800 + 2400, 1.0, 480)
    assert line.late == 0
    fill(line, silence(WIDE * 2), pts=4800 // RATIO)
    assert line.late == 1
    fill(line, silence(WIDE), pts=4800 // RATIO + 3200)
    assert line.late == 1
