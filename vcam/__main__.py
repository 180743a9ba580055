"""``python -m vcam`` is the same as ``vcam``."""

from vcam.cli import main

if __name__ == "__main__":
    main()
