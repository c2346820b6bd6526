"""``python -m services.api``; with ``--migrate`` it only brings the database to this version."""

from __future__ import annotations

import os
import sys

from services.api import migrating
from services.api.app import create_app
from services.api.settings import ApiSettings
from shared.runner import main

if __name__ == "__main__":
    if sys.argv[1:] == ["--migrate"]:
        raise SystemExit(migrating.main(os.environ))
    main("api", ApiSettings, create_app)
