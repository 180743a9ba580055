"""Linux video devices: which there are, which are v4l2loopback outputs, and what state they are in.

The only module that issues V4L2 ioctls. Names and layouts are those of linux/videodev2.h. What is said of v4l2loopback
was read in its source and tried with versions 0.12.7 and 0.15.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

LOOPBACK_DRIVER = "v4l2 loopback"
CAP_VIDEO_CAPTURE = 0x1
CAP_VIDEO_OUTPUT = 0x2
BUF_TYPE_VIDEO_CAPTURE = 1
BUF_TYPE_VIDEO_OUTPUT = 2
YUV420 = int.from_bytes(b"YU12", "little")  # V4L2_PIX_FMT_YUV420, the same as I420

ACTIVITY_SECONDS = 0.3  # three pictures at 10 fps
_PROBE_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class Capability(ctypes.Structure):
    """struct v4l2_capability"""

    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class PixFormat(ctypes.Structure):
    """struct v4l2_pix_format"""

    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in (
            *("width", "height", "pixelformat", "field", "bytesperline", "sizeimage"),
            *("colorspace", "priv", "flags", "ycbcr_enc", "quantization", "xfer_func"),
        )
    )


class _FormatUnion(ctypes.Union):
    # The pointer stands for struct v4l2_window's, which decides the alignment.
    _fields_ = (("pix", PixFormat), ("raw", ctypes.c_uint8 * 200), ("aligned", ctypes.c_void_p))


class Format(ctypes.Structure):
    """struct v4l2_format"""

    _fields_ = (("type", ctypes.c_uint32), ("fmt", _FormatUnion))


def _ioc(direction: int, number: int, size: int) -> int:
    """_IOC of asm-generic/ioctl.h with type 'V': x86, ARM, RISC-V (not MIPS, PowerPC or SPARC)."""
    return direction << 30 | size << 16 | ord("V") << 8 | number


_WRITE, _READ = 1, 2
VIDIOC_QUERYCAP = _ioc(_READ, 0, ctypes.sizeof(Capability))
VIDIOC_G_FMT = _ioc(_READ | _WRITE, 4, ctypes.sizeof(Format))
VIDIOC_STREAMON = _ioc(_WRITE, 18, ctypes.sizeof(ctypes.c_int))

Ioctl = Callable[[int, int, Any, bool], int]


@dataclass(frozen=True, slots=True)
class Node:
    """A video device as /sys shows it. ``loopback``: it is v4l2loopback's; else a real camera, an encoder, a tuner."""

    number: int
    path: Path
    label: str
    driver: str
    loopback: bool


@dataclass(frozen=True, slots=True)
class State:
    """Whether pictures can be written to a device: ``why_not`` is a sentence, "" if usable.

    ``stale``: usable after :meth:`V4L2.revive`, or possibly held by a program that is not seen writing.
    """

    usable: bool
    why_not: str = ""
    busy: bool = False
    denied: bool = False
    stale: bool = False


class V4L2:
    """The system's video devices. The folders and the ioctl call can be replaced where there is no such hardware."""

    def __init__(
        self,
        sysfs: Path = Path("/sys/class/video4linux"),
        dev: Path = Path("/dev"),
        proc: Path = Path("/proc"),
        ioctl: Ioctl = fcntl.ioctl,
    ) -> None:
        self._sysfs = sysfs
        self._dev = dev
        self._proc = proc
        self._ioctl = ioctl

    def nodes(self) -> list[Node]:
        """All video devices, by number; none where the kernel has no V4L2. Opens nothing: some cameras blink."""
        if not self._sysfs.is_dir():
            return []
        nodes = [self._node(entry) for entry in self._sysfs.iterdir() if entry.name.removeprefix("video").isdigit()]
        return sorted(nodes, key=lambda node: node.number)

    def _node(self, entry: Path) -> Node:
        loopback = (entry / "max_openers").exists()  # an attribute of v4l2loopback's own, in all its versions
        driver = entry / "device" / "driver"
        return Node(
            number=int(entry.name.removeprefix("video")),
            path=self._dev / entry.name,
            label=_text(entry / "name"),
            driver="v4l2loopback" if loopback else driver.resolve().name if driver.exists() else "",
            loopback=loopback,
        )

    def state(self, node: Node) -> State:
        """Whether ``node`` can be written to now. Changes nothing; takes up to 0.3 s where that is hard to tell."""
        if not node.loopback:
            return State(False, "It is a real camera, not a virtual one.")
        try:
            with self._opened(node.path, os.O_RDWR) as fd:
                capability = self._capability(fd)
        except PermissionError:
            return State(False, "You may not use it.", denied=True)
        except FileNotFoundError:
            return State(False, f"The driver is loaded, but there is no {node.path}.")
        except OSError as error:
            if error.errno == errno.EBUSY:
                return State(False, "As many programs use it as may (max_openers).", busy=True)
            return State(False, f"It does not answer: {error.strerror}.")
        if capability.driver.decode(errors="replace") != LOOPBACK_DRIVER:
            return State(False, "It is not a v4l2loopback device.")
        writer = self.writer(node.path)
        if writer:
            return State(False, f"{writer} is using it.", busy=True)
        if capability.capabilities & CAP_VIDEO_OUTPUT:
            return State(True)
        if self._is_streaming(node.path):
            holders = self._holders(node.path)
            return State(False, f"{holders[0] if len(holders) == 1 else 'Another program'} is using it.", busy=True)
        return State(True, stale=True)

    def writer(self, path: Path) -> str:
        """A process that has the device open for writing only, as "name (process 123)"; "" if none is seen.

        Processes of other users are not seen, nor those that opened the device for both, as all readers may.
        """
        return next(iter(self._holders(path, write_only=True)), "")

    def _holders(self, path: Path, write_only: bool = False) -> list[str]:
        """The processes that have the device open, besides this one, as far as this user may see them."""
        found = []
        for process in self._proc.glob("[0-9]*"):
            if process.name == str(os.getpid()):
                continue
            try:
                for fd in (process / "fd").iterdir():
                    if fd.readlink() == path and (not write_only or fd.lstat().st_mode & 0o600 == 0o200):
                        found.append(f"{_text(process / 'comm')} (process {process.name})")
                        break
            except OSError:  # it has ended, or is not ours to look into
                continue
        return found

    def _is_streaming(self, path: Path) -> bool:
        """Whether new pictures arrive, looked at as a viewer would."""
        try:
            with self._opened(path, os.O_RDONLY) as fd:
                end = time.monotonic() + ACTIVITY_SECONDS
                drained = False
                while time.monotonic() < end:
                    try:
                        if not os.read(fd, 1):
                            return False
                    except BlockingIOError:
                        drained = True
                        time.sleep(0.02)  # 0.12.7 has no poll() for this kind of reader
                    else:
                        if drained:
                            return True
        except OSError as error:
            logger.debug("reading %s: %s", path, error)
        return False

    def revive(self, path: Path) -> bool:
        """Make a device that refuses to be an output after its last producer left one again; whether that worked.

        v4l2loopback 0.12.7 with exclusive_caps=1 forgets to announce OUTPUT when a producer that used write() closes.
        A descriptor that has asked for STREAMON counts as a producer, and closing that one sets things right. Newer
        versions do not need it and answer EINVAL. No other descriptor of ours may be open on the device meanwhile.
        """
        with self._opened(path, os.O_RDWR) as fd:
            try:
                self._ioctl(fd, VIDIOC_STREAMON, ctypes.c_int(BUF_TYPE_VIDEO_OUTPUT), True)
            except OSError as error:
                logger.debug("STREAMON on %s: %s", path, error)
        with self._opened(path, os.O_RDWR) as fd:
            return bool(self._capability(fd).capabilities & CAP_VIDEO_OUTPUT)

    def watch(self, path: Path) -> Watch:
        """A descriptor of our own on the device. Raises OSError."""
        return Watch(path, os.open(path, os.O_RDWR | _PROBE_FLAGS), self._ioctl)

    @contextmanager
    def _opened(self, path: Path, mode: int) -> Iterator[int]:
        fd = os.open(path, mode | _PROBE_FLAGS)
        try:
            yield fd
        finally:
            os.close(fd)

    def _capability(self, fd: int) -> Capability:
        return _capability(fd, self._ioctl)


class Watch:
    """Looks at a device in use without being in the way. Closed by its owner."""

    def __init__(self, path: Path, fd: int, ioctl: Ioctl) -> None:
        self._path = path
        self._fd = fd
        self._ioctl = ioctl

    def format(self) -> tuple[int, int, int] | None:
        """Width, height and pixel format that readers get; None if the device does not say."""
        for kind in (BUF_TYPE_VIDEO_OUTPUT, BUF_TYPE_VIDEO_CAPTURE):
            request = Format(type=kind)
            try:
                self._ioctl(self._fd, VIDIOC_G_FMT, request, True)
            except OSError as error:  # newer versions answer for one direction only, depending on who streams
                logger.debug("G_FMT type %d on %s: %s", kind, self._path, error)
                continue
            return request.fmt.pix.width, request.fmt.pix.height, request.fmt.pix.pixelformat
        return None

    def why_dead(self) -> str:
        """Why the device cannot be used any more, "" while it can: removed, made anew, or not answering."""
        try:
            now, ours = self._path.stat(), os.fstat(self._fd)
            if (now.st_dev, now.st_ino, now.st_rdev) != (ours.st_dev, ours.st_ino, ours.st_rdev):
                return "it was made anew"
            _capability(self._fd, self._ioctl)
        except FileNotFoundError:
            return "it was removed"
        except OSError as error:
            return f"it does not answer ({error.strerror})"
        return ""

    def close(self) -> None:
        """May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _capability(fd: int, ioctl: Ioctl) -> Capability:
    capability = Capability()
    ioctl(fd, VIDIOC_QUERYCAP, capability, True)
    return capability


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
