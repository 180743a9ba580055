"""What works on this machine, what does not, and the one command that mends it.

Prints nothing; only `loopback` changes anything.
"""

from vcam.doctor.check import Check, can_work
from vcam.doctor.run import ALL_CHECKS, run_checks, versions

__all__ = ["ALL_CHECKS", "Check", "can_work", "run_checks", "versions"]
