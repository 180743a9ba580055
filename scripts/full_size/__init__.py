"""Graphs of Ditto's networks in their real size and structure, with random weights: for measuring, not for pictures."""
