"""What a session does until it is live: nothing of a file is lost, and nothing of a microphone is made up for."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.audio.sounds import write_wav
from tests.live.parts import CountingAnimator, Loudspeaker, RecordingCamera
from tests.session.bench import PROFILE, Bench
from tests.waiting import wait_until
from vcam.audio.file import FileSource
from vcam.build import camera_format
from vcam.media import SAMPLE_RATE, AudioChunk
from vcam.session import Session


@pytest.mark.parametrize("slow", ["camera", "microphone"])
def test_what_is_captured_before_it_is_live_moves_nobody_and_is_not_counted_as_skipped(slow: str) -> None:
    bench = Bench()
    skipped = []

    def open_camera() -> RecordingCamera:
        if slow == "camera":
            threading.Event().wait(1.9)
            skipped.append(bench.session.status()["camera"]["skipped"])
        return bench.camera

    if slow == "microphone":
        bench.microphone.slow_to_open = 1.9
    bench.session = Session(PROFILE, bench.microphone, open_camera, make_animator=bench.make_counting)
    with bench.session as session:
        live_at = time.monotonic()
        skipped.append(session.status()["camera"]["skipped"])
        wait_until(lambda: bench.animators[0].resets)
        assert session.time_of(bench.animators[0].resets[0]) > live_at - 0.5
    assert set(skipped) == {0}


def test_a_file_waits_for_an_output_that_takes_long_to_open_and_loses_nothing(tmp_path: Path) -> None:
    class Slow(Loudspeaker):
        def open(self) -> None:
            self._never.wait(1.5)
            super().open()

    class Recorder(RecordingCamera):
        wants_audio = True

        def send_audio(self, chunk: AudioChunk) -> None:
            recorded.append(chunk)

    recorded: list[AudioChunk] = []
    camera = Recorder(camera_format(PROFILE))
    animator = CountingAnimator(320, 240)
    file = FileSource(write_wav(tmp_path / "voice.wav", np.full(2 * SAMPLE_RATE, 0.5, np.float32)), realtime=True)
    session = Session(PROFILE, file, lambda: camera, make_animator=lambda profile: (animator, ""), output=Slow())
    with session:
        assert session.wait(20)
        heard = sum(np.count_nonzero(chunk.samples) for chunk in recorded)
        assert heard > 1.7 * SAMPLE_RATE  # a busy machine may take a moment to go live
        assert session.status()["camera"]["skipped"] < 25
