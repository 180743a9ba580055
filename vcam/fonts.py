"""A font that has the letters of a text: Pillow's own for plain English, the system's for other languages."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable

from PIL import ImageFont

logger = logging.getLogger(__name__)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
#: Gives the font at a size in pixels.
Sized = Callable[[float], Font]

# File names; Pillow looks for them in the system's font folders. Those with the most letters come first.
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "FreeSans.ttf",
    "segoeui.ttf",
    "arial.ttf",
    "Arial Unicode.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "msyh.ttc",
    "YuGothR.ttc",
    "malgun.ttf",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "Symbola.ttf",
    "seguisym.ttf",
)
_PROBE_SIZE = 24  # pixels; only to see whether a letter is there
_NO_LETTER = "\U0010fffd"  # for private use: what a font shows for it, it shows for anything it lacks


def readable(text: str) -> tuple[str, Sized]:
    """``text`` and a font that has all its letters.

    Where no font has them, accents are left away and other letters become "?", and a warning is logged.
    """
    if _has_all(ImageFont.load_default(_PROBE_SIZE), text):
        return text, _built_in
    for name in _SYSTEM_FONTS:
        try:
            font = ImageFont.truetype(name, _PROBE_SIZE)
        except OSError:
            continue
        if _has_all(font, text):
            return text, lambda size, path=name: ImageFont.truetype(path, size)
    plain = unicodedata.normalize("NFKD", text).replace("–", "-").replace("—", "-").replace("ß", "ss")
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    shown = kept.encode("ascii", "replace").decode("ascii")
    logger.warning('No font here has all letters of "%s"; it is shown as "%s"', text, shown)
    return shown, _built_in


def _built_in(size: float) -> Font:
    return ImageFont.load_default(size)


def _has_all(font: Font, text: str) -> bool:
    missing = bytes(font.getmask(_NO_LETTER))
    return all(bytes(font.getmask(letter)) != missing for letter in set(text) if not letter.isspace())
