"""A real session under observation: for hours (``scripts/soak.py``) or on a busy machine."""
