"""Lip sync as a viewer sees it: ``python scripts/measure_lips.py [--avatar NAME ...] [--seconds N]``.

Draws speech whose phoneme times are known (espeak-ng, voices and texts that training did not know) with the shipped
``lite`` animator, gate included, and measures the mouth from the pixels.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from contact_sheet import chunks
from lipsync.heldout import development
from lipsync.pixels import agreement, seen
from lipsync.targets import STEP

from vcam.animators.base import Scene
from vcam.animators.lite import LiteAnimator
from vcam.media import SAMPLE_RATE, FloatArray, silence
from vcam.profile.model import LiteOptions

_PAUSE = 30  # steps of 20 ms between utterances
_STILL = LiteOptions.model_validate({"sway": 0, "blinks_per_minute": 0})  # a head that stays where it is


def speech(seconds: float) -> tuple[FloatArray, FloatArray]:
    """Utterances of different voices, and the targets of their lips."""
    sounds, aims = [silence(_PAUSE * STEP)], [np.zeros((_PAUSE, 6), np.float32)]
    total, order = 0, np.random.default_rng(3).permutation
    utterances = development(1)
    for index in order(len(utterances)):
        _, sound, aim = utterances[index]
        if total >= seconds * SAMPLE_RATE:
            break
        sounds += [sound * np.float32(0.3 / np.abs(sound).max()), silence(_PAUSE * STEP)]
        aims += [aim, np.zeros((_PAUSE, 6), np.float32)]
        total += len(sound)
    return np.concatenate(sounds), np.concatenate(aims)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--avatar", nargs="+", default=["robin", "marlow", "puppet"], help="%(default)s")
    parser.add_argument("--seconds", type=float, default=60.0, help="of speech (%(default)s)")
    options = parser.parse_args()
    sound, aims = speech(options.seconds)
    heard = chunks(sound)
    head = ("avatar", "opening r", "width r", "lag ms", "closed at m b p", "closed at vowels")
    sys.stdout.write("".join(f"{name:>18}" for name in head) + "\n")
    for avatar in options.avatar:
        found = agreement(seen(LiteAnimator(avatar, _STILL, Scene(1280, 720)), heard), aims)
        numbers = (found.opening, found.width, found.lag, found.closed_at_mbp, found.closed_at_vowels)
        sys.stdout.write(f"{avatar:>18}" + "".join(f"{n:18.3f}" for n in numbers) + "\n")


if __name__ == "__main__":
    main()
