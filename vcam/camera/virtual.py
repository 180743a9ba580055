"""The virtual camera: a device that call applications see as a webcam, written through pyvirtualcam.

Linux: v4l2loopback; macOS: OBS's camera; Windows: OBS's or Unity Capture's.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyvirtualcam

from vcam.camera.base import Camera, CameraFormat
from vcam.camera.devices import how_to_get_one
from vcam.errors import CameraError, CameraLost, nearest
from vcam.media import Picture

if TYPE_CHECKING:
    from vcam.camera.v4l2 import V4L2, Node, State, Watch

logger = logging.getLogger(__name__)

CHECK_SECONDS = 1.0  # between looks at whether the device still lives
OTHERS = "Or use auto, preview, none or FILE.mp4."
DENIED = "Join its group, then log out and in again: sudo usermod -aG video $USER"


class VirtualCamera(Camera):
    """Writes I420 to a virtual camera, one producer from ``open`` to ``close``, always in the same size.

    ``device``: None takes the first usable one; on Linux a path, a number or part of a label; elsewhere a device name.

    On Linux the device is checked before (is it v4l2loopback, free, permitted), after opening (has it really taken our
    size) and once a second while sending: pyvirtualcam does not report a failed write. On macOS and Windows a camera
    that dies is not noticed, for the drivers there do not tell.
    """

    kind: ClassVar[str] = "virtual"

    def __init__(
        self,
        format: CameraFormat,
        device: str | None = None,
        *,
        v4l2: V4L2 | None = None,
        platform: str = sys.platform,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(format)
        if format.width % 2 or format.height % 2:
            raise ValueError(f"the size must be even, not {format.width}x{format.height}")
        self._wanted = device
        self._platform = platform
        self._v4l2 = v4l2
        self._clock = clock
        self._producer: pyvirtualcam.Camera | None = None
        self._watch: Watch | None = None
        self._check_at = 0.0
        self._name = device or "virtual camera"

    @property
    def device(self) -> str:
        return self._name

    def open(self) -> None:
        self.close()
        if self._platform == "linux":
            self._open_loopback()
        else:
            self._producer = self._produce(self._wanted)
            self._name = self._producer.device

    def _open_loopback(self) -> None:
        from vcam.camera.v4l2 import V4L2

        v4l2 = self._v4l2 or V4L2()
        node, state = choose(v4l2, self._wanted)
        if state.stale and not v4l2.revive(node.path):
            raise CameraError(f"{_called(node)} is in use by another program.", "Close that program, or use another.")
        self._producer = self._produce(str(node.path))
        try:
            self._watch = v4l2.watch(node.path)
            self._verify(node, self._watch)
        except OSError as error:
            self.close()
            raise CameraError(f"{_called(node)} cannot be watched: {error.strerror}.") from error
        except CameraError:
            self.close()
            raise
        self._name = f"{node.path} ({node.label})" if node.label else str(node.path)
        self._check_at = self._clock() + CHECK_SECONDS

    def _produce(self, device: str | None) -> pyvirtualcam.Camera:
        width, height, fps = self.format.width, self.format.height, float(self.format.fps)
        try:
            return pyvirtualcam.Camera(width, height, fps, fmt=pyvirtualcam.PixelFormat.I420, device=device)
        except RuntimeError as error:  # pyvirtualcam's only one: what each of its backends said, a line each
            said = "; ".join(str(error).splitlines())
            raise CameraError(f"The virtual camera cannot be opened: {said}", self._hint(said)) from error

    def _hint(self, said: str) -> str:
        if "busy" in said.lower() or "in use" in said.lower() or "could not be started" in said:
            return "Close the program that uses it (on macOS and Windows: stop the virtual camera in OBS)."
        return how_to_get_one(self._platform)

    def _verify(self, node: Node, watch: Watch) -> None:
        """A device keeps the size it had for as long as a viewer is attached, without saying so to the producer."""
        from vcam.camera.v4l2 import YUV420

        found = watch.format()
        ours = (self.format.width, self.format.height, YUV420)
        if found is None or found == ours:
            return
        width, height, code = found
        kind = code.to_bytes(4, "little").decode("ascii", "replace").strip()
        raise CameraError(
            f"{_called(node)} is still set to {width}x{height} {kind}: a program is showing it.",
            f"Close the programs that show this camera, start vcam, then open them again. (Or --size {width}x{height})"
            if code == YUV420
            else "Close the programs that show this camera, start vcam, then open them again.",
        )

    def send(self, picture: Picture) -> None:
        if self._producer is None:
            raise CameraLost(f"{self._name} is not open.")
        if self._watch is not None and self._clock() >= self._check_at:
            self._check(self._watch)
        self._producer.send(picture.i420.reshape(-1))

    def _check(self, watch: Watch) -> None:
        self._check_at = self._clock() + CHECK_SECONDS
        why = watch.why_dead()
        found = watch.format() if not why else None
        if found is not None and found[:2] != (self.format.width, self.format.height):
            why = f"another program has set it to {found[0]}x{found[1]}"
        if why:
            raise CameraLost(f"The camera {self._name} is gone: {why}.", "It is used again when it is back.")

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if self._producer is not None:
            self._producer.close()
            self._producer = None


def choose(v4l2: V4L2, wanted: str | None) -> tuple[Node, State]:
    """The loopback device that is meant, or the first usable one. Raises CameraError if there is none to use."""
    nodes = v4l2.nodes()
    if wanted is None:
        return _first_usable(v4l2, nodes)
    node = _find(nodes, wanted)
    if node is None:
        names = {node.path.name: node for node in nodes} | {node.label: node for node in nodes if node.label}
        near = nearest(wanted, [*names, "auto", "preview", "none"])
        known = [f"{node.path} ({node.label})" for node in nodes if node.loopback]
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        hint += f"Virtual cameras here: {', '.join(known)}. {OTHERS}" if known else f"{how_to_get_one()}\n{OTHERS}"
        raise CameraError(f"There is no camera {wanted!r}.", hint)
    state = v4l2.state(node)
    if not state.usable:
        raise CameraError(f"{_called(node)} cannot be used. {state.why_not}", _remedy(nodes, node, state))
    return node, state


def _first_usable(v4l2: V4L2, nodes: list[Node]) -> tuple[Node, State]:
    refused: list[tuple[Node, State]] = []
    for node in nodes:
        if node.loopback:
            state = v4l2.state(node)
            if state.usable:
                return node, state
            refused.append((node, state))
    if not refused:
        raise CameraError("There is no virtual camera on this computer.", how_to_get_one())
    reasons = " ".join(f"{_called(node)}: {state.why_not}" for node, state in refused)
    raise CameraError(f"No virtual camera can be used. {reasons}", _remedy(nodes, *refused[0]))


def _find(nodes: list[Node], wanted: str) -> Node | None:
    """By path (links followed), number, whole label, then part of a label, virtual cameras first."""
    path = Path(wanted)
    with contextlib.suppress(OSError):
        path = path.resolve()
    folded = wanted.casefold()
    tests: list[Callable[[Node], bool]] = [
        lambda node: path in (node.path, node.path.resolve()) or wanted in (str(node.path), node.path.name),
        lambda node: wanted == str(node.number),
        lambda node: folded == node.label.casefold(),
        lambda node: node.loopback and folded in node.label.casefold(),
        lambda node: folded in node.label.casefold(),
    ]
    return next((node for test in tests for node in nodes if test(node)), None)


def _remedy(nodes: list[Node], node: Node, state: State) -> str:
    if state.denied:
        return DENIED
    if state.busy:
        return "Close that program, or use another camera."
    others = [str(other.path) for other in nodes if other.loopback and other != node]
    return f"Virtual cameras here: {', '.join(others)}." if others else how_to_get_one()


def _called(node: Node) -> str:
    return f"{node.path} ({node.label})" if node.label else str(node.path)
