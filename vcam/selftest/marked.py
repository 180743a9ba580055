"""The session's own animator and camera, with marks drawn into what they show; otherwise nothing is changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from vcam.animators.base import Animator, Pose, StageLoad
from vcam.camera.base import Camera
from vcam.control import SessionControl
from vcam.media import CHUNK_SAMPLES, FRAME_SAMPLES, AudioChunk, ByteArray, FloatArray, Picture
from vcam.selftest.marks import REMEMBERED, FrameMark, draw_frame_mark, draw_tick_mark
from vcam.selftest.stimulus import ClickDetector
from vcam.stage import fit

_KEPT = 64  # clicks that are remembered: an animator may hear seconds ahead of what it draws


class MarkedAnimator(Animator):
    """Draws into each of another animator's frames, in the camera's size, which one it is and where it heard a click.

    The click is looked for in the raw sound, which the gate hands on beside what it lets pass.
    """

    kind: ClassVar[str] = "marked"

    def __init__(self, inner: Animator, width: int, height: int, surround: ByteArray | None = None) -> None:
        self._inner = inner
        self._size = (width, height)
        self._surround = surround
        self._detector = ClickDetector()
        self._heard_to: int | None = None  # PTS after the newest raw sample
        self._clicks: deque[int] = deque(maxlen=_KEPT)  # PTS
        self._plain: ByteArray | None = None  # the frame drawn last, in the camera's size, without its mark
        self.kind = inner.kind  # type: ignore[misc]
        self.expressions = inner.expressions  # type: ignore[misc]
        self.look_ahead = inner.look_ahead

    @property
    def compute_allowance(self) -> float:  # type: ignore[override]
        return self._inner.compute_allowance

    @property
    def algorithmic_latency(self) -> int:
        return self._inner.algorithmic_latency

    @property
    def tail(self) -> int:
        return self._inner.tail

    def portrait(self) -> ByteArray:
        return self._inner.portrait()

    def analyse(self, chunk: AudioChunk) -> Sequence[Pose]:
        self._listen(chunk)
        return self._inner.analyse(chunk)

    def render(self, pose: Pose) -> ByteArray:
        if self._plain is None or not self._inner.repeats(pose):
            self._plain = fit(self._inner.render(pose), *self._size, self._surround).copy()
        mark = FrameMark(pose.pts // FRAME_SAMPLES)
        before = [click for click in self._clicks if 0 < mark.end - click <= REMEMBERED]
        draw_frame_mark(self._plain, replace(mark, click=max(before, default=None)))
        return self._plain

    def reset(self, pts: int) -> None:
        self._heard_to = None
        self._inner.reset(pts)

    def set_away(self, away: bool) -> None:
        self._inner.set_away(away)

    def stages(self) -> Sequence[StageLoad]:
        return self._inner.stages()

    def bottleneck(self) -> str:
        return self._inner.bottleneck()

    def warm_up(self) -> None:
        self._inner.warm_up()

    def close(self) -> None:
        self._inner.close()

    def _listen(self, chunk: AudioChunk) -> None:
        if len(chunk.ahead) >= CHUNK_SAMPLES:
            self._hear(chunk.end, chunk.ahead[:CHUNK_SAMPLES])
        else:
            self._hear(chunk.pts, chunk.samples)

    def _hear(self, pts: int, raw: FloatArray) -> None:
        if pts != self._heard_to:
            self._detector = ClickDetector(pts)
        self._heard_to = pts + len(raw)
        self._clicks.extend(round(position) for position in self._detector.push(raw))


class MarkedCamera(Camera):
    """Hands pictures on to another camera, open already, with the moment for which each is shown drawn into it."""

    kind: ClassVar[str] = "marked"

    def __init__(self, inner: Camera) -> None:
        super().__init__(inner.format)
        self._inner = inner
        self.kind = inner.kind  # type: ignore[misc]

    @property
    def device(self) -> str:
        return self._inner.device

    @property
    def device_latency(self) -> float:
        return self._inner.device_latency

    def open(self) -> None:
        self._inner.open()

    def attach(self, control: SessionControl) -> None:
        self._inner.attach(control)

    def send(self, picture: Picture) -> None:
        i420 = picture.i420.copy()
        draw_tick_mark(i420, picture.pts)
        self._inner.send(Picture(picture.pts, i420))

    def close(self) -> None:
        self._inner.close()
