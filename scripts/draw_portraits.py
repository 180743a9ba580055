"""Draw the bundled portraits' layers: ``python scripts/draw_portraits.py [NAME ...] [--height 1440] [--into FOLDER]``.

The drawing is deterministic: running it again gives the same files. Their rigs (rig.yaml) are written by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from portraits import marlow, puppet, robin
from portraits.paint import Layer

PORTRAITS: dict[str, dict[str, tuple[Callable[[int], Layer], float, int]]] = {
    # file: (drawing, size relative to the others, WebP quality)
    "marlow": {
        "background": (marlow.background, 0.5, 96),
        "body": (marlow.body, 1.0, 90),
        "head": (marlow.head, 1.0, 92),
    },
    "puppet": {
        "background": (puppet.background, 0.5, 98),
        "body": (puppet.body, 1.0, 86),
        "head": (puppet.head, 1.0, 90),
    },
    "robin": {"background": (robin.background, 0.5, 98), "body": (robin.body, 1.0, 90), "head": (robin.head, 1.0, 92)},
}
# what the red, green and blue of a layer's regions file are the shares of: see vcam/animators/lite/look.py
REGIONS = {
    "background": ("background", "background", "background"),
    "body": ("skin", "hair", "clothes"),
    "head": ("skin", "hair", "clothes"),
}
LOSSLESS = 101  # cv2: a WebP quality above 100
ASSETS = Path(__file__).resolve().parents[1] / "vcam" / "assets" / "portraits"


def draw(name: str, height: int, folder: Path) -> None:
    """Draw one portrait's layers for a picture ``height`` pixels high into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, (drawing, size, quality) in PORTRAITS[name].items():
        layer = drawing(round(height * size))
        rgba = layer.finished()
        opaque = bool((rgba[..., 3] == 255).all())
        image = cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR if opaque else cv2.COLOR_RGBA2BGRA)
        _write(folder / f"{part}.webp", np.asarray(image, np.uint8), quality)
        shares = layer.shares(REGIONS[part])
        _write(folder / f"{part}-regions.webp", np.asarray(cv2.cvtColor(shares, cv2.COLOR_RGB2BGR), np.uint8), LOSSLESS)


def _write(file: Path, image: npt.NDArray[np.uint8], quality: int) -> None:
    done, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise OSError(f"cannot encode {file.name}")
    file.write_bytes(data.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(PORTRAITS), metavar="NAME")
    parser.add_argument("--height", type=int, default=1440, help="pixels of a whole picture's height")
    parser.add_argument("--into", type=Path, default=ASSETS, help="folder that gets a folder for each portrait")
    arguments = parser.parse_args()
    np.seterr(all="raise", under="ignore")
    for name in arguments.names:
        draw(name, arguments.height, arguments.into / name)


if __name__ == "__main__":
    main()
