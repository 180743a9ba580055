"""Comparing the ditto pipeline with recorded runs of the reference."""
