"""Which camera is meant: a device, the browser preview, a file or none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vcam.camera.base import Camera, CameraFormat
from vcam.errors import CameraError
from vcam.profile.model import CameraSettings

if TYPE_CHECKING:
    from vcam.camera.v4l2 import V4L2

logger = logging.getLogger(__name__)

_OTHER_FILES = (".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mpg", ".ts", ".webm", ".wmv")


def open_camera(
    settings: CameraSettings, spec: str | None = None, *, overwrite: bool = False, v4l2: V4L2 | None = None
) -> tuple[Camera, str | None]:
    """An open camera, and a notice for the user if it is not the one that was hoped for.

    ``spec``: "auto" (the first virtual camera that can be used, else the preview), "virtual" (no preview instead),
    "preview", "none", a path ending in .mp4 (``overwrite``: even if it exists), or a virtual camera's path, number,
    name or part of its label. None or "" takes the settings' device, or else their kind. Raises CameraError.
    """
    format = CameraFormat.of(settings)
    spec = (spec or "").strip()
    if not spec:
        spec = settings.device if settings.device and settings.kind in ("auto", "virtual") else settings.kind
    if spec == "auto":
        return _virtual_or_preview(format, settings, v4l2)
    camera = _named(spec, format, settings, overwrite, v4l2)
    camera.open()
    return camera, None


def _named(spec: str, format: CameraFormat, settings: CameraSettings, overwrite: bool, v4l2: V4L2 | None) -> Camera:
    """The camera that ``spec`` names, not yet open. Modules are imported here because each brings a heavy library."""
    if spec == "none":
        from vcam.camera.null import NullCamera

        return NullCamera(format)
    if spec == "preview":
        from vcam.camera.preview import PreviewCamera

        return PreviewCamera(format, port=settings.port)
    if spec.lower().endswith(".mp4"):
        from vcam.camera.file import FileCamera

        return FileCamera(format, spec, overwrite=overwrite)
    if spec.lower().endswith(_OTHER_FILES):
        raise CameraError(f"vcam records .mp4 files, not {spec}.", "Give the file a name that ends in .mp4.")
    from vcam.camera.virtual import VirtualCamera

    return VirtualCamera(format, None if spec == "virtual" else spec, v4l2=v4l2)


def _virtual_or_preview(format: CameraFormat, settings: CameraSettings, v4l2: V4L2 | None) -> tuple[Camera, str | None]:
    virtual = _named("virtual", format, settings, False, v4l2)
    try:
        virtual.open()
    except CameraError as error:
        preview = _named("preview", format, settings, False, v4l2)
        preview.open()
        logger.info("no virtual camera: %s", error.message)
        return preview, f"{error.message} The preview in the browser is used instead. {error.hint}".rstrip()
    return virtual, None
