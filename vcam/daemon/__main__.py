"""``python -m vcam.daemon``: started by ``vcam start --background``, which says on stdin what to run."""

import sys

from vcam.daemon.main import main
from vcam.leaving import leave

code = main()
leave(code)
sys.exit(code)
