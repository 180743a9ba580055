"""``lite``: a layered, painted portrait that speaks, blinks and sways. Needs no network and no GPU."""

from .animator import LiteAnimator, LitePose
from .avatar import Avatar, list_avatars, load_avatar
from .look import recoloured

__all__ = ["Avatar", "LiteAnimator", "LitePose", "list_avatars", "load_avatar", "recoloured"]
