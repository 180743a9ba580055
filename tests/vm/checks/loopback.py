"""The v4l2loopback device from both sides: test pictures going in, and what FFmpeg reads out of it."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from tests.waiting import wait_until
from vcam.media import ByteArray

BUSYBOX = "/run/busybox"
MODULES = Path("/run/modules")
DEVICE = Path("/dev/video10")
LABEL = "vcam"
FPS = 25
LIMIT = 150.0  # s by its own clock for anything to happen: the machine is emulated, and its host may be busy
LEFT = (81, 90, 240)  # Y, U, V of red in BT.601 limited range
RIGHT = (145, 54, 34)  # green


def load_module(options: str | None = None) -> None:
    """Load v4l2loopback anew, which makes a device that nobody has used yet."""
    if options is None:
        options = (MODULES / "v4l2loopback.options").read_text()
    if Path("/sys/module/v4l2loopback").is_dir():
        wait_until_unused()
        subprocess.run([BUSYBOX, "rmmod", "v4l2loopback"], check=True)
    subprocess.run([BUSYBOX, "insmod", str(MODULES / "v4l2loopback.ko"), *options.split()], check=True)


def wait_until_unused(seconds: float = LIMIT) -> None:
    """Until nobody has a v4l2loopback device open; a browser's last process may outlive its first a little."""
    wait_until(lambda: Path("/sys/module/v4l2loopback/refcnt").read_text().strip() == "0", seconds)


def driver_version() -> str:
    """Of the v4l2loopback in this machine, such as "0.12.7"."""
    return (MODULES / "v4l2loopback.version").read_text()


@contextmanager
def other_camera() -> Iterator[Path]:
    """A camera that is not a loopback device: the kernel's test driver, vivid."""
    module = [BUSYBOX, "insmod", str(MODULES / "vivid.ko"), "n_devs=1", "node_types=0x1", "vid_cap_nr=0"]
    subprocess.run(module, check=True)
    try:
        yield Path("/dev/video0")
    finally:
        subprocess.run([BUSYBOX, "rmmod", "vivid"], check=True)


def picture(width: int, height: int, number: int = 0) -> ByteArray:
    """I420, uint8 [height * 3 / 2, width]: red on the left, green on the right, ``number`` as a grey in row 0."""
    planes = []
    for plane, (rows, columns) in enumerate(((height, width), (height // 2, width // 2), (height // 2, width // 2))):
        values = np.full((rows, columns), LEFT[plane], np.uint8)
        values[:, columns // 2 :] = RIGHT[plane]
        planes.append(values)
    planes[0][0, :] = 16 + number % 200
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width)


class Producer:
    """Sends numbered pictures at FPS from a thread while the ``with`` block runs, which re-raises what went wrong."""

    def __init__(self, send: Callable[[ByteArray], None], width: int, height: int) -> None:
        self.sent = 0
        self.error: Exception | None = None
        self._send = send
        self._size = (width, height)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="producer", daemon=True)

    def __enter__(self) -> Producer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.error and error is None:
            raise self.error

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            try:
                self._send(picture(*self._size, self.sent))
            except Exception as error:  # noqa: BLE001  # handed to the thread that checks
                self.error = error
                return
            self.sent += 1
            due += 1 / FPS


@dataclass(frozen=True, slots=True)
class Recording:
    """What a reader was told about the device, and the frames it read: uint8 [n, height * 3 / 2, width] if I420."""

    fourcc: str
    width: int
    height: int
    frames: ByteArray

    def colours_differ(self) -> int:
        """The largest difference to the pictures sent, whatever their numbers."""
        wanted = picture(self.width, self.height)
        return int(np.abs(self.frames[:, 1:].astype(np.int16) - wanted[1:]).max())

    def numbers(self) -> list[int]:
        return [int(frame[0, 0]) - 16 for frame in self.frames]


def record(count: int, device: Path = DEVICE) -> Recording:
    """Read ``count`` frames with FFmpeg, untouched."""
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-f", "v4l2", "-i", str(device), "-frames:v", str(count)]
    done = subprocess.run(
        [*command, "-c", "copy", "-f", "rawvideo", "-"], capture_output=True, timeout=LIMIT, check=False
    )
    told = re.search(rb"Video: rawvideo \((\w+)[^)]*\), \w+, (\d+)x(\d+)", done.stderr)
    if told is None or done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    width, height = int(told[2]), int(told[3])
    fourcc = told[1].decode()
    rows = height * 2 if fourcc == "YUY2" else height * 3 // 2
    return Recording(fourcc, width, height, np.frombuffer(done.stdout, np.uint8).reshape(-1, rows, width))


class Viewer:
    """FFmpeg showing the camera for as long as the ``with`` block runs; its frames are of the size given."""

    def __init__(self, width: int, height: int) -> None:
        self._shape = (height * 3 // 2, width)
        self._arrived = threading.Condition()
        self._count = 0
        self._last: ByteArray = np.zeros(self._shape, np.uint8)
        self._reading = threading.Thread(target=self._read, name="viewer")

    def __enter__(self) -> Viewer:
        command = ["ffmpeg", "-v", "error", "-nostdin", "-f", "v4l2", "-i", str(DEVICE)]
        command += ["-c", "copy", "-f", "rawvideo", "-"]
        self._ffmpeg = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._reading.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ffmpeg.kill()
        self._reading.join()
        self._ffmpeg.wait()
        assert self._ffmpeg.stdout is not None
        self._ffmpeg.stdout.close()

    def more(self, count: int, seconds: float = LIMIT) -> ByteArray:
        """The latest frame, once ``count`` more have come."""
        with self._arrived:
            wanted = self._count + count
            come = self._arrived.wait_for(lambda: self._count >= wanted, seconds)
            assert come, f"{wanted - self._count} of {count} frames did not come"
            return self._last

    def _read(self) -> None:
        size = self._shape[0] * self._shape[1]
        assert self._ffmpeg.stdout is not None
        while len(data := self._ffmpeg.stdout.read(size)) == size:
            with self._arrived:
                self._count += 1
                self._last = np.frombuffer(data, np.uint8).reshape(self._shape)
                self._arrived.notify_all()


def wait_for_producer(seconds: float = LIMIT) -> None:
    """Until some program writes to the device, which makes it a camera that FFmpeg can read."""

    def shown() -> bool:
        try:
            record(1)
        except AssertionError:
            return False
        return True

    wait_until(shown, seconds)
