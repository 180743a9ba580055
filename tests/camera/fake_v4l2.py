"""Video devices that are not there: folders for /sys and /dev, and answers to ioctls in v4l2loopback's manner."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyvirtualcam
from pyvirtualcam.camera import BACKENDS

from vcam.camera.v4l2 import (
    BUF_TYPE_VIDEO_OUTPUT,
    CAP_VIDEO_CAPTURE,
    CAP_VIDEO_OUTPUT,
    LOOPBACK_DRIVER,
    V4L2,
    VIDIOC_G_FMT,
    VIDIOC_QUERYCAP,
    VIDIOC_STREAMON,
    YUV420,
)
from vcam.media import ByteArray


@dataclass
class FakeDevice:
    """``size_kept``: a viewer is attached; ``output``: what exclusive_caps=1 announces; ``revivable``: as 0.12.7 is."""

    path: Path
    label: str
    driver: str = LOOPBACK_DRIVER
    size: tuple[int, int] = (640, 480)
    pixel_format: int = YUV420
    size_kept: bool = False
    output: bool = True
    revivable: bool = False
    answers: bool = True
    permitted: bool = True
    streaming: bool = False
    pictures: list[ByteArray] = field(default_factory=list)


@contextmanager
def fake_kernel(folder: Path) -> Iterator[FakeKernel]:
    """Devices in ``folder``; what writes to them is the only backend that pyvirtualcam has meanwhile."""
    kernel = FakeKernel(folder)
    before = dict(BACKENDS)
    BACKENDS.clear()
    pyvirtualcam.register_backend("fake", kernel.backend())
    try:
        yield kernel
        assert BACKENDS["fake"].open_producers == 0
    finally:
        BACKENDS.clear()
        BACKENDS.update(before)


class FakeKernel:
    def __init__(self, root: Path) -> None:
        self.sysfs = root / "sys"
        self.dev = root / "dev"
        self.sysfs.mkdir()
        self.dev.mkdir()
        self.devices: dict[str, FakeDevice] = {}
        self.v4l2 = V4L2(self.sysfs, self.dev, Path("/proc"), self.ioctl)

    def add_loopback(self, number: int, label: str = "vcam") -> FakeDevice:
        entry = self._entry(number, label)
        (entry / "max_openers").write_text("10\n")
        return self._device(number, label)

    def add_webcam(self, number: int, label: str = "HD Webcam", driver: str = "uvcvideo") -> FakeDevice:
        entry = self._entry(number, label)
        target = self.sysfs.parent / "drivers" / driver
        target.mkdir(parents=True, exist_ok=True)
        (entry / "device").mkdir()
        (entry / "device" / "driver").symlink_to(target)
        device = self._device(number, label)
        device.driver = driver
        return device

    def _entry(self, number: int, label: str) -> Path:
        entry = self.sysfs / f"video{number}"
        entry.mkdir()
        (entry / "name").write_text(f"{label}\n")
        return entry

    def _device(self, number: int, label: str) -> FakeDevice:
        path = self.dev / f"video{number}"
        path.touch()
        self.devices[str(path)] = FakeDevice(path, label)
        return self.devices[str(path)]

    def ioctl(self, fd: int, request: int, argument: Any, mutate: bool) -> int:
        assert mutate
        device = self.devices.get(str(Path(f"/proc/self/fd/{fd}").readlink()))
        if device is None or not device.answers:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        if not device.permitted:  # root, who runs tests, would get past the file's own mode
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if request == VIDIOC_QUERYCAP:
            argument.driver = device.driver.encode()
            argument.card = device.label.encode()
            argument.capabilities = CAP_VIDEO_OUTPUT if device.output else CAP_VIDEO_CAPTURE
        elif request == VIDIOC_G_FMT:
            if device.streaming and argument.type == BUF_TYPE_VIDEO_OUTPUT:  # as 0.15 with exclusive_caps=1
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            argument.fmt.pix.width, argument.fmt.pix.height = device.size
            argument.fmt.pix.pixelformat = device.pixel_format
        elif request == VIDIOC_STREAMON:
            if not device.revivable:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            device.output = True
        else:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        return 0

    def backend(self) -> type:
        """A backend class for pyvirtualcam that writes to these devices, as careless as the real one."""
        kernel = self

        class Backend:
            open_producers = 0

            def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
                found = kernel.devices.get(device or "")
                if found is None:
                    raise RuntimeError(f"Device {device} does not exist.")
                if not found.output:
                    raise RuntimeError(f"Device {device} is not a video output device.")
                self._device = found
                if not found.size_kept:
                    found.size = (width, height)
                Backend.open_producers += 1

            def close(self) -> None:
                Backend.open_producers -= 1

            def send(self, frame: ByteArray) -> None:
                if self._device.answers:  # a failed write says nothing
                    self._device.streaming = True
                    self._device.pictures.append(np.array(frame))

            def device(self) -> str:
                return str(self._device.path)

            def native_fourcc(self) -> int | None:
                return None

        return Backend
