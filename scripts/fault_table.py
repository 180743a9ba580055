"""The fault table: ``python scripts/fault_table.py [--only WORD] [--pipewire] [--out FILE]``.

Runs one live session for each fault on the tests' benches (a private PulseAudio, or PipeWire, with the virtual
microphone on; a camera that takes notes; the kernel's camera pretended), injects the fault, and prints as a Markdown
table what the camera showed meanwhile, what ``vcam status`` told, how long after the end of its cause everything was as
before, and how far the voice and the delay then are from what they were. The exit status is 1 if a session did not
recover.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import logging
import os
import re
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.camera.fake_v4l2 import fake_kernel
from tests.devices.bench import LiveBench
from tests.devices.test_faults import PROFILE, Bench
from tests.live.parts import CountingAnimator, Microphone
from tests.pipewire import PipeWireServer
from tests.pulse import PulseServer
from vcam.audio import portaudio, virtual_mic
from vcam.build import camera_format
from vcam.camera.base import Camera
from vcam.camera.file import FileCamera
from vcam.camera.virtual import VirtualCamera
from vcam.session import Session

STEADY = 2.0  # s before a fault
PATIENCE = 40.0  # s until a session must have recovered
LASTING = 2.0  # s for which all must be well, to be as before
IN_STEP_MS = 20.0
TOLD_APART = 219 / 255  # of two pictures in a row, where only their brightness is noted: it is rounded
ASLEEP = 60.0  # s
awake = time.monotonic  # whatever a fault does to the clock

Pictures = Sequence[tuple[int, float, int]]


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the table. ``recovered``: seconds after the end of the cause; None if it did not."""

    fault: str
    camera: str
    told: str
    recovered: float | None
    after: str

    def markdown(self) -> str:
        recovered = "**no**" if self.recovered is None else f"{max(self.recovered, 0.0):.1f} s"
        return f"| {' | '.join((self.fault, self.camera, self.told.replace('|', '/'), recovered, self.after))} |"


class Watch:
    """Of one fault in one session: from when it is injected until all is as before."""

    def __init__(self, fault: str, session: Session, pictures: Callable[[], Pictures]) -> None:
        self._fault = fault
        self._session = session
        self._pictures = pictures
        self._seen = 0
        self._told: list[str] = []
        self._known: set[str] = set()  # what it told before the fault
        self._states: set[str] = set()
        self._delay = session.latency.total

    def begin(self) -> None:
        wait(STEADY)
        self._delay = self._session.latency.total
        self._seen = max(0, len(self._pictures()) - 1)
        self._known = set(self._session.status()["warnings"])

    def look(self) -> None:
        status = self._session.status()
        self._states.add(status["state"])
        for text in (status["error"], *status["warnings"]):
            once = re.sub(r" \(\d+ times\)$", "", text or "")
            if once and text not in self._known and once not in self._told:
                self._told.append(once)

    def during(self, seconds: float) -> None:
        end = awake() + seconds
        while awake() < end:
            self.look()
            wait(0.05)

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        end = awake() + seconds
        while not condition():
            self.look()
            if awake() > end:
                return False
            wait(0.05)
        self.look()
        return True

    def well(self) -> bool:
        status = self._session.status()
        output = status["audio"]["output"]
        in_step = output is None or (output["skew_ms"] is not None and abs(output["skew_ms"]) < IN_STEP_MS)
        return status["state"] == "live" and in_step and not any("Trying again" in text for text in status["warnings"])

    def recovered(self, also: Callable[[], bool] = lambda: True) -> float | None:
        """When all was well again, and stayed so; None if it was not in time."""
        end, since = awake() + PATIENCE, None
        while awake() < end:
            self.look()
            if not (self.well() and also()):
                since = None
            elif since is None:
                since = awake()
            elif awake() - since >= LASTING:
                return since
            wait(0.02)
        return None

    def result(self, mended: float, recovered: float | None, *, slept: float = 0.0, drawn: bool = True) -> Result:
        new = list(self._pictures()[self._seen :])
        output = self._session.status()["audio"]["output"]
        raised = (self._session.latency.total - self._delay) * 1000
        after = f"delay {'as before' if abs(raised) < 0.5 else f'{raised:+.0f} ms'}"
        if output is not None and output["skew_ms"] is not None:
            after += f", skew {output['skew_ms']:+.1f} ms"
        told = " / ".join(self._told) or "nothing"
        if "degraded" in self._states:
            told = f"degraded: {told}"
        took = None if recovered is None else recovered - mended
        return Result(self._fault, shown(new, slept, drawn), told, took, after)


def shown(pictures: Pictures, slept: float = 0.0, drawn: bool = True) -> str:
    """What a camera showed: its rate, the longest gap, and, if that can be told, how many were newly drawn."""
    if len(pictures) < 3:
        return "nothing"
    gaps = [later[1] - earlier[1] for earlier, later in itertools.pairwise(pictures)]
    gaps[gaps.index(max(gaps))] -= slept
    told = f"{len(gaps) / sum(gaps):.1f} fps, longest gap {max(gaps) * 1000:.0f} ms"
    if not drawn:
        return told
    fresh = statistics.mean(later[2] != earlier[2] for earlier, later in itertools.pairwise(pictures))
    return f"{told}, {min(1.0, fresh / TOLD_APART):.0%} new pictures"


def wait(seconds: float) -> None:
    threading.Event().wait(seconds)


# -- sound -----------------------------------------------------------------------------------------------------------

Inject = Callable[[LiveBench, Watch, ExitStack], float]


def unplugged(bench: LiveBench, watch: Watch, stack: ExitStack, rate: int = 48_000) -> float:
    bench.server.unload_sink("vmic_sink")  # whatever else there is to listen to
    bench.unplug()
    watch.during(3)
    bench.plug(rate)
    bench.server.pactl("set-default-source", "headset")
    return awake()


def default_changed(bench: LiveBench, watch: Watch, stack: ExitStack) -> float:
    bench.server.pactl("set-default-source", "vmic")
    watch.during(4)
    bench.server.pactl("set-default-source", "headset")
    return awake()


def killed(bench: LiveBench, watch: Watch, stack: ExitStack) -> float:
    bench.server.kill()
    watch.during(2)
    bench.server.start()
    bench.plug()
    bench.server.pactl("set-default-source", "headset")
    return awake()


def stopped(bench: LiveBench, watch: Watch, stack: ExitStack, seconds: float = 1.0) -> float:
    bench.server.signal(signal.SIGSTOP)
    watch.during(seconds)
    bench.server.signal(signal.SIGCONT)
    return awake()


def output_removed(bench: LiveBench, watch: Watch, stack: ExitStack) -> float:
    removed = awake()
    for module in reversed(virtual_mic.modules()):
        bench.server.pactl("unload-module", module.number)
    watch.until(lambda: not watch.well(), 5)
    return removed


def asleep(bench: LiveBench, watch: Watch, stack: ExitStack) -> float:
    stack.enter_context(patch.object(time, "monotonic", lambda: awake() + ASLEEP))
    watch.during(1)
    return awake()


SOUND: dict[str, Inject] = {
    "the only microphone is unplugged for 3 s": unplugged,
    "... and comes back at 16 kHz": partial(unplugged, rate=16_000),
    "another default microphone for 4 s": default_changed,
    "the sound server is killed, started again after 2 s": killed,
    "the sound server stands still for 0.25 s": partial(stopped, seconds=0.25),
    "the sound server stands still for 1 s": stopped,
    "the sound server hangs for 5 s": partial(stopped, seconds=5.0),
    "vcam's own microphone is removed by somebody": output_removed,
    "the machine sleeps for a minute": asleep,
}


@contextmanager
def sound_bench(server_class: type[PulseServer]) -> Iterator[LiveBench]:
    with server_class() as server, patch.dict(os.environ, server.env):
        del os.environ["PULSE_SOURCE"]
        portaudio.rescan()
        bench = LiveBench(server)
        bench.plug()
        server.pactl("set-default-source", "headset")
        bench.start()
        try:
            yield bench
        finally:
            server.signal(signal.SIGCONT)
            bench.session.close()


def sound_fault(name: str, inject: Inject, server_class: type[PulseServer]) -> Result:
    with sound_bench(server_class) as bench, ExitStack() as stack:
        watch = Watch(name, bench.session, lambda: bench.camera.pictures)
        watch.begin()
        mended = inject(bench, watch, stack)
        result = watch.result(mended, watch.recovered(), slept=ASLEEP if inject is asleep else 0.0)
        bench.session.close()  # before the clock is as it was
        return result


# -- animators -------------------------------------------------------------------------------------------------------


def raises(bench: Bench) -> None:
    bench.animator.fail = True


def hangs(bench: Bench) -> None:
    bench.animator.hanging = True


def no_frame(bench: Bench) -> None:
    bench.animator.wrong = lambda frame: None


def wrong_size(bench: Bench) -> None:
    bench.animator.wrong = lambda frame: np.full((480, 640, 3), frame[0, 0, 0], np.uint8)


def late(bench: Bench) -> None:
    bench.animator.slow = 0.4


ANIMATOR: dict[str, Callable[[Bench], None]] = {
    "the animator raises": raises,
    "the animator hangs": hangs,
    "the animator gives no frame": no_frame,
    "the animator gives frames of another size": wrong_size,
    "each frame takes 0.4 s, for 6 s": late,
}


def animator_fault(name: str, inject: Callable[[Bench], None]) -> Result:
    bench = Bench()
    with bench.session:
        watch = Watch(name, bench.session, lambda: bench.camera.pictures)
        watch.begin()
        mended = awake()
        first = bench.animator
        inject(bench)
        if inject in (raises, hangs, no_frame):
            recovered = watch.recovered(lambda: len(bench.animators) == 2)
        else:
            watch.during(6)
            first.slow, mended = 0.0, awake()
            recovered = watch.recovered(lambda: bench.behind() <= 2)
        first.hang.set()
        return watch.result(mended, recovered)


def fails_again(name: str) -> Result:
    """What is made anew fails too."""
    bench = Bench()
    with bench.session as session:
        watch = Watch(name, session, lambda: bench.camera.pictures)
        watch.begin()
        began = awake()
        bench.animator.fail = True
        watch.until(lambda: len(bench.animators) == 2)
        bench.animator.fail = True
        taken_over = watch.until(lambda: bench.told("lite has taken over"))
        recovered = awake() if taken_over else None
        watch.during(LASTING)
        return watch.result(began, recovered, drawn=False)


# -- cameras and disks -----------------------------------------------------------------------------------------------


def module_unloaded(name: str) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="vcam-faults-"))
    with fake_kernel(folder) as kernel:
        device = kernel.add_loopback(10)

        def open_camera() -> Camera:
            camera = VirtualCamera(camera_format(PROFILE), "10", v4l2=kernel.v4l2)
            camera.open()
            return camera

        make = CountingAnimator(320, 240)
        session = Session(PROFILE, Microphone(), open_camera, make_animator=lambda _: (make, ""))
        with session:
            watch = Watch(name, session, lambda: [])
            watch.begin()
            pictures = device.pictures
            device.path.unlink()
            shutil.rmtree(kernel.sysfs / "video10")
            watch.during(3)
            kernel.add_loopback(10).pictures = pictures
            mended, before = awake(), len(pictures)
            result = watch.result(mended, watch.recovered(lambda: len(pictures) > before))
    shutil.rmtree(folder)
    told = result.told.replace(str(folder), "")
    return Result(name, "no device to show on; the sound goes on", told, result.recovered, result.after)


def disk_full(name: str) -> Result:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder = Path(tempfile.mkdtemp(prefix="vcam-faults-"))
    path = folder / "call.mp4"
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)

    def open_camera() -> FileCamera:
        camera = FileCamera(camera_format(PROFILE), path)
        camera.open()
        return camera

    bench = Bench()
    bench.session = Session(PROFILE, Microphone(), open_camera, make_animator=bench._noted)
    bench.session.start()
    try:
        watch = Watch(name, bench.session, lambda: [])
        watch.begin()
        bench.animator.wrong = lambda frame: np.roll(noise, int(frame[0, 0, 0]), axis=1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 1_000_000, hard))
        ended = watch.until(lambda: bench.session.state == "failed")
        told = watch.result(0.0, 0.0).told.replace(str(path), path.name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        bench.session.close()
        shutil.rmtree(folder)
    return Result(name, "nobody looks: the recording ends", told, 0.0 if ended else None, "ended, exit status 1")


def table(results: Sequence[Result]) -> str:
    head = ("injected", "what the camera showed until then", "what `status` told", "recovered after", "afterwards")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(result.markdown() for result in results)]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--pipewire", action="store_true", help="PipeWire instead of PulseAudio")
    parser.add_argument("--out", type=Path, help="write the table there too")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    server = PipeWireServer if options.pipewire else PulseServer
    cases: dict[str, Callable[[str], Result]] = {
        **{name: partial(sound_fault, inject=inject, server_class=server) for name, inject in SOUND.items()},
        **{name: partial(animator_fault, inject=inject) for name, inject in ANIMATOR.items()},
        "the animator raises, and once more when it was restarted": fails_again,
        "the camera's module is unloaded for 3 s": module_unloaded,
        "the disk is full while recording": disk_full,
    }
    results = []
    for name, run in cases.items():
        if options.only in name:
            result = run(name)
            results.append(result)
            sys.stderr.write(f"{result.markdown()}\n")
    text = table(results)
    sys.stdout.write(text)
    if options.out is not None:
        with contextlib.closing(options.out.open("w", encoding="utf-8")) as file:
            file.write(text)
    return int(any(result.recovered is None for result in results))


if __name__ == "__main__":
    sys.exit(main())
