"""A throw-away virtual machine with a real v4l2loopback camera, for machines whose kernel has none.

``scripts/test-vm`` runs it. The guest boots Debian's kernel on the host's own files (read-only, changes go to memory),
so what is tried is this very checkout with its virtual environment.
"""
