"""Any photo or painting as an avatar: its landmarks, where it is kept, and how it is bent to speak."""

from .landmarks import Landmarks
from .package import AvatarPackage, PhotoAvatar

__all__ = ["AvatarPackage", "Landmarks", "PhotoAvatar"]
