"""Small videos made of pictures, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from vcam.media import ByteArray


def write_video(path: Path, frames: Sequence[ByteArray], rate: Fraction = Fraction(25), codec: str = "mpeg4") -> Path:
    """Write uint8 RGB frames with even sides; the container follows from the file's name."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        stream.bit_rate = 4_000_000
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path
