"""What is heard where the delay is mended: no click, and afterwards the voice where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio.sounds import tone
from tests.live.test_delay_loop import DELAY, Simulation
from vcam.audio.voice_line import VoiceLine
from vcam.audio.wideband import RATIO, VOICE_RATE
from vcam.live.voice import sound_of
from vcam.media import FloatArray, silence

BLOCK = 0.01  # s
SETTLED = 15.0  # s before the stall
AFTER = 6.0  # s after it
TONE = 440.0  # Hz


def spoken(sound: FloatArray) -> VoiceLine:
    line = VoiceLine(seconds=SETTLED + AFTER + 5)
    for start in range(0, len(sound), VOICE_RATE):
        part = sound[start : start + VOICE_RATE]
        line.write(start // RATIO, silence(len(part) // RATIO), part)
    return line


def mended(seconds: float, *, told: bool) -> tuple[Simulation, float]:
    """A loop whose device stood still for so long, some seconds after; when it went on."""
    simulation = Simulation(100, -100, jitter=0.0003, block=BLOCK)
    simulation.run(SETTLED)
    simulation.stall(seconds, told=told)
    went_on = simulation.now
    simulation.run(AFTER)
    return simulation, went_on


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.004, True), (0.007, False), (0.03, True), (0.0307, True), (0.5, True)]
)
def test_a_splice_in_a_tone_makes_no_click(seconds: float, told: bool) -> None:
    line = spoken(tone(TONE, SETTLED + AFTER + 2, VOICE_RATE))
    simulation, _ = mended(seconds, told=told)
    frames = round(BLOCK * VOICE_RATE)
    recent = [stretch for _, stretch in list(simulation.played)[-800:]]
    assert sum(stretch.leaving is not None for stretch in recent) == 1
    played = np.concatenate([sound_of(stretch, line, frames) for stretch in recent])
    # Three samples of a tone are bound to each other; a hard cut breaks that by up to twice the level.
    swing = 2 * np.cos(2 * np.pi * TONE / VOICE_RATE)
    broken = np.abs(played[2:] - swing * played[1:-1] + played[:-2])
    assert broken.max() < 0.01


@pytest.mark.parametrize(("seconds", "told"), [(0.004, True), (0.007, False), (0.03, True), (0.5, True)])
def test_two_seconds_later_the_voice_is_heard_when_it_should_be(seconds: float, told: bool) -> None:
    noise = np.random.default_rng(5).uniform(-0.5, 0.5, round((SETTLED + AFTER + 2) * VOICE_RATE)).astype(np.float32)
    line = spoken(noise)
    simulation, went_on = mended(seconds, told=told)
    frames = round(BLOCK * VOICE_RATE)
    late = [(at, stretch) for at, stretch in simulation.played if at >= went_on + 2][:50]
    heard = np.concatenate([sound_of(stretch, line, frames) for _, stretch in late])
    wanted = simulation.clock.pts_at(late[0][0] - DELAY) * RATIO
    reach = round(0.02 * VOICE_RATE)  # looked for on either side
    around = line.read(wanted - reach, 1.0, len(heard) + 2 * reach)
    best = int(np.argmax(np.correlate(around, heard, mode="valid"))) - reach
    assert abs(best / VOICE_RATE) < 0.003
