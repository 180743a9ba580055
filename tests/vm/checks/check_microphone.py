"""A sound card of the kernel's, snd-aloop, as the microphone: what FFmpeg plays into it is what the portrait says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.waiting import wait_until

from .check_start import STILL, spoken_and_silent, status, vcam_start
from .command import vcam
from .loopback import LIMIT, Viewer

CARD = "Loopback"
LOUD = -50.0  # dBFS; the level of the microphone while somebody speaks


def check_portrait_says_what_the_microphone_hears(device: Path, tmp_path: Path) -> None:
    profile, speech = tmp_path / "still.yaml", tmp_path / "turns.wav"
    profile.write_text(STILL)
    spoken_and_silent(speech)
    assert CARD in vcam("devices")[1]

    with vcam_start(device, str(profile), "--audio", "hw:0,1") as session, Viewer(320, 240) as viewer:
        sound: dict[str, Any] = {}
        loudest, moved = -90.0, 0
        first = viewer.more(1).astype(np.int16)
        player = subprocess.Popen(play(speech, heard_as()))
        try:
            while (moved < 20 or loudest < LOUD) and session.runs:
                moved = max(moved, int(np.abs(viewer.more(2) - first).max()))
                sound = status().get("audio", sound)
                loudest = max(loudest, float(sound.get("level_dbfs") or loudest))
            sys.stderr.write(f"loudest {loudest:.0f} dBFS, moved by {moved}, heard by {sound.get('device')}\n")
            assert player.poll() is None, "the player has ended"
        finally:
            player.kill()
            player.wait()
        assert str(sound["device"]).startswith(CARD)
        session.end()


def heard_as() -> dict[str, str]:
    """What the microphone was opened as: the cable takes nothing else at its other end then."""
    parameters = Path(f"/proc/asound/{CARD}/pcm1c/sub0/hw_params")
    wait_until(lambda: "rate" in parameters.read_text(), LIMIT)
    return dict(line.split(": ", 1) for line in parameters.read_text().splitlines())


def play(speech: Path, heard: dict[str, str]) -> list[str]:
    """FFmpeg, playing into device 0, which comes out of device 1."""
    codec = {"S16_LE": "pcm_s16le", "S32_LE": "pcm_s32le", "FLOAT_LE": "pcm_f32le"}[heard["format"]]
    command = ["ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(speech), "-c:a", codec]
    command += ["-ar", heard["rate"].split()[0], "-ac", heard["channels"], "-f", "alsa", f"hw:{CARD},0,0"]
    return command
