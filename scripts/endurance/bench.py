"""The bench: a private sound server, ``vcam start`` in a process of its own, and those who speak, listen and look."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import psutil

from endurance.observers import Listener, Speaker, Watcher, wait_for
from endurance.samples import Sample, delays
from tests.pulse import PulseServer
from vcam.audio import virtual_mic
from vcam.daemon.client import ControlClient
from vcam.errors import VcamError
from vcam.selftest.stimulus import make_stimulus

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "camera: {port: 0}\n"
STIMULUS = 60.0  # s of clicks and speech, then from the beginning
START_LIMIT = 120.0  # s until the session is live and the voice in step
STOP_LIMIT = 20.0  # s
DELAY_KNOWN = 3.0  # s after which a click has been everywhere, and each listener has told of it


class Bench:
    """Use as a context manager: then the session is live. ``options`` are those of ``vcam start``.

    ``folder``: where the session's log, its profile and its run-time files go.
    """

    def __init__(self, folder: Path, options: list[str]) -> None:
        self._folder = folder
        self._options = options
        self._stack = ExitStack()
        self._offset: float | None = None  # s from a PTS to when it was at the microphone
        self.process: psutil.Process
        self._client: ControlClient
        self._speaker: Speaker
        self._microphone: Listener
        self._voice: Listener
        self._watcher: Watcher
        self._last: tuple[float, dict[str, Any], float, int] | None = None

    def __enter__(self) -> Bench:
        with ExitStack() as stack:
            self._enter(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _enter(self, stack: ExitStack) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        runtime = stack.enter_context(tempfile.TemporaryDirectory(prefix="vcam-soak-"))
        server = stack.enter_context(PulseServer())
        os.environ.update(server.env, XDG_RUNTIME_DIR=runtime)
        (self._folder / "profile.yaml").write_text(PROFILE)
        self._speaker = stack.enter_context(Speaker(make_stimulus(STIMULUS).sound, "mic_in"))
        self._start(stack)
        self._client = ControlClient()
        status = wait_for(self._live, START_LIMIT, "the session")
        self._microphone = stack.enter_context(Listener("mic_in.monitor"))
        self._voice = stack.enter_context(Listener(virtual_mic.SOURCE))
        self._watcher = stack.enter_context(Watcher(status["camera"]["device"]))
        wait_for(lambda: self.status()["audio"]["output"]["skew_ms"] is not None, START_LIMIT, "the voice in step")

    def _start(self, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "endurance.marked_start", "start", str(self._folder / "profile.yaml")]
        command += ["--audio", "pulse", "--monitor", "virtual-mic", "--camera", "preview", *self._options]
        paths = f"{ROOT}{os.pathsep}{ROOT / 'scripts'}"
        log = stack.enter_context((self._folder / "session.log").open("wb"))
        started = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(self._folder / "cache")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        stack.callback(_end, started)
        self.process = psutil.Process(started.pid)

    def _live(self) -> dict[str, Any] | None:
        if not self.process.is_running() or self.process.status() == psutil.STATUS_ZOMBIE:
            raise VcamError(f"The session has ended; {self._folder / 'session.log'} says why.")
        try:
            status = self.status()
        except VcamError:  # it does not answer yet
            return None
        return status if status["state"] == "live" else None

    def status(self) -> dict[str, Any]:
        return dict(self._client.call("status"))

    def begin(self) -> None:
        """From here on the first sample counts."""
        self._last = self._counts()
        self._watcher.intervals()

    def _counts(self) -> tuple[float, dict[str, Any], float, int]:
        times = self.process.cpu_times()
        return time.monotonic(), self.status(), times.user + times.system, self._watcher.count

    def sample(self, began: float, intervals: list[float] | None = None) -> Sample:
        """What has happened since the sample before; ``began``: the monotonic time from which seconds are counted.

        To ``intervals`` are added the times between two pictures, in ms.
        """
        for observer in (self._microphone, self._voice, self._watcher):
            if observer.error is not None:
                raise observer.error
        assert self._last is not None
        before, self._last = self._last, self._counts()
        now, status, cpu, pictures = self._last
        seconds = now - before[0]
        first, last = before[0] - DELAY_KNOWN, now - DELAY_KNOWN
        known = delays(
            self._watcher.seen.between(first - 1, now),
            self._microphone.clicks.between(first, last),
            self._voice.clicks.between(first, now),
            status["camera"]["fps"],
            self._offset,
        )
        self._offset = known.offset
        apart = self._watcher.intervals()
        if intervals is not None:
            intervals += apart
        p50, p95, p99 = (round(float(value), 1) for value in np.percentile(apart or [seconds * 1000], (50, 95, 99)))
        camera, earlier, sound = status["camera"], before[1]["camera"], status["audio"]
        output = sound["output"]
        return Sample(
            seconds=round(now - began, 2),
            state=status["state"],
            rss_mb=round(self.process.memory_info().rss / 2**20, 2),
            threads=self.process.num_threads(),
            files=self.process.num_fds(),
            cpu_percent=round((cpu - before[2]) / seconds * 100, 2),
            delay_ms=status["latency_ms"]["total"],
            voice_delay_ms=output["delay_ms"],
            skew_ms=output["skew_ms"],
            drift_ppm=output["drift_ppm"],
            seen_delay_ms=known.camera_ms,
            heard_delay_ms=known.voice_ms,
            seen_skew_ms=known.skew_ms,
            clicks=known.clicks,
            fps=round((camera["presented"] - earlier["presented"]) / seconds, 3),
            seen_fps=round((pictures - before[3]) / seconds, 3),
            interval_p50_ms=p50,
            interval_p95_ms=p95,
            interval_p99_ms=p99,
            longest_gap_ms=round(max(apart, default=seconds * 1000), 1),
            presented=camera["presented"],
            repeated=camera["repeated"],
            skipped=camera["skipped"],
            missed=camera["missed"],
            overruns=sound["overruns"],
            underruns=output["underruns"],
            resyncs=output["resyncs"],
            compute_p95_ms=status["latency_ms"]["compute_p95"],
            bench_xruns=self._speaker.underflows + self._microphone.overruns + self._voice.overruns,
            load=round(os.getloadavg()[0], 2),
            warnings=" | ".join(status["warnings"]),
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
