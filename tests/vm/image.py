"""Makes what the machine boots: Debian's kernel, the modules that are needed, and a small initramfs.

Packages are downloaded and unpacked into a cache folder; installed is what runs: QEMU, a compiler, and the programs of
Debian's that the checks use.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
# Any of the programs -> the Debian package that has it. The guest, which runs on the host's files, uses them too.
TOOLS: dict[tuple[str, ...], str] = {
    ("qemu-system-x86_64",): "qemu-system-x86",
    ("make",): "make",
    ("gcc",): "gcc",
    ("depmod",): "kmod",
    ("v4l2-ctl",): "v4l-utils",
    ("ffmpeg",): "ffmpeg",
    ("chromium", "chromium-browser", "google-chrome"): "chromium",
}
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay", "snd_aloop", "v4l2loopback", "vivid")
ON_DEMAND = ("vivid",)  # a camera that is not a loopback device; the checks load it where they need it
# Chromium lists a loopback camera only with exclusive_caps=1.
CAMERA_OPTIONS = "exclusive_caps=1 card_label=vcam video_nr=10"


class Unavailable(Exception):
    """The machine cannot be had here; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class Image:
    """A folder with ``vmlinuz``, ``busybox`` and ``modules/`` (``*.ko``, and ``order``, the order to load them in)."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def versions(self) -> str:
        return (self.folder / "versions").read_text().strip()

    def write_initramfs(self, target: Path) -> None:
        """Pack BusyBox, the modules and ``init`` as a newc archive, which is what the kernel unpacks at boot."""
        with TemporaryDirectory(prefix="vcam-initramfs-") as temporary:
            root = Path(temporary)
            (root / "bin").mkdir()
            shutil.copy(self.folder / "busybox", root / "bin/busybox")
            (root / "bin/sh").symlink_to("busybox")
            shutil.copytree(self.folder / "modules", root / "modules")
            (root / "modules/v4l2loopback.options").write_text(CAMERA_OPTIONS)
            shutil.copy(HERE / "init", root / "init")
            (root / "init").chmod(0o755)
            names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
            with target.open("wb") as archive:
                busybox = root / "bin/busybox"
                command = [str(busybox), "cpio", "--quiet", "-o", "-H", "newc"]
                subprocess.run(command, input=names.encode(), stdout=archive, cwd=root, check=True)


def default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vcam-vm"


def prepare(cache: Path, loopback: Path | None = None) -> Image:
    """The cached image, made if it is not there. ``loopback``: a v4l2loopback source folder to use instead of Debian's.

    Raises Unavailable where QEMU cannot be installed or this system has none of Debian's packages.
    """
    _install_tools()
    name = f"image-{loopback.resolve().name}" if loopback else "image"
    image = Image(cache / name)
    if not (image.folder / "versions").exists():
        _build(image.folder, cache, loopback)
    return image


def _install_tools() -> None:
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # where depmod is; not on every user's
    missing = [
        package for programs, package in TOOLS.items() if not any(shutil.which(name, path=path) for name in programs)
    ]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise Unavailable(f"{', '.join(missing)} missing, and there is no apt to install them with")
    if os.geteuid() != 0:
        raise Unavailable(f"{', '.join(missing)} missing; install with: sudo apt install {' '.join(missing)}")
    _refresh_package_lists()
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def _refresh_package_lists() -> None:
    if os.geteuid() == 0:
        subprocess.run(["apt-get", "-qq", "update"], check=True, stdout=sys.stderr)


def _depends(package: str) -> list[str]:
    listing = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True, check=False).stdout
    return re.findall(r"^ *Depends: (\S+)", listing, re.MULTILINE)


def _first(names: list[str], start: str) -> str:
    for name in names:
        if name.startswith(start):
            return name
    raise Unavailable(f"apt knows no {start}* package; this needs Debian 12 or later on x86-64 (then: apt update)")


def _build(folder: Path, cache: Path, loopback: Path | None) -> None:
    if not shutil.which("apt-get"):
        raise Unavailable("there is no apt to fetch Debian's kernel with")
    if not _depends("linux-image-amd64"):
        _refresh_package_lists()
    release = _first(_depends("linux-image-amd64"), "linux-image-").removeprefix("linux-image-")
    headers = f"linux-headers-{release}"
    parts = [name for name in _depends(headers) if name.startswith(("linux-headers-", "linux-kbuild-"))]
    packages = [f"linux-image-{release}", headers, *parts, "busybox-static", "v4l2loopback-dkms"]

    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="build-", dir=cache) as temporary:
        work = Path(temporary)
        # Unsandboxed, because apt's own user may not write into the cache of this one.
        subprocess.run(
            ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages],
            cwd=work,
            check=True,
            stdout=sys.stderr,
        )
        root = work / "root"
        for package in sorted(work.glob("*.deb")):
            subprocess.run(["dpkg", "-x", package, root], check=True)

        source = work / "v4l2loopback"
        shutil.copytree(loopback or next(root.glob("usr/src/v4l2loopback-*")), source)
        module = _compile(source, root / "usr/src", headers)

        made = work / "image"
        (made / "modules").mkdir(parents=True)
        shutil.copy(root / f"boot/vmlinuz-{release}", made / "vmlinuz")
        shutil.copy(next(path for path in (root / "bin/busybox", root / "usr/bin/busybox") if path.exists()), made)
        _collect_modules([*(root / "lib/modules").rglob("*.ko*"), module], made / "modules")
        version = re.search(r'^PACKAGE_VERSION="?([^"\s]+)', (source / "dkms.conf").read_text(), re.MULTILINE)
        built = version[1] if version else "of unknown version"
        (made / "modules/v4l2loopback.version").write_text(built)
        (made / "versions").write_text(f"Linux {release}, v4l2loopback {built}\n")
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)


def _compile(source: Path, sources: Path, headers: str) -> Path:
    """Build the module against the unpacked headers, whose makefiles name their installed place: /usr/src."""
    for makefile in (*sources.glob("linux-headers-*/Makefile"), *sources.glob("linux-headers-*/.kernelvariables")):
        makefile.write_text(makefile.read_text().replace("/usr/src/", f"{sources}/"))
    command = ["make", "-s", "-C", str(sources / headers), f"M={source}", "modules"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    module = source / "v4l2loopback.ko"
    if done.returncode or not module.exists():
        raise RuntimeError(f"v4l2loopback does not build:\n{done.stdout}{done.stderr}")
    return module


def _collect_modules(available: list[Path], target: Path) -> None:
    """Write MODULES and all that they depend on, uncompressed, to ``target``, and the load order to its ``order``."""
    paths = {path.name.split(".")[0].replace("-", "_"): path for path in available}
    order: list[str] = []

    def add(name: str) -> None:
        if name in order:
            return
        path = paths.get(name)
        if path is None:
            return  # built into the kernel
        code = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        depends = re.search(rb"\0depends=([^\0]*)\0", code)
        for other in depends[1].decode().split(",") if depends and depends[1] else []:
            add(other.replace("-", "_"))
        (target / f"{name}.ko").write_bytes(code)
        order.append(name)

    for name in MODULES:
        add(name)
    (target / "order").write_text("".join(f"{name}\n" for name in order if name not in ON_DEMAND))
