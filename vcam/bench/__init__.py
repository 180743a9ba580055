"""Benchmarks: what ``vcam bench`` measures."""
