"""Checks that run inside the machine, with pytest; named check_*.py so that an ordinary test run leaves them alone."""
