"""``python -m admin COMMAND``, or ``agileim admin COMMAND``."""

from __future__ import annotations

import sys

from admin.command_line import main

if __name__ == "__main__":
    sys.exit(main())
