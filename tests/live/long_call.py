"""A whole session in virtual time whose microphone says a click now and then, and when each was heard and seen.

``python -m tests.live.long_call --hours 24``: a day with crystals that are off by 200 ppm each, in some minutes.
"""

from __future__ import annotations

import argparse
import bisect
import random
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tests.live import parts, virtual_time
from tests.live.parts import CountingAnimator
from vcam.animators.base import Pose
from vcam.audio.sink import Heard, Sink
from vcam.audio.source import Block, Source
from vcam.build import camera_format
from vcam.camera.base import Camera, CameraFormat
from vcam.media import FRAME_SAMPLES, SAMPLE_RATE, AudioChunk, ByteArray, FloatArray, Picture, silence
from vcam.profile.model import Profile
from vcam.session import Session

LOUD = 0.3  # level from which on a sample belongs to a click
MOST = 1.0  # s that a click may be late
ASLEEP = 0.5  # s without being asked after which a device has stood still, as the machine has
SHOWN = 200  # luma of a picture with a click


class Microphone(Source):
    """Its crystal is ``ppm`` fast; blocks come up to ``jitter`` s late. ``clicks``: when spoken, ``every`` s."""

    name = "microphone"
    live = True

    def __init__(self, world: virtual_time.World, ppm: float, block: float, jitter: float, every: float) -> None:
        self.clicks: list[float] = []
        self._world = world
        self._rate = SAMPLE_RATE * (1 + ppm * 1e-6)
        self._count = round(block * SAMPLE_RATE)
        self._random = random.Random(5)
        self._jitter = jitter
        self._every = round(every * SAMPLE_RATE)
        self._until_click = self._every
        self._start, self._taken = 0.0, 0

    @property
    def device_latency(self) -> float:
        return 2 * self._count / SAMPLE_RATE + self._jitter  # as drivers have two periods

    def open(self) -> None:
        self._start, self._taken = self._world.now, 0

    def read(self, timeout: float) -> Block | None:
        due = self._start + (self._taken + self._count) / self._rate
        if (late := self._world.now - due) > ASLEEP:
            self._start += late
            due += late
        wait = due + self._random.random() * self._jitter - self._world.now
        if wait > timeout:
            self._world.sleep(timeout)
            return None
        if wait > 0:
            self._world.sleep(wait)
        sound = silence(self._count)
        if self._until_click < self._count:
            sound[self._until_click] = 0.9
            self.clicks.append(self._start + (self._taken + self._until_click) / self._rate)
            self._until_click += self._every
        self._until_click -= self._count
        self._taken += self._count
        return Block(sound, due)

    def close(self) -> None:
        """Nothing to close."""


class Loudspeaker(Sink):
    """Its crystal is ``ppm`` fast; it holds 20 ms. ``clicks``: when each was heard."""

    name = "loudspeaker"
    latency = 0.02

    def __init__(self, world: virtual_time.World, ppm: float, block: float) -> None:
        self.clicks: list[float] = []
        self.gaps = 0
        self.frames = round(block * self.rate)
        self._world = world
        self._ppm = ppm
        self._blocks: deque[tuple[int, FloatArray]] = deque()
        self._due = 0.0
        self._began = False

    @property
    def underruns(self) -> int:
        return self.gaps

    def open(self) -> None:
        self._blocks.clear()
        self._due, self._began = self._world.now, False

    def put(self, number: int, block: FloatArray) -> None:
        self._blocks.append((number, block))

    def wait(self, timeout: float) -> Heard | None:
        if self._world.now - self._due > ASLEEP:
            self._due = self._world.now
        if (pause := self._due - self._world.now) > timeout:
            self._world.sleep(timeout)
            return None
        if pause > 0:
            self._world.sleep(pause)
        rate = self.rate * (1 + self._ppm * 1e-6)
        at, self._due = self._due + self.latency, self._due + self.frames / rate
        if not self._blocks:
            self.gaps += self._began
            return Heard(None, at, self._began)
        self._began = True
        number, block = self._blocks.popleft()
        loudest = int(np.argmax(block))
        if block[loudest] > LOUD and (not self.clicks or at - self.clicks[-1] > 0.1):
            self.clicks.append(at + loudest / rate)
        return Heard(number, at)

    def close(self) -> None:
        """Nothing to close."""


class ClickAnimator(CountingAnimator):
    """Draws white frames where a click is heard in their sound, and knows the clicks' PTS."""

    kind: ClassVar[str] = "clicks"

    def __init__(self) -> None:
        super().__init__()
        self.clicks: deque[int] = deque(maxlen=8)

    def analyse(self, chunk: AudioChunk) -> Sequence[Pose]:
        loudest = int(np.argmax(chunk.samples))
        if chunk.samples[loudest] > LOUD:
            self.clicks.append(chunk.pts + loudest)
        return super().analyse(chunk)

    def render(self, pose: Pose) -> ByteArray:
        frame = super().render(pose)
        if self.clicks and pose.pts <= self.clicks[-1] < pose.pts + FRAME_SAMPLES:
            frame[:] = 255
        return frame


class ClickCamera(Camera):
    """``clicks``: when each was seen; had it been seen at once, without waiting for the next picture."""

    kind: ClassVar[str] = "clicks"

    def __init__(self, format: CameraFormat, world: virtual_time.World, animator: ClickAnimator) -> None:
        super().__init__(format)
        self.clicks: list[float] = []
        self.pictures = 0
        self.longest_gap = 0.0
        self.behind = 0  # pictures with a frame that does not belong to their moment
        self._world = world
        self._animator = animator
        self._seen: int | None = None
        self._last: float | None = None

    def open(self) -> None:
        """Nothing to open."""

    def send(self, picture: Picture) -> None:
        now, luma = self._world.now, int(picture.i420[0, 0])
        if self._last is not None:
            self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now
        self.pictures += 1
        if luma > SHOWN:
            click = self._animator.clicks[-1]
            if click != self._seen:
                self._seen = click
                self.clicks.append(now + (click - picture.pts) / SAMPLE_RATE)
        else:
            frame = round((luma - 16) * 255 / 219 - 50)  # as the animator counts them
            self.behind += (picture.pts // FRAME_SAMPLES - frame) % 100 not in (0, 1, 99)  # luma has fewer steps

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True, slots=True)
class Delays:
    """From a click's sound at the microphone until it was seen and heard, in s each."""

    at: float
    seen: float | None
    heard: float | None


class LongCall:
    """Use as a context manager: then the session is live. ``block``: s of the devices' blocks."""

    def __init__(
        self,
        world: virtual_time.World,
        *,
        microphone_ppm: float = 0.0,
        device_ppm: float = 0.0,
        fps: float = 25,
        block: float = 0.02,
        jitter: float = 0.005,
        every: float = 1.0,
    ) -> None:
        profile = Profile.model_validate({"camera": {"size": "160x120", "fps": fps}, "gate": {"kind": "off"}})
        self.world = world
        self.microphone = Microphone(world, microphone_ppm, block, jitter, every)
        self.loudspeaker = Loudspeaker(world, device_ppm, block)
        animator = ClickAnimator()
        self.camera = ClickCamera(camera_format(profile), world, animator)
        self.session = Session(
            profile,
            self.microphone,
            lambda: self.camera,
            make_animator=lambda _: (animator, ""),
            output=self.loudspeaker,
        )

    def run(self, seconds: float) -> list[Delays]:
        """The delays of all clicks that are spoken, seen and heard in so many seconds."""
        since = self.world.now
        self.world.sleep(seconds)
        spoken = [at for at in self.microphone.clicks if since <= at < self.world.now - MOST]
        return [Delays(at, _after(self.camera.clicks, at), _after(self.loudspeaker.clicks, at)) for at in spoken]

    def until(self, pts: int) -> float:
        """The seconds until that sample is at the microphone."""
        return self.session.time_of(pts) - self.world.now

    def forget(self) -> None:
        """The clicks so far."""
        for clicks in (self.microphone.clicks, self.loudspeaker.clicks, self.camera.clicks):
            clicks.clear()


def _after(times: Sequence[float], at: float) -> float | None:
    place = bisect.bisect_left(times, at)
    return times[place] - at if place < len(times) and times[place] - at < MOST else None


@contextmanager
def call(**options: float) -> Iterator[LongCall]:
    """A live session, in virtual time."""
    with virtual_time.virtual_time(parts) as world:
        held = LongCall(world, **options)
        with held.session:
            yield held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="%(default)g")
    parser.add_argument("--microphone", type=float, default=200.0, help="ppm that its crystal is fast (%(default)g)")
    parser.add_argument("--device", type=float, default=-200.0, help="the same of the playback device (%(default)g)")
    parser.add_argument("--fps", type=float, default=25.0, help="%(default)g")
    parser.add_argument("--block", type=float, default=0.02, help="s of the devices' blocks (%(default)g)")
    options = parser.parse_args()
    began = time.monotonic()
    crystals = {"microphone_ppm": options.microphone, "device_ppm": options.device}
    with call(**crystals, fps=options.fps, block=options.block, every=5.0) as held:
        held.run(60)  # s until the speed has settled
        promised = held.session.latency
        worst = [0.0, 0.0, 0.0]
        missing = 0
        for minutes in range(0, round(options.hours * 60), 10):
            held.forget()
            delays = held.run(600)
            off = [(d.seen - promised.delay, d.heard - promised.total) for d in delays if d.seen and d.heard]
            missing += len(delays) - len(off)
            pairs = ([picture for picture, _ in off], [voice for _, voice in off], [p - v for p, v in off])
            worst = [max(before, *map(abs, new)) for before, new in zip(worst, pairs, strict=True)]
            if minutes % 60 == 50 or minutes < 10:
                _tell(held, (minutes + 10) / 60, worst, missing, time.monotonic() - began)
        as_promised = held.session.latency == promised
    return 0 if as_promised and max(worst) < 0.005 and not missing else 1


def _tell(held: LongCall, hours: float, worst: list[float], missing: int, real: float) -> None:
    status = held.session.status()
    camera, output = status["camera"], status["audio"]["output"]
    picture, voice, skew = (seconds * 1000 for seconds in worst)
    sys.stdout.write(
        f"{hours:4.0f} h ({real:5.0f} s): off the promise by at most: picture {picture:.2f} ms, voice {voice:.2f} ms; "
        f"skew {skew:.2f} ms; clicks missing {missing}; presented {camera['presented']}, "
        f"repeated {camera['repeated']}, skipped {camera['skipped']}, missed {camera['missed']}, "
        f"not of their moment {held.camera.behind}, "
        f"longest gap {held.camera.longest_gap * 1000:.1f} ms; resyncs {output['resyncs']}, "
        f"underruns {output['underruns']}, drift {output['drift_ppm']} ppm\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
