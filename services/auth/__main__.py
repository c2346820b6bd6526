"""python -m services.auth"""

from __future__ import annotations

from services.auth.app import create_app
from services.auth.settings import AuthSettings
from shared.runner import main

if __name__ == "__main__":
    main("auth", AuthSettings, create_app)
