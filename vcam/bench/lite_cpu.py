"""What lite costs a running session, for both kinds of avatar, beside the simplest way to draw the same.

Drawn portraits are layers; a photo's avatar bends one picture. The photo here is made of the drawn one's own still.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from vcam.animators.base import Animator, Scene
from vcam.animators.lite import LiteAnimator
from vcam.animators.lite.expressions import NEUTRAL
from vcam.animators.lite.photo.package import PhotoAvatar
from vcam.animators.lite.photo.propose import propose_landmarks
from vcam.audio.demo import demo_source
from vcam.audio.source import Block, Source
from vcam.bench.process import one_core
from vcam.build import build_animator, camera_format
from vcam.camera.null import NullCamera
from vcam.errors import AvatarError
from vcam.live.meters import Timings
from vcam.media import CHUNK_SAMPLES, SAMPLE_RATE, ByteArray
from vcam.profile.model import Profile
from vcam.session import Session

FRAME_TARGET_MS = 6.0  # the animator alone, median, one core
SILENT_TARGET, SPEAKING_TARGET = 8.0, 25.0  # % of a core at 25 pictures a second

_WARM_UP = 1.5  # s of a session that are not counted
_ROOM_DBFS = -65.0  # a microphone's own noise: true digital silence would flatter
_FIELDS = 8  # what a pose bends a face by: shift, turn, roll, jaw, lips, lids
_FRAMES = 40

MakeAnimator = Callable[[Profile], tuple[Animator, str]]


@dataclass(frozen=True, slots=True)
class AvatarCost:
    """``frame_ms``: analysis and drawing of a spoken frame, median; ``silent`` and ``speaking``: % of a core of the
    whole process with gate, 25 pictures a second, no camera; ``plain_ms``: :class:`FullFrame`'s median in the same
    run."""

    kind: str
    frame_ms: float
    plain_ms: float
    silent: float
    speaking: float

    @property
    def ratio(self) -> float:
        """How many times as long the simplest way takes."""
        return self.plain_ms / self.frame_ms

    @property
    def judged(self) -> list[tuple[str, float, float, str]]:
        """What has a target: name, value, limit and unit."""
        return [
            ("drawing", self.frame_ms, FRAME_TARGET_MS, "ms"),
            ("silent", self.silent, SILENT_TARGET, "% of a core"),
            ("speaking", self.speaking, SPEAKING_TARGET, "% of a core"),
        ]


class FullFrame:
    """The simplest way to bend a picture: for each frame a map of the whole picture, mixed of whole-picture fields in
    float, one remap of all of it, and the mouth laid over it in float."""

    def __init__(self, picture: ByteArray) -> None:
        """``picture``: uint8 RGB [h, w, 3]."""
        rows, columns = picture.shape[:2]
        self._picture = picture
        self._y, self._x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        far = ((self._x - columns / 2) / rows) ** 2 + ((self._y - rows / 2) / rows) ** 2
        self._fields = [np.exp(-far * (2 + n)).astype(np.float32) for n in range(_FIELDS)]
        self._cover = np.exp(-far * 60).astype(np.float32)[..., None]
        self._inside = np.array([90, 28, 31], np.float32)

    def draw(self, amounts: list[float]) -> ByteArray:
        """One frame, bent by ``amounts`` pixels of each field."""
        across, down = self._x.copy(), self._y.copy()
        for amount, field in zip(amounts, self._fields, strict=True):
            across += amount * field
            down += 0.5 * amount * field
        bent = cv2.remap(self._picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mouth = 0.5 * self._cover
        return np.asarray(bent * (1 - mouth) + self._inside * mouth, np.float32).astype(np.uint8)


class _QuietRoom(Source):
    """A microphone in a quiet room, at the speed of time."""

    name = "silence"

    def __init__(self) -> None:
        self._start = 0.0
        self._taken = 0
        hiss = np.random.default_rng(1).standard_normal(SAMPLE_RATE, np.float32)
        self._hiss = hiss * np.float32(10 ** (_ROOM_DBFS / 20))
        self._closed = threading.Event()

    def open(self) -> None:
        self._start, self._taken = time.monotonic(), 0
        self._closed.clear()

    def read(self, timeout: float) -> Block | None:
        due = self._start + (self._taken + CHUNK_SAMPLES) / SAMPLE_RATE
        wait = due - time.monotonic()
        if self._closed.wait(max(0.0, min(wait, timeout))) or wait > timeout:
            return None
        self._taken += CHUNK_SAMPLES
        begin = self._taken % (len(self._hiss) - CHUNK_SAMPLES)
        return Block(self._hiss[begin : begin + CHUNK_SAMPLES], due)

    def close(self) -> None:
        self._closed.set()


def measure_avatars(profile: Profile, frame_ms: Callable[[Animator], float], seconds: float) -> list[AvatarCost]:
    """The profile's own avatar and, if a face is found in its still, a photo's. ``frame_ms`` measures one animator.

    Sessions run for ``seconds`` each. Raises VcamError.
    """
    at_rest = {**profile.animator.lite.model_dump(), "expression": NEUTRAL}  # the photo's session adds its own
    drawn, _ = build_animator(profile.with_changes("animator", lite=at_rest))
    makers: dict[str, MakeAnimator] = {profile.avatar.portrait: build_animator}
    photo = _photo_of(drawn.portrait())
    if photo is not None:
        width, height = profile.camera.size

        def make(profile: Profile) -> tuple[Animator, str]:
            return LiteAnimator(photo, profile.animator.lite, Scene(width, height)), ""

        makers[f"a photo of {profile.avatar.portrait}"] = make
    plain = _plain_ms(drawn.portrait())
    drawn.close()
    costs = []
    for name, maker in makers.items():
        with one_core():
            animator = maker(profile)[0]
            spoken = frame_ms(animator)
            animator.close()
        silent, speaking = (
            _cpu(profile, source, maker, seconds) for source in (_QuietRoom(), demo_source(realtime=True))
        )
        costs.append(AvatarCost(name, spoken, plain, silent, speaking))
    return costs


def _photo_of(still: ByteArray) -> PhotoAvatar | None:
    try:
        return PhotoAvatar(name="still", rgb=still, landmarks=propose_landmarks(still).landmarks)
    except AvatarError:  # no face found, or nothing here that finds faces
        return None


def _plain_ms(picture: ByteArray) -> float:
    timings = Timings(_FRAMES)
    with one_core():
        plain = FullFrame(picture)
        for n in range(_FRAMES):
            with timings.measure():
                plain.draw([np.sin(0.3 * n + k) for k in range(_FIELDS)])
    return timings.percentile_ms(50)


def _cpu(profile: Profile, source: Source, make: MakeAnimator, seconds: float) -> float:
    """% of a core that the process takes while a session runs."""
    profile = profile.with_changes("camera", kind="none", fps=25)
    session = Session(profile, source, lambda: NullCamera(camera_format(profile)), make_animator=make)
    pause = threading.Event()
    with session:
        pause.wait(_WARM_UP)
        began, spent = time.monotonic(), time.process_time()
        pause.wait(seconds)
        return 100 * (time.process_time() - spent) / (time.monotonic() - began)
