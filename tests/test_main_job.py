"""The main job on real parts: speech through an audio server, the whole program, and a browser showing its picture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser import Complaints, chromium
from tests.pulse import PulseServer
from tests.waiting import wait_until
from vcam.audio.decode import decode
from vcam.audio.demo import demo_path
from vcam.daemon.client import ControlClient, NotRunning
from vcam.errors import ControlError

pytestmark = [pytest.mark.audio, pytest.mark.browser]

PROFILE = "camera: {size: 1280x720, fps: 25, port: 0}\nanimator: {kind: lite, lite: {sway: 0, blinks_per_minute: 0}}\n"

#: The share of dark pixels around the mouth of the bundled portrait: its inside shows only when it is open.
DARK_SHARE = """() => {
  const image = document.getElementById("stream");
  if (!image.naturalWidth) return null;
  const w = image.naturalWidth, h = image.naturalHeight;
  const x = Math.round(w * 0.455), y = Math.round(h * 0.52), dx = Math.round(w * 0.09), dy = Math.round(h * 0.09);
  const canvas = new OffscreenCanvas(dx, dy);
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(image, x, y, dx, dy, 0, 0, dx, dy);
  const data = context.getImageData(0, 0, dx, dy).data;
  let dark = 0;
  for (let i = 0; i < data.length; i += 4) dark += data[i] < 110;
  return dark / (dx * dy);
}"""


@pytest.fixture
def running(pulse: PulseServer, private_user: Path, tmp_path: Path) -> Iterator[ControlClient]:
    """`vcam start --audio pulse --camera preview` in a process of its own, live."""
    profile = tmp_path / "call.yaml"
    profile.write_text(PROFILE)
    log = (tmp_path / "log").open("w+")
    command = [sys.executable, "-m", "vcam", "start", str(profile), "--audio", "pulse", "--camera", "preview"]
    with log, subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process:
        client = ControlClient()
        try:
            wait_until(lambda: process.poll() is not None or state(client) == "live", 30)
            if process.poll() is not None:
                pytest.fail(Path(log.name).read_text())
            yield client
        finally:
            process.terminate()
            assert process.wait(15) == 0, Path(log.name).read_text()


def state(client: ControlClient) -> str:
    try:
        return str(client.call("status")["state"])
    except (NotRunning, ControlError):
        return "not there yet"


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """The bundled speech as a WAV file, which paplay can read."""
    path = tmp_path / "speech.wav"
    sound = np.concatenate(list(decode(demo_path())))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def dark_shares(page: Page, count: int) -> list[float]:
    shares: list[float] = []
    while len(shares) < count:
        share: Any = page.evaluate(DARK_SHARE)
        if share is not None:
            shares.append(float(share))
        page.wait_for_timeout(40)
    return shares


def test_speech_into_the_audio_server_moves_the_mouth_in_the_browser(
    running: ControlClient, pulse: PulseServer, speech: Path
) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        complaints = Complaints(page)
        page.goto(running.call("status")["camera"]["device"])
        wait_until(lambda: page.evaluate("() => document.getElementById('stream').naturalWidth") == 1280)
        assert running.call("status")["audio"]["speech"] is False
        silent = dark_shares(page, 25)
        player = pulse.play(speech)
        wait_until(lambda: running.call("status")["audio"]["speech"])
        speaking = dark_shares(page, 100)
        running.call("mute")
        page.wait_for_timeout(800)
        muted = dark_shares(page, 10)
        status = running.call("status")
        player.wait(30)
    assert max(silent) < 0.5 * max(speaking), "the mouth is no more open while speaking than in silence"
    assert np.percentile(speaking, 90) - np.percentile(speaking, 10) > 0.02, "the mouth does not move"
    assert max(muted) <= max(silent) + 0.01, "the mouth moves although muted"
    assert status["state"] == "muted"
    assert status["audio"]["device"] == "pulse"
    assert 100 <= status["latency_ms"]["total"] <= 250
    assert complaints.texts == []
