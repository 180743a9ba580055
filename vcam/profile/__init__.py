"""Avatar profiles: typed, validated YAML files."""

from vcam.profile.model import Profile

__all__ = ["Profile"]
