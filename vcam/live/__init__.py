"""The live path's moving parts: the clock and the three threads (audio pump, animator worker, presenter)."""
