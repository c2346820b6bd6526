"""``python -m agileim``: the command line."""

import sys

from agileim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
